// Signals by sigaction and the thread's mask. See world/signal.hpp.
#include "world/signal.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <unistd.h>

#include "world/clock.hpp"
#include "world/require.hpp"

namespace retake::world {

static_assert(sizeof(signal_mask) == sizeof(sigset_t));
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free, "a handler uses them");

namespace {

// Of the process, because dispositions are: a handler is given a number and nothing that it could find an object by.
constinit std::atomic<std::uint64_t> recorded{0};
constinit std::atomic<std::int64_t> recorded_since_ns{0};
constinit std::atomic<int> wake{-1};

// Async-signal-safe: a look at the clock, a bit and a write(2).
void record(int number) {
  int const before = errno;
  std::int64_t none = 0;
  recorded_since_ns.compare_exchange_strong(none, nanotime(), std::memory_order_relaxed);
  recorded.fetch_or(std::uint64_t{1} << number, std::memory_order_release);
  std::uint64_t const one = 1;
  [[maybe_unused]] auto const written = ::write(wake.load(std::memory_order_acquire), &one, sizeof(one));  // a full counter is readable already
  errno = before;
}

}  // namespace

signal_mask block_signals(site) noexcept {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  require(::pthread_sigmask(SIG_SETMASK, &all, &before) == 0, "world: signals cannot be blocked");
  signal_mask result;
  std::memcpy(&result, &before, sizeof(result));
  return result;
}

void restore_signals(signal_mask before, site) noexcept {
  sigset_t mask;
  std::memcpy(&mask, &before, sizeof(mask));
  require(::pthread_sigmask(SIG_SETMASK, &mask, nullptr) == 0, "world: signals cannot be restored");
}

void ignore_signal(int) noexcept {}

int install_signal(int number, signal_handler handler, site) noexcept {
  struct sigaction action {};
  action.sa_handler = handler == ignore_signal ? SIG_IGN : handler;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigfillset(&action.sa_mask);
  return ::sigaction(number, &action, nullptr) == 0 ? 0 : -errno;
}

int default_signal(int number, site) noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  return ::sigaction(number, &action, nullptr) == 0 ? 0 : -errno;
}

int record_signal(int number, int wake_fd, site where) noexcept {
  if (number < 1 || number > 63) return -EINVAL;
  wake.store(wake_fd, std::memory_order_release);
  return install_signal(number, record, where);
}

// The bits first: what comes between the two finds the time of others there, and has none of its own when it is taken. The other way round a time could wait for a later signal.
recorded_signals take_recorded_signals(site) noexcept {
  std::uint64_t const numbers = recorded.exchange(0, std::memory_order_acquire);
  return {numbers, numbers != 0 ? recorded_since_ns.exchange(0, std::memory_order_relaxed) : 0};
}

}  // namespace retake::world
