#include "retake/clock.hpp"

#include "sched/scheduler.hpp"
#include "time/runtime_timer.hpp"
#include "world/clock.hpp"

namespace retake {

time_point monotonic_now() noexcept { return detail::time_point_of(world::nanotime()); }

time_point detail::deadline_in_ns(std::int64_t duration_ns) noexcept {
  return time_point_of(due_after_ns(duration_ns));
}

std::chrono::sys_time<std::chrono::nanoseconds> wall_now() noexcept {
  if (machine* const m = this_machine()) m->home.paths.wall_reads.add();
  return std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(world::walltime()));
}

}  // namespace retake
