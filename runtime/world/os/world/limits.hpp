// limits.hpp: the sizes that this world can afford.
//
// Problem.   A queue of 256 slots overflows after 256 steps, far beyond what a search can walk
//            through. The protocols take their sizes as template arguments; the world says which.
// Recipe.    Production values here, tiny ones in the sim. Nothing else may differ between worlds.
//
// Checked by static_assert below and in the protocols that take them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "world/one_world.hpp"

// Reached as world::limits::x and as world::x.
namespace retake::world {
inline namespace limits {

inline constexpr std::uint32_t run_queue_capacity = 256;  // slots in a P's ring, a power of two (Go: 256)
inline constexpr std::size_t machine_stack_bytes =
    std::size_t{8} << 20;  // bytes of address space of an M's own stack; foreign calls run there
inline constexpr std::size_t foreign_stack_bytes = std::size_t{1} << 20;  // of them for foreign code, at least
inline constexpr std::size_t goroutine_stack_bytes = std::size_t{256}
                                                     << 10;  // bytes of address space of a goroutine's stack
inline constexpr std::uint32_t processors_max = 256;         // Ps
inline constexpr std::uint32_t spin_rounds_max = 30;         // looks at a word before a thread sleeps on it
inline constexpr std::uint32_t steal_rounds = 4;             // walks over all Ps before a thief gives up (Go: 4)
inline constexpr std::uint32_t descriptors_per_chunk = 64;   // entries of the poller's table that are made at once
inline constexpr int events_per_poll = 128;                  // events that one look of the poller takes (Go: 128)

static_assert((run_queue_capacity & (run_queue_capacity - 1)) == 0, "a ring's index is taken modulo its capacity");

}  // namespace limits
}  // namespace retake::world
