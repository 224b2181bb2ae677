#include "io/polled_file.hpp"

#include <new>

#include "sched/scheduler.hpp"
#include "world/kernel.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake::detail {

namespace kernel = world::kernel;

namespace {

constexpr int interrupted = -4;               // -EINTR
constexpr int would_block = -11;              // -EAGAIN
constexpr int out_of_memory = -12;            // -ENOMEM
constexpr int already_connected = -106;       // -EISCONN
constexpr int already_connecting = -114;      // -EALREADY
constexpr int in_progress = -115;             // -EINPROGRESS
constexpr int already_waiting = in_progress;  // what a second goroutine on a direction is told
constexpr int cancelled = -125;               // -ECANCELED

}  // namespace

polled_file* polled_file::make(int fd, int& failed) noexcept {
  poller& network = this_machine()->home.network;
  poll_descriptor* const entry = network.add(fd, failed);
  if (entry == nullptr) {
    kernel::close(fd);
    return nullptr;
  }
  void* const memory = world::allocate(sizeof(polled_file), alignof(polled_file));
  if (memory == nullptr) {
    network.remove(*entry);
    kernel::close(fd);
    failed = out_of_memory;
    return nullptr;
  }
  return new (memory) polled_file(fd, network, *entry);
}

void polled_file::drop_use() noexcept {
  if (uses_.fetch_sub_acq_rel(1) != 1) return;
  network_.remove(entry_);
  kernel::close(fd_);
  this->~polled_file();
  world::deallocate(this, sizeof(polled_file));
}

template <class Call>
std::int64_t polled_file::retry(Call call, bool reading) noexcept {
  world::atomic<std::uint32_t>& direction = reading ? reading_ : writing_;
  if (world::recheck(direction.exchange_acquire(1) != 0)) return already_waiting;
  uses_.fetch_add_relaxed(1);  // by a goroutine that reaches the object, so some use is held
  std::int64_t done = 0;
  for (;;) {
    if (entry_.closed.announced()) {
      done = cancelled;
      break;
    }
    done = call();
    if (done == interrupted) continue;
    if (done != would_block) break;
    const poll_result waited = reading ? network_.wait_readable(entry_) : network_.wait_writable(entry_);
    if (waited == poll_result::busy) {
      done = already_waiting;
      break;
    }
  }
  direction.store_release(0);
  drop_use();
  return done;
}

std::int64_t polled_file::read(void* into, std::size_t bytes) noexcept {
  return retry([this, into, bytes] { return kernel::read(fd_, into, bytes); }, true);
}

std::int64_t polled_file::write(void const* from, std::size_t bytes) noexcept {
  std::size_t written = 0;
  while (written < bytes) {
    char const* const rest = static_cast<char const*>(from) + written;
    const std::int64_t done = retry([this, rest, left = bytes - written] { return kernel::write(fd_, rest, left); }, false);
    if (done < 0) return done;
    written += static_cast<std::size_t>(done);
  }
  return static_cast<std::int64_t>(written);
}

int polled_file::accept() noexcept {
  return static_cast<int>(retry([this] { return std::int64_t{kernel::accept(fd_)}; }, true));
}

int polled_file::connect(std::uint32_t address, std::uint16_t port) noexcept {
  // Asked again after each wait, so that a readiness for nothing is not taken for a connection.
  return static_cast<int>(retry(
      [this, address, port] {
        const int begun = kernel::connect_ipv4(fd_, address, port);
        if (begun == in_progress || begun == already_connecting) return std::int64_t{would_block};
        return std::int64_t{begun == already_connected ? 0 : begun};
      },
      false));
}

void polled_file::close() noexcept { static_cast<void>(network_.unblock(entry_)); }

void polled_file::release() noexcept {
  close();
  drop_use();
}

}  // namespace retake::detail
