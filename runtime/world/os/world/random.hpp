// random.hpp: decisions that nobody should be able to lean on.
//
// Problem.   Where to steal first, which ready case of a select wins: these must be spread, and the
//            simulator must own them.
// Recipe.    random_below(n) for the runtime's own decisions. choose(kind, n) for what the
//            environment decides (a fault, a delay): in production the environment decides, so that
//            the answer here is always 0.
//
// Checked by tests/world (conformance_rest), tests/world/os_world_test.cpp (spread over the range,
// differing threads).
// Not promised: secrecy. The generator is a fast one (wyrand, per thread); the bias of random_below
// is below n / 2^32.
#pragma once

#include <cstdint>

#include "world/site.hpp"

namespace retake::world {

// A number in [0, n); n >= 1. Any thread, not in a signal handler. Does not block.
[[nodiscard]] std::uint32_t random_below(std::uint32_t n, site = site::current()) noexcept;

// 0. In the sim: a choice in [0, n), recorded under `kind`.
[[nodiscard, gnu::always_inline]] inline std::uint32_t choose(char const*, std::uint32_t,
                                                              site = site::current()) noexcept {
  return 0;
}

}  // namespace retake::world
