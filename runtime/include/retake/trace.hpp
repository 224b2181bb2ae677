// trace.hpp: what every goroutine, P and thread did, event by event, for chrome://tracing and
// ui.perfetto.dev.
//
// Each thread keeps its last 8,192 events in a ring of its own (200 KiB) while a trace runs; there
// is no lock and no allocation on the way. In a burst of events the clock is read at every eighth,
// and those between are spread evenly: slices of less than a microsecond have the right order and
// not the right length. Source: runtime/trace in Go, whose format this is not. errno belongs to the
// thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "retake/needs_exceptions.hpp"

namespace retake {

// How a goroutine spent the traced time, as far as its events are in the rings.
struct goroutine_times {
  std::uint64_t id = 0;
  std::chrono::nanoseconds running{};
  std::chrono::nanoseconds syscall{};   // in system and foreign calls
  std::chrono::nanoseconds runnable{};  // ready, and no P yet
  std::chrono::nanoseconds waiting{};
};

struct trace_result {
  // Chrome's trace events: process 1 has a lane for each P, 2 for each thread, 3 for each
  // goroutine; flows go from a wake-up to the run; counters are threads, runnable goroutines and Ps
  // in calls. "retakeEvents" has the events as they were recorded, for stress/check_trace.py.
  std::string chrome_json;
  std::vector<goroutine_times> goroutines;  // by id
  std::uint64_t events = 0;
  std::uint64_t lost = 0;  // overwritten by later ones of their thread
};

// By a goroutine. Stops the world for a moment, so that every thread begins at once. False: a trace
// runs already.
[[nodiscard]] bool start_trace();

// By a goroutine. Likewise; what was recorded since start_trace(). Empty when no trace runs. Throws
// std::bad_alloc.
[[nodiscard]] trace_result stop_trace();

}  // namespace retake
