// The clocks of the operating system. See world/clock.hpp.
#include "world/clock.hpp"

#include <cerrno>
#include <ctime>

#include "world/require.hpp"

namespace retake::world {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::int64_t now(clockid_t clock) noexcept {
  timespec time{};
  require(::clock_gettime(clock, &time) == 0, "world: a clock is missing");
  return std::int64_t{time.tv_sec} * second_ns + time.tv_nsec;
}

}  // namespace

std::int64_t nanotime(site) noexcept { return now(CLOCK_MONOTONIC); }

std::int64_t walltime(site) noexcept { return now(CLOCK_REALTIME); }

void sleep_until(std::int64_t deadline_ns, site) noexcept {
  if (deadline_ns <= 0) return;
  timespec deadline{};
  deadline.tv_sec = deadline_ns / second_ns;
  deadline.tv_nsec = deadline_ns % second_ns;
  int error = EINTR;
  while (error == EINTR) {  // bound: the deadline is absolute
    error = ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr);
  }
  require(error == 0, "world: sleep refused");
}

}  // namespace retake::world
