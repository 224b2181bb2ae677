// seq_cst.cpp: the clocks of seq_cst.hpp, kept and asked.
#include <algorithm>

#include "sim/engine.hpp"

namespace retake::sim {

namespace {

void keep_last(vector_clock& c, std::uint32_t slot, std::uint32_t number) noexcept {
  c.at[slot] = std::max(c.at[slot], number);
}

bool reaches(vector_clock const& c, vector_clock const& epochs, std::uint32_t width) noexcept {
  for (std::uint32_t u = 0; u < width; ++u) {
    if (c.at[u] >= epochs.at[u]) return true;
  }
  return false;
}

void clear_to(vector_clock& c, epoch to) noexcept {
  for (epoch& e : c.at) e = to;
}

}  // namespace

void engine::know_sc(thread& t) noexcept {
  if (t.knows_sc) return;
  t.knows_sc = true;
  t.sc.clear();
  t.run_elsewhere.clear();
  t.views_at = never;
}

// Accesses of one thread in a row at one location are a run: what is known of elsewhere is what was
// known before it.
void engine::begin_run(thread& t, std::uint32_t location) noexcept {
  if (t.run_at == location) return;
  t.run_at = location;
  t.run_sc = t.last_sc;
  if (t.knows_sc) t.run_elsewhere = t.sc.elsewhere;
}

void engine::publish_sc(sc_past& to, bool& has, thread const& t, std::uint32_t slot,
                        std::uint32_t last) const noexcept {
  if (!t.knows_sc) return;
  join_known(to, has, t.sc, width_);
  keep_last(to.elsewhere, slot, last);
}

void engine::learn_sc(thread& t, sc_past const& from) noexcept {
  know_sc(t);
  t.sc.join(from, width_);
  t.views_at = never;
}

void engine::precede(sc_precedents& p, vector_clock const& operations) const noexcept {
  for (std::uint32_t u = 0; u < width_; ++u) {
    if (operations.at[u] == 0) continue;
    sc_operation const& x = operation(operations.at[u]);
    p.before.join(x.before, width_);
    p.view.join(x.view, width_);
  }
}

// Of the fences that happened before, as of now.
sc_precedents const& engine::fence_views(thread& t) noexcept {
  if (t.views_at != sc_version_) {
    t.views_at = sc_version_;
    t.views.before.clear();
    t.views.view.clear();
    precede(t.views, t.sc.fences);
  }
  return t.views;
}

// The oldest entry from `low` on that an access may read or follow without a cycle.
std::uint32_t engine::forced_by_sc(location const& l, std::uint32_t low, order o) noexcept {
  thread& t = *running_;
  bool const is_sc = o == order::seq_cst;
  if (!t.knows_sc && !is_sc) return low;
  sc_precedents const none{};
  sc_precedents const& by_fences = t.knows_sc ? fence_views(t) : none;
  sc_precedents mine{};
  if (is_sc) {
    if (t.knows_sc) {
      mine = by_fences;
      precede(mine, t.run_elsewhere);
    }
    if (t.last_sc != 0) {
      mine.before.join(operation(t.last_sc).before, width_);
      mine.view.join(operation(t.last_sc).view, width_);
    }
  }
  for (std::uint32_t i = l.newest; i > low; --i) {
    store_entry const& e = entry_at(l, i);
    for (std::uint32_t u = 0; u < width_; ++u) {
      if (e.first_seen[u] <= by_fences.view.at[u]) return i;
    }
    if (e.operation != 0 && e.operation <= std::max(by_fences.before.at[e.writer], mine.before.at[e.writer])) return i;
    if (e.first_seen[e.writer] <= mine.view.at[e.writer]) return i;
  }
  return low;
}

std::uint32_t engine::add_operation(thread& t, std::uint32_t slot, vector_clock const& predecessors,
                                    bool is_fence) noexcept {
  if (++operations_used_ == sc_operations_max) chaos_end_ = look_at_ = steps_;  // full: the rest of the execution heals
  std::uint32_t const number = operations_used_;
  sc_operation& x = operation(number);
  sc_precedents p{};
  precede(p, predecessors);
  x.before = p.before;
  x.view = p.view;
  if (t.last_sc != 0) {
    x.before.join(operation(t.last_sc).before, width_);
    x.view.join(operation(t.last_sc).view, width_);
  }
  x.before.at[slot] = number;
  x.previous = t.last_sc;
  x.previous_there = 0;
  x.last_fence = is_fence ? number : t.last_sc == 0 ? 0 : operation(t.last_sc).last_fence;
  x.at = t.hb.at[slot];
  if (is_fence) {
    x.hb = t.hb;
    x.view.join(t.hb, width_);
  }
  t.last_sc = number;
  keep_last(t.sc.into_fence, slot, number);
  return number;
}

std::uint32_t engine::add_access(location& l, vector_clock predecessors) noexcept {
  thread& t = *running_;
  know_sc(t);
  predecessors.join(t.sc.fences, width_);
  predecessors.join(t.run_elsewhere, width_);
  for (std::uint32_t u = 0; u < width_; ++u) {  // happened before, at this location
    std::uint32_t n = l.accesses[u];
    while (n != 0 && operation(n).at > t.hb.at[u]) n = operation(n).previous_there;
    keep_last(predecessors, u, n);
  }
  std::uint32_t const number = add_operation(t, running_slot_, predecessors, false);
  operation(number).previous_there = l.accesses[running_slot_];
  l.accesses[running_slot_] = number;
  return number;
}

// The running thread's access (0: none that is seq_cst) is before the entries from `first` on.
void engine::reverse(location const& l, std::uint32_t first, std::uint32_t mine) noexcept {
  thread& t = *running_;
  sc_reversal& r = reversals_.as<sc_reversal>()[reversals_used_];
  r.fences = t.sc.fences;
  r.access = mine;
  r.slot = running_slot_;
  clear_to(r.after_touch, never);
  clear_to(r.after_store, never);
  vector_clock targets{}, targets_of_access{};  // the first of each thread; 0 is none
  auto const earlier = [](std::uint32_t& to, std::uint32_t number) { to = to == 0 ? number : std::min(to, number); };
  for (std::uint32_t i = first; i <= l.newest; ++i) {
    store_entry& e = entry_at(l, i);
    sc_record& newer = record_of(e);
    newer.fences.join(t.sc.fences, width_);
    keep_last(newer.accesses, running_slot_, mine);
    for (std::uint32_t u = 0; u < width_; ++u) r.after_touch.at[u] = std::min(r.after_touch.at[u], e.first_seen[u]);
    r.after_store.at[e.writer] = std::min(r.after_store.at[e.writer], e.first_seen[e.writer]);
    if (e.operation == 0) continue;
    earlier(targets.at[e.writer], e.operation);
    earlier(targets_of_access.at[e.writer], e.operation);
  }
  for (std::uint32_t u = 0; u < width_; ++u) {
    std::uint32_t f = threads_[u].last_sc == 0 ? 0 : operation(threads_[u].last_sc).last_fence;
    while (f != 0 && reaches(operation(f).hb, r.after_touch, width_)) {
      earlier(targets.at[u], f);
      if (reaches(operation(f).hb, r.after_store, width_)) earlier(targets_of_access.at[u], f);
      f = operation(f).previous == 0 ? 0 : operation(operation(f).previous).last_fence;
    }
  }
  join_behind(targets, fence_views(t));
  if (mine != 0) join_behind(targets_of_access, {operation(mine).before, operation(mine).view});
  if (++reversals_used_ == sc_reversals_max) chaos_end_ = look_at_ = steps_;
}

// `p` precedes the targets, and whatever they precede.
void engine::join_behind(vector_clock const& targets, sc_precedents const& p) noexcept {
  auto const is_behind = [&](sc_operation const& x) {
    for (std::uint32_t u = 0; u < width_; ++u) {
      if (targets.at[u] != 0 && x.before.at[u] >= targets.at[u]) return true;
    }
    return false;
  };
  sc_precedents const from = p;  // fence_views() change meanwhile
  for (std::uint32_t u = 0; u < width_; ++u) {
    for (std::uint32_t n = threads_[u].last_sc; n != 0 && is_behind(operation(n)); n = operation(n).previous) {
      operation(n).before.join(from.before, width_);
      operation(n).view.join(from.view, width_);
      ++sc_version_;
    }
  }
}

void engine::read_sc(location& l, std::uint32_t sequence, order o) noexcept {
  if (steps_ >= chaos_end_) return;
  thread& t = *running_;
  store_entry& e = entry_at(l, sequence);
  std::uint32_t const mine = o == order::seq_cst ? add_access(l, {}) : 0;
  if (e.has_record) {
    know_sc(t);
    t.sc.into_fence.join(record_of(e).fences, width_);
  }
  if (!t.knows_sc) return;
  sc_record& r = record_of(e);
  r.reading_fences.join(t.sc.fences, width_);
  keep_last(r.reading_accesses, running_slot_, mine);
  if (sequence != l.newest) reverse(l, sequence + 1, mine);
}

void engine::write_sc(location& l, std::uint32_t sequence, order o) noexcept {
  if (steps_ >= chaos_end_) return;
  thread& t = *running_;
  store_entry& e = entry_at(l, sequence);
  store_entry& older = entry_at(l, sequence - 1);
  bool const is_sc = o == order::seq_cst;
  if (!t.knows_sc && !is_sc && !older.has_record) return;
  know_sc(t);
  sc_record& r = record_of(e);
  if (older.has_record) {
    sc_record const& before = record_of(older);
    r.fences.join(before.fences, width_);
    r.fences.join(before.reading_fences, width_);
    r.accesses.join(before.accesses, width_);
    r.accesses.join(before.reading_accesses, width_);
  }
  if (is_sc) {
    vector_clock predecessors = r.fences;
    predecessors.join(r.accesses, width_);
    e.operation = add_access(l, predecessors);
    keep_last(r.accesses, running_slot_, e.operation);
  }
  r.fences.join(t.sc.fences, width_);
  t.sc.into_fence.join(r.fences, width_);
  t.sc.into_fence.join(r.accesses, width_);
  if (sequence != l.newest) reverse(l, sequence + 1, e.operation);
}

// A seq_cst fence of any thread, here and now; `also` precedes it too.
std::uint32_t engine::fence_sc(thread& t, std::uint32_t slot, vector_clock const& also) noexcept {
  if (!keeps_sc_ || steps_ >= chaos_end_) return 0;
  know_sc(t);
  t.run_at = 0;
  vector_clock predecessors = t.sc.into_fence;
  predecessors.join(also, width_);
  for (std::uint32_t i = 0; i < reversals_used_; ++i) {
    sc_reversal const& r = reversals_.as<sc_reversal>()[i];
    if (reaches(t.hb, r.after_touch, width_)) predecessors.join(r.fences, width_);
    if (r.access != 0 && reaches(t.hb, r.after_store, width_)) keep_last(predecessors, r.slot, r.access);
  }
  std::uint32_t const number = add_operation(t, slot, predecessors, true);
  t.sc.fences.at[slot] = number;
  t.views_at = never;
  return number;
}

}  // namespace retake::sim
