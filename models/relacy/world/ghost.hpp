// ghost.hpp: who owns what, for the models: host memory, no operation of the model, never read by
// the protocols.
//
// A ghost call stands directly behind the operation that commits the change, and Relacy switches
// threads only at the start of an
// operation: the change and its ghost are one step.
#pragma once

#include "world/engine.hpp"
#include "world/site.hpp"

namespace retake::world {

template <class T>
class ghost {
 public:
  explicit ghost(T initial) noexcept : value_(initial) {}
  ghost(ghost const&) = delete;
  ghost& operator=(ghost const&) = delete;

  // An ownership change commits here.
  void set(T v, char const* tag, site where = site::current()) noexcept {
    value_ = v;
    relacy::note_event(tag, where);
  }

  // The same, and the value must be `from`.
  void move(T from, T to, char const* tag, site where = site::current()) noexcept {
    if (!(value_ == from)) [[unlikely]]
      relacy::fail(tag, where);
    value_ = to;
  }

  // For the models' own checks.
  [[nodiscard]] T const& peek() const noexcept { return value_; }

 private:
  T value_;
};

}  // namespace retake::world
