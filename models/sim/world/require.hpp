// require.hpp: claims that end an execution when they do not hold.
//
// The tag is the text before the colon: `"M7: note woken twice"` is found as M7. The execution ends
// where it stands: nothing unwinds, no destructor runs, the stacks are abandoned and recycled.
#pragma once

#include "sim/calls.hpp"
#include "world/site.hpp"

namespace retake::world {

inline void require(bool condition, char const* tag_and_claim, site where = site::current()) noexcept {
  if (!condition) [[unlikely]]
    sim::fail(tag_and_claim, where);
}

// A second look whose both outcomes must be seen by the scenarios; counted per site. Returns
// `condition`.
inline bool recheck(bool condition, site where = site::current()) noexcept {
  sim::count_recheck(condition, where);
  return condition;
}

// A documented fatal error of the process: a finding unless the scenario expects exactly this text.
[[noreturn]] inline void fatal(char const* text, site where = site::current()) noexcept { sim::fatal(text, where); }

}  // namespace retake::world
