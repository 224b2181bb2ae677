// site.hpp: the line of the protocol that performs a world operation.
//
// Problem.   A failing history must name the line of the protocol, and a mutant is chosen by it.
// Recipe.    Every operation takes a defaulted site as its last parameter; the compiler fills it in
//            where the call stands.
// Not promised: that `file` is the same pointer, or has the same folders in front, in two builds:
// it is compared by its last part.
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
