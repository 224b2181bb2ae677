// pct.hpp: probabilistic concurrency testing (Burckhardt and others, ASPLOS 2010), depth d.
//
// Each thread has a random priority and the highest enabled one runs; at d-1 random steps the
// running thread falls below all that have not fallen. The order of two that fell is random too,
// whichever fell first: bugs of depth 3 need both orders.
//
// Promised.  A bug of depth d in an execution of n threads and k steps is found with probability
//            at least 1 / (n * k^(d-1)) by an execution that assumes k: seven of eight, once the
//            length was learned (spread.hpp). Of a chooser that did not learn it, one execution in
//            13 assumes a length from k to 2k. Holds for the order of threads only: old values are
//            read half of the time, and ticks and faults are spread over the execution. The clock
//            has no priority: as a thread it would tick in the first steps or never.
#pragma once

#include <algorithm>
#include <array>
#include <compare>

#include "sim/choices/sampling.hpp"

namespace retake::sim {

class pct final : public sampling<pct> {
 public:
  static constexpr std::uint32_t depth_max = 16;

  pct(std::uint64_t seed, std::uint32_t depth) : sampling(seed), depth_(std::clamp(depth, 1U, depth_max)) {}
  char const* name() const override { return "pct"; }

 private:
  friend sampling<pct>;

  void begin_threads() {
    std::uint32_t const length = assumed_length(lengths_.steps, random_);
    // The level goes with the step: in the order of the steps, the levels are in random order.
    for (std::uint32_t i = 0; i + 1 < depth_; ++i) change_[i] = {random_.below(length), i};
    std::sort(change_.begin(), change_.begin() + (depth_ - 1));
    for (std::uint32_t& p : priority_) p = depth_ + static_cast<std::uint32_t>(random_.next() >> 33);
    changed_ = 0;
  }

  std::uint32_t choose_thread(choice_point const& p, std::uint32_t threads) {
    std::uint32_t best = highest(p, threads);
    for (; changed_ + 1 < depth_ && p.step >= change_[changed_].at; ++changed_) {
      priority_[p.slot_of(best)] = change_[changed_].level;
      best = highest(p, threads);
    }
    return best;
  }

  struct change {
    std::uint32_t at;     // the step at which the running thread falls
    std::uint32_t level;  // its priority from then on; distinct, and below the first ones
    auto operator<=>(change const&) const = default;
  };

  std::uint32_t highest(choice_point const& p, std::uint32_t threads) const {
    std::uint32_t best = 0;
    for (std::uint32_t i = 1; i < threads; ++i) {
      if (priority_[p.slot_of(i)] > priority_[p.slot_of(best)]) best = i;
    }
    return best;
  }

  std::uint32_t depth_;
  std::array<change, depth_max> change_{};
  std::array<std::uint32_t, threads_max> priority_{};  // by slot
  std::uint32_t changed_ = 0;
};

}  // namespace retake::sim
