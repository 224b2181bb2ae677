// atomics.cpp: the rules of memory.hpp, executed.
#include <algorithm>
#include <cstring>

#include "sim/engine.hpp"

namespace retake::sim {

std::uint32_t engine::add_location(void const* object, std::uint64_t initial, value_traits traits,
                                   site const& where) noexcept {
  site_record& s = sites_.intern(where, op_kind::make);
  if (objects_made_ == objects_max) fail("bound", "bound: more atomics and plains than objects_max", s.id);
  std::uint32_t const number = ++locations_used_;
  location& l = locations_.as<location>()[number];
  epoch const now = running_->hb.at[running_slot_];
  // Field by field: a temporary on the stack, cleared and copied, costs as much as all else here.
  l.owner = object;
  l.ring = ring_at(number);
  l.newest = 0;
  l.first_epoch = now;
  l.watchers = 0;
  l.id = static_cast<std::uint16_t>(++objects_made_);
  l.site = s.id;
  l.creator = static_cast<std::uint8_t>(running_slot_);
  l.dead = false;
  l.traits = traits;
  l.next_there = place(object, number * 2);
  l.waiters.count = 0;
  std::memset(l.touched, 0, sizeof l.touched);
  std::memset(l.accesses, 0, sizeof l.accesses);
  l.touched[running_slot_] = now;
  store_entry& e = l.ring[0];
  e.value = initial;
  e.operation = 0;
  e.site = s.id;
  e.writer = l.creator;
  e.releases = e.has_sc = e.has_record = e.modified = false;
  if (c11_) {
    std::memset(e.first_seen, 0xff, sizeof e.first_seen);
    e.first_seen[running_slot_] = now;
  }
  if (running_->knows_sc && keeps_sc_) record_of(e).fences = running_->sc.fences;
  return number;
}

location& engine::find(void const* object, std::uint32_t number, site const& where, op_kind kind) noexcept {
  if (number - 1 < locations_used_) [[likely]] {
    location& l = locations_.as<location>()[number];
    if (l.owner == object && !l.dead) [[likely]] {
      if (l.first_epoch > running_->hb.at[l.creator]) [[unlikely]] {
        site_record const& s = sites_.intern(where, kind);
        result_.what.site = l.site;
        fail("race", "race: an atomic is touched, and its construction did not happen before that", s.id);
      }
      return l;
    }
  }
  site_record const& s = sites_.intern(where, kind);
  if (number == 0) fail("harness", "harness: an atomic that was made outside of the execution", s.id);
  fail("use_after_free", "use_after_free: an atomic is touched before its construction or after its end", s.id);
}

namespace {

bool acquires(order o) noexcept { return o == order::acquire || o == order::acq_rel || o == order::seq_cst; }
bool releases(order o) noexcept { return o == order::release || o == order::acq_rel || o == order::seq_cst; }

}  // namespace

bool engine::must_see(store_entry const& e) const noexcept {
  thread const& t = *running_;
  for (std::uint32_t u = 0; u < width_; ++u) {
    if (e.first_seen[u] <= t.hb.at[u]) return true;
  }
  return false;
}

bool engine::tracks_sc(order o) const noexcept { return keeps_sc_ && (operations_used_ != 0 || o == order::seq_cst); }

// The oldest entry that an access of this order by the running thread may read or follow.
std::uint32_t engine::floor_of(location const& l, order o) noexcept {
  std::uint32_t const oldest = l.newest >= history_ ? l.newest - history_ + 1 : 0;
  std::uint32_t i = l.newest;
  while (i > oldest && !must_see(entry_at(l, i))) --i;
  return i == l.newest || (operations_used_ == 0 && o != order::seq_cst) ? i : forced_by_sc(l, i, o);
}

void engine::acquire(store_entry& e, order o) noexcept {
  if (!e.releases) return;
  thread& t = *running_;
  if (acquires(o)) {
    t.hb.join(e.hb, width_);
    if (e.has_sc) learn_sc(t, record_of(e).published);
  } else if (scenario_->fences_synchronize) {
    keep_acquirable(e);
  }
}

// For pause(): what the loop looked at.
void engine::note_read(location& l, std::uint32_t sequence, site_record const& s) noexcept {
  thread& t = *running_;
  for (std::uint32_t i = 0; i < t.reads_count; ++i) {
    if (t.reads[i].where == &l) {
      t.reads[i] = {&l, sequence, s.id};
      return;
    }
  }
  if (t.reads_count == thread::reads_max) {
    t.reads_overflow = true;
    return;
  }
  t.reads[t.reads_count++] = {&l, sequence, s.id};
}

// The same for a load, which in a loop goes on from what it read last.
std::uint32_t engine::floor_of_load(location const& l, order o, site_record const& s) noexcept {
  return running_->fresh_count != 0 && is_fresh(l, s) ? l.newest : floor_of(l, o);
}

// A load, or a compare_exchange that failed.
std::uint64_t engine::take(location& l, std::uint32_t sequence, order o, site_record const& s) noexcept {
  touch(l);
  store_entry& e = entry_at(l, sequence);
  bool const sc = tracks_sc(o);
  if (sc) begin_run(*running_, l.id);
  if (c11_ && e.first_seen[running_slot_] == never) e.first_seen[running_slot_] = running_->hb.at[running_slot_];
  acquire(e, o);
  if (sc) read_sc(l, sequence, o);
  note_read(l, sequence, s);
  return e.value;
}

std::uint64_t engine::read(location& l, order o, site_record const& s, std::uint32_t& age) noexcept {
  age = 0;
  if (c11_ && l.newest != 0) {
    std::uint32_t const low = floor_of_load(l, o, s);
    if (low < l.newest) {
      age = alone_.active ? l.newest - std::max(sequence_alone(l), low)
                          : decide_value(choice_kind::read_from, l.newest - low + 1, s.kind, s, nullptr);
    }
  }
  store_entry const& e = entry_at(l, l.newest - age);
  if (!pairs_.empty()) [[unlikely]] {
    std::uint32_t const pair = sites_[e.site].function_hash * 31 + s.function_hash + sites_[e.site].line * 7 + s.line;
    ++pairs_[(pair * 2654435761U >> 12) % pairs_.size()];
  }
  return take(l, l.newest - age, o, s);
}

// Whether a store may take the place behind this older entry: the history keeps both, and no
// read-modify-write stands there.
bool engine::may_follow(location const& l, std::uint32_t sequence) const noexcept {
  return placements_left_ != 0 && !alone_.active && l.newest - sequence + 2 <= history_ &&
         !entry_at(l, sequence).modified;
}

// The entry that a store follows in modification order; a read-modify-write reads it too.
std::uint32_t engine::place_for(location& l, order o, site_record const& s) noexcept {
  if (!c11_ || l.newest == 0 || placements_left_ == 0 || alone_.active) return l.newest;
  std::uint32_t const low = floor_of(l, o);
  std::uint32_t candidates[history_max] = {l.newest};
  std::uint32_t n = 1;
  for (std::uint32_t i = l.newest; i-- > low;) {
    if (may_follow(l, i)) candidates[n++] = i;
  }
  std::uint32_t const which = decide_value(choice_kind::place, n, s.kind, s, nullptr);
  if (which != 0) --placements_left_;
  return candidates[which];
}

// The entry that a compare_exchange reads, and whether it wins there.
std::uint32_t engine::entry_to_exchange(location& l, std::uint64_t expected, order o, bool weak, site_record const& s,
                                        bool& won) noexcept {
  std::uint32_t chosen = l.newest;
  if (c11_ && l.newest != 0) {
    std::uint32_t const low = floor_of_load(l, o, s);
    std::uint32_t candidates[history_max] = {l.newest};
    std::uint32_t n = 1;
    for (std::uint32_t i = l.newest; i-- > low;) {
      if (weak || entry_at(l, i).value != expected || may_follow(l, i)) candidates[n++] = i;
    }
    std::uint32_t which = 0;
    if (!alone_.active) {
      which = decide_value(choice_kind::read_from, n, s.kind, s, nullptr);
    } else if (n != 1) {
      while (which < n && candidates[which] != sequence_alone(l)) ++which;
      which %= n;
    }
    chosen = candidates[which];
  }
  won = entry_at(l, chosen).value == expected && (chosen == l.newest || may_follow(l, chosen));
  if (won && weak && weak_failures_left_ != 0 && !alone_.active &&
      decide_value(choice_kind::weak_failure, 2, s.kind, s, nullptr) != 0) {
    --weak_failures_left_;
    won = false;
  }
  if (won && chosen != l.newest) --placements_left_;
  return chosen;
}

// Entries behind `after` move up by one; what loops know of them moves along.
void engine::make_room(location& l, std::uint32_t after) noexcept {
  for (std::uint32_t i = l.newest; i > after; --i) {
    store_entry& from = entry_at(l, i);
    store_entry& to = entry_at(l, i + 1);
    if (from.has_record || from.has_sc)
      records_.as<sc_record>()[record_index(to)] = records_.as<sc_record>()[record_index(from)];
    to = from;
  }
  for (std::uint32_t u = 0; u < width_; ++u) {
    thread& t = threads_[u];
    for (std::uint32_t i = 0; i < t.reads_count; ++i)
      t.reads[i].sequence += t.reads[i].where == &l && t.reads[i].sequence > after ? 1 : 0;
    for (std::uint32_t i = 0; i < t.fresh_count; ++i)
      t.fresh[i].sequence += t.fresh[i].where == &l && t.fresh[i].sequence > after ? 1 : 0;
  }
}

// A store behind the entry `after`; `modifies`: it has read that one, and no other store comes
// between. Returns how many are newer.
std::uint32_t engine::append(location& l, std::uint64_t value, order o, std::uint32_t after, bool modifies,
                             site_record const& s) noexcept {
  thread& t = *running_;
  touch(l);
  bool const sc = tracks_sc(o);
  if (sc) begin_run(t, l.id);
  if (modifies) acquire(entry_at(l, after), o);
  if (after != l.newest) [[unlikely]]
    make_room(l, after);
  store_entry& before = entry_at(l, after);
  store_entry& e = entry_at(l, after + 1);  // the same one when there is no history
  bool const continued = modifies && before.releases;
  bool const had_sc = continued && before.has_sc;
  if (continued && &e != &before) e.hb = before.hb;
  if (had_sc) { records_.as<sc_record>()[record_index(e)].published = record_of(before).published; }
  before.modified = modifies;
  e.value = value;
  e.operation = 0;
  e.site = s.id;
  e.writer = static_cast<std::uint8_t>(running_slot_);
  e.has_record = e.modified = false;
  e.has_sc = had_sc;
  e.releases = continued;
  if (c11_) {
    std::memset(e.first_seen, 0xff, sizeof e.first_seen);
    e.first_seen[running_slot_] = t.hb.at[running_slot_];
  }
  ++l.newest;
  if (sc) write_sc(l, after + 1, o);
  if (releases(o)) {
    join_known(e.hb, e.releases, t.hb, width_);
    if (t.knows_sc) publish_sc(record_of(e).published, e.has_sc, t, running_slot_, t.run_sc);
  } else if (t.released.valid) {
    release_by_fence(e);
  }
  t.wrote = true;
  lonely_ = 0;
  std::uint32_t const age = l.newest - (after + 1);
  if (l.watchers != 0 && age == 0) [[unlikely]] {
    enabled_ |= l.watchers & paused_;
    paused_ &= ~l.watchers;
    l.watchers = 0;
  }
  return age;
}

}  // namespace retake::sim
