#include "io/file_body.hpp"

#include <new>

#include "io/turns.hpp"
#include "retake/go.hpp"
#include "retake/syscall.hpp"
#include "sched/scheduler.hpp"
#include "sync/waiters.hpp"
#include "world/errors.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake::detail {

namespace kernel = world::kernel;

namespace {

constexpr std::uint32_t close_yields = 4;  // looks before a close sleeps between two
constexpr std::chrono::milliseconds close_pause(1);

bool is_file_or_folder(kernel::file_record const& what) noexcept {
  constexpr std::uint32_t type_bits = 0170000, folder = 0040000, regular = 0100000;
  return (what.mode & type_bits) == regular || (what.mode & type_bits) == folder;
}

scheduler& home() noexcept { return machine_here().home; }

// Takes `g` out of `found`, if it is there.
bool take_out(poller::harvest& found, goroutine& g) noexcept {
  bool there = false;
  batch<goroutine> others;
  while (goroutine* const one = found.ready.pop_front()) {
    if (one == &g) {
      there = true;
    } else {
      others.push_back(one);
    }
  }
  found.ready = others;
  return there;
}

void serve(scheduler& s, machine& m, poller::harvest& found) noexcept {
  sched::inject(s, &m, found.ready);
  s.network.waiters_served(found.count);
}

}  // namespace

// What a call holds while it is inside.
class file_body::use {
 public:
  explicit use(file_body& file, direction way = direction::none) noexcept
      : file_(file), way_(way), granted_(file.enter(way)) {}
  ~use() {
    if (granted_) file_.leave(way_);
    preempt_point();  // of calls that never have to wait too
  }
  use(use const&) = delete;
  use& operator=(use const&) = delete;

  [[nodiscard]] bool granted() const noexcept { return granted_; }

 private:
  file_body& file_;
  direction const way_;
  bool const granted_;
};

struct file_body::sending {
  operation& what;
  operation_ring& ring;
  file_body* file;
  bool sent;  // false: the operation says why
};

file_body* file_body::make(int fd, std::uint32_t how) noexcept {
  void* const memory = world::allocate(sizeof(file_body), alignof(file_body));
  if (memory == nullptr) {
    kernel::close(fd);
    return nullptr;
  }
  return new (memory) file_body(home().objects, fd, how, kernel::seek(fd, 0, kernel::seek_from::position) >= 0);
}

void file_body::end_program(outliving& self) noexcept {
  auto& me = static_cast<file_body&>(self);
  me.list_.set(nullptr);  // the rings have ended
  if (me.number_.abandon()) me.close_number();
}

bool file_body::enter(direction way) noexcept {
  const entered now = detail::enter(number_, way);
  if (now == entered::sent_away) leave(direction::none);
  return now == entered::inside;
}

void file_body::leave(direction way) noexcept {
  if (detail::leave(number_, way)) close_number();
}

void file_body::close_number() noexcept {
  const auto close_it = [this] { kernel::close(fd_); };
  if (this_machine() != nullptr) {
    retake::syscall(close_it);  // the last name of a large file may take its time
  } else {
    close_it();
  }
  drop();
}

void file_body::drop() noexcept {
  if (holders_.fetch_sub_acq_rel(1) != 1) return;
  this->~file_body();
  world::deallocate(this, sizeof(file_body));
}

bool file_body::enlist_and_send(operation& o, operation_ring& ring) noexcept {
  const locked hold(lock_);
  if (world::recheck(number_.closed())) {
    o.result.set(world::errors::cancelled);
    return false;
  }
  if (!ring.send(o)) {
    o.result.set(not_taken);
    return false;
  }
  operation* const first = list_.get();
  o.next = first;
  if (first != nullptr) first->before = &o;
  list_.set(&o);
  return true;
}

void file_body::delist(operation& o) noexcept {
  const locked hold(lock_);
  if (o.next != nullptr) o.next->before = o.before;
  if (o.before != nullptr) {
    o.before->next = o.next;
  } else {
    list_.set(o.next);
  }
}

// The M's own stack, behind the goroutine. False: it goes on at once, its operation was not sent or
// has come back already.
bool file_body::commit_send(goroutine& g, void* argument) noexcept {
  sending& mine = *static_cast<sending*>(argument);
  operation_ring& ring = mine.ring;
  machine& m = *this_machine();
  scheduler& s = m.home;
  mine.what.g.set(&g);
  s.network.waiter_expected();
  mine.sent = true;
  bool sent = false;
  if (mine.file != nullptr) {
    sent = mine.file->enlist_and_send(mine.what, ring);
  } else if (!ring.send(mine.what)) {
    mine.what.result.set(not_taken);
  } else {
    sent = true;
  }
  if (!sent) {
    mine.sent = false;
    s.network.waiters_served(1);
    return false;
  }
  poller::harvest found;  // from here on the goroutine's stack may be in use again
  ring.submit(found);
  const bool back_already = take_out(found, g);
  serve(s, m, found);
  return !back_already;
}

