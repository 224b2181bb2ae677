// Stop and start of the world, and a function that runs once on every P.
#include "sched/scheduler.hpp"
#include "world/clock.hpp"
#include "world/require.hpp"

namespace retake::sched {

namespace {

// A stopper that the end of the program has overtaken: its goroutine is abandoned like all others,
// its thread goes home.
bool after_abandoning(machine& m, goroutine& g, void*) noexcept {
  change(g, goroutine_state::running, goroutine_state::waiting, "G1: a goroutine is abandoned that does not run");
  drop(m, g);
  m.locks = 0;
  m.retired = true;
  return false;
}

bool wait_to_stop(goroutine& g, void* argument) noexcept {
  scheduler& s = *static_cast<scheduler*>(argument);
  s.stoppers_waiting.push_back(&g);
  s.stopper_lock.unlock();
  return true;
}

// One stopper at a time; the others queue.
void become_stopper(scheduler& s) noexcept {
  s.stopper_lock.lock();
  if (s.stopper.get() != nullptr) {
    park(wait_to_stop, &s, wait_reason::stop_the_world);  // whoever wakes it has made it the stopper
    return;
  }
  s.stopper.set(&this_goroutine());
  s.stopper_lock.unlock();
}

void cease_stopper(scheduler& s) noexcept {
  goroutine* next = nullptr;
  {
    const locked hold(s.stopper_lock);
    next = s.stoppers_waiting.pop_front();
    s.stopper.set(next);
  }
  if (next != nullptr) ready(*next);
}

// Under the lock, which is dropped: the process ends, and this thread has nothing more to do with
// it.
[[noreturn]] void never_again(scheduler& s) noexcept {
  s.lock.unlock();
  for (;;) world::sleep_until(world::nanotime() + s.rules.sysmon_deep_sleep.count());
}

}  // namespace

bool ask_everybody(scheduler& s) noexcept {
  for (processor& p : s.processors.all()) p.ask_to_yield();
  return s.ending.load_relaxed() == 0;
}

void stop_the_world() noexcept {
  scheduler& s = machine_here().home;
  become_stopper(s);
  machine& m = *this_machine();
  ++m.locks;
  processor& own = unwire(m);
  s.stopper_processor = &own;
  bool all = false;
  {
    const locked hold(s.lock);
    s.stop.request(s.processors.count());
    static_cast<void>(ask_everybody(s));
    processor_status::stop_in_hand(own);
    s.stop.one_stopped();
    for (processor& p : s.processors.all()) {
      if (!s.stop.take_from_call(p)) continue;
      s.paths.stop_took_call.add();
      s.stop.one_stopped();
    }
    while (processor* const p = s.idle.take_processor()) {
      processor_status::stop_in_hand(*p);
      s.stop.one_stopped();
    }
    all = s.stop.missing() == 0;
  }
  if (!all &&
      !s.stop.wait([] { return world::nanotime(); }, [&s] { return ask_everybody(s); }, s.rules.stop_again.count()))
    leave(after_abandoning, nullptr);
  for (processor& p : s.processors.all()) {
    const processor_state status = p.status.load_relaxed();
    world::require(status == processor_state::gc_stop, "P8: the world is stopped and a P is not");
  }
}

void start_the_world() noexcept {
  machine& m = *this_machine();
  scheduler& s = m.home;
  poller::harvest found = s.network.poll(0);
  inject(s, nullptr, found.ready);
  s.network.waiters_served(found.count);
  processor* own = s.stopper_processor;
  processor* busy = nullptr;
  {
    const locked hold(s.lock);
    if (s.stop.frozen()) never_again(s);
    s.stop.finish();
    resize(s);
    if (own->id >= s.processors.count()) own = &s.processors[0];  // its own is one too many now
    const bool ends = s.ending.load_relaxed() != 0;
    for (processor& p : s.processors.all()) {
      processor_status::restart_in_hand(p);
      if (!ends) p.preempt.store_relaxed(0);  // the stop is over; requests with another reason are made under this lock
      if (&p == own) continue;
      if (p.queue.looks_empty()) {
        s.idle.put_processor(&p, true);
      } else {
        p.idle_link.set(busy);
        busy = &p;
      }
    }
    s.monitor.wake_from_sleep();
  }
  wire(m, *own);
  while (busy != nullptr) {
    processor* const next = busy->idle_link.get();
    busy->idle_link.set(nullptr);
    start_machine(s, busy, false);
    busy = next;
  }
  --m.locks;
  wake(s);
  cease_stopper(s);
}

bool stop_here(machine& m) noexcept {
  scheduler& s = m.home;
  if (m.spinning.get() != 0) {
    m.spinning.set(0);
    s.gate.withdraw();
  }
  processor& p = unwire(m);
  {
    const locked hold(s.lock);
    world::require(s.stop.requested(), "P8: the world started while a P had not stopped");
    processor_status::stop_in_hand(p);
    s.stop.one_stopped();
  }
  return stop_machine(m);
}

// Under the lock, whoever owns `p`.
void run_safe_point_locked(scheduler& s, processor& p) noexcept {
  if (p.safe_point.load_relaxed() == 0) return;
  p.safe_point.store_relaxed(0);
  s.safe_point_fn(p);
  const std::uint32_t missing = s.safe_points_missing.get();
  s.safe_points_missing.set(missing - 1);
  if (missing == 1) s.safe_points_done.wake();
}

void run_safe_point(scheduler& s, processor& p) noexcept {
  const locked hold(s.lock);
  run_safe_point_locked(s, p);
}

namespace {

// An M that enters a system call looks whether its P owes a run, and then gives the P up: one that
// has looked before it could see, and still had its P at the first look here, is found at the next.
void take_calls_that_owe(scheduler& s) noexcept {
  for (processor& p : s.processors.all()) {
    if (p.status.load_seq_cst() != processor_state::syscall || p.safe_point.load_relaxed() == 0) continue;
    if (processor_status::take(p, processor_state::idle)) handoff(s, p);
  }
}

}  // namespace

void for_each_processor(void (*fn)(processor&) noexcept) noexcept {
  scheduler& s = machine_here().home;
  become_stopper(s);
  machine& m = *this_machine();
  ++m.locks;
  processor& own = m.processor_here();
  std::uint32_t missing = s.processors.count() - 1;
  {
    const locked hold(s.lock);
    s.safe_point_fn = fn;
    s.safe_points_done.clear();
    s.safe_points_missing.set(missing +
                              1);  // one for the caller, so that the last other cannot wake it before it waits
    for (processor& p : s.processors.all()) {
      if (&p != &own) p.safe_point.store_seq_cst(1);
    }
    static_cast<void>(ask_everybody(s));
    for (processor& p : s.processors.all()) {
      if (s.idle.idle_hint(p.id)) run_safe_point_locked(s, p);
    }
  }
  fn(own);
  take_calls_that_owe(s);
  {
    const locked hold(s.lock);
    missing = s.safe_points_missing.get() - 1;
    s.safe_points_missing.set(missing);
  }
  while (missing != 0 && !s.safe_points_done.sleep_until(world::nanotime() + s.rules.stop_again.count())) {
    if (!ask_everybody(s)) leave(after_abandoning, nullptr);
    take_calls_that_owe(s);
  }
  for (processor& p : s.processors.all()) {
    world::require(p.safe_point.load_relaxed() == 0, "P10: a P did not run the function");
  }
  --m.locks;
  cease_stopper(s);
}

}  // namespace retake::sched
