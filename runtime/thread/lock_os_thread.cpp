#include "retake/thread_lock.hpp"

#include "sched/scheduler.hpp"
#include "sched/trace.hpp"
#include "world/require.hpp"

namespace retake {

namespace sched {

void lock_for_runtime(machine& m, goroutine& g) noexcept {
  if (thread_lock::lock(m, g) == lock_outcome::overflow) world::fatal("lock_os_thread: nested too deeply");
  ++m.runtime_locks;
  if (m.lock_count.get() == 1) trace::mark(m, trace_kind::lock, g.id, g.moves);
}

void unlock_for_runtime(machine& m, goroutine& g) noexcept {
  const lock_outcome outcome = thread_lock::unlock(m, g);
  world::require(outcome == lock_outcome::done, "L1: a lock of the runtime's own was undone by somebody else");
  --m.runtime_locks;
  if (m.lock_count.get() == 0) trace::mark(m, trace_kind::unlock, g.id, g.moves);
}

}  // namespace sched

void lock_os_thread() noexcept {
  goroutine& g = this_goroutine();
  machine& m = *this_machine();
  if (thread_lock::lock(m, g) == lock_outcome::overflow) world::fatal("lock_os_thread: nested too deeply");
  if (m.lock_count.get() == 1) trace::mark(m, trace_kind::lock, g.id, g.moves);
}

void unlock_os_thread() noexcept {
  goroutine& g = this_goroutine();
  machine& m = *this_machine();
  const bool only_the_runtime_s = m.lock_count.get() == m.runtime_locks;
  if (only_the_runtime_s || thread_lock::unlock(m, g) == lock_outcome::not_locked) world::fatal("unlock_os_thread: the goroutine is not locked to its thread");
  if (m.lock_count.get() == 0) trace::mark(m, trace_kind::unlock, g.id, g.moves);
}

}  // namespace retake
