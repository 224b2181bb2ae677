// patches.hpp: mutants that are patches, and the private copy of the tree in which they are built.
//
// Problem.   A mutant must never touch the tree somebody works in, and building a copy from nothing
//            for each takes minutes.
// Recipe.    One copy, build/mutants/tree, with build folders of its own. refresh() makes it equal
//            to the tree, touching only files that differ, so that a build after a patch compiles
//            what the patch changed, and nothing else.
// Format     of a patch: header lines, then what `git diff` prints.
//                # id: h19
//                # claim: retake takes the P with a plain store instead of the CAS
//                # tags: P9 P11
//                # kills: sim syscall_against_retake, model processor_status
//            What the simulator does not compile is watched by tests of real processes: `# kills:
//            test NAME`, a suite's name, and `# builds: TARGET ...` when its program is not
//            runtime_tests. A mutant of the harness names with `# dead: NAME` the quick test that
//            must go red, and with `# builds: TARGET ...` what that test runs.
#pragma once

#include <string>
#include <vector>

#include "catalogue.hpp"
#include "folder_lock.hpp"

namespace retake::campaign {

struct target {
  std::string technique;  // sim, model, props, fuzz, stress, test
  std::string subject;    // scenario, model, property, fuzz target, hammer, test
};

struct patch {
  std::string file;
  std::string id;
  std::string claim;
  std::vector<std::string> tags;
  std::vector<target> kills;
  std::vector<std::string> builds;  // what its tests run, by CMake's names
  std::string dead;
};

// Sorted by id. A patch without header lines gets its file's name as its id.
std::vector<patch> patches_in(std::string const& folder);
patch read_patch(std::string const& file);

class private_copy {
 public:
  explicit private_copy(std::string root);

  std::string const& folder() const { return folder_; }
  // Equal to the tree again.
  void refresh();
  // Empty, or why it does not apply.
  std::string apply(std::string const& patch_file);
  // Configures, and builds these targets. Empty, or the first lines of what the compiler said.
  std::string build(std::string const& preset, std::vector<std::string> const& targets);
  // The programs that were built here.
  catalogue programs() const { return {folder_, folder_ + "/build"}; }

 private:
  std::string root_, folder_;
  folder_lock lock_;  // two runs would build each other's mutants
};

}  // namespace retake::campaign
