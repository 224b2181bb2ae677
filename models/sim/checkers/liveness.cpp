// Nobody can run and the clock is about to jump: what is runnable now waits that long.
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/watch.hpp"

namespace retake::checkers {

namespace {

// Virtual time passes only while nobody takes a step, so the catalogue's millisecond, which is for real threads, shrinks to less than any sleep.
constexpr std::int64_t work_conservation_ns = 2'000;
// Two visits of sysmon, each at most its longest period after the one before, and the grace of a P that nobody needs.
constexpr std::int64_t hand_off_ns = 30'000'000;
// What the kernel may hold up those who would run a timer (the fault slow_syscall), twice, and the poller's rounding to milliseconds.
constexpr std::int64_t timer_ns = 45'000'000;

// A thread could not be made and is tried again (the fault eagain_thread): a P is on its way with nobody to carry it.
bool thread_is_due(scheduler const& s) noexcept { return s.next_machine_id.peek() - 1 > s.paths.threads_started.value.peek(); }

// Somebody is about to look everywhere, and the kernel holds it up (the fault slow_syscall): the M that a P was handed to, or one that spins.
bool somebody_comes(scheduler const& s) noexcept {
  for (processor const& p : inspector::made(s.processors)) {
    if (p.holder.peek() == processor_holder::hand) return true;
  }
  for (machine const* m = s.machines.peek(); m != nullptr; m = m->all_link.peek()) {
    if (m->spinning.peek() != 0) return true;
  }
  return false;
}

}  // namespace

void check_stillness(scheduler const& s, std::int64_t now_ns, std::int64_t until_ns) noexcept {
  if (inspector::stopping(s.stop) || s.ending.peek() != 0 || thread_is_due(s)) return;
  const std::int64_t still_ns = until_ns - now_ns;
  bool runnable = inspector::global_size(s.global) != 0 || s.trace_reader.peek() != nullptr || s.background.peek() != nullptr;
  for (processor const& p : inspector::made(s.processors)) {
    if (inspector::ring_empty(p.queue)) continue;
    if (p.status.peek() == processor_state::syscall) {
      if (still_ns > hand_off_ns) sim::fail("V6: a P with work waits in a system call beyond the bound of the policy");
    } else {
      runnable = true;
    }
  }
  if (runnable && inspector::idle_count(s.idle) != 0 && still_ns > work_conservation_ns && !somebody_comes(s)) sim::fail("V1: a P is idle beside a runnable goroutine");
  const std::int64_t polled_until_ns = inspector::polls_until_ns(s.polling);
  for (processor const& p : inspector::made(s.processors)) {
    const std::int64_t due_ns = inspector::first_due_ns(p.timers);
    if (due_ns == 0 || until_ns - due_ns < timer_ns || (polled_until_ns != 0 && polled_until_ns <= due_ns)) continue;
    if (inspector::idle_count(s.idle) != 0) sim::fail("V3: a timer is overdue, an idle P does not run it and nobody polls until then");
  }
  const bool parked = inspector::waiting(s.network) != 0;
  if (parked && inspector::idle_count(s.idle) == inspector::count(s.processors) && inspector::blocked_in_poller(s.polling) == 0 && still_ns > hand_off_ns) {
    sim::fail("V7: goroutines wait for descriptors, every P is idle and nobody polls");
  }
}

}  // namespace retake::checkers
