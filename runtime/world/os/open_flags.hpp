// open_flags.hpp: how a file is opened, in the platform's bits.
#pragma once

#include <cstdint>

#include <fcntl.h>

#include "world/kernel.hpp"

namespace retake::world::os {

inline int open_flags(std::uint32_t how) noexcept {
  const auto when = [how](std::uint32_t bit, int flag) { return (how & bit) != 0 ? flag : 0; };
  const int direction = (how & kernel::open_write) == 0 ? O_RDONLY : (how & kernel::open_read) != 0 ? O_RDWR : O_WRONLY;
  return O_CLOEXEC | direction | when(kernel::open_create, O_CREAT) | when(kernel::open_exclusive, O_EXCL) |
         when(kernel::open_truncate, O_TRUNC) | when(kernel::open_append, O_APPEND) |
         when(kernel::open_direct, O_DIRECT);
}

}  // namespace retake::world::os
