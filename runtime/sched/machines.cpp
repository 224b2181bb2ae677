// Ms start, sleep, wake and end; what becomes of a P whose M is gone.
#include <new>

#include "sched/scheduler.hpp"
#include "sched/trace.hpp"
#include "sched/watch.hpp"
#include "thread/say.hpp"
#include "world/clock.hpp"
#include "world/require.hpp"
#include "world/signal.hpp"
#include "world/thread.hpp"

namespace retake::sched {

namespace {

// Under the lock: memory of Ms whose threads have left for good.
void free_ended_machines(scheduler& s) noexcept {
  machine* kept = nullptr;
  machine* at = s.ended_machines.get();
  while (at != nullptr) {
    machine* const next = at->all_link.get();
    if (at->ended.load_acquire() != 0) {
      at->~machine();
      world::deallocate(at, sizeof(machine));
    } else {
      at->all_link.set(kept);
      kept = at;
    }
    at = next;
  }
  s.ended_machines.set(kept);
}

void remove_machine(scheduler& s, machine& m) noexcept {
  machine* before = nullptr;
  for (machine* at = s.machines.get(); at != &m; at = at->all_link.get()) before = at;
  machine* const next = m.all_link.get();
  if (before == nullptr) {
    s.machines.set(next);
  } else {
    before->all_link.set(next);
  }
}

}  // namespace

void take_seat(machine& m) noexcept {
  world::set_this_thread(&m);
  m.thread.set(world::thread_id());
}

void take_system_seat(machine& m) noexcept {
  take_seat(m);
  const locked hold(m.home.lock);
  m.home.machines_system.set(m.home.machines_system.get() + 1);
  check_deadlock(m.home);
}

void machine_main(void* argument) noexcept {
  machine& m = *static_cast<machine*>(argument);
  take_seat(m);
  floor::adopt_thread_context(m.own);
  world::restore_signals(m.home.signals);
  processor_side* const p = processor_status::take_handed(m);
  world::require(p != nullptr, "M6: a thread starts without a P");
  wire(m, static_cast<processor&>(*p));
  machine_loop(m);
  leave_machine(m);
}

void wire(machine& m, processor& p) noexcept {
  processor_status::wire(m, p);
  trace::move(m, trace_kind::wire, p.id, p.moves);
}

processor& unwire(machine& m) noexcept {
  processor& p = static_cast<processor&>(processor_status::unwire(m));
  trace::move(m, trace_kind::unwire, p.id, p.moves);
  return p;
}

processor* take_idle_processor(scheduler& s) noexcept {
  processor* const p = s.idle.take_processor();
  if (p == nullptr) return nullptr;
  s.monitor.wake_from_sleep();
  p->was_idle = true;
  return p;
}

void wake(scheduler& s) noexcept {
  if (!s.gate.claim_wake([&s] { return s.idle.processors_hint(); })) {
    work_waits(s);
    return;
  }
  processor* p = nullptr;
  {
    const locked hold(s.lock);
    p = take_idle_processor(s);
    if (!world::recheck(p != nullptr)) s.gate.want_spinner();
  }
  if (p == nullptr) {
    s.gate.withdraw();
    return;
  }
  start_machine(s, p, true);
}

void check_thread_limit(scheduler& s, std::uint32_t count) noexcept {
  if (count <= s.machines_max.get()) return;
  say("runtime: program exceeds ", std::uint64_t{s.machines_max.get()}, "-thread limit\n");
  world::fatal("thread exhaustion");
}

bool anything_waits(scheduler& s) noexcept {
  for (processor& p : s.processors.made()) {
    if (!p.queue.looks_empty()) return true;
  }
  return s.global.size_hint() != 0;
}

void work_waits(scheduler& s) noexcept {
  if (!s.monitor.dozes_beside_calls()) return;
  const locked hold(s.lock);
  s.monitor.wake();
}

std::uint32_t reserve_machine(scheduler& s) noexcept {
  const std::uint32_t count = s.machine_count.get();
  check_thread_limit(s, count + 1);
  s.machine_count.set(count + 1);
  const std::uint32_t id = s.next_machine_id.get();
  s.next_machine_id.set(id + 1);
  return id;
}

machine* make_machine(scheduler& s, std::uint32_t id) noexcept {
  void* const memory = world::allocate(sizeof(machine), alignof(machine));
  if (memory == nullptr) world::fatal("runtime: cannot allocate memory for a thread");
  machine* const m = new (memory) machine(id, s);
  const locked hold(s.lock);
  free_ended_machines(s);
  m->all_link.set(s.machines.get());
  s.machines.set(m);
  return m;
}

namespace {

[[noreturn]] void refuse_thread(scheduler& s) noexcept {
  std::uint32_t others = 0;
  {
    const locked hold(s.lock);
    others = s.machine_count.get() - 1;
  }
  const std::uint64_t ended = s.goroutines_ended.load_relaxed();
  say("runtime: failed to create new OS thread (have ", std::uint64_t{others}, " already; errno=11)\n");
  say("runtime: may need to increase max user processes (ulimit -u)\n");
  say("runtime: ", s.goroutines_created.load_relaxed() - ended, " goroutines, ", std::uint64_t{others}, " threads\n");
  watch::thread_refused(s);
  world::fatal("newosproc");
}

}  // namespace

void start_thread(scheduler& s, machine& m, void (*entry)(void*)) noexcept {
  if (!may_be_cloned(this_machine()) && let_template_start(s, m)) return;
  for (std::uint32_t tries = 1; world::thread_start(entry, &m, m.ended) != 0; ++tries) {
    if (tries == s.rules.thread_start_tries) refuse_thread(s);
    world::sleep_until(world::nanotime() + tries * s.rules.thread_start_pause.count());
  }
  s.paths.threads_started.add();
}

// With `p` in hand, or nullptr: any idle P, if there is one. `spinning`: the caller's unit of the
// count goes to the M that starts.
void start_machine(scheduler& s, processor* p, bool spinning) noexcept {
  machine* m = nullptr;
  std::uint32_t id = 0;
  {
    const locked hold(s.lock);
    if (s.ending.load_relaxed() != 0) {
      if (spinning) s.gate.withdraw();
      return;
    }
    if (p == nullptr) {
      world::require(!spinning, "M5: a spinning start without a P");
      p = take_idle_processor(s);
      if (p == nullptr) return;
    }
    m = s.idle.take_machine();
    if (m == nullptr) id = reserve_machine(s);  // counted before the lock is dropped, else a false deadlock report
  }
  world::require(!spinning || p->queue.looks_empty(), "M3: a spinning start with work in the queue");
  s.paths.machines_started.add();
  if (m == nullptr) {
    m = make_machine(s, id);
    m->spinning.set(spinning ? 1 : 0);
    processor_status::hand_over(*m, *p);
    watch::thread_made(*m, p->charged.get(), p->charged_end);
    start_thread(s, *m, machine_main);
    return;
  }
  world::require(m->spinning.get() == 0, "M3: an idle M spins");
  m->spinning.set(spinning ? 1 : 0);
  processor_status::hand_over(*m, *p);
  m->park.wake();
}

bool stop_machine(machine& m) noexcept {
  scheduler& s = m.home;
  world::require(m.locks == 0, "M1: an M sleeps while it holds a lock");
  world::require(m.p.get() == nullptr, "M1: an M sleeps with a P");
  world::require(m.spinning.get() == 0, "M1: an M sleeps while it counts as spinning");
  {
    const locked hold(s.lock);
    if (s.ending.load_relaxed() != 0) return false;
    if (s.idle.machines() >= s.rules.idle_machines_max && !m.main) return false;
    s.idle.put_machine(&m);
    check_deadlock(s);
  }
  m.park.sleep();
  m.park.clear();
  s.clock_ns.set(world::report_time_ns());
  processor_side* const p = processor_status::take_handed(m);
  if (p == nullptr) {
    world::require(s.ending.load_relaxed() != 0, "M6: an M wakes without a P");
    return false;
  }
  wire(m, static_cast<processor&>(*p));
  return true;
}

bool stop_locked_machine(machine& m) noexcept {
  scheduler& s = m.home;
  {
    const locked hold(s.lock);
    if (s.ending.load_relaxed() != 0) return false;
    m.waiting_locked.set(1);
    s.machines_idle_locked.set(s.machines_idle_locked.get() + 1);
    check_deadlock(s);
  }
  processor_side* const p = thread_lock::stop(m);
  {
    const locked hold(s.lock);
    m.waiting_locked.set(0);
    m.started_locked.set(0);
  }
  if (p == nullptr) {
    world::require(s.ending.load_relaxed() != 0, "M6: a locked M wakes without a P");
    return false;
  }
  wire(m, static_cast<processor&>(*p));
  const goroutine_state state = m.locked_g.get()->state.load_relaxed();
  world::require(state == goroutine_state::runnable, "L3: a locked M wakes for a goroutine that is not runnable");
  return true;
}

bool start_locked_machine(machine& m, goroutine& g, processor& p) noexcept {
  scheduler& s = m.home;
  {
    const locked hold(s.lock);
    if (s.ending.load_relaxed() != 0) return false;
    g.locked_m.get()->started_locked.set(1);
    s.machines_idle_locked.set(s.machines_idle_locked.get() - 1);
  }
  thread_lock::start(m, g, p);
  return true;
}

void count_idle_locked(scheduler& s, std::int32_t change) noexcept {
  const locked hold(s.lock);
  s.machines_idle_locked.set(s.machines_idle_locked.get() + change);
  if (change > 0) check_deadlock(s);
}

void handoff(scheduler& s, processor& p) noexcept {
  const auto taken = [&s, &p](handoff_case which) {
    s.paths.handoff[which].add();
    if (machine* const m = this_machine()) trace::add(*m, trace_kind::handoff, p.id, static_cast<std::uint32_t>(which));
  };
  if (s.ending.load_relaxed() != 0) return;
  if (world::recheck(!p.queue.looks_empty() || s.global.size_hint() != 0)) {
    taken(handoff_case::queue);
    start_machine(s, &p, false);
    return;
  }
  if (world::recheck(s.trace_reader.load_relaxed() != nullptr)) {
    taken(handoff_case::trace_reader);
    start_machine(s, &p, false);
    return;
  }
  if (world::recheck(s.background.load_relaxed() != nullptr)) {
    taken(handoff_case::background);
    start_machine(s, &p, false);
    return;
  }
  if (world::recheck(s.gate.spinning_hint() + s.idle.processors_hint() == 0 && s.gate.claim_only_spinner())) {
    taken(handoff_case::last_spinner);
    s.gate.no_longer_wanted();
    start_machine(s, &p, true);
    return;
  }
  std::int64_t first_timer_ns = 0;
  {
    const locked hold(s.lock);
    if (world::recheck(s.stop.requested())) {
      taken(handoff_case::stop);
      processor_status::stop_in_hand(p);
      s.stop.one_stopped();
      return;
    }
    if (world::recheck(p.safe_point.load_relaxed() != 0)) {
      taken(handoff_case::safe_point);
      run_safe_point_locked(s, p);
    }
    const bool more = world::recheck(s.global.size_hint() != 0);
    const bool last_to_poll =
        world::recheck(s.idle.processors_hint() + 1 == s.processors.count() && !s.polling.somebody_blocks());
    if (!more && !last_to_poll) {
      taken(handoff_case::idle);
      first_timer_ns = p.timers.first_due_ns();
      s.idle.put_processor(&p, p.queue.looks_empty());
    } else {
      taken(more ? handoff_case::global_queue : handoff_case::last_poller);
      first_timer_ns = -1;
    }
  }
  if (first_timer_ns < 0) {
    start_machine(s, &p, false);
    return;
  }
  if (first_timer_ns > 0) announce_timer(s, first_timer_ns);
  // Who submitted a goroutine since the looks above saw no idle P, or a spinner that has found
  // something else by now (Go does not look).
  s.gate.found_nothing(false);
  if (processor* const again = look_again(s)) {
    s.gate.start_spinning();
    start_machine(s, again, true);
  }
}

void announce_timer(scheduler& s, std::int64_t when_ns) noexcept {
  switch (s.polling.for_timer(when_ns)) {
    case poll_wake::need::nothing: break;
    case poll_wake::need::break_poll:
      s.paths.polls_broken.add();
      s.network.interrupt(s.polling);
      break;
    case poll_wake::need::wake_machine: wake(s); break;
  }
}

void end_machine(machine& m) noexcept {
  scheduler& s = m.home;
  m.tainted = true;
  handoff(s, unwire(m));
  m.retired = true;
  if (!m.main) return;
  {
    const locked hold(s.lock);
    if (s.ending.load_relaxed() != 0) return;
    s.machines_system.set(s.machines_system.get() + 1);
    m.waiting_locked.set(1);
    check_deadlock(s);
  }
  m.park.sleep();  // M10: the main thread never ends before the program; it is woken for that
}

void give_up_processor(machine& m) noexcept {
  if (m.spinning.get() != 0) {
    m.spinning.set(0);
    m.home.gate.withdraw();
  }
  if (m.p.get() != nullptr) static_cast<void>(unwire(m));
  // The signal that ends a blocking poll is drained by the M that it woke, and another may block
  // since: it is passed on.
  if (m.home.ending.load_relaxed() != 0) m.home.network.interrupt(m.home.polling);
}

void leave_machine(machine& m) noexcept {
  scheduler& s = m.home;
  give_up_processor(m);
  watch::thread_ended(m);
  world::set_this_thread(nullptr);
  const locked hold(s.lock);
  remove_machine(s, m);
  s.ended_foreign_calls.set(s.ended_foreign_calls.get() + m.foreign_calls.load_relaxed());
  m.all_link.set(s.ended_machines.get());
  s.ended_machines.set(&m);
  const std::uint32_t count = s.machine_count.get() - 1;
  s.machine_count.set(count);
  if (s.ending.load_relaxed() == 0) {
    check_deadlock(s);
  } else if (s.waiting_for_end.get() != 0 && count == 1) {
    s.all_ended.wake();
  }
}

void end_program(scheduler& s) noexcept {
  const locked hold(s.lock);
  s.ending.store_release(1);
  world::futex_wake(s.ending, 1);
  s.monitor.wake();
  wake_template(s);
  while (machine* const m = s.idle.take_machine()) m->park.wake();
  for (machine* m = s.machines.get(); m != nullptr; m = m->all_link.get()) {
    if (m->waiting_locked.get() != 0 && m->started_locked.get() == 0) m->park.wake();
  }
  ask_everybody(s);
  s.network.interrupt(s.polling);
}

}  // namespace retake::sched
