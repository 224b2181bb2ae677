// A goroutine on its way into a system call and out of it.
//
// Enter leaves the P behind for whoever needs it first, or hands it over at once where the call is
// known to block; exit tries, in this order: the old P, any idle P, and otherwise makes the
// goroutine runnable and puts the M to sleep. Source: entersyscall, entersyscallblock, exitsyscall,
// exitsyscall0 in Go 1.22's proc.go.
#include "retake/syscall.hpp"

#include "sched/scheduler.hpp"
#include "sched/trace.hpp"
#include "world/require.hpp"

namespace retake {

namespace {

// The monitor rests, and a P is in a system call: it has to look soon when work waits for a P. Of
// work that comes later it learns by the word that is left here.
void tell_monitor(scheduler& s, processor& p) noexcept {
  if (s.monitor.hint() == monitor_rest::dozing) {
    const bool first = s.monitor.leave_word();
    if (p.queue.looks_empty() && !(first && sched::anything_waits(s))) return;
  }
  const locked hold(s.lock);
  s.monitor.wake();
}

// The goroutine whose call has returned goes on with a P that was idle: another call, and another
// time slice, than its last. Both begin before the P is seen to run, or sysmon finds it running in
// the slice of what ran there before.
void go_on_with(machine& m, processor& p) noexcept {
  const std::uint32_t tick = p.syscall_tick.load_relaxed();
  p.syscall_tick.store_relaxed(tick + 1);
  sched::begin_slice(p);
  sched::wire(m, p);
}

// Any idle P for an M that lost its own.
bool take_idle(scheduler& s, machine& m) noexcept {
  if (s.idle.processors_hint() == 0) return false;
  processor* p = nullptr;
  {
    const locked hold(s.lock);
    p = sched::take_idle_processor(s);
  }
  if (p == nullptr) return false;
  go_on_with(m, *p);
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
    p = sched::take_idle_processor(s);
    if (world::recheck(p == nullptr)) {
      is_locked = g.locked_m.get() != nullptr;  // read before the unlock: afterwards the goroutine is somebody else's
      trace::add(m, trace_kind::exit, g.id,
                 static_cast<std::uint32_t>(is_locked ? trace_exit::slow_locked : trace_exit::slow));
      s.global.put(&g);
    }
  }
  if (p != nullptr) {
    s.paths.exit_idle.add();
    trace::add(m, trace_kind::exit, g.id, static_cast<std::uint32_t>(trace_exit::idle_p));
    go_on_with(m, *p);
    return true;
  }
  if (is_locked) {
    s.paths.exit_slow_locked.add();
    sched::work_waits(s);
    return false;  // schedule() waits for the goroutine it is locked to
  }
  s.paths.exit_slow.add();
  sched::work_waits(s);
  if (!sched::stop_machine(m)) m.retired = true;
  return false;
}

}  // namespace

namespace detail {

// Where the caller of the function that this stands in goes on: from there a dump walks the
// goroutine's stack while its thread is in the kernel.
[[gnu::always_inline]] inline void remember_call(goroutine& g, scheduler& s) noexcept {
  g.call_pc.set(reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)));
  g.call_frame = reinterpret_cast<std::uintptr_t>(__builtin_dwarf_cfa());
  g.call_sp.set(g.call_frame);
  g.call_fp.set(*static_cast<std::uintptr_t*>(__builtin_frame_address(0)));
  g.since_ns.set(s.clock_ns.get());
  g.m.get()->processor_here().charged.set(&g);
}

[[gnu::noinline]] void enter_syscall() noexcept {
  machine& m = running_machine();
  scheduler& s = m.home;
  goroutine& g = *m.current.get();
  remember_call(g, s);
  change(g, goroutine_state::running, goroutine_state::syscall,
         "G1: a system call is entered by a goroutine that does not run");
  processor& p = m.processor_here();
  if (p.safe_point.load_relaxed() != 0) sched::run_safe_point(s, p);
  trace::add(m, trace_kind::enter, g.id);
  trace::move(m, trace_kind::unwire, p.id, p.moves, 1);
  processor_status::enter(m);
  if (s.monitor.hint() != monitor_rest::awake) tell_monitor(s, p);
  if (s.stop.requested_after_enter()) {
    const locked hold(s.lock);
    s.paths.enter_stopped.add();
    s.stop.stop_own_call(p);
  }
}

// A call returns to the frame that entered it, or to one that this has called: a frame further up
// the goroutine's stack than that has outlived the call's own. What the compiler has pushed
// meanwhile, or not yet popped, is within the tolerance. A callback enters and returns on the M's
// stack, of which nothing can be said here.
bool frame_is_valid(goroutine const& g, std::uintptr_t returns_to) noexcept {
  constexpr std::uintptr_t tolerance_bytes = 256;
  const auto low = reinterpret_cast<std::uintptr_t>(g.stack.low);
  const auto lies_there = [&](std::uintptr_t address) { return address - low < g.stack.bytes; };
  return returns_to <= g.call_frame + tolerance_bytes || !lies_there(g.call_frame) || !lies_there(returns_to);
}

// Nobody has to take the P: it goes where a P goes that was taken. exit_syscall() finds that there
// is no old one.
[[gnu::noinline]] void enter_syscall_blocking() noexcept {
  machine& m = running_machine();
  scheduler& s = m.home;
  goroutine& g = *m.current.get();
  remember_call(g, s);
  change(g, goroutine_state::running, goroutine_state::syscall,
         "G1: a system call is entered by a goroutine that does not run");
  trace::add(m, trace_kind::enter, g.id);
  processor& p = sched::unwire(m);
  const std::uint32_t tick = p.syscall_tick.load_relaxed();
  p.syscall_tick.store_relaxed(tick + 1);
  s.paths.enter_blocking.add();
  sched::handoff(s, p);
}

void exit_syscall() noexcept {
  machine& m = *this_machine();
  scheduler& s = m.home;
  goroutine& g = *m.current.get();
  if (!frame_is_valid(g, reinterpret_cast<std::uintptr_t>(__builtin_dwarf_cfa()))) [[unlikely]]
    world::fatal("exit_syscall: syscall frame is no longer valid");
  const exit_outcome outcome = processor_status::exit_fast(m);
  if (outcome == exit_outcome::lost && !take_idle(s, m)) {
    sched::leave(after_exit_slow, nullptr);
    return;
  }
  counter& way = outcome == exit_outcome::lost         ? s.paths.exit_idle
                 : outcome == exit_outcome::reacquired ? s.paths.exit_old
                                                       : s.paths.exit_old_aba;
  way.add();
  if (outcome != exit_outcome::lost) trace::move(m, trace_kind::wire, m.processor_here().id, m.processor_here().moves);
  trace::add(m, trace_kind::exit, g.id,
             static_cast<std::uint32_t>(outcome == exit_outcome::reacquired ? trace_exit::old_p
                                        : outcome == exit_outcome::lost     ? trace_exit::idle_p
                                                                            : trace_exit::old_p_aba));
  change(g, goroutine_state::syscall, goroutine_state::running, "G1: a system call returns that was not entered");
  sched::preempt_point();
}

}  // namespace detail

}  // namespace retake
