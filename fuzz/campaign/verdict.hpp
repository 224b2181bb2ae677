// verdict.hpp: what a run may say of itself at its end: the code it ends with, and the sentence.
//
// Rule.      1: there is a finding. 130: the run was interrupted, and has no finding so far. 3: the
//            environment lacks something. 4: the harness is at fault, or nothing was run: nothing
//            that was run is no evidence that anything holds. 0: something was run, and all of it
//            holds; the sentence says how much had no turn.
// Checked by tests/cli/verdict_test.sh.
#pragma once

#include <cstddef>
#include <string>

namespace retake::campaign {

struct evidence {
  std::size_t findings = 0, faults = 0;
  std::size_t jobs = 0, had_no_turn = 0;
  bool was_interrupted = false;
  bool environment_lacks = false;  // a full disk, a program that is missing
  bool harness_broken = false;     // beside the faults of children

  bool nothing_run() const { return jobs == had_no_turn; }
};

int code_of(evidence const& e);

// `No finding in 30 of 40 jobs; 10 had no turn; interrupted`. `kind`: "", or "new " of a nightly.
std::string sentence_of(evidence const& e, std::string const& kind = "");

}  // namespace retake::campaign
