// profile.hpp: what made threads necessary, where goroutines are, where they wait for each other
// and which unlock let them go on: as lists, and as pprof reads them (go tool pprof FILE).
//
// A thread is charged to the goroutine whose call or lock took the P from its thread: without that
// call no other thread would have been needed. The stack is the one it called with, so its first
// line is the user's own: the line of the syscall(), foreign_call() or blocking call under
// lock_os_thread(). One in place of a thread whose goroutine ended locked is charged to the line
// where that had locked. Threads that nobody's call made necessary (main's, sysmon's, the first of
// each P) are the runtime's own. Source: the profiles threadcreate and goroutine of Go's
// runtime/pprof; Go charges a thread to whoever happened to start it. errno belongs to the thread;
// any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "retake/clock.hpp"
#include "retake/debug.hpp"

namespace retake {

struct thread_site {
  std::vector<stack_frame> stack;  // innermost first; empty: the runtime itself
  std::uint64_t created = 0;       // threads, since the program began
  std::uint64_t live = 0;          // of them alive
};

// By created, most first. Sites beyond the 512th are counted with the runtime's own. By a
// goroutine; hands its P over meanwhile, as all_goroutines().
[[nodiscard]] std::vector<thread_site> thread_profile();

// profile.proto, not compressed; samples are (created, live) threads. As above.
[[nodiscard]] std::string threadcreate_pprof();
// Likewise; goroutines, one sample for those with the same stack.
[[nodiscard]] std::string goroutine_pprof();

// A place where goroutines have waited, or that has let go those that waited for its lock.
struct wait_site {
  std::vector<stack_frame> stack;  // innermost first; empty: places beyond the 512th, and calls that have no stack
  double count = 0;                // waits; an estimate where they are sampled
  std::chrono::duration<double, std::nano> waited{};  // their length together
};

namespace detail {
std::int64_t set_block_profile_rate(std::int64_t nanoseconds) noexcept;
}

// Waits for other goroutines (channels, select, locks, wait groups; not sleeps, not input and
// output) are sampled from now on, one in each `rate` of waiting on average; 1 ns: every wait; 0:
// none, as at the start. More than 4 seconds count as 4. Returns the value before. By a goroutine;
// does not block. A wait that is sampled costs a copy of its stack, one that is not two looks at
// the clock. Source: runtime.SetBlockProfileRate.
template <class Rep, class Period>
std::chrono::nanoseconds set_block_profile_rate(std::chrono::duration<Rep, Period> const& rate) noexcept {
  return std::chrono::nanoseconds(detail::set_block_profile_rate(detail::nanoseconds_of(rate)));
}
// The waits that have ended, since the program began, longest first. By a goroutine; hands its P
// over meanwhile.
[[nodiscard]] std::vector<wait_site> block_profile();
// profile.proto, not compressed; samples are (contentions, delay in nanoseconds). As above.
[[nodiscard]] std::string block_pprof();

// The same for waits for a mutex or a rw_mutex, charged to the unlock that ended them; one in
// `one_in` is sampled, 0: none, as at the start. What cond::wait() unlocks is not counted. Source:
// runtime.SetMutexProfileFraction.
std::uint32_t set_mutex_profile_fraction(std::uint32_t one_in) noexcept;
[[nodiscard]] std::vector<wait_site> mutex_profile();
[[nodiscard]] std::string mutex_pprof();

}  // namespace retake
