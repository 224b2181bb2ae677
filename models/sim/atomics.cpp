// atomics.cpp: the rules of memory.hpp, executed.
#include <algorithm>
#include <cstring>

#include "sim/engine.hpp"

namespace retake::sim {

std::uint32_t engine::add_location(void const* object, std::uint64_t initial, value_traits traits, site const& where) noexcept {
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
  l.touched[running_slot_] = now;
  store_entry& e = l.ring[0];
  e.value = initial;
  e.sc_position = never;
  e.site = s.id;
  e.writer = l.creator;
  e.releases = false;
  e.has_view = false;
  if (c11_) {
    std::memset(e.first_seen, 0xff, sizeof e.first_seen);
    e.first_seen[running_slot_] = now;
  }
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

bool engine::must_see(store_entry const& e, order o) const noexcept {
  thread const& t = *running_;
  for (std::uint32_t u = 0; u < width_; ++u) {
    if (e.first_seen[u] <= t.hb.at[u]) return true;
  }
  if (t.has_view) {
    for (std::uint32_t u = 0; u < width_; ++u) {
      if (e.first_seen[u] <= t.fence_view.at[u]) return true;
    }
    if (e.sc_position <= t.fence_position) return true;
  }
  if (o == order::seq_cst) {
    if (e.sc_position != never) return true;
    for (std::uint32_t u = 0; u < width_; ++u) {
      if (e.first_seen[u] <= fence_clock_.at[u]) return true;
    }
  }
  return false;
}

// The oldest entry that a load of this order by the running thread may read.
std::uint32_t engine::floor_of(location const& l, order o, site_record const& s) noexcept {
  std::uint32_t const oldest = l.newest >= history_ ? l.newest - history_ + 1 : 0;
  if (running_->fresh_count != 0 && is_fresh(l, s)) return l.newest;
  std::uint32_t i = l.newest;
  while (i > oldest && !must_see(entry_at(l, i), o)) --i;
  return i;
}

void engine::acquire(store_entry const& e) noexcept {
  if (!e.releases) return;
  thread& t = *running_;
  t.hb.join(e.release.hb, width_);
  if (!e.has_view) return;
  if (!t.has_view) {
    t.has_view = true;
    t.fence_view.clear();
    t.fence_position = 0;
  }
  t.fence_view.join(e.release.fence_view, width_);
  if (e.release.fence_position > t.fence_position) t.fence_position = e.release.fence_position;
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

namespace {

bool acquires(order o) noexcept { return o == order::acquire || o == order::acq_rel || o == order::seq_cst; }
bool releases(order o) noexcept { return o == order::release || o == order::acq_rel || o == order::seq_cst; }

}  // namespace

std::uint64_t engine::read(location& l, order o, site_record const& s, std::uint32_t& age) noexcept {
  std::uint32_t chosen = l.newest;
  age = 0;
  touch(l);
  if (c11_) {
    if (l.newest != 0) {
      std::uint32_t const low = floor_of(l, o, s);
      if (low < l.newest) {
        age = alone_.active ? l.newest - std::max(sequence_alone(l), low) : decide_value(choice_kind::read_from, l.newest - low + 1, s.kind, s, nullptr);
      }
      chosen -= age;
    }
    store_entry& e = entry_at(l, chosen);
    if (e.first_seen[running_slot_] == never) e.first_seen[running_slot_] = running_->hb.at[running_slot_];
    if (o == order::seq_cst) {
      ++sc_position_;
      if (e.sc_position == never) e.sc_position = sc_position_;
    }
  }
  store_entry const& e = entry_at(l, chosen);
  if (acquires(o)) acquire(e);
  note_read(l, chosen, s);
  if (!pairs_.empty()) [[unlikely]] {
    std::uint32_t const pair = sites_[e.site].function_hash * 31 + s.function_hash + sites_[e.site].line * 7 + s.line;
    ++pairs_[(pair * 2654435761U >> 12) % pairs_.size()];
  }
  return e.value;
}

// A strong compare_exchange may fail on an older entry that differs from `expected`. True: it did, `seen` is what it read.
bool engine::read_older_than_success(location& l, std::uint64_t expected, order o, site_record const& s, std::uint64_t& seen, std::uint32_t& age) noexcept {
  if (!c11_ || l.newest == 0) return false;
  std::uint32_t const low = floor_of(l, o, s);
  std::uint32_t candidates[history_max];
  std::uint32_t n = 1;
  candidates[0] = l.newest;
  for (std::uint32_t i = l.newest; i-- > low;) {
    if (entry_at(l, i).value != expected) candidates[n++] = i;
  }
  if (n == 1) return false;
  std::uint32_t which = 0;
  if (alone_.active) {
    while (which < n && candidates[which] != sequence_alone(l)) ++which;
    which %= n;
  } else {
    which = decide_value(choice_kind::read_from, n, s.kind, s, nullptr);
  }
  std::uint32_t const chosen = candidates[which];
  if (chosen == l.newest) return false;
  touch(l);
  store_entry& e = entry_at(l, chosen);
  if (e.first_seen[running_slot_] == never) e.first_seen[running_slot_] = running_->hb.at[running_slot_];
  if (o == order::seq_cst) {
    ++sc_position_;
    if (e.sc_position == never) e.sc_position = sc_position_;
  }
  if (acquires(o)) acquire(e);
  note_read(l, chosen, s);
  age = l.newest - chosen;
  seen = e.value;
  return true;
}

void engine::append(location& l, std::uint64_t value, order o, bool continues, site_record const& s) noexcept {
  thread& t = *running_;
  touch(l);
  store_entry const& before = entry_at(l, l.newest);
  store_entry& e = entry_at(l, l.newest + 1);  // the same one when there is no history
  bool const continued = continues && before.releases;
  bool const had_view = continued && before.has_view;
  if (continued && &e != &before) e.release = before.release;
  if (releases(o)) {
    if (continued) {
      e.release.hb.join(t.hb, width_);
    } else {
      e.release.hb = t.hb;
    }
    if (t.has_view) {
      if (had_view) {
        e.release.fence_view.join(t.fence_view, width_);
        if (t.fence_position > e.release.fence_position) e.release.fence_position = t.fence_position;
      } else {
        e.release.fence_view = t.fence_view;
        e.release.fence_position = t.fence_position;
      }
    }
    e.releases = true;
    e.has_view = had_view || t.has_view;
  } else {
    e.releases = continued;
    e.has_view = had_view;
  }
  e.value = value;
  e.site = s.id;
  e.writer = static_cast<std::uint8_t>(running_slot_);
  if (c11_) {
    std::memset(e.first_seen, 0xff, sizeof e.first_seen);
    e.first_seen[running_slot_] = t.hb.at[running_slot_];
    e.sc_position = o == order::seq_cst ? ++sc_position_ : never;
  }
  ++l.newest;
  t.wrote = true;
  lonely_ = 0;
  if (l.watchers != 0) [[unlikely]] {
    enabled_ |= l.watchers & paused_;
    paused_ &= ~l.watchers;
    l.watchers = 0;
  }
}

void engine::full_fence(thread& t) noexcept {
  if (!c11_) return;
  if (!t.has_view) {
    t.has_view = true;
    t.fence_view.clear();
  }
  t.fence_view.join(fence_clock_, width_);
  fence_clock_.join(t.hb, width_);
  t.fence_position = ++sc_position_;
}

}  // namespace retake::sim
