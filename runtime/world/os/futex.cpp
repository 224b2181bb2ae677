// The futex system call: private to the process, deadlines absolute on CLOCK_MONOTONIC. See world/futex.hpp.
#include "world/futex.hpp"

#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <limits>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "switch/sanitizer.hpp"
#include "world/require.hpp"

namespace retake::world::detail {

namespace {

#ifdef RETAKE_FLOOR_TSAN
// ThreadSanitizer keeps a signal back until its thread next comes through a libc function that it knows, and a sleeper may come through none. The kernel goes
// on with a wait without a deadline by itself once the handler is done: so every wait has one, if a far one.
constexpr timespec far_away{std::numeric_limits<time_t>::max() / 2'000'000'000, 0};
constexpr timespec const* no_deadline = &far_away;
void take_signals() noexcept { static_cast<void>(::pthread_sigmask(SIG_BLOCK, nullptr, nullptr)); }
#else
constexpr timespec const* no_deadline = nullptr;
void take_signals() noexcept {}
#endif

waited sleep(void* word, std::uint32_t expected, timespec const* deadline) noexcept {
  long const result =
      ::syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, deadline, nullptr, FUTEX_BITSET_MATCH_ANY);
  if (result == 0) return waited::woken;
  int const error = errno;
  if (error == EAGAIN) return waited::changed;
  if (error == ETIMEDOUT) return waited::timed_out;
  require(error == EINTR, "world: futex wait refused");
  take_signals();
  return waited::woken;
}

}  // namespace

waited futex_sleep(void* word, std::uint32_t expected) noexcept { return sleep(word, expected, no_deadline); }

waited futex_sleep_until(void* word, std::uint32_t expected, std::int64_t deadline_ns) noexcept {
  constexpr std::int64_t second_ns = 1'000'000'000;
  std::int64_t const at_ns = deadline_ns < 0 ? 0 : deadline_ns;  // the kernel refuses negative times
  timespec deadline{};
  deadline.tv_sec = at_ns / second_ns;
  deadline.tv_nsec = at_ns % second_ns;
  return sleep(word, expected, &deadline);
}

void futex_rouse(void* word, std::uint32_t count) noexcept {
  std::uint32_t const at_most = count > INT_MAX ? std::uint32_t{INT_MAX} : count;
  // The result is not looked at: EFAULT and EINVAL happen when the sleeper has gone and its memory with it, which the contract allows.
  static_cast<void>(::syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, at_most, nullptr, nullptr, 0));
}

}  // namespace retake::world::detail
