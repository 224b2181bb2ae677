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

namespace {

// The M's own stack, behind a goroutine that leaves its thread for good.
bool after_leaving_thread(machine& m, goroutine& g, void*) noexcept {
  change(g, goroutine_state::running, goroutine_state::runnable, "G1: a goroutine leaves its thread that does not run");
  drop(m, g);
  {
    const locked hold(m.home.lock);
    m.home.global.put(&g);
  }
  end_machine(m);  // its P goes where there is work: here there is
  return false;
}

}  // namespace

void leave_tainted_thread() noexcept {
  machine const& m = *this_machine();
  if (m.tainted && m.lock_count.get() == 0) leave(after_leaving_thread, nullptr);
}

}  // namespace sched

void lock_os_thread(char const* file, unsigned line) noexcept {
  goroutine& g = this_goroutine();
  machine& m = *this_machine();
  sched::need_template_thread(m.home);
  if (m.lock_count.get() == m.runtime_locks) m.locked_at = {file, line};
  if (thread_lock::lock(m, g) == lock_outcome::overflow) world::fatal("lock_os_thread: nested too deeply");
  if (m.lock_count.get() == 1) trace::mark(m, trace_kind::lock, g.id, g.moves);
}

void unlock_os_thread() noexcept {
  goroutine& g = this_goroutine();
  machine& m = *this_machine();
  const bool only_the_runtime_s = m.lock_count.get() == m.runtime_locks;
  if (only_the_runtime_s || thread_lock::unlock(m, g) == lock_outcome::not_locked)
    world::fatal("unlock_os_thread: the goroutine is not locked to its thread");
  if (m.lock_count.get() == 0) trace::mark(m, trace_kind::unlock, g.id, g.moves);
  sched::leave_tainted_thread();
}

std::uint32_t set_max_threads(std::uint32_t most) noexcept {
  scheduler& s = this_goroutine().m.get()->home;
  const locked hold(s.lock);
  const std::uint32_t before = s.machines_max.get();
  s.machines_max.set(most);
  sched::check_thread_limit(s, s.machine_count.get());
  return before;
}

std::uint32_t thread_count() noexcept {
  scheduler& s = this_goroutine().m.get()->home;
  const locked hold(s.lock);
  return s.machine_count.get();
}

std::size_t threads_ended_locked(std::span<unreleased_lock> into) noexcept {
  scheduler& s = this_goroutine().m.get()->home;
  const locked hold(s.lock);
  const lock_sites& all = s.ended_locked;
  const std::size_t used = all.used.get();
  for (std::size_t i = 0; i < used && i < into.size(); ++i)
    into[i] = {all.sites[i].file, all.sites[i].line, all.counts[i]};
  return used;
}

}  // namespace retake
