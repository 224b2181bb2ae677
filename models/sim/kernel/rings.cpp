// Rings: io_uring(7). See files.hpp.
//
// Recipe.    submit() takes requests in their order; each becomes `flying` and draws how long it
//            flies: not at all, or one of two delays, so that completions come in any order. When
//            its time has come (an alarm of the virtual clock) it is done in one step; a read or
//            write of a pipe that would wait is armed on its file instead, and looks again at each
//            activity there. A completion goes to a queue of twice the entries, from there, when
//            that is full, to an overflow that reap() empties; either makes the ring readable.
//
// What follows the real kernel: a cancel finds what was submitted before it; what is armed is
// cancelled; what flies may be too late to cancel; nothing that was submitted is forgotten; a write
// to user memory happens until the completion is there, and not after.
// Not promised: short transfers but by the faults; linked, drained or fixed-file requests; who runs
// the kernel's part.
#include <cerrno>
#include <cstring>

#include "kernel/files.hpp"
#include "world/ring.hpp"

namespace retake::sim::kernel {

using world::ring_completion;
using world::ring_operation;
using world::ring_request;

constexpr std::uint32_t ring_entries_max = 64;
constexpr std::uint32_t overflow_max = 64;

struct flying {
  ring_request request;
  file* home = nullptr;
  file* target = nullptr;        // held
  flying* next = nullptr;        // of the ring
  flying* next_armed = nullptr;  // of the file
  std::uint32_t bytes_max = 0;   // a short transfer; 0: none
  bool to_overflow = false;
  bool cancelled_by_kernel = false;
  bool armed = false;
  world::kernel::io_slice slices[4] = {};  // the real kernel copies them at submission too
};

template <std::uint32_t Capacity>
struct completions {
  ring_completion at[Capacity];
  std::uint32_t head = 0, tail = 0;
  std::uint32_t count() const noexcept { return tail - head; }
  void put(ring_completion c) noexcept { at[tail++ % Capacity] = c; }
  ring_completion take() noexcept { return at[head++ % Capacity]; }
};

struct ring_body {
  std::uint32_t entries = 0;
  ring_request queue[ring_entries_max];
  std::uint32_t head = 0, tail = 0;
  completions<2 * ring_entries_max> done;
  completions<overflow_max> overflow;
  flying* under_way = nullptr;
  world::kernel::io_slice buffers[world::ring::buffers_max] = {};
};

namespace {

bool trouble(fault_kind kind, site const& where) noexcept {
  if (fault(kind, where)) return true;
  if (state().ring_troubles == 0 || choose("ring_trouble", 2, where) == 0) return false;
  --state().ring_troubles;
  return true;
}

constexpr std::int64_t delays_ns[] = {0, 400, 20'000};

void complete(file& home, std::uint64_t user_data, std::int64_t result, bool to_overflow) noexcept {
  ring_body& r = *home.ring;
  if (to_overflow || r.overflow.count() != 0 || r.done.count() == 2 * r.entries) {
    if (r.overflow.count() == overflow_max) fail("harness: more completions overflow than the simulated ring keeps");
    r.overflow.put({user_data, result});
  } else {
    r.done.put({user_data, result});
  }
  activity(home, world::kernel::poll_in);
}

void unlink(flying& o) noexcept {
  for (flying** at = &o.home->ring->under_way; *at != nullptr; at = &(*at)->next) {
    if (*at == &o) {
      *at = o.next;
      break;
    }
  }
  if (!o.armed) return;
  for (flying** at = &o.target->armed; *at != nullptr; at = &(*at)->next_armed) {
    if (*at == &o) {
      *at = o.next_armed;
      break;
    }
  }
  o.armed = false;
}

void land(flying& o, std::int64_t result) noexcept {
  unlink(o);
  cancel_alarms(&o);
  if (o.target != nullptr) drop_reference(*o.target);
  complete(*o.home, o.request.user_data, result, o.to_overflow);
}

constexpr std::int64_t would_wait = INT64_MIN;

std::int64_t pipe_transfer(flying& o) noexcept {
  file& f = *o.target;
  bool const reads = o.request.what == ring_operation::read;
  if (f.kind != (reads ? file_kind::pipe_reader : file_kind::pipe_writer)) return -EBADF;
  stream& bytes = f.pipe->bytes;
  auto* const memory = static_cast<unsigned char*>(o.slices[0].address);
  auto const wanted = static_cast<std::uint32_t>(o.slices[0].bytes);
  if (reads) {
    if (bytes.count == 0) return f.pipe->writer == nullptr ? 0 : would_wait;
    std::uint32_t const n = wanted < bytes.count ? wanted : bytes.count;
    bytes.take(memory, n);
    if (f.pipe->writer != nullptr) activity(*f.pipe->writer, world::kernel::poll_out);
    return n;
  }
  if (f.pipe->reader == nullptr) return -EPIPE;
  std::uint32_t const room = bytes.room();
  if (room == 0 || (wanted <= atomic_write_bytes && room < wanted)) return would_wait;
  std::uint32_t const n = wanted < room ? wanted : room;
  bytes.put(memory, n);
  activity(*f.pipe->reader, world::kernel::poll_in);
  return n;
}

std::int64_t wanted(flying const& o, int count) noexcept {
  std::int64_t bytes = 0;
  for (int i = 0; i < count; ++i) bytes += static_cast<std::int64_t>(o.slices[i].bytes);
  return bytes;
}

std::int64_t transfer(flying& o) noexcept {
  if (o.target == nullptr) return -EBADF;
  if (o.request.buffer >= 0) {
    world::kernel::io_slice const& known = o.home->ring->buffers[o.request.buffer];
    auto const* const from = static_cast<char const*>(o.slices[0].address);
    auto const* const low = static_cast<char const*>(known.address);
    if (low == nullptr || from < low || from + o.slices[0].bytes > low + known.bytes) return -EFAULT;
  }
  if (o.target->kind != file_kind::regular)
    return o.request.offset == world::kernel::at_position ? pipe_transfer(o) : -ESPIPE;
  if (o.bytes_max != 0) o.slices[0].bytes = o.bytes_max;
  int const count = o.bytes_max != 0 ? 1 : o.request.count;
  if (o.request.what == ring_operation::read) return regular_read(*o.target, o.slices, count, o.request.offset);
  // Done in parts whose last one fails, an operation of Linux leaves the file's position as it was.
  std::uint32_t const position = o.target->position;
  std::int64_t const done = regular_write(*o.target, o.slices, count, o.request.offset);
  if (o.request.offset == world::kernel::at_position && done >= 0 && done < wanted(o, count))
    o.target->position = position;
  return done;
}

std::int64_t perform(flying& o) noexcept {
  switch (o.request.what) {
    case ring_operation::read:
    case ring_operation::write: return transfer(o);
    case ring_operation::sync: return o.target == nullptr ? -EBADF : o.target->kind == file_kind::regular ? 0 : -EINVAL;
    case ring_operation::open: return regular_open(o.request.path, o.request.how);
    case ring_operation::status: return regular_status(o.request.fd, o.request.path, *o.request.status);
    default: return 0;
  }
}

void try_to_land(flying& o) noexcept {
  std::int64_t const result = o.cancelled_by_kernel ? -ECANCELED : perform(o);
  if (result != would_wait) return land(o, result);
  if (o.armed) return;
  o.armed = true;
  o.next_armed = o.target->armed;
  o.target->armed = &o;
}

void due(void* operation) noexcept { try_to_land(*static_cast<flying*>(operation)); }

std::int64_t cancel(flying& o, site const& where) noexcept {
  if (!o.armed && choose("ring_cancel", 2, where) == 0) return -EALREADY;
  land(o, -ECANCELED);
  return 0;
}

void take(file& home, ring_request const& request, site const& where) noexcept {
  ring_body& r = *home.ring;
  if (request.what == ring_operation::cancel) {
    std::int64_t result = -ENOENT;
    for (flying* o = r.under_way; o != nullptr; o = o->next) {
      if (o->request.user_data != request.target) continue;
      result = cancel(*o, where);
      break;
    }
    return complete(home, request.user_data, result, false);
  }
  if (request.what == ring_operation::cancel_all) {
    std::int64_t count = 0;
    for (flying *o = r.under_way, *next = nullptr; o != nullptr; o = next) {
      next = o->next;
      if (cancel(*o, where) == 0) ++count;
    }
    return complete(home, request.user_data, count, false);
  }
  if (request.what == ring_operation::nothing)
    return complete(home, request.user_data, 0, false);  // done as it is taken, as by Linux
  flying& o = *make<flying>();
  o.request = request;
  o.home = &home;
  if (request.slices != nullptr) {
    if (request.count > 4) fail("harness: more slices than the simulated ring takes", where);
    std::memcpy(o.slices, request.slices, sizeof(world::kernel::io_slice) * static_cast<std::size_t>(request.count));
  }
  o.target = request.fd >= 0 ? lookup(request.fd) : nullptr;
  if (o.target != nullptr) ++o.target->references;
  o.next = r.under_way;
  r.under_way = &o;
  bool const reads = request.what == ring_operation::read;
  if (o.target != nullptr && o.target->kind == file_kind::regular && (reads || request.what == ring_operation::write) &&
      o.slices[0].bytes > 1 && fault(reads ? fault_kind::short_read : fault_kind::short_write, where)) {
    o.bytes_max = static_cast<std::uint32_t>(o.slices[0].bytes + 1) / 2;
  }
  o.to_overflow = fault(fault_kind::ring_overflow, where);
  o.cancelled_by_kernel = trouble(fault_kind::ring_cancelled, where);
  std::int64_t delay_ns = delays_ns[choose("ring_delay", 3, where)];
  if (fault(fault_kind::slow_syscall, where)) delay_ns = slow_syscall_ns;
  if (o.target != nullptr && o.target->kind != file_kind::regular)
    delay_ns = 0;  // done at once, or armed before submit() returns
  if (delay_ns == 0) return try_to_land(o);
  if (!alarm(now_ns() + delay_ns, due, &o)) try_to_land(o);
}

}  // namespace

std::uint32_t ring_ready(file const& f) noexcept {
  return f.ring->done.count() + f.ring->overflow.count() != 0 ? world::kernel::poll_in : 0;
}

void ring_retry(file& f) noexcept {
  for (flying* o = f.armed; o != nullptr;) {
    try_to_land(*o);
    o = o->armed ? o->next_armed : f.armed;  // it has landed, and may have let others land: from the start
  }
}

void ring_end(file& f) noexcept {
  // The real kernel goes on for a while, behind the close, and writes to memory that is somebody
  // else's by then.
  if (f.ring->under_way != nullptr) fail("G6: a ring is closed while operations are under way");
}

void refuse_rings(int error) noexcept { state().rings_refused = error; }

void trouble_rings(std::uint32_t times) noexcept { state().ring_troubles = times; }

}  // namespace retake::sim::kernel

namespace retake::world {

using namespace sim::kernel;

ring::~ring() {
  if (descriptor_ >= 0) kernel::close(descriptor_);
}

int ring::open(std::uint32_t entries, site where) noexcept {
  enter(where);
  if (int const refused = state().rings_refused; refused != 0) return leave(refused);
  if (sim::fault(sim::fault_kind::ring_refused, where)) return leave(-EPERM);
  if (!room_for_descriptors(1, where)) return leave(-EMFILE);
  file& f = *make<file>(file_kind::ring);
  f.ring = make<ring_body>();
  f.ring->entries = entries < ring_entries_max ? entries : ring_entries_max;
  descriptor_ = give_descriptor(f);
  return leave(0);
}

int ring::descriptor() const noexcept { return descriptor_; }

bool ring::prepare(ring_request const& request, site) noexcept {
  ring_body& r = *lookup(descriptor_)->ring;
  if (r.tail - r.head == r.entries) return false;
  r.queue[r.tail++ % r.entries] = request;
  return true;
}

int ring::submit(std::uint32_t wait_for, site where) noexcept {
  enter(where);
  file& f = *lookup(descriptor_);
  hold const keep(f);
  ring_body& r = *f.ring;
  std::uint32_t count = r.tail - r.head;
  if (count != 0 && trouble(sim::fault_kind::ring_busy, where)) count /= 2;
  if (count == 0 && r.tail != r.head) return leave(-EBUSY);
  for (std::uint32_t i = 0; i < count; ++i) take(f, r.queue[r.head++ % r.entries], where);
  while (r.done.count() + r.overflow.count() < wait_for) {  // bound: each round is a completion
    if (sleep_on(f.sleepers, sim::no_deadline, where) == slept::interrupted)
      return leave(count != 0 ? static_cast<int>(count) : -EINTR);
  }
  return leave(static_cast<int>(count));
}

std::uint32_t ring::withdraw(std::uint64_t* user_data, std::uint32_t max) noexcept {
  ring_body& r = *lookup(descriptor_)->ring;
  std::uint32_t count = 0;
  for (std::uint32_t at = r.head; at != r.tail && count != max; ++at) {
    ring_request& request = r.queue[at % r.entries];
    if (request.what == ring_operation::nothing && request.user_data == 0) continue;
    user_data[count++] = request.user_data;
    request = ring_request{};
  }
  return count;
}

std::uint32_t ring::reap(ring_completion* into, std::uint32_t max, site where) noexcept {
  sim::op(sim::op_kind::kernel, 0, where);
  ring_body& r = *lookup(descriptor_)->ring;
  std::uint32_t count = 0;
  while (count != max && r.done.count() + r.overflow.count() != 0)
    into[count++] = r.done.count() != 0 ? r.done.take() : r.overflow.take();
  sim::outcome(count);
  return count;
}

int ring::set_buffer(std::uint32_t number, void* address, std::size_t bytes, site where) noexcept {
  enter(where);
  lookup(descriptor_)->ring->buffers[number] = {address, bytes};
  return leave(0);
}

}  // namespace retake::world
