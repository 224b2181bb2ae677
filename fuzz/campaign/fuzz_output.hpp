// fuzz_output.hpp: reads what a libFuzzer binary of ours says about itself.
#pragma once

#include <cstdint>
#include <string>

#include "children.hpp"
#include "record.hpp"

namespace retake::campaign {

// Where a target writes its JSON line (RETAKE_FUZZ_JSON).
std::string fuzz_line_file(std::string const& out, std::string const& name);

// While it runs: the executions of a "#1234 ... exec/s: 99" line, or 0.
std::uint64_t fuzz_executions_in(std::string const& line);

// While it runs: the features of a "#1234 NEW cov: 5 ft: 678 ..." line, or 0. The first such line
// counts what its corpus reaches.
std::uint64_t fuzz_features_in(std::string const& line);

// When it has ended: its own line, or one made of libFuzzer's figures when it was stopped before it
// could write one. libFuzzer's own complaints (a crash of the target, a time-out, too much memory)
// are harness faults and no findings.
json fuzz_line(std::string const& out, std::string const& name, finished const& result);

// Whether it ended as it should: by itself, or in the trap behind a finding.
bool fuzz_ended_well(finished const& result, json const& line);

}  // namespace retake::campaign
