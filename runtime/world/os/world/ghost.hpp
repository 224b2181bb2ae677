// ghost.hpp: who owns what, said for the checkers; in the os world there is nothing behind it.
//
// Problem.   "Every P has exactly one owner at every instant" cannot be read off the runtime's
//            memory: wiring takes several steps, and half of them are legal in the middle of a
//            hand-off. The protocol itself knows at which instruction the ownership changes.
// Recipe.    A ghost stands beside the state it describes, and a ghost call directly behind the
//            world operation that commits the change; no operation comes between. Declare it
//            [[no_unique_address]], so that it takes no room here.
//
// Checked by models/sim/checkers, which are driven by these calls; Relacy checks move().
// Not promised: a value to read. Nothing may depend on a ghost. (Two ghosts of one type in one
// object still take different addresses.)
#pragma once

#include "world/site.hpp"

namespace retake::world {

template <class T>
class ghost {
 public:
  explicit constexpr ghost(T) noexcept {}
  ghost(ghost const&) = delete;
  ghost& operator=(ghost const&) = delete;

  // The ownership change commits here. `tag` names the invariant: "P9: taken by sysmon".
  [[gnu::always_inline]] constexpr void set(T, char const*, site = site::current()) noexcept {}

  // The same; and before it the value must be `from`, else the execution fails with `tag`.
  [[gnu::always_inline]] constexpr void move(T, T, char const*, site = site::current()) noexcept {}
};

}  // namespace retake::world
