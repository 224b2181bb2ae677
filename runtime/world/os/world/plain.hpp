// plain.hpp: shared data that is not atomic. In the os world it is the bare value; sim and Relacy
// report a race on it.
//
// Problem.   What a protocol hands over (nextp, a queue's slot) is ordinary memory, guarded by the
//            protocol's order. The checkers must see each access to it, and the production build
//            must not.
// Recipe.    get() and set(v), nothing else: no reference to the inside exists that could be used
//            behind the checkers' back.
//
// Checked by tests/world (conformance_core), TSan in the os world, vector clocks in the sim,
// rl::var in Relacy.
// Not promised: atomicity. Two threads, one of which writes, without a happens-before between them:
// a bug.
#pragma once

#include "world/site.hpp"

namespace retake::world {

template <class T>
class plain {
 public:
  explicit constexpr plain(T initial) noexcept : value_(initial) {}
  plain(plain const&) = delete;
  plain& operator=(plain const&) = delete;

  // By whoever the protocol lets read. Does not block.
  [[nodiscard, gnu::always_inline]] constexpr T get(site = site::current()) const noexcept { return value_; }

  // By whoever the protocol lets write. Does not block.
  [[gnu::always_inline]] constexpr void set(T value, site = site::current()) noexcept { value_ = value; }

 private:
  T value_;
};

}  // namespace retake::world
