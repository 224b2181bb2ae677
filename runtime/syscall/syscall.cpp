// A goroutine on its way into a system call and out of it, and the same around foreign code.
//
// Enter leaves the P behind for whoever needs it first; exit tries, in this order: the old P, any idle P, and otherwise makes the
// goroutine runnable and puts the M to sleep. Source: entersyscall, exitsyscall, exitsyscall0 in Go 1.22's proc.go.
#include "retake/syscall.hpp"

#include "sched/scheduler.hpp"
#include "world/require.hpp"

namespace retake {

namespace {

void wake_monitor(scheduler& s) noexcept {
  const locked hold(s.lock);
  s.monitor.wake();
}

// Any idle P for an M that lost its own.
bool take_idle(scheduler& s, machine& m) noexcept {
  if (s.idle.processors_hint() == 0) return false;
  processor* p = nullptr;
  {
    const locked hold(s.lock);
    p = s.idle.take_processor();
    if (p != nullptr) s.monitor.wake();
  }
  if (p == nullptr) return false;
  sched::wire(m, *p);
  const std::uint32_t tick = p->syscall_tick.load_relaxed();
  p->syscall_tick.store_relaxed(tick + 1);
  return true;
}

// The M's own stack, behind a goroutine whose call has returned and whose P is gone.
bool after_exit_slow(machine& m, goroutine& g, void*) noexcept {
  scheduler& s = m.home;
  change(g, goroutine_state::syscall, goroutine_state::runnable, "G1: a system call returns that was not entered");
  sched::drop(m, g);
  processor* p = nullptr;
  bool is_locked = false;
  {
    const locked hold(s.lock);
    p = s.idle.take_processor();
    if (world::recheck(p == nullptr)) {
      is_locked = g.locked_m.get() != nullptr;  // read before the unlock: afterwards the goroutine is somebody else's
      s.global.put(&g);
    } else {
      s.monitor.wake();
    }
  }
  if (p != nullptr) {
    s.paths.exit_idle.add();
    sched::wire(m, *p);
    const std::uint32_t tick = p->syscall_tick.load_relaxed();
    p->syscall_tick.store_relaxed(tick + 1);
    return true;
  }
  if (is_locked) {
    s.paths.exit_slow_locked.add();
    return false;  // schedule() waits for the goroutine it is locked to
  }
  s.paths.exit_slow.add();
  if (!sched::stop_machine(m)) m.retired = true;
  return false;
}

}  // namespace

namespace detail {

void enter_syscall() noexcept {
  machine& m = *this_machine();
  scheduler& s = m.home;
  goroutine& g = *m.current.get();
  ++m.locks;
  change(g, goroutine_state::running, goroutine_state::syscall, "G1: a system call is entered by a goroutine that does not run");
  processor& p = m.processor_here();
  if (s.monitor.asleep_hint()) wake_monitor(s);
  if (p.safe_point.load_relaxed() != 0) sched::run_safe_point(s, p);
  processor_status::enter(m);
  if (s.stop.requested_after_enter()) {
    const locked hold(s.lock);
    s.paths.enter_stopped.add();
    s.stop.stop_own_call(p);
  }
  --m.locks;
}

void exit_syscall() noexcept {
  machine& m = *this_machine();
  scheduler& s = m.home;
  goroutine& g = *m.current.get();
  ++m.locks;
  const exit_outcome outcome = processor_status::exit_fast(m);
  if (outcome == exit_outcome::lost && !take_idle(s, m)) {
    --m.locks;
    sched::leave(after_exit_slow, nullptr);
    return;
  }
  counter& way = outcome == exit_outcome::lost ? s.paths.exit_idle : outcome == exit_outcome::reacquired ? s.paths.exit_old : s.paths.exit_old_aba;
  way.add();
  change(g, goroutine_state::syscall, goroutine_state::running, "G1: a system call returns that was not entered");
  --m.locks;
  sched::preempt_point();
}

void foreign_call(void (*fn)(void*), void* argument) noexcept {
  enter_syscall();
  {
    machine& m = *this_machine();
    ++m.foreign_calls;
    ++m.in_foreign;
    char* const top = reinterpret_cast<char*>(floor::suspended_stack_pointer(m.own) & ~std::uintptr_t{63}) - foreign_red_zone_bytes;
    floor::call_on_stack(top - foreign_stack_bytes, foreign_stack_bytes, fn, argument);
    --m.in_foreign;
  }
  exit_syscall();
}

}  // namespace detail

}  // namespace retake
