// require.hpp: claims that end an execution when they do not hold. The tag is the text before the
// colon.
#pragma once

#include "world/engine.hpp"
#include "world/site.hpp"

namespace retake::world {

inline void require(bool condition, char const* tag_and_claim, site where = site::current()) noexcept {
  if (!condition) [[unlikely]]
    relacy::fail(tag_and_claim, where);
}

// A second look whose both outcomes must be seen; counted per site. Returns `condition`.
[[nodiscard]] inline bool recheck(bool condition, site where = site::current()) noexcept {
  relacy::count_outcome(relacy::question::recheck, condition ? 0 : 1, where);
  return condition;
}

}  // namespace retake::world
