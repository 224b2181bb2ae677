// schedule.cpp: who runs next, when the clock moves, and what it means that nobody can run.
#include <algorithm>
#include <bit>
#include <cstdlib>

#include "sim/engine.hpp"

namespace retake::sim {

namespace {

constexpr char const* healed_livelock =
    "livelock: a healed world (fair, no faults, newest values) does not come to its end";
constexpr std::uint32_t lonely_max = 64;  // rounds in which only spinners can run, before they are called a livelock

std::uint32_t scramble(std::uint32_t x) noexcept {
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  return x ^ (x >> 16);
}

// Without the instruction (baseline x86-64) std::popcount is a call, and a loop ends where no
// branch predictor expects it.
std::uint32_t count_slots(std::uint32_t mask) noexcept {
  mask -= mask >> 1 & 0x55555555U;
  mask = (mask & 0x33333333U) + (mask >> 2 & 0x33333333U);
  mask = (mask + (mask >> 4)) & 0x0f0f0f0fU;
  return mask * 0x01010101U >> 24;
}

}  // namespace

void engine::point(op_kind kind, site_record& s, std::uint32_t object) noexcept {
  ++s.reached;
  pending_[running_slot_] = {kind, s.id, object};
  ++steps_;
  now_ns_ += step_ns;
  if (yielded_ != 0) [[unlikely]] {
    enabled_ |= yielded_;
    yielded_ = 0;
  }
  if (now_ns_ >= earliest_ns_) [[unlikely]]
    expire();
  if (options_.check == check_mode::step && commit_ != nullptr) [[unlikely]]
    commit_(commit_context_, nullptr, nullptr);
  if (steps_ >= look_at_) [[unlikely]] {
    if (alone_.active && stays_alone(s, object)) {  // all its rounds are one step, and take no time
      --steps_;
      now_ns_ -= step_ns;
      return;
    }
    look();
    if (steps_ >= chaos_end_) {
      pick_fair(true);
      return;
    }
  }
  if ((enabled_ & (enabled_ - 1)) == 0 && earliest_ns_ == no_deadline) return;
  pick_next(true);
}

void engine::done(op_kind kind, site_record const& s, std::uint32_t object, std::uint64_t value, std::uint8_t outcome,
                  std::uint64_t hashed, std::uint32_t age) noexcept {
  std::uint64_t const word = running_slot_ | static_cast<std::uint64_t>(kind) << 8 |
                             static_cast<std::uint64_t>(object & 0xffff) << 16 |
                             static_cast<std::uint64_t>(s.function_hash) << 32;
  std::uint64_t const result =
      hashed + (static_cast<std::uint64_t>(outcome) << 48) + (static_cast<std::uint64_t>(age) << 56);
  hash_ = (hash_ ^ word ^ (result * 0xff51afd7ed558ccdULL)) * 0x9e3779b97f4a7c15ULL;
  hash_ ^= hash_ >> 29;
  events_.as<event>()[event_next_++ & (events_max - 1)] =
      {value, s.id,    static_cast<std::uint16_t>(object), static_cast<std::uint8_t>(running_slot_),
       kind,  outcome, static_cast<std::uint8_t>(age)};
  ++running_->hb.at[running_slot_];
}

std::uint32_t engine::decide(choice_point const& p) noexcept {
  std::uint32_t const chosen = chooser_->choose(p);
  if (chosen >= p.n) [[unlikely]] { fail("harness", "the chooser answered outside of the alternatives", p.site); }
  std::uint32_t const to = p.kind == choice_kind::thread ? p.slot_of(chosen) : 0;
  choices_.as<choice_record>()[choice_next_++] = {p.kind,  static_cast<std::uint8_t>(p.running),
                                                  p.op,    p.running_enabled,
                                                  p.site,  static_cast<std::uint16_t>(to),
                                                  p.n,     chosen,
                                                  p.local, p.name};
  if (choice_next_ == choices_max) [[unlikely]]
    chaos_end_ = look_at_ = steps_;  // full: the rest of the execution heals
  if (chosen == 0) return 0;
  switch (p.kind) {
    case choice_kind::thread:
      if (p.running_enabled && to != clock_slot) ++result_.preemptions;
      break;
    case choice_kind::read_from:
    case choice_kind::place: ++result_.stale_reads; break;
    case choice_kind::fault: ++result_.faults; break;
    default: break;
  }
  return chosen;
}

std::uint32_t engine::decide_value(choice_kind kind, std::uint32_t n, op_kind op, site_record const& s,
                                   char const* name) noexcept {
  if (n <= 1) return 0;
  if (alone_.active) [[unlikely]]
    leave_alone(true);  // a loop that draws
  if (steps_ >= chaos_end_) [[unlikely]] {
    bool const free_value = kind == choice_kind::random || kind == choice_kind::named;
    if (!free_value) return 0;
    if (++steps_ >= heal_end_) fail("livelock", healed_livelock, s.id);  // a loop that does nothing but draw
    return scramble(steps_) % n;
  }
  return decide({kind, true, false, op, n, running_slot_, enabled_, steps_, running_->hb.at[running_slot_],
                 pending_[running_slot_].object, s.id, name, pending_, budget_of(kind)});
}

std::uint32_t engine::budget_of(choice_kind kind) const noexcept {
  switch (kind) {
    case choice_kind::give_up: return give_ups_left_;
    case choice_kind::place: return placements_left_;
    case choice_kind::weak_failure: return weak_failures_left_;
    default: return faults_left_;
  }
}

void engine::pick_next(bool running_enabled) noexcept {
  for (;;) {
    if (enabled_ == 0) [[unlikely]] {
      nobody_can_run();
      continue;
    }
    if (steps_ >= chaos_end_) [[unlikely]] {
      pick_fair(running_enabled);
      return;
    }
    bool const tick = earliest_ns_ != no_deadline && result_.ticks < options_.ticks_max;
    std::uint32_t const n = count_slots(enabled_) + (tick ? 1 : 0);
    std::uint32_t slot;
    if (n == 1) {
      slot = static_cast<std::uint32_t>(std::countr_zero(enabled_));
    } else {
      pending_operation const& mine = pending_[running_slot_];
      choice_point const p{choice_kind::thread,
                           running_enabled,
                           tick,
                           mine.kind,
                           n,
                           running_slot_,
                           enabled_,
                           steps_,
                           running_->hb.at[running_slot_],
                           mine.object,
                           mine.site,
                           nullptr,
                           pending_,
                           options_.ticks_max - result_.ticks};
      decide(p);
      slot = choices_.as<choice_record>()[choice_next_ - 1].to;
    }
    if (slot == clock_slot) {
      ++result_.ticks;
      jump_clock();
      continue;
    }
    if (slot != running_slot_) switch_to(slot);
    return;
  }
}

// Healed: round robin in turns of varying length, so that two threads cannot dance in step for
// ever.
void engine::pick_fair(bool running_enabled) noexcept {
  if (!healing_) {
    healing_ = true;
    result_.truncated = true;
  }
  if (scenario_->steps_max != 0 && steps_ >= scenario_->steps_max)
    fail("steps", "steps: the execution reached its bound of steps", pending_[running_slot_].site);
  if (steps_ >= heal_end_) fail("livelock", healed_livelock, pending_[running_slot_].site);
  while (enabled_ == 0) nobody_can_run();
  if (running_enabled && slice_ > 0) {
    --slice_;
    return;
  }
  slice_ = scramble(steps_) & 7;
  std::uint32_t const above = running_slot_ == 31 ? 0 : enabled_ & (~0U << (running_slot_ + 1));
  std::uint32_t const slot = static_cast<std::uint32_t>(std::countr_zero(above != 0 ? above : enabled_));
  if (slot != running_slot_) switch_to(slot);
}

void engine::switch_to(std::uint32_t slot) noexcept {
  thread& from = *running_;
  running_slot_ = slot;
  running_ = &threads_[slot];
  floor::switch_context(from.context, running_->context);
}

// Whether execution and campaign go on. Called once in look_steps steps, and at each step of a
// healed world.
void engine::look() noexcept {
  bool const due = steps_ >= looked_at_ + look_steps;
  if (due) looked_at_ = steps_;
  look_at_ = std::min(chaos_end_, looked_at_ + look_steps);
  if (!due || over_ == nullptr || !over_(over_context_)) return;
  cut();
}

void engine::cut() noexcept {
  result_.cut = result_.truncated = true;
  finish();
}

// No thread can run. Until when that lasts at least: the next deadline of a thread or an alarm.
// Alarms that merely renew themselves count for nothing once renewals_max have rung in vain.
// no_deadline: for ever.
std::int64_t engine::still_until() noexcept {
  if (earliest_ns_ == no_deadline) return no_deadline;
  if (still_step_ != steps_) {
    still_step_ = steps_;
    still_rings_ = rings_;
    still_asked_ns_ = no_deadline;
  }
  std::uint32_t const in_vain = rings_ - still_rings_;
  if (in_vain < renewals_max) return earliest_ns_;
  if (in_vain >= rings_max) {
    fail("bound", "bound: rings_max alarms rang one after the other and woke no thread", pending_[running_slot_].site);
  }
  if (rings_ - looked_ring_ >= look_rings) {
    looked_ring_ = rings_;
    if (over_ != nullptr && over_(over_context_)) cut();
  }
  std::int64_t until_ns = no_deadline;
  for (std::uint32_t u = 0; u < width_; ++u) until_ns = std::min(until_ns, threads_[u].deadline_ns);
  for (std::uint32_t i = 0; i < alarms_; ++i) {
    if (rings_ - alarm_[i].set_at > renewals_max / 2) until_ns = std::min(until_ns, alarm_[i].deadline_ns);
  }
  return until_ns;
}

void engine::nobody_can_run() noexcept {
  // Those that yielded may go on like this for ever: now and then one that waits has its turn.
  if (yielded_ != 0 && ++only_yielded_ % lonely_max == 0 && tell_to_give_up()) return;
  if (yielded_ != 0) {
    // Only spinners that poll the clock, or write while they spin: time passes, faster and faster.
    if (lonely_ > 0 && earliest_ns_ != no_deadline) {
      jump_clock();
    } else {
      now_ns_ += std::int64_t{1000} << (lonely_ < 20 ? lonely_ : 20);
      if (now_ns_ >= earliest_ns_) expire();
    }
    ++lonely_;
    enabled_ |= yielded_;
    yielded_ = 0;
    return;
  }
  if (std::int64_t const until_ns = still_until(); until_ns != no_deadline) {
    // Asked once for the same end: an alarm that is renewed meanwhile changes nothing in the
    // answer.
    if (still_ != nullptr && until_ns != still_asked_ns_) still_(still_context_, until_ns);
    still_asked_ns_ = until_ns;
    jump_clock();
    return;
  }
  if (paused_ != 0) {
    if (lonely_++ < lonely_max && tell_to_give_up()) return;
    fail("livelock", "livelock: all who can run spin on what nobody will change", pending_[running_slot_].site);
  }
  fail("deadlock",
       alive_ == 1 ? "deadlock: the last thread waits, and nobody is left to wake it"
                   : "deadlock: every thread waits, and no deadline is pending",
       pending_[running_slot_].site);
}

void engine::jump_clock() noexcept {
  if (earliest_ns_ > now_ns_) now_ns_ = earliest_ns_;
  expire();
}

void engine::recompute_earliest() noexcept {
  earliest_ns_ = no_deadline;
  for (std::uint32_t u = 0; u < width_; ++u) {
    if (threads_[u].deadline_ns < earliest_ns_) earliest_ns_ = threads_[u].deadline_ns;
  }
  for (std::uint32_t i = 0; i < alarms_; ++i) {
    if (alarm_[i].deadline_ns < earliest_ns_) earliest_ns_ = alarm_[i].deadline_ns;
  }
}

// Deadlines that passed: waiters time out, alarms ring in the order of their deadlines, equal ones
// in the order they were set.
void engine::expire() noexcept {
  for (std::uint32_t u = 0; u < width_; ++u) {
    thread& t = threads_[u];
    if (t.deadline_ns > now_ns_) continue;
    t.timed_out = true;
    rouse(u);
  }
  for (std::uint32_t at_once = 0;;) {
    std::uint32_t due = alarms_max;
    for (std::uint32_t i = 0; i < alarms_; ++i) {
      if (alarm_[i].deadline_ns <= now_ns_ && (due == alarms_max || alarm_[i].deadline_ns < alarm_[due].deadline_ns))
        due = i;
    }
    if (due == alarms_max) break;
    pending_alarm const ringing = alarm_[due];
    --alarms_;
    for (std::uint32_t i = due; i < alarms_; ++i) alarm_[i] = alarm_[i + 1];
    ++rings_;
    if (++at_once > rings_at_once_max)
      fail("bound", "bound: an alarm that is due sets itself again, rings_at_once_max times",
           pending_[running_slot_].site);
    ringing.call(ringing.context);
  }
  recompute_earliest();
}

void engine::wake(std::uint32_t slot) noexcept {
  thread& t = threads_[slot];
  bool const had_deadline = t.deadline_ns != no_deadline;
  t.waiting_in = nullptr;
  t.deadline_ns = no_deadline;
  t.state = thread_state::enabled;
  enabled_ |= 1U << slot;
  pending_[slot].kind = op_kind::futex_resume;
  lonely_ = 0;
  if (had_deadline) recompute_earliest();
}

bool engine::notify(wait_list& list, std::uint32_t index) noexcept {
  if (index >= list.count) return false;
  std::uint32_t const slot = list.slot[index];
  --list.count;
  for (std::uint32_t i = index; i < list.count; ++i) list.slot[i] = list.slot[i + 1];
  wake(slot);
  return true;
}

// Ends the sleep of a blocked thread, wherever it waits.
void engine::rouse(std::uint32_t slot) noexcept {
  if (threads_[slot].waiting_in == nullptr) return wake(slot);
  wait_list& list = *threads_[slot].waiting_in;
  for (std::uint32_t i = 0; i < list.count; ++i) {
    if (list.slot[i] != slot) continue;
    notify(list, i);
    return;
  }
}

// A signal ends the sleep of this thread. False: it sleeps in no futex and until no time.
bool engine::interrupt(std::uint32_t number) noexcept {
  for (std::uint32_t u = 0; u < width_; ++u) {
    thread& t = threads_[u];
    if (t.number != number || t.state != thread_state::blocked) continue;
    if (pending_[u].kind != op_kind::futex_wait && pending_[u].kind != op_kind::sleep) return false;
    t.interrupted = true;
    rouse(u);
    return true;
  }
  return false;
}

wait_result engine::block(wait_list* list, std::int64_t deadline_ns, op_kind kind, site_record& s,
                          std::uint32_t object) noexcept {
  if (alone_.active) [[unlikely]]
    leave_alone(true);
  forget_loop();
  if (deadline_ns <= now_ns_) return wait_result::timed_out;
  thread& me = *running_;
  std::uint32_t const slot = running_slot_;
  me.timed_out = me.interrupted = false;
  me.deadline_ns = deadline_ns;
  me.waiting_in = list;
  me.state = thread_state::blocked;
  if (list != nullptr) list->slot[list->count++] = static_cast<std::uint8_t>(slot);
  if (deadline_ns < earliest_ns_) earliest_ns_ = deadline_ns;
  pending_[slot] = {kind, s.id, object};
  enabled_ = (enabled_ | yielded_) & ~(1U << slot);
  yielded_ = 0;
  pick_next(false);
  ++steps_;
  now_ns_ += step_ns;
  return me.timed_out ? wait_result::timed_out : wait_result::woken;
}

bool engine::strike(fault_kind kind, site const& where) noexcept {
  if ((options_.fault_mask >> static_cast<std::uint32_t>(kind) & 1U) == 0 || faults_left_ == 0 || steps_ >= chaos_end_)
    return false;
  site_record const& s = sites_.intern(where, op_kind::named);
  bool const struck = decide_value(choice_kind::fault, 2, pending_[running_slot_].kind, s,
                                   fault_names[static_cast<std::size_t>(kind)].data()) != 0;
  if (struck) --faults_left_;
  return struck;
}

}  // namespace retake::sim
