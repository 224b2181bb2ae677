// What an M with a P does: find a goroutine, run it, take what it left.
#include "sched/scheduler.hpp"
#include "sched/trace.hpp"
#include "world/clock.hpp"
#include "world/random.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake {

goroutine& this_goroutine() noexcept {
  goroutine* const g = machine_here().current.get();
  if (g == nullptr) [[unlikely]]
    world::fatal("G3: this call needs a goroutine, and the M runs none");
  return *g;
}

namespace sched {

namespace {

struct search {
  goroutine* g = nullptr;
  bool inherits = false;  // continues the time slice of whoever readied it
};

constexpr std::int64_t no_timer = 0;

std::int64_t earlier(std::int64_t a_ns, std::int64_t b_ns) noexcept {
  if (a_ns == no_timer) return b_ns;
  if (b_ns == no_timer) return a_ns;
  return a_ns < b_ns ? a_ns : b_ns;
}

// Runs the timers of `p` that are due; true when one was. What their functions do is no scheduling
// point.
bool run_timers(machine& m, processor& p, std::int64_t now_ns) noexcept {
  bool ran = false;
  ++m.locks;
  while (p.timers.run_one(now_ns)) ran = true;
  --m.locks;
  return ran;
}

// Up to half a ring from the global queue, shared among the Ps. Under the lock.
goroutine* take_global(scheduler& s, processor& p, std::uint32_t most) noexcept {
  const std::uint32_t share = s.global.size_hint() / s.processors.count() + 1;
  std::uint32_t wanted = share < most ? share : most;
  if (wanted > world::limits::run_queue_capacity / 2) wanted = world::limits::run_queue_capacity / 2;
  batch<goroutine> taken = s.global.take(wanted);
  goroutine* const first = taken.pop_front();
  while (goroutine* const g = taken.pop_front()) {
    const batch<goroutine> overflow = p.queue.put(g);
    s.global.put(overflow);
  }
  return first;
}

goroutine* take_global_locking(scheduler& s, processor& p, std::uint32_t most) noexcept {
  if (s.global.size_hint() == 0) return nullptr;
  const locked hold(s.lock);
  return take_global(s, p, most);
}

// The goroutine of this P was asked to yield, and has parked or yielded: whoever was to go on with
// its time slice goes where one goes that yields. Else goroutines that ready each other in turn,
// and park, keep the P among themselves: none of them runs for long, and a slice that is passed on
// counts no schedule.
void end_slice(scheduler& s, processor& p) noexcept {
  if (goroutine* const heir = p.queue.take_next()) put_last(s, *heir);
}

// A parked goroutine that somebody has put up for any P to run.
goroutine* take_offered(world::atomic<goroutine*>& slot) noexcept {
  if (slot.load_relaxed() == nullptr) return nullptr;
  goroutine* const g = slot.exchange_acquire(nullptr);
  if (g != nullptr)
    change(*g, goroutine_state::waiting, goroutine_state::runnable, "G1: an offered goroutine does not wait");
  return g;
}

void become_spinning(machine& m) noexcept {
  m.spinning.set(1);
  m.home.gate.start_spinning();
}

// Work of other Ps: their rings, and in the last round their timers and the goroutines that were to
// run next there.
goroutine* steal(machine& m, std::int64_t& now_ns, std::int64_t& first_timer_ns, bool& ran_timers) noexcept {
  scheduler& s = m.home;
  processor& mine = m.processor_here();
  const std::uint32_t count = s.processors.count();
  for (std::uint32_t round = 0; round < world::limits::steal_rounds; ++round) {
    const bool last = round + 1 == world::limits::steal_rounds;
    const std::uint32_t start = world::random_below(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      processor& victim = s.processors[(start + i) % count];
      if (s.stop.requested()) return nullptr;
      if (&victim == &mine) continue;
      if (last && victim.timers.first_due_ns() != no_timer) {
        now_ns = world::nanotime();
        if (run_timers(m, victim, now_ns)) {
          ran_timers = true;
          const search found{mine.queue.get().item, false};
          if (found.g != nullptr) return found.g;
        }
        first_timer_ns = earlier(first_timer_ns, victim.timers.first_due_ns());
      }
      if (s.idle.idle_hint(victim.id)) continue;
      // Who readied what is to run next there often parks right away and runs it itself, while it
      // is still warm (Go: 3 us).
      const auto back_off = [&s, &victim] {
        if (victim.status.load_relaxed() == processor_state::running)
          world::sleep_until(world::nanotime() + s.rules.steal_back_off.count());
      };
      if (goroutine* const g = mine.queue.steal(victim.queue, last, back_off)) return g;
    }
  }
  return nullptr;
}

std::int64_t look_again_at_timers(scheduler& s, std::int64_t first_ns) noexcept {
  for (processor& p : s.processors.made()) first_ns = earlier(first_ns, p.timers.first_due_ns());
  return first_ns;
}

enum class found_work : std::uint32_t { goroutine_here, look_again, thread_ends };

// An M without a P and without anything to do: polls if nobody does, else sleeps.
found_work wait_for_work(machine& m, std::int64_t first_timer_ns, bool was_spinning, goroutine*& g) noexcept {
  scheduler& s = m.home;
  if ((s.network.anybody_waits() || first_timer_ns != no_timer) && s.polling.claim(first_timer_ns)) {
    const std::int64_t before_ns = world::nanotime();
    const std::int64_t delay_ns = first_timer_ns == no_timer   ? -1
                                  : first_timer_ns > before_ns ? first_timer_ns - before_ns
                                                               : 0;
    poller::harvest found = s.network.poll(delay_ns);
    const std::int64_t after_ns = world::nanotime();
    s.polling.returned(after_ns, found.signalled);
    s.clock_ns.set(after_ns);
    processor* p = nullptr;
    {
      const locked hold(s.lock);
      p = take_idle_processor(s);
    }
    if (p == nullptr) {
      inject(s, nullptr, found.ready);
      s.network.waiters_served(found.count);
      return stop_machine(m) ? found_work::look_again : found_work::thread_ends;
    }
    wire(m, *p);
    g = found.ready.pop_front();
    if (g != nullptr) {
      change(*g, goroutine_state::waiting, goroutine_state::runnable, "G1: a polled goroutine does not wait");
      trace::add(m, trace_kind::ready, g->id);
      inject(s, &m, found.ready);
      s.network.waiters_served(found.count);
      return found_work::goroutine_here;
    }
    // The timer that ended the wait may be another P's: only a spinner looks there.
    const bool timer_due = first_timer_ns != no_timer && first_timer_ns <= after_ns;
    if (was_spinning || timer_due) become_spinning(m);
    return found_work::look_again;
  }
  if (first_timer_ns != no_timer && s.polling.for_timer(first_timer_ns) == poll_wake::need::break_poll)
    s.network.interrupt(s.polling);
  return stop_machine(m) ? found_work::look_again : found_work::thread_ends;
}

// Blocks until there is a goroutine for this M. Without one, and without a P, when the thread has
// to end.
search find_runnable(machine& m) noexcept {
  scheduler& s = m.home;
  for (;;) {
    processor& p = m.processor_here();
    // Who asks for a yield has written down before why: the stop, the end. An exchange, so that no
    // question is cleared whose reason is not seen below.
    if (p.preempt.load_relaxed() != 0) {
      static_cast<void>(p.preempt.exchange_acquire(0));  // with ask_to_yield
      end_slice(s, p);
    }
    if (s.stop.requested()) {
      if (!stop_here(m)) return {};
      continue;
    }
    if (s.ending.load_relaxed() != 0) return {};
    if (p.safe_point.load_relaxed() != 0) run_safe_point(s, p);

    std::int64_t now_ns = 0;
    std::int64_t first_timer_ns = p.timers.first_due_ns();
    if (first_timer_ns != no_timer) {
      now_ns = world::nanotime();
      run_timers(m, p, now_ns);
      first_timer_ns = p.timers.first_due_ns();
    }

    if (goroutine* const g = take_offered(s.trace_reader)) return {g, false};
    if (p.schedule_tick.load_relaxed() % s.rules.global_queue_every == 0) {
      if (goroutine* const g = take_global_locking(s, p, 1)) return {g, false};
    }
    const auto own = p.queue.get();
    if (own.item != nullptr) return {own.item, own.inherits};
    if (goroutine* const g = take_global_locking(s, p, world::limits::run_queue_capacity)) return {g, false};

    if (s.network.anybody_waits() && !s.polling.somebody_blocks()) {
      poller::harvest found = s.network.poll(0);
      if (goroutine* const g = found.ready.pop_front()) {
        change(*g, goroutine_state::waiting, goroutine_state::runnable, "G1: a polled goroutine does not wait");
        trace::add(m, trace_kind::ready, g->id);
        inject(s, &m, found.ready);
        s.network.waiters_served(found.count);
        return {g, false};
      }
    }

    if (m.spinning.get() != 0 || s.gate.may_spin(s.processors.count() - s.idle.processors_hint())) {
      if (m.spinning.get() == 0) become_spinning(m);
      bool ran_timers = false;
      if (goroutine* const g = steal(m, now_ns, first_timer_ns, ran_timers)) return {g, false};
      if (ran_timers) continue;
    }
    if (goroutine* const g = take_offered(s.background)) return {g, false};

    {
      const locked hold(s.lock);
      if (world::recheck(s.stop.requested() || p.safe_point.load_relaxed() != 0)) continue;
      if (world::recheck(s.global.size_hint() != 0))
        return {take_global(s, p, world::limits::run_queue_capacity), false};
      if (m.spinning.get() == 0 && s.gate.spinner_wanted()) {
        become_spinning(m);
        continue;
      }
      processor& dropped = unwire(m);
      s.idle.put_processor(&dropped, dropped.queue.looks_empty());
    }

    const bool was_spinning = m.spinning.get() != 0;
    m.spinning.set(0);
    s.gate.found_nothing(was_spinning);
    if (processor* const again = look_again(s)) {
      wire(m, *again);
      become_spinning(m);
      continue;
    }
    first_timer_ns = look_again_at_timers(s, first_timer_ns);

    goroutine* g = nullptr;
    switch (wait_for_work(m, first_timer_ns, was_spinning, g)) {
      case found_work::goroutine_here: return {g, false};
      case found_work::look_again: break;
      case found_work::thread_ends: return {};
    }
  }
}

// One goroutine for this M to run, the M ready to run it. nullptr: the thread has to end; it may
// still have a P.
search schedule(machine& m) noexcept {
  scheduler& s = m.home;
  world::require(m.locks == 0, "M2: scheduling while a lock is held");
  world::require(m.in_foreign == 0, "M2: scheduling inside a foreign call");
  for (;;) {
    if (goroutine* const mine = m.locked_g.get()) {
      if (m.p.get() != nullptr) {
        m.processor_here().charged.set(mine);
        handoff(s, unwire(m));
      }
      if (!stop_locked_machine(m)) return {};
      return {mine, false};
    }
    const search found = find_runnable(m);
    if (found.g == nullptr) return {};
    if (m.spinning.get() != 0) {
      m.spinning.set(0);
      s.gate.stop_spinning_with_work();
      wake(s);
    }
    if (found.g->locked_m.get() == nullptr) return found;
    if (!start_locked_machine(m, *found.g, unwire(m))) return {};
    if (!stop_machine(m)) return {};
  }
}

// Runs `g` until it leaves its stack. True: it goes on at once.
bool execute(machine& m, goroutine& g, bool inherits) noexcept {
  thread_lock::check_may_run(m, g);
  world::require(m.current.get() == nullptr, "G3: an M runs two goroutines");
  world::require(g.m.get() == nullptr, "G3: a goroutine runs on two Ms");
  processor& p = m.processor_here();
  change(g, goroutine_state::runnable, goroutine_state::running, "G1: a goroutine runs that is not runnable");
  m.current.set(&g);
  g.m.set(&m);
  if (!inherits || p.was_idle) {
    begin_slice(p);
    if (p.schedule_tick.load_relaxed() % 64 == 1) m.home.clock_ns.set(world::report_time_ns());
  }
  trace::move(m, trace_kind::run, g.id, g.moves, p.id);
  floor::switch_context(m.own, g.context);
  trace::move(m, trace_kind::leave, g.id, g.moves,
              static_cast<std::uint32_t>(g.state.load_relaxed()) << 8 |
                  static_cast<std::uint32_t>(g.reason.load_relaxed()));
  return m.after(m, g, m.after_argument);
}

}  // namespace

processor* look_again(scheduler& s) noexcept {
  const auto work = [&s] {
    // Who yields into the global queue after the P was dropped sees a spinner, and wakes nobody,
    // until that spinner has lowered the count (Go since 1.24).
    if (world::recheck(s.global.size_hint() != 0)) return true;
    for (processor& other : s.processors.made()) {
      if (s.idle.idle_hint(other.id)) continue;
      if (world::recheck(!other.queue.looks_empty())) return true;
    }
    return world::recheck(s.background.load_relaxed() != nullptr || s.trace_reader.load_relaxed() != nullptr);
  };
  if (!work()) return nullptr;
  const locked hold(s.lock);
  processor* const p = take_idle_processor(s);
  if (p == nullptr) s.gate.want_spinner();
  return p;
}

void machine_loop(machine& m) noexcept {
  for (;;) {
    search next = schedule(m);
    if (next.g == nullptr) return;
    while (execute(m, *next.g, next.inherits)) next.inherits = true;
    if (m.retired) return;
  }
}

// As a system call returns: with an idle P at once, else by the global queue.
void visit_loop(machine& m, goroutine& g) noexcept {
  scheduler& s = m.home;
  processor* p = nullptr;
  {
    const locked hold(s.lock);
    p = take_idle_processor(s);
    if (p == nullptr) s.global.put(&g);
  }
  if (p == nullptr) {
    work_waits(s);
  } else {
    wire(m, *p);
    for (bool inherits = false; execute(m, g, inherits);) inherits = true;
  }
  if (!m.retired) machine_loop(m);
}

void leave(after_leaving after, void* argument) noexcept {
  machine& m = *this_machine();
  goroutine& g = *m.current.get();
  m.after = after;
  m.after_argument = argument;
  floor::switch_context(g.context, m.own);
}

void drop(machine& m, goroutine& g) noexcept {
  m.current.set(nullptr);
  g.m.set(nullptr);
}

void inject(scheduler& s, machine* m, batch<goroutine> found) noexcept {
  if (found.count == 0) return;
  batch<goroutine> list;
  while (goroutine* const g = found.pop_front()) {
    change(*g, goroutine_state::waiting, goroutine_state::runnable, "G1: an injected goroutine does not wait");
    trace::add(*this_machine(), trace_kind::ready, g->id);
    list.push_back(g);
  }
  if (m != nullptr) {
    processor& p = m->processor_here();
    while (goroutine* const g = list.pop_front()) {
      const batch<goroutine> overflow = p.queue.put(g);
      if (overflow.count != 0) {
        const locked hold(s.lock);
        s.global.put(overflow);
      }
    }
    wake(s);
    return;
  }
  {
    const locked hold(s.lock);
    s.global.put(list);
  }
  wake(s);  // one: who finds the list wakes the next (Go starts a thread for each)
}

}  // namespace sched

}  // namespace retake
