// Signals by sigaction and the thread's mask. See world/signal.hpp.
#include "world/signal.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <sched.h>
#include <unistd.h>

#include "child_signal.hpp"
#include "world/clock.hpp"
#include "world/require.hpp"

namespace retake::world {

static_assert(sizeof(signal_mask) == sizeof(sigset_t));
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free &&
                  std::atomic<int>::is_always_lock_free,
              "a handler uses them");

namespace {

constexpr int numbers_max = 63;
constexpr std::uint64_t bit(int number) noexcept { return std::uint64_t{1} << number; }
constexpr std::uint64_t faults = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGFPE) | bit(SIGILL) | bit(SIGTRAP) | bit(SIGSYS);

// Of the process, because dispositions are: a handler is given a number and nothing that it could
// find an object by.
constinit std::atomic<std::uint64_t> recorded{0};
constinit std::atomic<std::int64_t> recorded_since_ns{0};
constinit std::atomic<int> wake{-1};
constinit std::atomic<std::uint64_t> recording{0};  // the numbers whose handler sets a bit
constinit std::atomic<std::uint32_t> handling{0};   // handlers that have begun and not ended

using handler = void (*)(int);

// What a number's action was before the first change, and what we have put there since. One thread
// at a time, by the callers' lock.
struct taken_action {
  struct sigaction before;
  handler ours;
  bool taken;
};
constinit taken_action actions[numbers_max + 1] = {};

void note(int number) noexcept {
  std::int64_t none = 0;
  recorded_since_ns.compare_exchange_strong(none, nanotime(), std::memory_order_relaxed);
  recorded.fetch_or(bit(number), std::memory_order_release);
  std::uint64_t const one = 1;
  [[maybe_unused]] auto const written =
      ::write(wake.load(std::memory_order_acquire), &one, sizeof(one));  // a full counter is readable already
}

// Async-signal-safe: a look at the clock, a bit and a write(2). A handler that begins after its
// number was given back takes the action that is there by then.
void record(int number) {
  int const before = errno;
  handling.fetch_add(1);
  bool const wanted = (recording.load() & bit(number)) != 0;
  if (wanted) note(number);
  handling.fetch_sub(1);
  if (!wanted) ::raise(number);
  errno = before;
}

// The action before the bit: a handler on this very thread between the two would raise its signal
// for ever.
void stop_recording(int number) noexcept {
  recording.fetch_and(~bit(number));
  while (handling.load() != 0) ::sched_yield();
}

int take(int number, handler ours) noexcept {
  struct sigaction mine {};
  struct sigaction before {};
  mine.sa_handler = ours;
  mine.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigfillset(&mine.sa_mask);
  if (::sigaction(number, &mine, &before) != 0) return -errno;
  taken_action& action = actions[number];
  if (number == SIGCHLD) os::keep_children(before);
  if (!action.taken || before.sa_handler != action.ours) action.before = before;
  action.taken = true;
  action.ours = ours;
  return 0;
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

std::uint64_t all_signals(site) noexcept {
  std::uint64_t all = ~bit(0) & ~faults & ~bit(SIGKILL) & ~bit(SIGSTOP) & ~bit(SIGURG);
  for (int number = SIGSYS + 1; number < SIGRTMIN; ++number) all &= ~bit(number);  // the C library's own
  return all;
}

int record_signal(int number, int wake_fd, site) noexcept {
  if (number < 1 || number > numbers_max || (faults & bit(number)) != 0) return -EINVAL;
  wake.store(wake_fd, std::memory_order_release);
  std::uint64_t const before = recording.fetch_or(bit(number));
  int const failed = take(number, record);
  if (failed != 0 && (before & bit(number)) == 0) recording.fetch_and(~bit(number));
  return failed;
}

// The default action of SIGCHLD drops it as well, and children that have ended are still there to
// be waited for.
int drop_signal(int number, site) noexcept {
  if (number < 1 || number > numbers_max) return -EINVAL;
  int const failed = take(number, number == SIGCHLD ? SIG_DFL : SIG_IGN);
  if (failed == 0) stop_recording(number);
  return failed;
}

int give_back_signal(int number, site) noexcept {
  if (number < 1 || number > numbers_max) return -EINVAL;
  taken_action& action = actions[number];
  if (!action.taken) return 0;
  if (::sigaction(number, &action.before, nullptr) != 0) return -errno;
  stop_recording(number);
  action.taken = false;
  return 0;
}

// The bits first: what comes between the two finds the time of others there, and has none of its
// own when it is taken. The other way round a time could wait for a later signal.
recorded_signals take_recorded_signals(site) noexcept {
  std::uint64_t const numbers = recorded.exchange(0, std::memory_order_acquire);
  return {numbers, numbers != 0 ? recorded_since_ns.exchange(0, std::memory_order_relaxed) : 0};
}

}  // namespace retake::world
