#include "io/polled_file.hpp"

#include <new>

#include "io/turns.hpp"
#include "sched/scheduler.hpp"
#include "sync/waiters.hpp"
#include "world/errors.hpp"
#include "world/kernel.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake::detail {

namespace kernel = world::kernel;

namespace {}  // namespace

polled_file* polled_file::make_with(int fd, scheduler& s, poll_descriptor* entry, int& failed) noexcept {
  void* const memory = world::allocate(sizeof(polled_file), alignof(polled_file));
  if (memory != nullptr) return new (memory) polled_file(fd, s, entry);
  if (entry != nullptr) s.network.remove(*entry);
  kernel::close(fd);
  failed = world::errors::out_of_memory;
  return nullptr;
}

polled_file* polled_file::make(int fd, int& failed) noexcept {
  scheduler& s = machine_here().home;
  poll_descriptor* const entry = s.network.add(fd, failed);
  if (entry != nullptr) return make_with(fd, s, entry, failed);
  kernel::close(fd);
  return nullptr;
}

polled_file* polled_file::adopt(int fd, int& failed) noexcept {
  scheduler& s = machine_here().home;
  poll_descriptor* const entry = s.network.add(fd, failed);
  if (entry == nullptr && failed != world::errors::not_permitted) {
    kernel::close(fd);
    return nullptr;
  }
  if (entry != nullptr) static_cast<void>(kernel::set_nonblocking(fd, true));
  return make_with(fd, s, entry, failed);
}

void polled_file::end_program(outliving& self) noexcept {
  auto& me = static_cast<polled_file&>(self);
  me.entry_ = nullptr;
  if (me.number_.abandon()) me.close_number();
}

bool polled_file::enter(direction way) noexcept {
  const entered now = detail::enter(number_, way);
  if (now == entered::sent_away) leave(direction::none);
  return now == entered::inside;
}

void polled_file::leave(direction way) noexcept {
  if (detail::leave(number_, way)) close_number();
}

void polled_file::close_number() noexcept {
  if (entry_ != nullptr) network_.remove(*entry_);
  kernel::close(fd_);
  drop();
}

void polled_file::drop() noexcept {
  if (holders_.fetch_sub_acq_rel(1) != 1) return;
  this->~polled_file();
  world::deallocate(this, sizeof(polled_file));
}

std::int64_t polled_file::read(void* into, std::size_t bytes) noexcept {
  return reading([this, into, bytes] { return kernel::read(fd_, into, bytes); });
}

std::int64_t polled_file::write(void const* from, std::size_t bytes, std::size_t& done) noexcept {
  turn mine(*this, direction::writing);
  return write(mine, from, bytes, done);
}

std::int64_t polled_file::write(turn& mine, void const* from, std::size_t bytes, std::size_t& done) noexcept {
  if (!mine.granted()) return world::errors::cancelled;
  for (std::size_t written = 0; written < bytes;) {
    char const* const rest = static_cast<char const*>(from) + written;
    const std::int64_t some = mine.make([&] { return kernel::write(mine.file().fd(), rest, bytes - written); });
    if (some <= 0) return some < 0 ? some : world::errors::io_error;
    written += static_cast<std::size_t>(some);
    done += static_cast<std::size_t>(some);
  }
  return 0;
}

int polled_file::accept() noexcept {
  return static_cast<int>(reading([this] { return std::int64_t{kernel::accept(fd_)}; }));
}

int polled_file::connect(kernel::socket_address const& where) noexcept {
  // Asked again after each wait, so that a readiness for nothing is not taken for a connection.
  return static_cast<int>(writing([this, &where] {
    const int begun = kernel::connect(fd_, where);
    if (begun == world::errors::in_progress || begun == world::errors::already_connecting)
      return std::int64_t{world::errors::would_block};
    return std::int64_t{begun == world::errors::already_connected ? 0 : begun};
  }));
}

int polled_file::set_deadlines(std::int64_t due_ns, bool reading, bool writing) noexcept {
  if (entry_ == nullptr) return world::errors::not_supported;
  return at_once([&] {
    if (reading) network_.set_deadline(*entry_, entry_->reader, due_ns);
    if (writing) network_.set_deadline(*entry_, entry_->writer, due_ns);
    return 0;
  });
}

void polled_file::close() noexcept {
  batch<goroutine> sent_away;
  if (!number_.close([&sent_away](goroutine& g) { sent_away.push_back(&g); })) return;
  ready_all(sent_away);
  if (entry_ != nullptr) network_.unblock(*entry_);
  leave(direction::none);
}

void polled_file::release() noexcept {
  close();
  drop();
}

}  // namespace retake::detail
