// The monitor: a thread without a P that looks at those that have one.
#include <algorithm>

#include "sched/scheduler.hpp"
#include "sched/trace.hpp"
#include "sched/watch.hpp"
#include "world/clock.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::sched {

namespace {

// What one round has seen and done.
struct round_seen {
  bool busy = false;        // a P that runs goroutines or is in a system call
  bool idle = false;        // a P that is neither
  std::uint32_t taken = 0;  // Ps taken out of system calls
};

// Nothing to monitor: all Ps are idle, or the world stands still. Returns what ended the sleep, if
// there was one.
// `trim_ns`: when stacks are to be trimmed, if there are any.
monitor_wake sleep_deeply(scheduler& s, std::int64_t trim_ns) noexcept {
  std::int64_t wake_ns = world::nanotime() + s.rules.sysmon_deep_sleep.count();
  {
    const locked hold(s.lock);
    const bool unused = s.stop.requested() || s.idle.processors_hint() == s.processors.count();
    if (!world::recheck(unused) || s.ending.load_relaxed() != 0) return monitor_wake::none;
    s.monitor.fall_asleep(unused);
    if (s.free_goroutines.count > 0 && trim_ns < wake_ns) wake_ns = trim_ns;
  }
  watch::monitor_sleeps(s);
  const bool woken = s.monitor.sleep_until(wake_ns);
  watch::monitor_wakes(s);
  const locked hold(s.lock);
  return s.monitor.awake(woken);
}

// Between two rounds. True when somebody cut a long pause short.
bool pause_until(scheduler& s, std::int64_t wake_ns, bool is_long) noexcept {
  if (!is_long) {
    watch::monitor_sleeps(s);
    world::futex_wait_until(s.ending, 0, wake_ns);
    watch::monitor_wakes(s);
    return false;
  }
  {
    const locked hold(s.lock);
    if (s.ending.load_relaxed() != 0) return false;
    s.monitor.doze();
  }
  for (processor& p : s.processors.made()) {
    if (p.status.load_seq_cst() != processor_state::syscall) continue;
    if (s.monitor.leave_word() && anything_waits(s)) work_waits(s);
  }
  watch::monitor_sleeps(s);
  const bool woken = s.monitor.sleep_until(wake_ns);
  watch::monitor_wakes(s);
  const locked hold(s.lock);
  return s.monitor.awake(woken) != monitor_wake::none;
}

void poll_if_overdue(scheduler& s, std::int64_t now_ns) noexcept {
  if (!s.network.anybody_waits()) return;
  if (!s.polling.claim_overdue(now_ns, s.rules.poll_overdue.count())) return;
  poller::harvest found = s.network.poll(0);
  if (found.ready.count == 0) return;
  count_idle_locked(s, -1);  // one more that runs, while goroutines are on their way and perhaps no M is
  inject(s, nullptr, found.ready);
  s.network.waiters_served(found.count);
  count_idle_locked(s, +1);
}

void say_retake(processor& p, trace_retake why) noexcept {
  trace::add(*this_machine(), trace_kind::retake, p.id, static_cast<std::uint32_t>(why));
}

// Whether a P that was seen in a system call is worth taking now.
bool worth_taking(scheduler& s, processor& p, std::int64_t now_ns) noexcept {
  if (!p.queue.looks_empty()) {
    s.paths.retake_queue.add();
    say_retake(p, trace_retake::queue);
    return true;
  }
  if (s.gate.spinning_hint() + s.idle.processors_hint() == 0) {
    s.paths.retake_nobody_idle.add();
    say_retake(p, trace_retake::nobody_idle);
    return true;
  }
  if (p.seen.syscall_since_ns + s.rules.retake_grace.count() > now_ns) return false;
  s.paths.retake_grace.add();
  say_retake(p, trace_retake::grace);
  return true;
}

// Takes `p` out of its system call and gives it away. The pre-payment: between the taking and the
// start of an M nobody may be counted as running.
bool take_and_hand_off(scheduler& s, processor& p) noexcept {
  count_idle_locked(s, -1);
  const bool won = processor_status::take(p, processor_state::idle);
  if (won) {
    handoff(s, p);
  } else {
    s.paths.retake_lost.add();
    say_retake(p, trace_retake::lost);
  }
  count_idle_locked(s, +1);
  return won;
}

// Once for each schedule, and only when it matters to somebody.
void tell_hog(scheduler& s, processor& p, std::int64_t now_ns) noexcept {
  if (s.rules.hog_report.count() == 0 || p.seen.schedule_since_ns + s.rules.hog_report.count() > now_ns ||
      p.seen.hog_told)
    return;
  if (p.status.load_relaxed() != processor_state::running || !anything_waits(s)) return;
  p.seen.hog_told = true;
  watch::hogs(p, p.seen.schedule_since_ns, now_ns);
}

round_seen retake(scheduler& s, std::int64_t now_ns) noexcept {
  round_seen seen;
  for (processor& p : s.processors.made()) {
    const processor_state status = p.status.load_relaxed();
    const std::uint32_t schedule_tick = p.schedule_tick.load_relaxed();
    const bool used = status == processor_state::running || status == processor_state::syscall;
    bool long_slice = false;
    if (!used) {
      p.seen.schedule_tick = schedule_tick - 1;  // no slice lasts while a P is idle: the tick looks new afterwards
    } else if (p.seen.schedule_tick != schedule_tick) {
      p.seen.schedule_tick = schedule_tick;
      p.seen.schedule_since_ns = now_ns;
      p.seen.hog_told = false;
    } else if (p.seen.schedule_since_ns + s.rules.time_slice.count() <= now_ns) {
      long_slice = true;
      // A goroutine in a call is not asked (so in Go): it loses the P, where the next one would
      // find the request.
      if (status == processor_state::running) {
        p.ask_to_yield();
        tell_hog(s, p, now_ns);
      }
    }
    (used ? seen.busy : seen.idle) = true;
    if (status != processor_state::syscall) continue;
    const std::uint32_t syscall_tick = p.syscall_tick.load_relaxed();
    if (!long_slice && p.seen.syscall_tick != syscall_tick) {
      p.seen.syscall_tick = syscall_tick;
      p.seen.syscall_since_ns = now_ns;
      continue;
    }
    if (worth_taking(s, p, now_ns) && take_and_hand_off(s, p)) ++seen.taken;
  }
  return seen;
}

}  // namespace

