// regressions.hpp: schedules that showed a fault of the runtime, kept beside the patch that brings
// the fault back.
//
// Problem.   A kept schedule dies silently: the code before its fault changes, the record is left
//            after a few choices, and a run that goes on from there ends well whether the fault is
//            there or not.
// Recipe.    Each schedule names its patch. On the mutant it must be followed to its end and fail
//            as recorded; on the clean tree it must be followed to the choice at which the repair
//            leaves it, and then end well. Either is red when the schedule is stale, and `mutants
//            --record` finds and records it anew.
// Format     of models/scenarios/regressions/index.txt, one line for each NAME.replay of that
//            folder:
//                NAME | patch | how many choices the clean tree follows
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace retake::campaign {

struct regression {
  std::string name;
  std::string patch;
  std::uint64_t followed = 0;
};

// In the order of the index. Throws an environment_error when a line cannot be read.
std::vector<regression> regressions_of(std::string const& root);

// Durably; the lines of the head are kept.
void write_regressions(std::string const& root, std::vector<regression> const& all);

std::string replay_file(std::string const& root, regression const& r);

// What a simulator says of a replay. `problem` is empty when it could be run and said something.
struct replay_said {
  bool reproduced = false;
  std::uint64_t followed = 0, choices = 0;
  std::string divergence;
  std::string problem;
};
replay_said replay(std::string const& simulator, std::string const& file, bool go_on);

}  // namespace retake::campaign
