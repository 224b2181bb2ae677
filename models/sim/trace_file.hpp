// trace_file.hpp: which traces earlier runs have seen, in a file of one set's registers.
//
// Problem.   A run counts the different traces it saw; whether it saw anything that the run before
//            had not, it cannot know.
// Recipe.    The registers of a trace_set, 16 KiB whatever the number. They are joined with those
//            of this run and written back: durable_file.hpp. A file that is torn is set aside and
//            begun anew: it costs what earlier runs have seen, and no finding.
// Not promised: small differences. The estimate is 0.8 % wide, and what is new by less than that
//            may be told later. Two runs that share a file at the same time: the later one's traces
//            stay.
#pragma once

#include <cstdint>
#include <string>

#include "sim/trace_set.hpp"

namespace retake::sim {

struct joined_traces {
  std::uint64_t known = 0;  // with this run's
  std::uint64_t fresh = 0;  // of this run, and of none before
  bool disk_full = false;   // why it could not be written
  std::string torn;  // the new name of a file that could not be read back; empty: it was whole, or there was none
};

// A file that is not there is an empty one. False, and why: it cannot be written, or is torn and
// cannot be renamed.
bool join_traces(std::string const& path, trace_set const& seen, joined_traces& out, std::string& reason);

}  // namespace retake::sim
