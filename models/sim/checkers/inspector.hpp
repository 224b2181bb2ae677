// inspector.hpp: how a checker looks into the protocols: by peek(), without a step and without a
// trace.
#pragma once

#include <cstdint>

#include "sched/scheduler.hpp"
#include "world/thread.hpp"

namespace retake {

struct inspector {
  using processors_and_machines = idle_set<processor, machine, world::limits::processors_max>;
  using ring = run_queue<goroutine, world::limits::run_queue_capacity>;

  // The scheduler of the running thread, or nullptr.
  static scheduler* home() noexcept {
    auto* const m = static_cast<machine*>(sim::this_thread());
    return m != nullptr ? &m->home : nullptr;
  }

  static processor* first_idle(processors_and_machines const& s) noexcept { return s.first_processor_.peek(); }
  static std::uint32_t idle_count(processors_and_machines const& s) noexcept { return s.processors_.peek(); }
  static bool idle_bit(processors_and_machines const& s, std::uint32_t id) noexcept {
    return (s.mask_[id / 64].peek() >> id % 64 & 1) != 0;
  }
  static machine* first_idle_machine(processors_and_machines const& s) noexcept { return s.first_machine_.peek(); }
  static std::uint32_t idle_machines(processors_and_machines const& s) noexcept { return s.machines_.peek(); }

  static std::uint32_t count(processor_table const& t) noexcept { return t.count_.peek(); }
  static std::uint32_t made_count(processor_table const& t) noexcept { return t.made_.peek(); }
  static processor_table::range made(processor_table const& t) noexcept { return {t.table_, t.made_.peek()}; }

  static std::uint32_t spinning(wake_gate const& g) noexcept { return g.spinning_.peek(); }
  static bool stopping(stop_world const& s) noexcept { return s.requested_.peek() != 0; }
  static std::uint32_t blocked_in_poller(poll_wake const& p) noexcept { return p.blocked_.peek(); }

  // Until when somebody blocks in the poller: 0 when nobody does, or without limit.
  static std::int64_t polls_until_ns(poll_wake const& p) noexcept {
    return p.blocked_.peek() != 0 ? p.until_ns_.peek() : 0;
  }

  static std::uint32_t ring_head(ring const& q) noexcept { return q.head_.peek(); }
  static std::uint32_t ring_tail(ring const& q) noexcept { return q.tail_.peek(); }
  static goroutine* ring_slot(ring const& q, std::uint32_t i) noexcept {
    return q.slots_[i % world::limits::run_queue_capacity].peek();
  }
  static goroutine* ring_next(ring const& q) noexcept { return q.next_.peek(); }
  static bool ring_empty(ring const& q) noexcept { return ring_head(q) == ring_tail(q) && ring_next(q) == nullptr; }

  static goroutine* first_global(global_queue<goroutine> const& q) noexcept { return q.first_.peek(); }
  static std::uint32_t global_size(global_queue<goroutine> const& q) noexcept { return q.size_.peek(); }

  static std::int64_t first_due_ns(timer_heap const& h) noexcept { return h.first_due_ns_.peek(); }
  static std::uint32_t timer_count(timer_heap const& h) noexcept { return h.count_; }

  static bool monitor_sleeps(sysmon_gate const& g) noexcept { return g.rest_.peek() == monitor_rest::asleep; }
  static bool held(spin_lock const& l) noexcept { return l.word_.peek() != spin_lock::free; }
  static bool woken(note const& n) noexcept { return n.word_.peek() == note::woken; }
  // Every P has stopped, and the stopper has not finished.
  static bool stopped(stop_world const& s) noexcept { return stopping(s) && s.missing_.peek() == 0; }

  static std::int64_t last_poll_ns(poll_wake const& p) noexcept { return p.last_ns_.peek(); }
  static void const* poll_commits(poll_wake const& p) noexcept { return &p.blocked_; }

  // What the P would run first, or nullptr.
  static goroutine const* first_of(ring const& q) noexcept {
    goroutine const* const next = ring_next(q);
    return next != nullptr || ring_empty(q) ? next : ring_slot(q, ring_head(q));
  }

  // visit(goroutine, its descriptor, whether it reads) for each that a wait for a descriptor names.
  template <class Visit>
  static void each_parked(poller const& all, Visit visit) noexcept {
    for (std::uint32_t i = 0; i < all.count_; ++i) {
      poller::chunk const* const c = all.chunks_[i / poller::chunk_entries].peek();
      if (c == nullptr) continue;
      poll_descriptor const& d = c->entries[i % poller::chunk_entries];
      if (goroutine const* const g = parked(d.reader)) visit(*g, d, true);
      if (goroutine const* const g = parked(d.writer)) visit(*g, d, false);
    }
  }
  static goroutine const* parked(poll_direction const& way) noexcept {
    std::uintptr_t const word = way.waiter.word_.peek();
    return word > poll_waiter<goroutine>::wait ? reinterpret_cast<goroutine const*>(word) : nullptr;
  }

  // The words themselves, for tests that corrupt them.
  struct words {
    static auto const& next(ring const& q) noexcept { return q.next_; }
    static auto const& idle_count(processors_and_machines const& s) noexcept { return s.processors_; }
    static auto const& idle_mask(processors_and_machines const& s) noexcept { return s.mask_[0]; }
    static auto const& first_idle(processors_and_machines const& s) noexcept { return s.first_processor_; }
    static auto const& stop_requested(stop_world const& s) noexcept { return s.requested_; }
    static auto const& first_global(global_queue<goroutine> const& q) noexcept { return q.first_; }
    static auto const& first_idle_machine(processors_and_machines const& s) noexcept { return s.first_machine_; }
    static auto const& spinning(wake_gate const& g) noexcept { return g.spinning_; }
    static auto const& rest(sysmon_gate const& g) noexcept { return g.rest_; }
    static auto const& state(note const& n) noexcept { return n.word_; }
    static auto const& waiter(poll_direction const& way) noexcept { return way.waiter.word_; }
    static auto const& waiting(poller const& p) noexcept { return p.waiting_; }
    static auto const& last_poll(poll_wake const& p) noexcept { return p.last_ns_; }
    static auto const& blocked(poll_wake const& p) noexcept { return p.blocked_; }
    static auto const& size(global_queue<goroutine> const& q) noexcept { return q.size_; }
    static auto const& first_due(timer_heap const& h) noexcept { return h.first_due_ns_; }
    static std::uint32_t& count(timer_heap& h) noexcept { return h.count_; }
    static std::uint32_t& entries(poller& p) noexcept { return p.count_; }
  };
  static poll_descriptor const* first_descriptor(poller const& p) noexcept {
    return p.count_ == 0 ? nullptr : &p.chunks_[0].peek()->entries[0];
  }
  static constexpr std::uint32_t woken_word = note::woken;

  static std::uint32_t waiting(poller const& p) noexcept { return p.waiting_.peek(); }
  static std::uint32_t descriptors_in_use(poller const& p) noexcept {
    std::uint32_t used = p.count_;
    for (poll_descriptor const* d = p.free_; d != nullptr; d = d->next_free) --used;
    return used;
  }
};

}  // namespace retake
