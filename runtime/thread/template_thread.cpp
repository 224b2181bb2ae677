// The template thread: from it threads are cloned when the one that needs them may not be cloned.
//
// A thread inherits what its maker has done to itself: signal mask, namespaces, affinity, identity.
// A goroutine that locks itself to its thread does so to change such things, and a fault leaves
// worse behind. So an M that is locked or tainted hands the M that it wants started to a thread
// that nobody has ever run on (L4). It is made before the first lock, gate or foreign call, by a
// thread that is still clean. Source: newmHandoff and templateThread in Go's proc.go.
#include "sched/scheduler.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::sched {

namespace {

// The Ms to start, or nullptr and the order to sleep; `over`: the program ends.
machine* take_wanted(scheduler& s, bool& over) noexcept {
  const locked hold(s.lock);
  machine* const first = s.clones.wanted.get();
  s.clones.wanted.set(nullptr);
  over = first == nullptr && s.ending.load_relaxed() != 0;
  if (over) {
    s.clones.here.set(0);
    s.machines_system.set(s.machines_system.get() - 1);
  } else if (first == nullptr) {
    s.clones.more.clear();
    s.clones.asleep.set(1);
  }
  return first;
}

void template_loop(void* argument) noexcept {
  machine& m = *static_cast<machine*>(argument);
  scheduler& s = m.home;
  take_system_seat(m);
  for (bool over = false;;) {
    machine* at = take_wanted(s, over);
    if (over) break;
    if (at == nullptr) s.clones.more.sleep();
    while (at != nullptr) {
      machine* const next = at->idle_link.get();
      at->idle_link.set(nullptr);
      start_thread(s, *at, machine_main);
      at = next;
    }
  }
  leave_machine(m);
}

}  // namespace

void need_template_thread(scheduler& s) noexcept {
  if (s.clones.made.load_relaxed() != 0) return;
  world::require(may_be_cloned(this_machine()), "L4: the template thread is made by a thread that must not be cloned");
  std::uint32_t id = 0;
  {
    const locked hold(s.lock);
    if (s.ending.load_relaxed() != 0 || s.clones.made.load_relaxed() != 0) return;
    id = reserve_machine(s);
    s.clones.here.set(1);  // it looks at what is wanted before it sleeps
    s.clones.made.store_relaxed(
        1);  // under the lock: who sees it and locks itself finds the thread here when it needs it
  }
  start_thread(s, *make_machine(s, id), [](void* arg) { template_loop(arg); });
}

bool may_be_cloned(machine const* m) noexcept { return m == nullptr || (m->lock_count.get() == 0 && !m->tainted); }

bool let_template_start(scheduler& s, machine& m) noexcept {
  const locked hold(s.lock);
  if (s.clones.here.get() == 0) {
    world::require(s.ending.load_relaxed() != 0, "L4: a thread is cloned from a locked one");
    return false;  // it goes home at once
  }
  m.idle_link.set(s.clones.wanted.get());
  s.clones.wanted.set(&m);
  wake_template(s);
  return true;
}

void wake_template(scheduler& s) noexcept {
  if (s.clones.asleep.get() == 0) return;
  s.clones.asleep.set(0);
  s.clones.more.wake();
}

}  // namespace retake::sched
