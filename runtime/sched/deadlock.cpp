// deadlock.cpp: no goroutine can run any more: the report, once that is certain.
//
// Recipe.        Asked under the scheduler's lock whenever an M sleeps or ends. It is certain when
//                every M sleeps and no timer is set.
// Not promised.  A report while an M blocks in the poller. It waits there for goroutines, and these
//                may be gone: a close or a deadline ends a wait without the poller. The report then
//                comes when that poll ends, which may be never. Go's checkdead has the same gap.
//                Rejected: an interrupt of the poller when its last waiter goes (a wake-up for each
//                read that times out), or a look at the poller here (the M that is about to block
//                would have to look again after its claim, behind a full fence, at each blocking
//                poll).
#include "sched/scheduler.hpp"
#include "world/require.hpp"

namespace retake::sched {

void check_deadlock(scheduler& s) noexcept {
  if (s.ending.load_relaxed() != 0 || s.gates.get() != 0 || s.stop.frozen()) return;
  const std::int64_t asleep = std::int64_t{s.idle.machines()} + s.machines_idle_locked.get() + s.machines_system.get();
  const std::int64_t running = std::int64_t{s.machine_count.get()} - asleep;
  world::require(running >= 0, "M12: more threads sleep than there are");
  if (running > 0) return;
  for (processor& p : s.processors.all()) {
    if (p.timers.first_due_ns() != 0) return;
  }
  for (goroutine* g = s.goroutines.get(); g != nullptr; g = g->all_link.get()) {
    const goroutine_state state = g->state.load_relaxed();
    const bool could_run =
        state == goroutine_state::runnable || state == goroutine_state::running || state == goroutine_state::syscall;
    world::require(!could_run, "V5: a goroutine can run and every thread sleeps");
  }
  if (s.goroutines_created.load_relaxed() == s.goroutines_ended.load_relaxed())
    world::fatal("no goroutines (main called exit_goroutine) - deadlock!");
  world::fatal("all goroutines are asleep - deadlock!");
}

}  // namespace retake::sched
