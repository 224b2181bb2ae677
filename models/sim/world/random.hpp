// random.hpp: chance, which is a choice here.
#pragma once

#include <cstdint>

#include "sim/calls.hpp"
#include "world/site.hpp"

namespace retake::world {

// n >= 1. Alternative 0 is what a replay falls back to.
inline std::uint32_t random_below(std::uint32_t n, site where = site::current()) noexcept {
  return sim::random_below(n, where);
}
// A choice with a name of its own; the os world answers 0.
inline std::uint32_t choose(char const* kind, std::uint32_t n, site where = site::current()) noexcept {
  return sim::choose(kind, n, where);
}

}  // namespace retake::world
