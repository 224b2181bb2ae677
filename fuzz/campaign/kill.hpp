// kill.hpp: does one program find one mutant, and is what it finds really the mutant?
//
// Problem.   "The run was red" is not a kill: the mutant may not compile, may crash the harness, may run into a time-out, or the finding may
//            be one that the clean tree has too.
// Recipe.    A finding counts when its tag is one the mutant declares (if it declares any), its replay fails again on the mutant, and the
//            same replay, continued on the clean program, ends without it. A technique whose findings have no replay is run on the
//            clean program with the same seed and the same budget, and must find nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalogue.hpp"

namespace retake::campaign {

struct trial {
  std::string technique;  // sim, model, props, fuzz, stress
  std::string subject;
  std::string memory = "c11";     // sim
  std::string strategy = "pct";   // sim
  std::string mutate{};           // SITE:KIND, or empty: the program itself is the mutant
  std::vector<std::string> tags{};  // declared; empty: any
  std::uint64_t executions = 20'000;
  double seconds = 10;
  std::uint64_t seed = 1;
  std::string out{};              // where replays go
};

// How a trial ended; only `killed` is a kill.
enum class verdict { killed, survived, not_reached, wrong_tag, not_reproduced, not_the_mutant, crashed, timed_out, unavailable };
std::string name_of(verdict v);

struct trial_result {
  verdict how = verdict::survived;
  std::string tag;
  std::string replay;
  std::string why;  // for the columns that are no kills
  std::uint64_t executions = 0;
  double seconds = 0;
};

trial_result attempt(catalogue const& mutated, catalogue const& clean, trial const& t);

}  // namespace retake::campaign
