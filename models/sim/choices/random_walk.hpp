// random_walk.hpp: every enabled thread with the same chance at every step.
//
// The baseline that other strategies must beat. Bugs that need one thread to be left behind for
// long are out of its reach; its strength is that it needs nothing and repeats nothing.
#pragma once

#include "sim/choices/sampling.hpp"

namespace retake::sim {

class random_walk final : public sampling<random_walk> {
 public:
  using sampling::sampling;
  char const* name() const override { return "random"; }

 private:
  friend sampling<random_walk>;
  std::uint32_t choose_thread(choice_point const&, std::uint32_t threads) {
    return threads == 1 ? 0 : random_.below(threads);
  }
};

}  // namespace retake::sim
