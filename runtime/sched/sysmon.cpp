// The monitor: a thread without a P that looks at those that have one.
#include "sched/scheduler.hpp"
#include "world/clock.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::sched {

namespace {

// Nothing to monitor: all Ps idle, or the world stands still.
bool nothing_to_do(scheduler& s) noexcept { return s.stop.requested() || s.idle.processors_hint() == s.processor_count; }

// True when somebody woke it.
bool sleep_deeply(scheduler& s) noexcept {
  {
    const locked hold(s.lock);
    if (!world::recheck(nothing_to_do(s)) || s.ending.load_relaxed() != 0) return false;
    s.monitor.fall_asleep();
  }
  const bool woken = s.monitor.sleep_until(world::nanotime() + s.rules.monitor_deep_sleep_ns);
  const locked hold(s.lock);
  s.monitor.awake();
  return woken;
}

void poll_if_overdue(scheduler& s, std::int64_t now_ns) noexcept {
  if (!s.network.anybody_waits()) return;
  if (!s.polling.claim_overdue(now_ns, s.rules.poll_overdue_ns)) return;
  poller::harvest found = s.network.poll(0);
  if (found.ready.count == 0) return;
  count_idle_locked(s, -1);  // one more that runs, while goroutines are on their way and perhaps no M is
  inject(s, nullptr, found.ready);
  s.network.waiters_served(found.count);
  count_idle_locked(s, +1);
}

// Whether a P that was seen in a system call is worth taking now.
bool worth_taking(scheduler& s, processor& p, std::int64_t now_ns) noexcept {
  if (!p.queue.looks_empty()) {
    s.paths.retake_queue.add();
    return true;
  }
  if (s.gate.spinning_hint() + s.idle.processors_hint() == 0) {
    s.paths.retake_nobody_idle.add();
    return true;
  }
  if (p.seen.syscall_since_ns + s.rules.retake_grace_ns > now_ns) return false;
  s.paths.retake_grace.add();
  return true;
}

// Takes `p` out of its system call and gives it away. The pre-payment: between the taking and the start of an M nobody may be counted as running.
bool take_and_hand_off(scheduler& s, processor& p) noexcept {
  count_idle_locked(s, -1);
  const bool won = processor_status::take(p, processor_state::idle);
  if (won) {
    handoff(s, p);
  } else {
    s.paths.retake_lost.add();
  }
  count_idle_locked(s, +1);
  return won;
}

// How many Ps were taken.
std::uint32_t retake(scheduler& s, std::int64_t now_ns) noexcept {
  std::uint32_t taken = 0;
  for (std::uint32_t i = 0; i < s.processor_count; ++i) {
    processor& p = *s.processors[i];
    const processor_state status = p.status.load_relaxed();
    if (status != processor_state::running && status != processor_state::syscall) continue;
    bool long_slice = false;
    const std::uint32_t schedule_tick = p.schedule_tick.load_relaxed();
    if (p.seen.schedule_tick != schedule_tick) {
      p.seen.schedule_tick = schedule_tick;
      p.seen.schedule_since_ns = now_ns;
    } else if (p.seen.schedule_since_ns + s.rules.time_slice_ns <= now_ns) {
      p.preempt.store_relaxed(1);
      long_slice = true;  // the call itself may be short, the P has been on this goroutine too long
    }
    if (status != processor_state::syscall) continue;
    const std::uint32_t syscall_tick = p.syscall_tick.load_relaxed();
    if (!long_slice && p.seen.syscall_tick != syscall_tick) {
      p.seen.syscall_tick = syscall_tick;
      p.seen.syscall_since_ns = now_ns;
      continue;
    }
    if (worth_taking(s, p, now_ns) && take_and_hand_off(s, p)) ++taken;
  }
  return taken;
}

}  // namespace

void monitor_loop(void* argument) noexcept {
  machine& m = *static_cast<machine*>(argument);
  scheduler& s = m.home;
  world::set_this_thread(&m);
  {
    const locked hold(s.lock);
    s.machines_system.set(s.machines_system.get() + 1);
    check_deadlock(s);
  }
  std::uint32_t idle_rounds = 0;
  std::int64_t period_ns = s.rules.monitor_period_ns;
  while (s.ending.load_relaxed() == 0) {
    if (idle_rounds == 0) {
      period_ns = s.rules.monitor_period_ns;
    } else if (idle_rounds > s.rules.monitor_idle_rounds) {
      period_ns *= 2;
    }
    if (period_ns > s.rules.monitor_period_max_ns) period_ns = s.rules.monitor_period_max_ns;
    const std::int64_t wake_ns = world::nanotime() + period_ns;
    world::futex_wait_until(s.ending, 0, wake_ns);
    if (nothing_to_do(s) && sleep_deeply(s)) idle_rounds = 0;
    const std::int64_t now_ns = world::nanotime();
    poll_if_overdue(s, now_ns);
    idle_rounds = retake(s, now_ns) != 0 ? 0 : idle_rounds + 1;
  }
  {
    const locked hold(s.lock);
    s.machines_system.set(s.machines_system.get() - 1);
  }
  leave_machine(m);
}

}  // namespace retake::sched
