// counters.hpp: which way a call took, how often: exit, retake and hand-off. Relaxed counts, read
// by reports, metrics and tests.
#pragma once

#include <cstdint>

#include "sched/handoff_case.hpp"
#include "world/atomic.hpp"

namespace retake {

struct counter {
  counter() noexcept : value(0) {}
  void add(std::uint64_t amount = 1) noexcept { value.fetch_add_relaxed(amount); }
  world::atomic<std::uint64_t> value;
};

struct handoff_counters {
  counter& operator[](handoff_case which) noexcept { return by_case[static_cast<std::size_t>(which)]; }
  counter const& operator[](handoff_case which) const noexcept { return by_case[static_cast<std::size_t>(which)]; }
  counter by_case[handoff_case_names.size()];
};

struct path_counters {
  counter exit_old, exit_old_aba, exit_idle, exit_slow, exit_slow_locked;
  counter retake_queue, retake_nobody_idle, retake_grace, retake_lost;
  handoff_counters handoff;
  counter stop_took_call, enter_stopped, enter_blocking;
  counter accepts_put_off;  // for want of descriptors or memory
  counter stacks_trimmed;   // times that the monitor gave memory of stacks back
  counter polls_broken, machines_started, threads_started;
  counter file_at_once, file_ring,
      file_blocking;      // how a file's operation was done: without waiting, through a ring, by a call that blocks
  counter rings_refused;  // Ps for which the kernel refuses io_uring: all their operations that wait are blocking calls
  counter ring_busy, ring_asked_again;  // operations that a ring did not take; that ended unasked and were sent again
  counter signals_told,
      signals_waited_ns;  // times that signals were told; how long the first of each had waited for that
  counter wall_reads;     // of wall_now(), by threads of the runtime
};

}  // namespace retake
