// policy.hpp: the numbers that the scheduler goes by. Values, not constants of the protocols: a scenario may choose its own.
#pragma once

#include <cstdint>

namespace retake {

struct policy {
  // sysmon sleeps this long, doubles it after `monitor_idle_rounds` rounds that found nothing, up to the cap (Go: 20 us, 50, 10 ms).
  std::int64_t monitor_period_ns = 20'000;
  std::int64_t monitor_period_max_ns = 10'000'000;
  std::uint32_t monitor_idle_rounds = 50;
  // The cap while no P is idle: so much later than asked for may a time slice be noticed to be over (Go: the same 10 ms).
  std::int64_t monitor_period_busy_ns = 1'000'000;
  // A pause between two rounds that is longer can be cut short by work that waits beside a system call; then the period begins anew and doubles at once.
  std::int64_t monitor_doze_ns = 320'000;
  // With every P idle it sleeps until woken, at most this long (Go: half of two minutes).
  std::int64_t monitor_deep_sleep_ns = 60'000'000'000;

  // A P in a system call that nobody needs is left alone this long (Go 1.22: 10 ms; one that is needed: two visits).
  std::int64_t retake_grace_ns = 10'000'000;
  // A goroutine that runs longer is asked to yield (Go: 10 ms).
  std::int64_t time_slice_ns = 10'000'000;
  // One that has run so long all the same, while others wait, is reported with its stack; 0: never.
  std::int64_t hog_report_ns = 1'000'000'000;
  // sysmon polls when nobody has for this long (Go: 10 ms).
  std::int64_t poll_overdue_ns = 10'000'000;
  // The stopper of the world asks the laggards again after this long (Go: 100 us).
  std::int64_t stop_again_ns = 100'000;

  // Every so many schedules a P looks at the global queue first (Go: 61).
  std::uint32_t global_queue_every = 61;
  // A thief leaves a P this long to run by itself what it has readied last (Go: 3 us).
  std::int64_t steal_back_off_ns = 3'000;
  // When affinity and quota have said how many Ps there are, they are asked again after this long; 0: never (Go 1.25: 1 s).
  std::int64_t limit_recheck_ns = 1'000'000'000;
  // Dead goroutines that a P keeps with their stacks; half of them move at once (Go: 64).
  std::uint32_t free_goroutines_per_processor = 64;
  // The stacks of those that nobody keeps, and that nobody has wanted for so long, give their memory back (Go: in each garbage collection).
  std::int64_t stack_trim_period_ns = 1'000'000'000;

  // Places in the request queue of a P's io_uring, a power of two; twice as many for completions.
  std::uint32_t ring_entries = 128;

  // Tries to make a thread before the failure is fatal, and the first pause between them, which grows linearly (Go: 20, 1 ms).
  std::uint32_t thread_start_tries = 20;
  std::int64_t thread_start_pause_ns = 1'000'000;
  // A thread that finds nothing to do and so many others idle ends, but never the main thread (Go keeps all).
  std::uint32_t idle_machines_max = ~0u;
  // More threads than this are fatal (Go: 10000).
  std::uint32_t machines_max = 10'000;
};

}  // namespace retake
