// machine.hpp: M, an operating-system thread that runs goroutines while it has a P.
//
// M2: it schedules only with `locks` 0 and outside of foreign code.
#pragma once

#include <cstdint>

#include "protocol/processor_status.hpp"
#include "protocol/thread_lock.hpp"
#include "sched/goroutine.hpp"
#include "sched/processor.hpp"
#include "switch/context.hpp"
#include "world/atomic.hpp"
#include "world/ghost.hpp"

namespace retake {

struct scheduler;

// What an M's scheduler does right after a goroutine has left its stack: true to go on with `g` at once, false to schedule.
using after_leaving = bool (*)(machine& m, goroutine& g, void* argument) noexcept;

struct machine : machine_side, machine_pair<goroutine> {
  machine(std::uint32_t machine_id, scheduler& s) noexcept
      : machine_side(machine_id), home(s), idle_link(nullptr), all_link(nullptr), spinning(0), current(nullptr), waiting_locked(0), started_locked(0), ended(0) {}

  scheduler& home;
  world::plain<machine*> idle_link;         // idle_set
  world::plain<machine*> all_link;          // the list of all Ms, under the scheduler's lock
  world::plain<std::uint32_t> spinning;     // the M, or whoever starts it before it wakes
  world::plain<goroutine*> current;         // the goroutine on this M (G3)
  world::plain<std::uint32_t> waiting_locked;  // waits for its locked goroutine; under the scheduler's lock
  world::plain<std::uint32_t> started_locked;  // somebody has handed it a P for that goroutine; likewise
  world::atomic<std::uint32_t> ended;       // 1: the thread has left this memory for good (M11)

  floor::context own;                       // the M's own stack: its scheduler, and foreign calls
  after_leaving after = nullptr;            // set by the goroutine that leaves
  void* after_argument = nullptr;
  std::uint32_t locks = 0;                  // > 0: its links are in motion or it holds a lock: no preemption
  std::uint32_t in_foreign = 0;             // depth of foreign calls
  std::uint64_t foreign_calls = 0;
  bool retired = false;                     // the thread has to end when its scheduler comes round
  bool main = false;                        // the thread that called run(): never ends (M10)

  [[nodiscard]] processor& processor_here() noexcept { return static_cast<processor&>(*p.get()); }
};

}  // namespace retake
