// kill.hpp: does one program find one mutant, and is what it finds really the mutant?
//
// Problem.   "The run was red" is not a kill: the mutant may not compile, may crash the harness,
//            may run into a time-out, or the finding may be one that the clean tree has too.
// Recipe.    A finding counts when its tag is one the mutant declares (if it declares any), its
//            replay fails again on the mutant, and the same replay, continued on the clean program,
//            ends without it. A technique whose findings have no replay is run on the clean program
//            with the same seed and the same budget, and must find nothing. A test kills when it
//            fails; one that is not there does not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalogue.hpp"

namespace retake::campaign {

struct trial {
  std::string technique;  // sim, model, props, fuzz, stress, test
  std::string subject;
  std::string memory = "c11";       // sim
  std::string strategy = "pct";     // sim
  std::string faults = "none";      // sim
  std::string mutate{};             // SITE:KIND, or empty: the program itself is the mutant
  std::vector<std::string> tags{};  // declared; empty: any
  std::uint64_t executions = 20'000;
  double seconds = 10;
  std::uint64_t seed = 1;
  std::string out{};  // where replays go
};

// How a trial ended; only `killed` is a kill.
enum class verdict {
  killed,
  survived,
  not_reached,
  wrong_tag,
  not_reproduced,
  not_the_mutant,
  crashed,
  timed_out,
  unavailable
};
std::string name_of(verdict v);

struct trial_result {
  verdict how = verdict::survived;
  std::string tag;
  std::string replay;
  std::string why;  // for the columns that are no kills
  std::uint64_t executions = 0;
  double seconds = 0;
};

// The test of that name, of a build folder: passed, failed, or could not be run.
enum class test_end { passed, failed, not_run };
struct test_result {
  test_end how;
  double seconds;
  std::string said;
};
test_result run_test(std::string const& build_folder, std::string const& name);
// A kill is a test that ran and failed.
trial_result judged(test_result const& done, std::string const& name);

// A technique `test` counts on the caller: the clean program's test has passed.
trial_result attempt(catalogue const& mutated, catalogue const& clean, trial const& t);

}  // namespace retake::campaign
