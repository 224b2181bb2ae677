// local_name.hpp: the path of a local socket is a file that stays when the socket is closed; here
// it goes with who bound it, as in Go.
#pragma once

#include "world/kernel.hpp"

namespace retake::detail {

// Once: afterwards `name` is none. Nothing for names that are no paths.
inline void remove_local_name(world::kernel::socket_address& name) noexcept {
  const bool is_path = name.family == world::kernel::address_family::local && name.used != 0 && name.bytes[0] != 0;
  if (is_path)
    world::kernel::remove_name(
        reinterpret_cast<char const*>(name.bytes));  // shorter than its array, so it ends with a zero
  name = {};
}

}  // namespace retake::detail
