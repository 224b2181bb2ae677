// refused.hpp: what the contract will have and the runtime does not need yet.
//
// Problem.   A world that lacks something silently is found out late; and a half of an
//            implementation looks like a whole one.
// Recipe.    Each is listed here by name, and every call of it answers -ENOSYS. What it takes is
//            settled when it is built.
//
// Checked by tests/world (conformance_rest: every name refuses).
#pragma once

#include <cerrno>

#include "world/site.hpp"

namespace retake::world {

[[nodiscard]] inline int resolve(site = site::current()) noexcept { return -ENOSYS; }  // names to addresses

}  // namespace retake::world
