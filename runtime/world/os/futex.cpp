// The futex system call: private to the process, deadlines absolute on CLOCK_MONOTONIC. See
// world/futex.hpp.
#include "world/futex.hpp"

#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "switch/sanitizer.hpp"
#include "world/require.hpp"

namespace retake::world::detail {

namespace {

long wait(void* word, std::uint32_t expected, timespec const* deadline) noexcept {
  return ::syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, deadline, nullptr,
                   FUTEX_BITSET_MATCH_ANY);
}

#ifdef RETAKE_FLOOR_TSAN
// ThreadSanitizer keeps a signal back until its thread next comes through a libc function that it
// knows, and a sleeper may come through none: neither behind a wait that the signal interrupted,
// nor before one that it came too early to interrupt. So a sleep has an end soon, which its caller
// takes for a wake-up as any other.
waited sleep(void* word, std::uint32_t expected, timespec const* deadline) noexcept {
  constexpr long slice_ns = 50'000'000, second_ns = 1'000'000'000;
  timespec end{};
  static_cast<void>(::clock_gettime(CLOCK_MONOTONIC, &end));
  end.tv_nsec += slice_ns;
  if (end.tv_nsec >= second_ns) {
    end.tv_nsec -= second_ns;
    ++end.tv_sec;
  }
  bool const whole = deadline != nullptr && (deadline->tv_sec < end.tv_sec ||
                                             (deadline->tv_sec == end.tv_sec && deadline->tv_nsec <= end.tv_nsec));
  long const result = wait(word, expected, whole ? deadline : &end);
  int const error = errno;
  static_cast<void>(::pthread_sigmask(SIG_BLOCK, nullptr, nullptr));
  if (result == 0) return waited::woken;
  if (error == EAGAIN) return waited::changed;
  if (error == ETIMEDOUT) return whole ? waited::timed_out : waited::woken;
  require(error == EINTR, "world: futex wait refused");
  return waited::woken;
}
#else
waited sleep(void* word, std::uint32_t expected, timespec const* deadline) noexcept {
  if (wait(word, expected, deadline) == 0) return waited::woken;
  int const error = errno;
  if (error == EAGAIN) return waited::changed;
  if (error == ETIMEDOUT) return waited::timed_out;
  require(error == EINTR, "world: futex wait refused");
  return waited::woken;
}
#endif

}  // namespace

waited futex_sleep(void* word, std::uint32_t expected) noexcept { return sleep(word, expected, nullptr); }

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
  // The result is not looked at: EFAULT and EINVAL happen when the sleeper has gone and its memory
  // with it, which the contract allows.
  static_cast<void>(::syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, at_most, nullptr, nullptr, 0));
}

}  // namespace retake::world::detail
