// rules_top.cpp: the top level holds the rooms and files that the map of README.md names, and
// nothing else (top).
//
// What a test or a run leaves in the folder it was started in is one `git add -A` away from being
// part of the project. Names that begin with a dot are not judged: editors and git keep theirs
// there.
#include <filesystem>
#include <string_view>
#include <unordered_set>

#include "tidy.hpp"

namespace retake::tidy {

void check_top(tree const& t, complaints& out) {
  static std::unordered_set<std::string_view> const known{
      "CMakeLists.txt",
      "CMakePresets.json",
      "CONTRIBUTING.md",
      "LICENSE",
      "README.md",
      "docs",
      "fuzz",
      "models",
      "properties",
      "retake",
      "runtime",
      "stress",
      "tests",
      "build",
      "out",  // ignored by git
      "CMakeUserPresets.json",
      "compile_commands.json"  // a developer's own
  };
  for (auto const& entry : std::filesystem::directory_iterator(t.root)) {
    std::string const name = entry.path().filename().string();
    if (!name.starts_with('.') && !known.contains(name))
      out.add("top", name, 0, "the top level does not hold this; what a run left is removed, what is new has its room");
  }
}

}  // namespace retake::tidy