// not_taken: there is no ring, or it cannot do this.
std::int64_t file_body::through_ring(world::ring_request const& request, file_body* file) noexcept {
  scheduler& s = home();
  for (;;) {  // bound: each round is one more thread that ended under the operation
    operation_ring* const ring = s.network.rings.here(s);
    if (ring == nullptr) return not_taken;
    operation o;
    o.request = request;
    sending what{o, *ring, file, false};
    sched::park(commit_send, &what, wait_reason::io_wait);
    if (what.sent && file != nullptr) file->delist(o);
    const std::int64_t result = o.result.get();
    if (result == not_taken) s.paths.ring_busy.add();
    if (!what.sent || result == not_taken) return result;
    if (result == world::errors::bad_address)
      return not_taken;  // a thread that ended is no address space to read into; a blocking call says what is true
    if (result != world::errors::cancelled && result != world::errors::interrupted) {
      s.paths.file_ring.add();
      return result;
    }
    if (file != nullptr && file->number_.closed()) return world::errors::cancelled;
    s.paths.ring_asked_again.add();
  }
}

template <class Call>
std::int64_t file_body::blocking(Call call) noexcept {
  home().paths.file_blocking.add();
  std::int64_t done = world::errors::interrupted;
  while (done == world::errors::interrupted) done = retake::syscall(call);
  return done;
}

template <class Call>
std::int64_t file_body::waiting(world::ring_request const& request, Call call) noexcept {
  const std::int64_t done = through_ring(request, this);
  return done == not_taken ? blocking(call) : done;
}

std::int64_t file_body::read(kernel::io_slice const* slices, int count, std::int64_t offset, int buffer) noexcept {
  const use inside(*this, offset == kernel::at_position ? direction::reading : direction::none);
  if (!inside.granted()) return world::errors::cancelled;
  const std::int64_t at_once = read_at_once(slices, count, offset);
  if (at_once != world::errors::would_block) return at_once;
  world::ring_request request;
  request.what = world::ring_operation::read;
  request.fd = fd_;
  request.slices = slices;
  request.count = count;
  request.offset = offset;
  request.buffer = buffer;
  const auto wait_for_it = [&] { return kernel::read_at(fd_, slices, count, offset, false); };
  if (offset != kernel::at_position || !has_position_) return waiting(request, wait_for_it);
  if (reads_at_once_.load_relaxed() == 0) return blocking(wait_for_it);
  // A ring brings the bytes into the kernel's memory; the position moves by the call that takes
  // them from there, since a ring moves it in a way of its own (write_inside()).
  request.offset = kernel::seek(fd_, 0, kernel::seek_from::position);
  if (through_ring(request, this) == world::errors::cancelled) return world::errors::cancelled;
  const std::int64_t brought = read_at_once(slices, count, offset);
  return brought == world::errors::would_block ? blocking(wait_for_it) : brought;
}

// -EAGAIN: it would wait, or the file system does not say.
std::int64_t file_body::read_at_once(kernel::io_slice const* slices, int count, std::int64_t offset) noexcept {
  if (reads_at_once_.load_relaxed() == 0) return world::errors::would_block;
  const std::int64_t done = kernel::read_at(fd_, slices, count, offset, true);
  if (done == world::errors::not_supported) reads_at_once_.store_relaxed(0);
  if (done == world::errors::would_block || done == world::errors::not_supported || done == world::errors::interrupted)
    return world::errors::would_block;
  home().paths.file_at_once.add();
  return done;
}

std::int64_t file_body::write(kernel::io_slice const* slices, int count, std::int64_t offset) noexcept {
  const use inside(*this);
  return inside.granted() ? write_inside(slices, count, offset) : world::errors::cancelled;
}

std::int64_t file_body::write_on(void* memory, std::size_t bytes, std::size_t& done) noexcept {
  const use mine(*this, direction::writing);
  if (!mine.granted()) return world::errors::cancelled;
  while (done < bytes) {
    if (number_.closed()) return world::errors::cancelled;
    const kernel::io_slice left{static_cast<char*>(memory) + done, bytes - done};
    const std::int64_t one = write_inside(&left, 1, kernel::at_position);
    if (one <= 0) return one < 0 ? one : world::errors::io_error;
    done += static_cast<std::size_t>(one);
  }
  return 0;
}

