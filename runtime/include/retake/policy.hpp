// policy.hpp: the numbers that the scheduler goes by, Go's by default: options::rules.
//
//     policy rules;
//     rules.idle_machines_max = 48;  // threads beyond that end when they have nothing to do
//     run({.rules = &rules}, [] { ... });
//
// Read when the program begins. A duration above a year counts as a year, below zero as zero.
#pragma once

#include <chrono>
#include <cstdint>

#include "retake/needs_exceptions.hpp"

namespace retake {

struct policy {
  // sysmon sleeps this long, doubles it after `sysmon_idle_rounds` rounds that found nothing, up to
  // the cap (Go: 20 us, 50, 10 ms).
  std::chrono::nanoseconds sysmon_period = std::chrono::microseconds(20);
  std::chrono::nanoseconds sysmon_period_max = std::chrono::milliseconds(10);
  std::uint32_t sysmon_idle_rounds = 50;
  // The cap while no P is idle: so much later than asked for may a time slice be noticed to be over
  // (Go: the same 10 ms).
  std::chrono::nanoseconds sysmon_period_busy = std::chrono::milliseconds(1);
  // A pause between two rounds that is longer can be cut short by work that waits beside a system
  // call; then the period begins anew and doubles at once.
  std::chrono::nanoseconds sysmon_doze = std::chrono::microseconds(320);
  // With every P idle it sleeps until woken, at most this long (Go: half of two minutes).
  std::chrono::nanoseconds sysmon_deep_sleep = std::chrono::minutes(1);

  // A P in a system call that nobody needs is left alone this long (Go 1.22: 10 ms; one that is
  // needed: two visits).
  std::chrono::nanoseconds retake_grace = std::chrono::milliseconds(10);
  // A goroutine that runs longer is asked to yield (Go: 10 ms).
  std::chrono::nanoseconds time_slice = std::chrono::milliseconds(10);
  // One that has run so long all the same, while others wait, is reported with its stack; 0: never.
  std::chrono::nanoseconds hog_report = std::chrono::seconds(1);
  // sysmon polls when nobody has for this long (Go: 10 ms).
  std::chrono::nanoseconds poll_overdue = std::chrono::milliseconds(10);
  // The stopper of the world asks the laggards again after this long (Go: 100 us).
  std::chrono::nanoseconds stop_again = std::chrono::microseconds(100);

  // Every so many schedules a P looks at the global queue first (Go: 61).
  std::uint32_t global_queue_every = 61;
  // A thief leaves a P this long to run by itself what it has readied last (Go: 3 us).
  std::chrono::nanoseconds steal_back_off = std::chrono::microseconds(3);
  // When affinity and quota have said how many Ps there are, they are asked again after this long;
  // 0: never (Go 1.25: 1 s).
  std::chrono::nanoseconds limit_recheck = std::chrono::seconds(1);
  // Dead goroutines that a P keeps with their stacks; half of them move at once (Go: 64).
  std::uint32_t free_goroutines_per_processor = 64;
  // The stacks of those that nobody keeps, and that nobody has wanted for so long, give their
  // memory back (Go: in each garbage collection).
  std::chrono::nanoseconds stack_trim_period = std::chrono::seconds(1);

  // Places in the request queue of a P's io_uring, a power of two; twice as many for completions.
  std::uint32_t ring_entries = 128;

  // Tries to make a thread, and the first pause between them, which grows linearly (Go: 20, 1 ms).
  // Fatal behind the last: "newosproc".
  std::uint32_t thread_start_tries = 20;
  std::chrono::nanoseconds thread_start_pause = std::chrono::milliseconds(1);
  // A thread that finds nothing to do and so many others idle ends, but never the main thread (Go
  // keeps all).
  std::uint32_t idle_machines_max = ~0u;
  // So many threads at most (Go: 10000). Fatal beyond: "thread exhaustion".
  std::uint32_t machines_max = 10'000;
};

}  // namespace retake
