// pos.hpp: partial order sampling (Yuan, Yang and Gu, CAV 2018).
//
// Problem.   In a random walk the order of two racing operations depends on how many others stand
//            before each of them: after m private steps a thread comes first once in 2^(m+1).
// Recipe.    Each pending operation has a random priority of its own; the thread whose operation
//            has the highest one runs. An operation that has run gives new priorities to the
//            pending operations that race with it (races.hpp).
// Promised.  A thread with m private steps before its racing operation comes first with probability
//            1 / (m + 2) against one that is pending from the start. After a race the remaining
//            races are decided anew: of m writes in a row to one location, a pending write comes
//            after all with probability 1 / 2^m. Needs no length and no depth.
// Not promised: anything about old values, ticks and faults (sampling.hpp). An operation that runs
//            while no other thread could is not seen; those that become pending later do not race
//            with it.
#pragma once

#include <array>

#include "sim/choices/races.hpp"
#include "sim/choices/sampling.hpp"

namespace retake::sim {

class pos final : public sampling<pos> {
 public:
  using sampling::sampling;
  char const* name() const override { return "pos"; }

 private:
  friend sampling<pos>;

  void begin_threads() { drawn_ = 0; }

  std::uint32_t choose_thread(choice_point const& p, std::uint32_t threads) {
    std::uint32_t best = 0;
    for (std::uint32_t i = 0; i < threads; ++i) {
      std::uint32_t const slot = p.slot_of(i);
      if ((drawn_ >> slot & 1U) == 0) priority_[slot] = random_.next();
      if (priority_[slot] > priority_[p.slot_of(best)]) best = i;
    }
    drawn_ = p.enabled;
    std::uint32_t const runs = p.slot_of(best);
    for (std::uint32_t i = 0; i < threads; ++i) {
      std::uint32_t const slot = p.slot_of(i);
      if (slot == runs || race(p.pending[runs], p.pending[slot])) drawn_ &= ~(1U << slot);
    }
    return best;
  }

  std::array<std::uint64_t, threads_max> priority_{};  // by slot, of its pending operation
  std::uint32_t drawn_ = 0;                            // mask of slots whose priority holds
};

}  // namespace retake::sim