std::int64_t file_body::write_inside(kernel::io_slice const* slices, int count, std::int64_t offset) noexcept {
  if (writes_at_once_.load_relaxed() != 0) {
    const std::int64_t done = kernel::write_at(fd_, slices, count, offset, true);
    if (done == world::errors::not_supported) writes_at_once_.store_relaxed(0);
    if (done != world::errors::would_block && done != world::errors::not_supported &&
        done != world::errors::interrupted) {
      home().paths.file_at_once.add();
      return done;
    }
  }
  world::ring_request request;
  request.what = world::ring_operation::write;
  request.fd = fd_;
  request.slices = slices;
  request.count = count;
  request.offset = offset;
  const auto wait_for_it = [&] { return kernel::write_at(fd_, slices, count, offset, false); };
  // Where a write is done in parts and the last one fails, a ring leaves the position as it was
  // (Linux 6.18), and the next write would go over what this one has written.
  return offset == kernel::at_position && has_position_ ? blocking(wait_for_it) : waiting(request, wait_for_it);
}

std::int64_t file_body::sync(bool data_only) noexcept {
  const use inside(*this);
  if (!inside.granted()) return world::errors::cancelled;
  world::ring_request request;
  request.what = world::ring_operation::sync;
  request.fd = fd_;
  request.how = data_only ? 1 : 0;
  return waiting(request, [&] { return std::int64_t{kernel::sync_file(fd_, data_only)}; });
}

std::int64_t file_body::truncate(std::int64_t bytes) noexcept {
  const use inside(*this);
  if (!inside.granted()) return world::errors::cancelled;
  return blocking([&] { return std::int64_t{kernel::truncate_file(fd_, bytes)}; });
}

std::int64_t file_body::seek(std::int64_t offset, kernel::seek_from from) noexcept {
  const use inside(*this);
  if (!inside.granted()) return world::errors::cancelled;
  return blocking([&] { return kernel::seek(fd_, offset, from); });
}

int file_body::descriptor() noexcept {
  const use inside(*this);
  return inside.granted() ? fd_ : -1;
}

std::int64_t file_body::status(kernel::file_record& into) noexcept {
  const use inside(*this);
  if (!inside.granted()) return world::errors::cancelled;
  world::ring_request request;
  request.what = world::ring_operation::status;
  request.fd = fd_;
  request.status = &into;
  return waiting(request, [&] { return std::int64_t{kernel::status_of_file(fd_, nullptr, into)}; });
}

std::int64_t file_body::open(char const* path, std::uint32_t how, std::uint32_t permissions) noexcept {
  const int at_once = kernel::open_file(path, how, permissions, true);
  const auto wait_for_it = [&] {
    return blocking([&] { return std::int64_t{kernel::open_file(path, how, permissions, false)}; });
  };
  if (at_once == world::errors::no_device) return wait_for_it();
  if (at_once != world::errors::would_block && at_once != world::errors::not_supported &&
      at_once != world::errors::interrupted) {
    home().paths.file_at_once.add();
    return at_once;
  }
  kernel::file_record what{};
  const std::int64_t missing = status_of(path, what);
  if (missing != 0 && (missing != world::errors::no_entry || (how & kernel::open_create) == 0)) return missing;
  if (missing == 0 && !is_file_or_folder(what)) return wait_for_it();
  world::ring_request request;
  request.what = world::ring_operation::open;
  request.path = path;
  request.how = how;
  request.permissions = permissions;
  const std::int64_t fd = through_ring(request, nullptr);
  return fd == not_taken ? wait_for_it() : fd;
}

std::int64_t file_body::status_of(char const* path, kernel::file_record& into) noexcept {
  world::ring_request request;
  request.what = world::ring_operation::status;
  request.path = path;
  request.status = &into;
  const std::int64_t done = through_ring(request, nullptr);
  return done == not_taken ? blocking([&] { return std::int64_t{kernel::status_of_file(-1, path, into)}; }) : done;
}

// True: nothing waits in a ring any more.
bool file_body::cancel_all() noexcept {
  poller::harvest found;
  {
    const locked hold(lock_);
    operation* const first = list_.get();
    if (first == nullptr) return true;
    for (operation* o = first; o != nullptr; o = o->next) o->ring->cancel(*o);
    for (operation* o = first; o != nullptr; o = o->next) o->ring->submit(found);
  }
  machine& m = *this_machine();
  serve(m.home, m, found);
  return false;
}

void file_body::close() noexcept {
  bool first = false;
  batch<goroutine> sent_away;
  {
    const locked hold(lock_);
    first = number_.close([&sent_away](goroutine& g) { sent_away.push_back(&g); });
  }
  ready_all(sent_away);
  for (std::uint32_t round = 0; !cancel_all();
       ++round) {  // bound: what cannot be cancelled ends when its device has done it
    if (round < close_yields) {
      sched::yield();
    } else {
      sleep_for(close_pause);
    }
  }
  if (first) leave(direction::none);
}

void file_body::release() noexcept {
  close();
  drop();
}

}  // namespace retake::detail
