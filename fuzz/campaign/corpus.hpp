// corpus.hpp: the inputs of a fuzz target over many nights.
//
// Problem.   libFuzzer writes its folder as it likes: it replaces inputs by smaller ones, and a
//            kill leaves half a file. What was found once must stay, and a target must not begin
//            each slice with ten thousand inputs that reach the same.
// Recipe.    DIR/work/corpus/T     where libFuzzer writes while it runs
//            DIR/corpus/T          grows only: every input that reached something new when it came;
//                                  each is whole, its name its hash
//            DIR/minimised/T       the fewest of them that reach the same; what the target begins
//                                  with
//            merge: libFuzzer -merge=1 of all that there is into an empty folder. What it kept goes
//            to corpus/ durably and is read back; when a second merge, of what was kept alone, sees
//            each feature that the first one saw, the folder becomes minimised/, then work/ is
//            emptied. A kill between any two of these only repeats work. An input that ends the
//            target stays in work/.
#pragma once

#include <string>
#include <vector>

#include "catalogue.hpp"

namespace retake::campaign {

struct merged {
  std::vector<std::string> added;  // hashes that came into DIR/corpus
  std::size_t minimised = 0;       // inputs that reach all
  std::string fault;               // why it did not work
};

merged merge_corpus(catalogue const& programs, program const& target, std::string const& folder);

// What the target should begin with; empty: nothing is there yet.
std::string start_inputs(std::string const& folder, std::string const& target);

}  // namespace retake::campaign
