// clock.hpp: the two clocks, and a sleep of the whole thread.
//
// Problem.   Deadlines, time slices and sysmon's back-off must not jump when somebody sets the
//            date; and the simulator must own time.
// Recipe.    nanotime() for every duration and deadline; walltime() for people only. Deadlines are
//            absolute, so that nothing is lost between calculation and sleep.
//
// Checked by tests/world (conformance_rest).
// Not promised: that nanotime() runs while the machine is suspended (CLOCK_MONOTONIC does not).
#pragma once

#include <cstdint>

#include "world/site.hpp"

namespace retake::world {

// Nanoseconds since an unspecified moment; never runs backwards. Any thread, also in a signal
// handler. About 25 ns (vDSO).
[[nodiscard]] std::int64_t nanotime(site = site::current()) noexcept;

// Nanoseconds since 1970-01-01 00:00 UTC; may jump. Any thread.
[[nodiscard]] std::int64_t walltime(site = site::current()) noexcept;

// Returns when nanotime() >= deadline_ns, never earlier. Blocks the thread. A deadline in the past
// returns at once.
void sleep_until(std::int64_t deadline_ns, site = site::current()) noexcept;

}  // namespace retake::world
