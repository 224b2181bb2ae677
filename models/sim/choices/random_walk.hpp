// random_walk.hpp: every enabled thread with the same chance at every step.
//
// The baseline that other strategies must beat. Bugs that need one thread to be left behind for long are out of its reach; its
// strength is that it needs nothing and repeats nothing. Old values are read half of the time; a fault strikes one time in eight; the
// clock ticks one time in sixteen, because a tick by choice is a rare event that would otherwise use up its budget in the first steps.
#pragma once

#include "sim/choices/chooser.hpp"
#include "sim/choices/random_source.hpp"

namespace retake::sim {

class random_walk final : public chooser {
 public:
  explicit random_walk(std::uint64_t seed) : seed_(seed) {}
  char const* name() const override { return "random"; }
  void begin(std::uint64_t execution) override { random_.seed(seed_, execution); }
  std::uint32_t choose(choice_point const& p) override {
    switch (p.kind) {
      case choice_kind::thread:
        if (!p.clock_may_tick) return random_.below(p.n);
        if (random_.one_in(16)) return p.n - 1;
        return random_.below(p.n - 1);
      case choice_kind::read_from: return random_.one_in(2) ? 0 : 1 + random_.below(p.n - 1);
      case choice_kind::fault: return random_.one_in(8) ? 1 : 0;
      default: return random_.below(p.n);
    }
  }
  bool end(execution_summary const&) override { return true; }

 private:
  std::uint64_t seed_;
  random_source random_;
};

}  // namespace retake::sim
