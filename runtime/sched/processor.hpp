// processor.hpp: P, the right to run goroutines, and what its owner keeps close: a queue, timers,
// dead goroutines to use again (G4).
//
// P10: while a function for every P is pending, safe_point is 1 on each that owes it; when
// for_each_processor returns it is 0 everywhere.
#pragma once

#include <cstdint>

#include "protocol/processor_status.hpp"
#include "protocol/run_queue.hpp"
#include "sched/goroutine.hpp"
#include "thread/lock_sites.hpp"
#include "time/timer_heap.hpp"
#include "world/atomic.hpp"
#include "world/limits.hpp"
#include "world/report.hpp"

namespace retake {

class operation_ring;

// What sysmon remembers of a P between two visits; sysmon alone. A P begins with tick 0: that must
// look new, or its first call is taken at the first visit (so it is in Go 1.22).
struct monitor_memory {
  std::uint32_t schedule_tick = ~0u;
  std::int64_t schedule_since_ns = 0;
  bool hog_told = false;  // of that schedule
  std::uint32_t syscall_tick = ~0u;
  std::int64_t syscall_since_ns = 0;
};

struct processor : processor_side {
  explicit processor(std::uint32_t processor_id) noexcept
      : processor_side(processor_id),
        idle_link(nullptr),
        schedule_tick(0),
        preempt(0),
        safe_point(0),
        moves(0),
        charged(nullptr) {}

  // Anybody: its goroutine gives it up at its next call of the runtime. Whoever asks has written
  // down before why. Several ask at a time, and one answer must tell the answerer of all their
  // reasons: an exchange goes on with the release of who asked before, a store would end it. With
  // find_runnable.
  void ask_to_yield() noexcept { static_cast<void>(preempt.exchange_release(1)); }

  world::plain<processor*> idle_link;  // idle_set
  run_queue<goroutine, world::limits::run_queue_capacity> queue;
  timer_heap timers;
  world::atomic<std::uint32_t> schedule_tick;  // the owner raises it, sysmon reads it
  world::atomic<std::uint32_t> preempt;        // 1: somebody asks for the P (ask_to_yield)
  world::atomic<std::uint32_t> safe_point;     // 1: this P owes a run of the safe-point function
  bool was_idle = false;                       // the owner: since the last slice; what runs next begins one
  batch<goroutine> free_goroutines;            // the owner
  std::uint64_t ids_given = 0;                 // the owner: what it makes that needs an order gets (id of the P, this)
  operation_ring* ring = nullptr;              // the owner: for operations on files, made at the first one
  bool ring_refused = false;                   // the owner: the kernel has none for us
  monitor_memory seen;
  world::report_only<std::uint32_t> moves;  // trace.hpp: how often an M took it or gave it away
  world::report_only<goroutine*>
      charged;            // whose call, or lock, last took this P from its thread; nullptr: who ended locked, then
  lock_site charged_end;  // the owner: where that one had locked
};

}  // namespace retake
