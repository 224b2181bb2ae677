// Nobody can run any more: say so, once it is certain.
#include "sched/scheduler.hpp"
#include "world/require.hpp"

namespace retake::sched {

void check_deadlock(scheduler& s) noexcept {
  if (s.ending.load_relaxed() != 0) return;
  const std::int64_t asleep = std::int64_t{s.idle.machines()} + s.machines_idle_locked.get() + s.machines_system.get();
  const std::int64_t running = std::int64_t{s.machine_count.get()} - asleep;
  world::require(running >= 0, "M12: more threads sleep than there are");
  if (running > 0) return;
  for (std::uint32_t i = 0; i < s.processor_count; ++i) {
    if (s.processors[i]->timers.first_due_ns() != 0) return;
  }
  for (goroutine* g = s.goroutines.get(); g != nullptr; g = g->all_link.get()) {
    const goroutine_state state = g->state.load_relaxed();
    const bool could_run = state == goroutine_state::runnable || state == goroutine_state::running || state == goroutine_state::syscall;
    world::require(!could_run, "V5: a goroutine can run and every thread sleeps");
  }
  world::fatal("all goroutines are asleep - deadlock!");
}

}  // namespace retake::sched
