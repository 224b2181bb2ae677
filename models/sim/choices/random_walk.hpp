// random_walk.hpp: every enabled thread with the same chance at every step.
//
// The baseline that other strategies must beat. Bugs that need one thread to be left behind for long
// are out of its reach; its strength is that it needs nothing and repeats nothing. An old value is
// read at half of the loads that have one, each old value with the same chance; ticks and faults are
// spread over the execution (spread.hpp).
#pragma once

#include "sim/choices/chooser.hpp"
#include "sim/choices/random_source.hpp"
#include "sim/choices/spread.hpp"

namespace retake::sim {

class random_walk final : public chooser {
 public:
  explicit random_walk(std::uint64_t seed) : seed_(seed) {}
  char const* name() const override { return "random"; }
  bool learns() const override { return true; }
  void learn(lengths const& measured) override { lengths_ = measured; }
  void begin(std::uint64_t execution) override {
    random_.seed(seed_, execution);
    ticks_.begin(lengths_.ticks);
    faults_.begin(lengths_.faults);
    give_ups_.begin(lengths_.give_ups, give_ups_in_one_of);
  }
  std::uint32_t choose(choice_point const& p) override {
    switch (p.kind) {
      case choice_kind::thread:
        if (!p.clock_may_tick) return random_.below(p.n);
        if (ticks_.take(p.budget, random_)) return p.n - 1;
        return random_.below(p.n - 1);
      case choice_kind::read_from: return random_.one_in(2) ? 0 : 1 + random_.below(p.n - 1);
      case choice_kind::fault: return faults_.take(p.budget, random_) ? 1 : 0;
      case choice_kind::give_up: return give_ups_.take(p.budget, random_) ? 1 : 0;
      default: return random_.below(p.n);
    }
  }
  bool end(execution_summary const&) override { return true; }

 private:
  std::uint64_t seed_;
  random_source random_;
  lengths lengths_;
  spread ticks_;
  spread faults_;
  spread give_ups_;
};

}  // namespace retake::sim
