// refused.hpp: what the contract leaves out until the runtime needs it, by name.
//
// A call answers -ENOSYS. The list shrinks as the runtime grows; runtime/world/README.md says what
// is in the contract today.
#pragma once

#include <cerrno>

#include "world/one_world.hpp"

namespace retake::world {

inline int resolve() noexcept { return -ENOSYS; }  // names to addresses

}  // namespace retake::world
