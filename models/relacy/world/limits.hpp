// limits.hpp: the sizes that an exhaustive search can afford.
//
// Each look of a spin loop and each slot of a ring multiplies the executions of a full search: one
// look before a thread sleeps, and rings of two or four slots (the models name the ring's size
// themselves where they need four).
#pragma once

#include <cstddef>
#include <cstdint>

#include "world/one_world.hpp"

namespace retake::world::limits {

inline constexpr std::uint32_t run_queue_capacity = 2;
inline constexpr std::size_t machine_stack_bytes = std::size_t{64} << 10;    // what Relacy gives a thread of a model
inline constexpr std::size_t goroutine_stack_bytes = std::size_t{64} << 10;  // no goroutine runs here
inline constexpr std::uint32_t processors_max = 8;
inline constexpr std::uint32_t spin_rounds_max = 1;
inline constexpr std::uint32_t steal_rounds = 1;

}  // namespace retake::world::limits
