// limits.hpp: the sizes that the simulated world can afford.
//
// Small on purpose: a bound that a scenario of 500 steps never reaches is a bound that no schedule
// tests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "world/one_world.hpp"

// Reached as world::limits::x and as world::x.
namespace retake::world {
inline namespace limits {

inline constexpr std::uint32_t run_queue_capacity = 4;
inline constexpr std::size_t machine_stack_bytes = 256 * 1024;  // address space; a page is touched when it is used
inline constexpr std::size_t foreign_stack_bytes = 128 * 1024;
inline constexpr std::size_t goroutine_stack_bytes = 64 * 1024;
inline constexpr std::uint32_t processors_max = 8;
inline constexpr std::uint32_t spin_rounds_max = 2;
inline constexpr std::uint32_t steal_rounds = 2;
inline constexpr std::uint32_t descriptors_per_chunk = 8;
inline constexpr int events_per_poll = 4;

}  // namespace limits
}  // namespace retake::world
