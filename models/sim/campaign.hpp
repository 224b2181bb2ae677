// campaign.hpp: many executions of one scenario by one strategy, until a finding or a bound.
//
// The loop that the driver, the tests, the mutants and `hunt` share. It stops at the first finding:
// what a defect is worth is seen from one schedule, and the next execution would most likely find
// it again.
//
// Strategies that spread what they do over an execution learn its length from pilot executions,
// which come first and are a function of scenario, options and seed: an execution is named by those
// and its number, whatever the shard. Pilots are not counted. One that fails is the campaign's
// finding and its one execution, with a number from pilots_from on.
#pragma once

#include <csignal>
#include <cstdint>
#include <vector>

#include "sim/choices/chooser.hpp"
#include "sim/engine.hpp"
#include "sim/trace_set.hpp"

namespace retake::sim {

constexpr std::uint32_t pilots = 4;
constexpr std::uint64_t pilots_from = std::uint64_t{1} << 63;

struct campaign_limits {
  std::uint64_t executions_max = UINT64_MAX;
  double seconds_max = 1e18;
  std::uint64_t first = 0;                           // number of the first execution
  std::uint64_t stride = 1;                          // shards: every stride-th execution
  std::sig_atomic_t const volatile* stop = nullptr;  // nonzero: end with what there is
};

struct campaign {
  std::uint64_t executions = 0;
  double seconds = 0;
  std::uint64_t steps = 0;
  trace_set traces;
  std::uint64_t trace_hash = 0;  // over all executions, in order
  bool truncated = false;        // some execution was cut by a bound
  bool cut = false;              // time or stop ended an execution in its middle: it is not among `executions`
  bool exhausted = false;        // the space was searched to its end and nothing was truncated
  bool failed = false;
  std::uint64_t failing_execution = 0;  // its number
  execution last;                       // of the finding, if there is one
  std::vector<choice_record> choices;   // of the finding
};

campaign explore(engine& e, scenario const& s, chooser& c, campaign_limits const& limits);

// The longest of `pilots` executions by a chooser that has not learned the length, with ticks and
// faults withheld, as they would use up the opportunities that are counted. Ends at an execution
// that fails or is cut: the engine holds it as its last.
struct measurement {
  lengths most;
  std::uint64_t last = 0;  // number of the last pilot
  bool failed = false;
};
measurement measure(engine& e, scenario const& s, chooser& c);

inline execution_summary summary_of(execution const& x) {
  return {x.hash, x.steps, x.choices, x.threads, x.truncated, x.failed};
}

}  // namespace retake::sim
