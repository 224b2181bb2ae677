// Ms start, sleep, wake and end; what becomes of a P whose M is gone.
#include <new>

#include "sched/scheduler.hpp"
#include "world/clock.hpp"
#include "world/print.hpp"
#include "world/require.hpp"
#include "world/signal.hpp"
#include "world/thread.hpp"

namespace retake::sched {

namespace {

void machine_main(void* argument) {
  machine& m = *static_cast<machine*>(argument);
  world::set_this_thread(&m);
  floor::adopt_thread_context(m.own);
  world::restore_signals(m.home.signals);
  processor_side* const p = processor_status::take_handed(m);
  world::require(p != nullptr, "M6: a thread starts without a P");
  wire(m, static_cast<processor&>(*p));
  machine_loop(m);
  leave_machine(m);
}

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

void say_number(char const* before, std::uint64_t number, char const* after) noexcept {
  char text[160];
  std::size_t n = 0;
  for (char const* c = before; *c != 0; ++c) text[n++] = *c;
  char digits[20];
  std::size_t d = 0;
  do {
    digits[d++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (d > 0) text[n++] = digits[--d];
  for (char const* c = after; *c != 0; ++c) text[n++] = *c;
  world::print(text, n);
}

}  // namespace

void wire(machine& m, processor& p) noexcept { processor_status::wire(m, p); }

processor& unwire(machine& m) noexcept { return static_cast<processor&>(processor_status::unwire(m)); }

void wake(scheduler& s) noexcept {
  if (!s.gate.claim_wake([&s] { return s.idle.processors_hint(); })) return;
  processor* p = nullptr;
  {
    const locked hold(s.lock);
    p = s.idle.take_processor();
    if (!world::recheck(p != nullptr)) s.gate.want_spinner();
  }
  if (p == nullptr) {
    s.gate.withdraw();
    return;
  }
  start_machine(s, p, true);
}

std::uint32_t reserve_machine(scheduler& s) noexcept {
  const std::uint32_t count = s.machine_count.get();
  if (count >= s.rules.machines_max) {
    say_number("runtime: program exceeds ", s.rules.machines_max, "-thread limit\n");
    world::fatal("thread exhaustion");
  }
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

void start_thread(scheduler& s, machine& m, void (*entry)(void*)) noexcept {
  for (std::uint32_t tries = 1;; ++tries) {
    const int failed = world::thread_start(entry, &m, m.ended);
    if (failed == 0) break;
    if (tries == s.rules.thread_start_tries) {
      std::uint32_t others = 0;
      {
        const locked hold(s.lock);
        others = s.machine_count.get() - 1;
      }
      say_number("runtime: failed to create new OS thread (have ", others, " already; errno=11)\n");
      static constexpr char advice[] = "runtime: may need to increase max user processes (ulimit -u)\n";
      world::print(advice, sizeof(advice) - 1);
      world::fatal("newosproc");
    }
    world::sleep_until(world::nanotime() + tries * s.rules.thread_start_pause_ns);
  }
  s.paths.threads_started.add();
}

// With `p` in hand, or nullptr: any idle P, if there is one. `spinning`: the caller's unit of the count goes to the M that starts.
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
      p = s.idle.take_processor();
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
    s.idle.put_machine(&m);
    check_deadlock(s);
  }
  m.park.sleep();
  m.park.clear();
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
  const auto taken = [&s](std::uint32_t which) { s.paths.handoff[which].add(); };
  if (s.ending.load_relaxed() != 0) return;
  if (world::recheck(!p.queue.looks_empty() || s.global.size_hint() != 0)) {
    taken(1);
    start_machine(s, &p, false);
    return;
  }
  if (world::recheck(s.trace_reader.load_relaxed() != nullptr)) {
    taken(2);
    start_machine(s, &p, false);
    return;
  }
  if (world::recheck(s.background.load_relaxed() != nullptr)) {
    taken(3);
    start_machine(s, &p, false);
    return;
  }
  if (world::recheck(s.gate.spinning_hint() + s.idle.processors_hint() == 0 && s.gate.claim_only_spinner())) {
    taken(4);
    s.gate.no_longer_wanted();
    start_machine(s, &p, true);
    return;
  }
  std::int64_t first_timer_ns = 0;
  {
    const locked hold(s.lock);
    if (world::recheck(s.stop.requested())) {
      taken(5);
      processor_status::stop_in_hand(p);
      s.stop.one_stopped();
      return;
    }
    if (world::recheck(p.safe_point.load_relaxed() != 0)) {
      taken(6);
      run_safe_point_locked(s, p);
    }
    const bool more = world::recheck(s.global.size_hint() != 0);
    const bool last_to_poll = world::recheck(s.idle.processors_hint() + 1 == s.processor_count && !s.polling.somebody_blocks());
    if (!more && !last_to_poll) {
      taken(9);
      first_timer_ns = p.timers.first_due_ns();
      s.idle.put_processor(&p, p.queue.looks_empty());
    } else {
      taken(more ? 7 : 8);
      first_timer_ns = -1;
    }
  }
  if (first_timer_ns < 0) {
    start_machine(s, &p, false);
    return;
  }
  if (first_timer_ns > 0) announce_timer(s, first_timer_ns);
  // Who submitted a goroutine since the looks above saw no idle P, or a spinner that has found something else by now (Go does not look).
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
  // The signal that ends a blocking poll is drained by the M that it woke, and another may block since: it is passed on.
  if (m.home.ending.load_relaxed() != 0) m.home.network.interrupt(m.home.polling);
}

void leave_machine(machine& m) noexcept {
  scheduler& s = m.home;
  give_up_processor(m);
  world::set_this_thread(nullptr);
  const locked hold(s.lock);
  remove_machine(s, m);
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
  while (machine* const m = s.idle.take_machine()) m->park.wake();
  for (machine* m = s.machines.get(); m != nullptr; m = m->all_link.get()) {
    if (m->waiting_locked.get() != 0 && m->started_locked.get() == 0) m->park.wake();
  }
  ask_everybody(s);
  s.network.interrupt(s.polling);
}

}  // namespace retake::sched
