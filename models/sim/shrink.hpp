// shrink.hpp: from a failing schedule to one that a person can read.
//
// Problem.   A random schedule of 300 choices fails because of three of them.
// Recipe.    Only what departs from the tame execution counts: a set of departures, each keyed by
//            (slot, operations of that slot so far, kind of choice), so that taking one away does
//            not shift the others. Delta debugging takes them away in chunks: preemptions first,
//            then stale reads, then faults and random values, then forced switches; a candidate
//            counts if it fails with the same tag and is smaller by (preemptions, stale reads,
//            departures, steps). What a candidate really did becomes the new set. At the fix point
//            one preemption (or all) is traded for one stale read, and if that fails too it begins
//            again. To the bound of executions, or of time.
// Rejected.  Cutting the byte string of choices: one byte taken away gives every later byte to
//            another question.
// Not promised: the least schedule: the result is minimal for taking away single departures and for
// that trade.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/engine.hpp"

namespace retake::sim {

struct shrunk {
  bool reproduced = false;  // the input failed with the tag when it was run again
  std::vector<choice_record> choices;
  execution result;  // of the smallest failing execution
  std::uint32_t executions = 0;
};

shrunk shrink(engine& e, scenario const& s, char const* tag, std::vector<choice_record> const& choices,
              std::uint32_t executions_max = 4000, double seconds_max = 1e18);

}  // namespace retake::sim
