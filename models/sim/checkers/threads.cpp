// What Ms and goroutines say of each other, at each commit.
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/watch.hpp"

namespace retake::checkers {

void check_threads(scheduler const& s) noexcept {
  std::uint32_t machines = 0;
  for (machine const* m = s.machines.peek(); m != nullptr; m = m->all_link.peek()) {
    ++machines;
    goroutine* const g = m->current.peek();
    if (g != nullptr && g->m.peek() != m) sim::fail("G3: an M runs a goroutine that is another's");
    goroutine* const mine = m->locked_g.peek();
    if ((mine != nullptr) != (m->lock_count.peek() != 0)) sim::fail("L1: the count of locks and the locked goroutine disagree");
    if (mine != nullptr && mine->locked_m.peek() != m) sim::fail("L1: a locked thread's goroutine names another thread");
    if (mine != nullptr && g != nullptr && g != mine) sim::fail("L2: a locked thread runs another goroutine");
    if (g != nullptr && g->locked_m.peek() != nullptr && g->locked_m.peek() != m) sim::fail("L2: a locked goroutine runs on another thread");
  }
  if (inspector::spinning(s.gate) > machines) sim::fail("M5: more spinning Ms than Ms");
  if (s.ending.peek() != 0) return;
  const std::int64_t asleep = std::int64_t{inspector::idle_machines(s.idle)} + s.machines_idle_locked.peek() + s.machines_system.peek();
  if (std::int64_t{s.machine_count.peek()} - asleep < 0) sim::fail("M12: more threads sleep than there are");
}

}  // namespace retake::checkers
