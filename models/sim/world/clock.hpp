// clock.hpp: the virtual clock.
//
// Each visible step costs 20 ns of it; while somebody waits with a deadline, "the clock ticks to
// the earliest deadline" is one more alternative of each thread choice (bounded per execution);
// when nobody can run it jumps there. walltime() = a fixed day + nanotime() + what
// sim::step_wall_clock and the fault clock_step have set it forward by.
#pragma once

#include <cstdint>

#include "sim/calls.hpp"
#include "world/site.hpp"

namespace retake::world {

inline std::int64_t nanotime(site where = site::current()) noexcept { return sim::nanotime(where); }
inline std::int64_t walltime(site where = site::current()) noexcept { return sim::walltime(where); }
inline void sleep_until(std::int64_t deadline_ns, site where = site::current()) noexcept {
  sim::sleep_until(deadline_ns, where);
}

}  // namespace retake::world
