// print.hpp: a line for the people who watch; the sim keeps it for the timeline.
#pragma once

#include <cstddef>

#include "sim/calls.hpp"

namespace retake::world {

inline void print(char const* text, std::size_t n) noexcept { sim::print(text, n); }

}  // namespace retake::world
