// spinning.cpp: what a pause means: a step, a wait until what the loop read changes, or the loop's
// end.
//
// Problem.   A search that takes a spin loop step by step never ends, and one in which the loop
//            only waits for a change never sees a bounded spin give up.
// Rejected.  So many free pauses more: one loop has a bound of 4 rounds, the next of 100. A look at
//            the loop's own state, to see that it goes round for ever: it lies in registers and in
//            memory that compilers lay out as they like.
// Recipe.    The first spins_free pauses of a loop are plain steps. At each further one a choice
//            (give_up) decides:
//              0  the thread waits until a location that its round read is stored to. If that is so
//                 already it goes on, and its next read there returns the newest value. A round
//                 that wrote or read the clock waits for a step of another thread.
//              1  it gives up: it goes through its rounds alone. No other thread runs, no time
//                 passes and its reads return the entries that they returned last, so nothing but a
//                 count of its own can end it. The first operation that is not one of its last
//                 round (by site and object) says that the loop has ended: all those rounds were
//                 one step. After rounds_alone_max rounds or operations_alone_max operations it was
//                 in vain, and the thread waits as with 0.
//            If no thread can run, those that wait give up in turn, and it is a livelock only when
//            all of them did so in vain.
//            A loop is known by its pauses and its effects (read-modify-writes, fences), each by
//            site and object: with one that is not known another loop begins. A store, a
//            compare_exchange that won, a sleep, a wake-up or a kernel call is progress.
//
// Checked by tests/sim/spinning_test.cpp.
// Not promised: that a loop gives up which needs more rounds or operations than that, more than
//            places_max different operations or known_max different effects. Two loops in a row
//            with the same operations on the same objects are one: they give up together, or the
//            second waits.
#include <algorithm>
#include <bit>

#include "sim/engine.hpp"

