// A timer is started and stopped: which heap has it, and who has to learn of it.
#include "time/runtime_timer.hpp"

#include <limits>

#include "sched/scheduler.hpp"
#include "world/clock.hpp"

namespace retake {

bool runtime_timer::start(std::int64_t due_ns) noexcept {
  if (due_ns < 1) due_ns = 1;  // 0 means that a heap has none
  machine& m = running_machine();
  bool waited = true;
  bool first = false;
  for (;;) {
    if (timer_heap* const heap = home_.lock_home()) {
      first = heap->move(*this, due_ns);
      heap->lock.unlock();
      break;
    }
    timer_heap& mine = m.processor_here().timers;
    const locked hold(mine.lock);
    if (!home_.enter(mine)) continue;  // somebody else has started it meanwhile
    first = mine.put(*this, due_ns);
    waited = false;
    break;
  }
  // The first of its heap only: whoever waits for an earlier one looks again when that is due.
  if (first) sched::announce_timer(m.home, due_ns);
  return waited;
}

bool runtime_timer::stop() noexcept {
  timer_heap* const heap = home_.lock_home();
  if (heap == nullptr) return false;
  heap->take_out(*this);
  heap->lock.unlock();
  return true;
}

std::int64_t later_ns(std::int64_t at_ns, std::int64_t duration_ns) noexcept {
  constexpr std::int64_t never_ns = std::numeric_limits<std::int64_t>::max();
  return duration_ns < never_ns - at_ns ? at_ns + duration_ns : never_ns;
}

std::int64_t due_after_ns(std::int64_t duration_ns) noexcept {
  const std::int64_t now_ns = world::nanotime();
  return duration_ns <= 0 ? now_ns : later_ns(now_ns, duration_ns);
}

}  // namespace retake
