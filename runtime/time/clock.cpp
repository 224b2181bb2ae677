#include "retake/clock.hpp"

#include "sched/scheduler.hpp"
#include "time/runtime_timer.hpp"
#include "world/clock.hpp"

namespace retake {

std::int64_t monotonic_ns() noexcept { return world::nanotime(); }

std::int64_t deadline_in_ns(std::int64_t duration_ns) noexcept { return due_after_ns(duration_ns); }

std::int64_t wall_ns() noexcept {
  if (machine* const m = this_machine()) m->home.paths.wall_reads.add();
  return world::walltime();
}

}  // namespace retake
