// place.hpp: where in the runtime something happens, as --explain of the bugs and the exercises
// prints it. stress.explained_places_exist looks each of them up.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace retake::stress {

struct place {
  char const* file;      // below the project's root
  char const* function;  // in it
  char const* does;
};

// Returns the exit code.
[[nodiscard]] inline int show_places(std::string const& title, std::vector<place> const& all) {
  fmt::print("{}\n", title);
  for (place const& one : all) fmt::print("  {}: {}\n    {}\n", one.file, one.function, one.does);
  return 0;
}

}  // namespace retake::stress
