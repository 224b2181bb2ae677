// No thread can run and the clock is about to jump: what waits now waits at least that long, and
// what waited before goes on.
#include <algorithm>

#include "kernel/kernel.hpp"
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/table.hpp"

namespace retake::checkers {

namespace {

// Virtual time passes only while no thread takes a step, so the catalogue's millisecond, which is
// for real threads, shrinks to less than any sleep.
constexpr std::int64_t work_conservation_ns = 2'000;
// Two visits of sysmon, each at most its longest period after the one before, and the grace of a P
// that is not needed.
constexpr std::int64_t hand_off_ns = 30'000'000;
// What the kernel may hold up those that would run a timer (the fault slow_syscall), twice, and the
// poller's rounding to milliseconds.
constexpr std::int64_t timer_ns = 45'000'000;

// hand_off_ns, and what the faults of this execution may have held up sysmon.
std::int64_t hand_off_bound_ns() noexcept { return hand_off_ns + sim::faults_struck() * sim::kernel::slow_syscall_ns; }

// An M is about to look everywhere, and the kernel holds it up (the fault slow_syscall): one that a
// P was handed to, or that spins.
bool search_is_due(scheduler const& s) noexcept {
  for (processor const& p : inspector::made(s.processors)) {
    if (p.holder.peek() == processor_holder::hand) return true;
  }
  for (machine const* m = s.machines.peek(); m != nullptr; m = m->all_link.peek()) {
    if (m->spinning.peek() != 0) return true;
  }
  return false;
}

// The first goroutine that an idle P could run.
goroutine const* first_runnable(scheduler const& s) noexcept {
  for (goroutine const* const g :
       {static_cast<goroutine const*>(inspector::first_global(s.global)),
        static_cast<goroutine const*>(s.trace_reader.peek()), static_cast<goroutine const*>(s.background.peek())}) {
    if (g != nullptr) return g;
  }
  for (processor const& p : inspector::made(s.processors)) {
    if (p.status.peek() == processor_state::syscall) continue;  // V6
    if (goroutine const* const g = inspector::first_of(p.queue)) return g;
  }
  return nullptr;
}

}  // namespace

void check_v1(look const& at) noexcept {
  const bool served = inspector::idle_count(at.s.idle) == 0 || search_is_due(at.s);
  const std::uint64_t waits = served ? 0 : reinterpret_cast<std::uintptr_t>(first_runnable(at.s));
  if (at.remembered.work.add(waits, at.until_ns - sim::now_ns()) > work_conservation_ns)
    sim::fail("V1: a P is idle beside a runnable goroutine");
}

// Measured from the time at which the timer was due, over the jumps: while a tick by choice
// overtakes it, a thread could run.
void check_v3(look const& at) noexcept {
  const std::int64_t polled_until_ns = inspector::polls_until_ns(at.s.polling);
  for (processor const& p : inspector::made(at.s.processors)) {
    const std::int64_t due_ns = inspector::first_due_ns(p.timers);
    const std::int64_t by_ns = at.until_ns - std::max(due_ns, sim::now_ns());
    const bool overdue = due_ns != 0 && by_ns > 0;
    const std::int64_t waited_ns =
        at.remembered.overdue[p.id].add(overdue ? static_cast<std::uint64_t>(due_ns) : 0, by_ns);
    if (waited_ns < timer_ns || (polled_until_ns != 0 && polled_until_ns <= due_ns)) continue;
    if (inspector::idle_count(at.s.idle) != 0)
      sim::fail("V3: a timer is overdue, an idle P does not run it and no M polls until then");
  }
}

// Measured from the system call's beginning: the commit of its P forgets the call before.
void check_v6(look const& at) noexcept {
  for (processor const& p : inspector::made(at.s.processors)) {
    const bool waits = p.status.peek() == processor_state::syscall && !inspector::ring_empty(p.queue);
    const std::int64_t waited_ns = at.remembered.in_call[p.id].add(waits ? 1 : 0, at.until_ns - sim::now_ns());
    if (waited_ns > hand_off_bound_ns())
      sim::fail("V6: a P with work waits in a system call beyond the bound of the policy");
  }
}

// Measured from the last poll, or from the commit after which every P was idle.
void check_v7(look const& at) noexcept {
  const bool all_idle = inspector::idle_count(at.s.idle) == inspector::count(at.s.processors);
  const bool unserved =
      inspector::waiting(at.s.network) != 0 && all_idle && inspector::blocked_in_poller(at.s.polling) == 0;
  const std::uint64_t since = unserved ? static_cast<std::uint64_t>(inspector::last_poll_ns(at.s.polling)) : 0;
  if (at.remembered.poll.add(since, at.until_ns - sim::now_ns()) > hand_off_bound_ns()) {
    sim::fail("V7: goroutines wait for descriptors, every P is idle and no M polls");
  }
}

}  // namespace retake::checkers
