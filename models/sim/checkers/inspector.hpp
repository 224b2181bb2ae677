// inspector.hpp: how a checker looks into the protocols: by peek(), without a step and without a trace.
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
  static bool idle_bit(processors_and_machines const& s, std::uint32_t id) noexcept { return (s.mask_[id / 64].peek() >> id % 64 & 1) != 0; }
  static machine* first_idle_machine(processors_and_machines const& s) noexcept { return s.first_machine_.peek(); }
  static std::uint32_t idle_machines(processors_and_machines const& s) noexcept { return s.machines_.peek(); }

  static std::uint32_t count(processor_table const& t) noexcept { return t.count_.peek(); }
  static processor_table::range made(processor_table const& t) noexcept { return {t.table_, t.made_.peek()}; }

  static std::uint32_t spinning(wake_gate const& g) noexcept { return g.spinning_.peek(); }
  static bool stopping(stop_world const& s) noexcept { return s.requested_.peek() != 0; }
  static std::uint32_t blocked_in_poller(poll_wake const& p) noexcept { return p.blocked_.peek(); }

  // Until when somebody blocks in the poller: 0 when nobody does, or without limit.
  static std::int64_t polls_until_ns(poll_wake const& p) noexcept { return p.blocked_.peek() != 0 ? p.until_ns_.peek() : 0; }

  static std::uint32_t ring_head(ring const& q) noexcept { return q.head_.peek(); }
  static std::uint32_t ring_tail(ring const& q) noexcept { return q.tail_.peek(); }
  static goroutine* ring_slot(ring const& q, std::uint32_t i) noexcept { return q.slots_[i % world::limits::run_queue_capacity].peek(); }
  static goroutine* ring_next(ring const& q) noexcept { return q.next_.peek(); }
  static bool ring_empty(ring const& q) noexcept { return ring_head(q) == ring_tail(q) && ring_next(q) == nullptr; }

  static goroutine* first_global(global_queue<goroutine> const& q) noexcept { return q.first_.peek(); }
  static std::uint32_t global_size(global_queue<goroutine> const& q) noexcept { return q.size_.peek(); }

  static std::int64_t first_due_ns(timer_heap const& h) noexcept { return h.first_due_ns_.peek(); }

  static bool monitor_sleeps(sysmon_gate const& g) noexcept { return g.rest_.peek() == monitor_rest::asleep; }

  static std::uint32_t waiting(poller const& p) noexcept { return p.waiting_.peek(); }
};

}  // namespace retake
