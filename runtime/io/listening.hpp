// listening.hpp: what the listeners of all families share.
#pragma once

#include "io/results.hpp"
#include "world/errors.hpp"
#include "world/kernel.hpp"

namespace retake::detail {

inline constexpr int listen_backlog = 4096;

// A handle for a socket that another program has bound: taken over, also on failure, and made to
// listen.
// `fits`: whether its name is of the kind that is wanted.
template <class Handle, class Fits>
result<Handle> listening_on(int descriptor, Fits fits) {
  int failed = 0;
  polled_file* const file = polled_file::adopt(descriptor, failed);
  if (file == nullptr) return error_of(failed);
  Handle made(file);
  world::kernel::socket_address name;
  failed = file->at_once([&] { return world::kernel::local_address(file->fd(), name); });
  if (failed == 0 && !fits(name)) failed = world::errors::invalid;
  if (failed == 0) failed = file->at_once([&] { return world::kernel::listen(file->fd(), listen_backlog); });
  if (failed != 0) return error_of(failed);
  return made;
}

}  // namespace retake::detail