namespace retake::sim {

// Else it is from now on. A loop with more of them than there is room for is known in any case, so
// that each search ends.
bool engine::is_known(loop_step p) noexcept {
  thread& t = *running_;
  for (std::uint32_t i = 0; i < t.known_count; ++i) {
    if (t.known[i] == p) return true;
  }
  if (t.known_count == thread::known_max) return true;
  t.known[t.known_count++] = p;
  return false;
}

void engine::effect(site_record const& s, std::uint32_t object) noexcept {
  if (is_known({s.id, static_cast<std::uint16_t>(object)})) return;
  running_->pauses = 0;
  running_->reads_overflow = false;
  running_->reads_count = running_->fresh_count = 0;
}

// Whether a location changed since the loop read it. Such a read returns the newest next time: it
// would give the same old value for ever.
bool engine::read_what_changed(bool keep_fresh) noexcept {
  thread& me = *running_;
  bool changed = false;
  for (std::uint32_t i = 0; i < me.reads_count; ++i) {
    spin_read const& r = me.reads[i];
    if (r.where->newest == r.sequence) continue;
    changed = true;
    std::span const fresh(me.fresh, me.fresh_count);
    bool const there = std::any_of(fresh.begin(), fresh.end(),
                                   [&r](spin_read const& f) { return f.where == r.where && f.site == r.site; });
    if (keep_fresh && !there && me.fresh_count < thread::reads_max) me.fresh[me.fresh_count++] = r;
  }
  return changed;
}

// Once.
bool engine::is_fresh(location const& l, site_record const& s) noexcept {
  thread& me = *running_;
  for (std::uint32_t i = 0; i < me.fresh_count; ++i) {
    if (me.fresh[i].where != &l || me.fresh[i].site != s.id) continue;
    me.fresh[i] = me.fresh[--me.fresh_count];
    return true;
  }
  return false;
}

void engine::spin(site_record& s) noexcept {
  point(op_kind::pause, s, 0);
  thread& me = *running_;
  bool is_free = false;
  if (alone_.active) {
    if (++alone_.rounds < rounds_alone_max && alone_.operations < operations_alone_max) return;
    leave_alone(false);
  } else {
    std::uint16_t const looked_at = me.reads_count == 0 ? 0 : me.reads[me.reads_count - 1].where->id;
    if (!is_known({s.id, looked_at})) {
      me.pauses = 0;
      me.fresh_count = 0;
    }
    done(op_kind::pause, s, 0, 0, event_outcome::none, 0);
    is_free = me.pauses < options_.spins_free && !healing_;
    // A loop that writes goes on by itself when no other thread can run.
    bool const may_give_up = !is_free && give_ups_left_ != 0 && (!me.wrote || (enabled_ & (enabled_ - 1)) != 0);
    if (may_give_up && decide_value(choice_kind::give_up, 2, op_kind::pause, s, nullptr) != 0) {
      --give_ups_left_;
      if (go_alone(s, true)) return;
      chooser_->in_vain();
    }
  }
  bool const pure = !me.wrote && !me.reads_overflow && !me.read_clock && me.reads_count > 0;
  bool const changed = read_what_changed(me.pauses >= options_.spins_free);
  bool const goes_on = is_free || (pure && changed);
  if (!goes_on && wait_in_loop(pure) && go_alone(s, false)) return;
  ++me.pauses;
  me.reads_count = 0;
  me.reads_overflow = me.wrote = me.read_clock = false;
}

// True: no thread could run, and this one shall give up.
bool engine::wait_in_loop(bool until_change) noexcept {
  thread& me = *running_;
  std::uint32_t const bit = 1U << running_slot_;
  enabled_ = (enabled_ | yielded_) & ~bit;
  yielded_ = 0;
  if (until_change) {
    me.state = thread_state::paused;
    paused_ |= bit;
    for (std::uint32_t i = 0; i < me.reads_count; ++i) me.reads[i].where->watchers |= bit;
  } else {
    me.state = thread_state::yielded;
    yielded_ |= bit;
  }
  pick_next(false);
  me.state = thread_state::enabled;
  if (until_change) {
    for (std::uint32_t i = 0; i < me.reads_count; ++i) me.reads[i].where->watchers &= ~bit;
  }
  ++steps_;
  now_ns_ += step_ns;
  bool const told = told_to_give_up_ == bit;
  if (told) told_to_give_up_ = 0;
  in_vain_ &= ~bit;
  return told;
}

// The next thread that waits for a change and did not yet give up in vain. False: there is none.
bool engine::tell_to_give_up() noexcept {
  std::uint32_t const left = paused_ & ~in_vain_;
  if (left == 0) return false;
  told_to_give_up_ = left & (~left + 1);
  paused_ &= ~told_to_give_up_;
  enabled_ |= told_to_give_up_;
  return true;
}

// At a pause. False: the round is not known, or is too long.
bool engine::go_alone(site_record const& s, bool by_choice) noexcept {
  if (!learn_places(s)) return false;
  alone_.active = true;
  alone_.by_choice = by_choice;
  alone_.pause_site = s.id;
  alone_.rounds = alone_.operations = 0;
  alone_.hash = hash_;
  alone_.event_next = event_next_;
  running_->fresh_count = 0;
  running_->wrote = running_->read_clock = false;
  look_at_ = 0;  // point() asks stays_alone()
  earliest_ns_ = no_deadline;
  return true;
}

bool engine::is_place_alone(loop_step p) const noexcept {
  std::span const places(alone_.places, alone_.places_count);
  return std::find(places.begin(), places.end(), p) != places.end();
}

bool engine::add_place(loop_step p) noexcept {
  if (is_place_alone(p)) return true;
  if (alone_.places_count == loop_alone::places_max) return false;
  alone_.places[alone_.places_count++] = p;
  return true;
}

// The operations since this thread's last pause at this site, read back from the events; the last
// of them is this pause.
bool engine::learn_places(site_record const& s) noexcept {
  constexpr std::uint32_t events_read_max = 4'096;
  alone_.places_count = 0;
  bool is_this_pause = true;
  for (std::uint32_t i = 1; i <= std::min(event_next_, events_read_max); ++i) {
    event const& x = events_.as<event>()[(event_next_ - i) & (events_max - 1)];
    if (x.thread != running_slot_ || x.op == op_kind::note) continue;
    if (!is_this_pause && x.op == op_kind::pause && x.site == s.id) return true;
    is_this_pause = false;
    if (!add_place({x.site, x.object})) return false;
  }
  // Its first pause (spins_free is 0), or long ago.
  alone_.places_count = 0;
  add_place({s.id, 0});
  for (std::uint32_t i = 0; i < running_->reads_count; ++i)
    add_place({running_->reads[i].site, running_->reads[i].where->id});
  return true;
}

// A round of more than operations_alone_max operations is none: the loop no longer pauses.
bool engine::stays_alone(site_record const& s, std::uint32_t object) noexcept {
  if (++alone_.operations < 2 * operations_alone_max && is_place_alone({s.id, static_cast<std::uint16_t>(object)}))
    return true;
  leave_alone(true);
  return false;
}

// Rounds that only read leave nothing behind but one event.
void engine::leave_alone(bool gave_up) noexcept {
  thread& me = *running_;
  alone_.active = false;
  look_at_ = std::min(chaos_end_, looked_at_ + look_steps);
  recompute_earliest();
  if (!me.wrote) {
    hash_ = alone_.hash;
    event_next_ = alone_.event_next;
  }
  if (gave_up) {
    done(op_kind::pause, sites_[alone_.pause_site], 0, alone_.rounds, event_outcome::gave_up, alone_.rounds);
    me.wrote = me.read_clock = false;
    forget_loop();
    return;
  }
  in_vain_ |= 1U << running_slot_;
  if (alone_.by_choice) chooser_->in_vain();
}

// The entry that the loop read there last; the newest where it did not.
std::uint32_t engine::sequence_alone(location const& l) const noexcept {
  for (std::uint32_t i = 0; i < running_->reads_count; ++i) {
    if (running_->reads[i].where == &l) return running_->reads[i].sequence;
  }
  return l.newest;
}

}  // namespace retake::sim
