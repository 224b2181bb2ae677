// refused.hpp: what the contract leaves out until the runtime needs it, by name.
//
// A call answers -ENOSYS. The list shrinks as the runtime grows; runtime/world/README.md says what is in the contract today.
#pragma once

#include <cerrno>

#include "world/one_world.hpp"

namespace retake::world {

inline int ring_create() noexcept { return -ENOSYS; }      // io_uring: {prepare, submit, reap}
inline int resolve() noexcept { return -ENOSYS; }          // names to addresses
inline int fault_boundary() noexcept { return -ENOSYS; }   // containing a SIGSEGV of foreign code

}  // namespace retake::world
