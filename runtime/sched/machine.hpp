// machine.hpp: M, an operating-system thread that runs goroutines while it has a P.
//
// M2: it schedules only with `locks` 0 and outside of foreign code.
#pragma once

#include <cstdint>

#include "protocol/processor_status.hpp"
#include "protocol/thread_lock.hpp"
#include "sched/goroutine.hpp"
#include "sched/processor.hpp"
#include "sched/trace_ring.hpp"
#include "switch/context.hpp"
#include "thread/lock_sites.hpp"
#include "world/atomic.hpp"
#include "world/ghost.hpp"

namespace retake {

struct scheduler;

// What an M's scheduler does right after a goroutine has left its stack: true to go on with `g` at
// once, false to schedule.
using after_leaving = bool (*)(machine& m, goroutine& g, void* argument) noexcept;

struct machine : machine_side, machine_pair<goroutine> {
  machine(std::uint32_t machine_id, scheduler& s) noexcept
      : machine_side(machine_id),
        home(s),
        idle_link(nullptr),
        all_link(nullptr),
        spinning(0),
        current(nullptr),
        waiting_locked(0),
        started_locked(0),
        ended(0),
        inside_foreign(0),
        foreign_calls(0),
        thread(0),
        ring(nullptr) {}

  scheduler& home;
  world::plain<machine*> idle_link;            // idle_set
  world::plain<machine*> all_link;             // the list of all Ms, under the scheduler's lock
  world::plain<std::uint32_t> spinning;        // the M, or whoever starts it before it wakes
  world::plain<goroutine*> current;            // the goroutine on this M (G3)
  world::plain<std::uint32_t> waiting_locked;  // waits for its locked goroutine; under the scheduler's lock
  world::plain<std::uint32_t> started_locked;  // somebody has handed it a P for that goroutine; likewise
  world::atomic<std::uint32_t> ended;          // 1: the thread has left this memory for good (M11)

  floor::context own;             // the M's own stack: its scheduler, and foreign calls
  after_leaving after = nullptr;  // set by the goroutine that leaves
  void* after_argument = nullptr;
  std::uint32_t locks = 0;  // > 0: its goroutine is the stopper of the world, or a timer's function runs: no preemption
  std::uint32_t in_foreign = 0;  // 1: in foreign code, and not in a callback out of it
  std::uint32_t callbacks = 0;   // depth of callbacks: its goroutine stands on the M's own stack, below the scheduler's
  lock_site locked_at;           // where its goroutine locked, the outermost time
  std::uint32_t runtime_locks = 0;              // of the locks of its goroutine: the runtime's own
  world::atomic<std::uint32_t> inside_foreign;  // in_foreign, for reports
  world::atomic<std::uint64_t> foreign_calls;
  bool tainted = false;  // damaged by a fault, or altered by a goroutine that ended locked: for no other goroutine, and
                         // not to be cloned
  bool retired = false;  // the thread has to end when its scheduler comes round
  world::report_only<std::uint64_t> thread;  // world::thread_id() of its thread
  world::report_only<trace_ring*> ring;      // its events, while somebody traces
  void* charged_site = nullptr;              // where the room observe counts its thread
  bool main = false;                         // the thread that called run(): never ends (M10)

  [[nodiscard]] processor& processor_here() noexcept { return static_cast<processor&>(*p.get()); }
};

}  // namespace retake
