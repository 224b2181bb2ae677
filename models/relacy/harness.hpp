// harness.hpp: what the command line of a model does with its suites. Names nothing of Relacy, and
// is compiled once.
//
// A model is one executable: `return model::model_main<suites...>(argc, argv, "note");`
// (model_main.hpp). Flags, exit codes and JSON lines are those of the project's command line
// contract; `--help` lists them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace retake::model {

// Under which conditions a suite is searched.
struct conditions {
  bool fences_in_futex = true;
  unsigned spurious = 0;
  unsigned timeouts = 0;
  unsigned give_ups = 0;
};

// How one search ended. `tag` empty: without a finding.
struct verdict {
  std::string tag;
  std::string claim;
  std::uint32_t steps = 0;
  std::uint32_t preemptions = 0;
};

struct suite_entry {
  char const* name;
  char const* claim;
  char const* must_fail;  // null: it holds. Else the tag of the finding that this faulty twin must cause
  bool parks;             // threads sleep on futexes: searched with and without the kernel's fences
  bool ends;              // its full search ends within the default budget
  unsigned threads;
  unsigned spurious;
  unsigned timeouts;
  unsigned give_ups;
  std::uint64_t random_executions;
  unsigned bound;
  verdict (*run)(conditions const&);                           // by the_search
  void (*write_history)(conditions const&, char const* path);  // of the trail in the_search; appends
};

int harness_main(int argc, char** argv, char const* model, std::vector<suite_entry> const& suites);

}  // namespace retake::model
