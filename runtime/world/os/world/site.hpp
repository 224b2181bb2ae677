// site.hpp: the line of the runtime that performs a world operation.
//
// Problem.   A history, a timeline, a mutant and a failed `require` must name the line in the
//            protocol, not one in the world. clang 14 with libstdc++ 12 has no
//            std::source_location.
// Recipe.    Every operation takes a defaulted site as its last parameter; a default argument is
//            evaluated where the call stands. In the os world the operations are inlined and the
//            site vanishes, except where a text is printed.
//
// Not promised: that lines are stable. They are for people and stay outside every hash.
#pragma once

#include "world/one_world.hpp"

namespace retake::world {

struct site {
  char const* file;
  unsigned line;
  char const* function;

  // Without arguments: the place of the call. Never with arguments, except to forward what a caller
  // gave.
  static constexpr site current(char const* file = __builtin_FILE(), unsigned line = __builtin_LINE(),
                                char const* function = __builtin_FUNCTION()) noexcept {
    return {file, line, function};
  }
};

}  // namespace retake::world
