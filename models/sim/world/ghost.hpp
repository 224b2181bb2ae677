// ghost.hpp: who owns what, and where an ownership change commits, for the checkers of the
// simulated world.
//
// A ghost stands beside real state and is never read by the runtime. Each call is a commit: the
// scenario's checkers look at the world there (sim::on_commit), directly behind the operation that
// made the change, and no other thread runs in between.
#pragma once

#include "sim/calls.hpp"
#include "world/site.hpp"

namespace retake::world {

template <class T>
class ghost {
 public:
  explicit ghost(T initial) noexcept : value_(initial) {}

  // An ownership change commits here.
  void set(T v, char const* tag, site where = site::current()) noexcept {
    value_ = v;
    sim::commit(this, tag, where);
  }
  // The same, and the value must be `from`.
  void move(T from, T to, char const* tag, site where = site::current()) noexcept {
    if (!(value_ == from)) [[unlikely]]
      sim::fail(tag, where);
    value_ = to;
    sim::commit(this, tag, where);
  }

  // For checkers.
  T const& peek() const noexcept { return value_; }

 private:
  T value_;
};

}  // namespace retake::world