void monitor_loop(void* argument) noexcept {
  machine& m = *static_cast<machine*>(argument);
  scheduler& s = m.home;
  take_system_seat(m);
  watch::monitor_begins(s);
  std::uint32_t idle_rounds = 0;
  std::int64_t period_ns = s.rules.sysmon_period.count();
  round_seen last{.busy = true};
  std::uint32_t cold = 0;  // dead goroutines whose stacks are to be trimmed
  std::int64_t limit_ns = world::nanotime() + s.rules.limit_recheck.count();
  std::int64_t trim_ns = world::nanotime() + s.rules.stack_trim_period.count();
  while (s.ending.load_relaxed() == 0) {
    if (idle_rounds == 0) {
      period_ns = s.rules.sysmon_period.count();
    } else if (idle_rounds > s.rules.sysmon_idle_rounds) {
      period_ns *= 2;
    }
    const std::int64_t cap_ns = last.idle
                                    ? s.rules.sysmon_period_max.count()
                                    : std::min(s.rules.sysmon_period_busy.count(), s.rules.sysmon_period_max.count());
    if (period_ns > cap_ns) period_ns = cap_ns;
    if (pause_until(s, world::nanotime() + period_ns, period_ns > s.rules.sysmon_doze.count())) {
      period_ns = s.rules.sysmon_period.count() / 2;  // work waits: look now, and soon again
      idle_rounds = s.rules.sysmon_idle_rounds;
    }
    if (!watch::monitor_stays_awake(s) && !last.busy && cold == 0) {
      switch (sleep_deeply(s, trim_ns)) {
        case monitor_wake::none: break;
        case monitor_wake::processor:  // its slice is long; a call beside it cuts a doze short
          period_ns = s.rules.sysmon_period_max.count();
          idle_rounds = s.rules.sysmon_idle_rounds;
          break;
        case monitor_wake::call: idle_rounds = 0; break;
      }
    }
    const std::int64_t now_ns = world::nanotime();
    s.clock_ns.set(now_ns);
    poll_if_overdue(s, now_ns);
    last = retake(s, now_ns);
    if (now_ns >= trim_ns) {
      cold = end_trim_period(s);
      trim_ns = now_ns + s.rules.stack_trim_period.count();
    }
    if (cold != 0) cold -= trim_stacks(s, cold);
    if (s.rules.limit_recheck.count() != 0 && now_ns >= limit_ns) {
      follow_limit(s);
      limit_ns = now_ns + s.rules.limit_recheck.count();
    }
    idle_rounds = last.taken != 0 ? 0 : idle_rounds + 1;
    watch::monitor_round(s, now_ns);
  }
  watch::monitor_ends(s);
  {
    const locked hold(s.lock);
    s.machines_system.set(s.machines_system.get() - 1);
  }
  leave_machine(m);
}

}  // namespace retake::sched
