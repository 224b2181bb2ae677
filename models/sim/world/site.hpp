// site.hpp: where in the source a world operation stands.
//
// Problem.   A history, a timeline and a mutant must name the operation that a person can find, and
//            a replay must survive an edit.
// Rejected.  std::source_location: clang 14 with libstdc++ 12 does not have it. Macros: they would
//            have to stand at every call.
// Recipe.    Each operation takes a defaulted `site` last; the compiler fills it in where the
//            operation is written.
// Fields.    file, line: for people and for naming a mutant. function: also part of a trace's hash
//            and of a replay.
// Not promised: that `file` is the same pointer, or the same path, in two translation units.
#pragma once

#include "world/one_world.hpp"

namespace retake::world {

struct site {
  char const* file;
  unsigned line;
  char const* function;

  static constexpr site current(char const* file = __builtin_FILE(), unsigned line = __builtin_LINE(),
                                char const* function = __builtin_FUNCTION()) noexcept {
    return {file, line, function};
  }
};

}  // namespace retake::world
