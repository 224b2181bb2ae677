// outcome.hpp: what a child that has ended has to say: its lines, its findings, or in what the
// harness is at fault.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "children.hpp"
#include "jobs.hpp"
#include "record.hpp"

namespace retake::campaign {

struct outcome {
  std::vector<json> lines;           // of kind sim, model, fuzz, props, stress
  std::vector<json> findings;        // each with a replay, or with the command that runs the hammer again
  std::vector<std::string> remarks;  // a line each, to be said aloud
  std::uint64_t executions = 0;      // of the hammers: rounds
  std::uint64_t distinct_traces = 0;
  bool exhausted = false;
  std::string fault;     // a crash, a hang, a foreign line, a race that was not exercised; empty: none
  bool lacking = false;  // the fault is that the environment lacks something

  // A child that executed nothing is no evidence of anything.
  bool had_turn() const { return executions != 0 || !findings.empty(); }
};

// `out`: the folder that the child was told to write to. `root`: the checkout, for the commands
// that are told.
outcome outcome_of(job const& j, finished const& result, std::string const& out, std::string const& root);

// Nothing but its own bound or a finding ended it: run again with the same seed, it would say the
// same.
bool ran_to_its_end(outcome const& o, finished const& result);

// Keeps the output of a child at fault and returns its path. Throws an environment_error when it
// cannot be written.
std::string keep_fault(std::string const& folder, job const& j, finished const& result);

}  // namespace retake::campaign
