// sampling.hpp: what all strategies share that draw each execution at random.
//
// A strategy adds the order of the threads. Everything else is drawn here: an old value is read at
// half of the loads that have one, each old value with the same chance; a quarter of the stores
// that can take an earlier place take one, and of the weak compare_exchanges that could win fail;
// ticks, faults and give-ups are spread over the execution (spread.hpp); values are uniform.
//
// `Strategy` has three functions: begin_threads() before each execution, choose_thread(point, n)
// where the first n alternatives are threads, and learned() after the lengths have changed.
#pragma once

#include "sim/choices/chooser.hpp"
#include "sim/choices/random_source.hpp"
#include "sim/choices/spread.hpp"

namespace retake::sim {

template <class Strategy>
class sampling : public chooser {
 public:
  explicit sampling(std::uint64_t seed) : seed_(seed) {}
  bool learns() const final { return true; }
  void learn(lengths const& measured) final {
    lengths_ = measured;
    self().learned();
  }
  void begin(std::uint64_t execution) final {
    random_.seed(seed_, execution);
    self().begin_threads();
    ticks_.begin(lengths_.ticks);
    faults_.begin(lengths_.faults);
    give_ups_.begin(lengths_.give_ups, give_ups_in_one_of);
  }
  std::uint32_t choose(choice_point const& p) final {
    switch (p.kind) {
      case choice_kind::thread:
        if (!p.clock_may_tick) return self().choose_thread(p, p.n);
        if (ticks_.take(p.budget, random_)) return p.n - 1;
        return self().choose_thread(p, p.n - 1);
      case choice_kind::read_from: return random_.one_in(2) ? 0 : 1 + random_.below(p.n - 1);
      case choice_kind::place: return random_.one_in(4) ? 1 + random_.below(p.n - 1) : 0;
      case choice_kind::weak_failure: return random_.one_in(4) ? 1 : 0;
      case choice_kind::fault: return faults_.take(p.budget, random_) ? 1 : 0;
      case choice_kind::give_up: return give_ups_.take(p.budget, random_) ? 1 : 0;
      default: return random_.below(p.n);
    }
  }
  bool end(execution_summary const&) final { return true; }

 protected:
  void begin_threads() {}
  void learned() {}
  bool knows_length() const { return lengths_.steps != 0; }

  lengths lengths_;
  random_source random_;

 private:
  Strategy& self() { return static_cast<Strategy&>(*this); }

  std::uint64_t seed_;
  spread ticks_;
  spread faults_;
  spread give_ups_;
};

}  // namespace retake::sim
