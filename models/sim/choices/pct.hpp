// pct.hpp: probabilistic concurrency testing (Burckhardt and others, ASPLOS 2010), depth d.
//
// Each thread has a random priority and the highest enabled one runs; at d-1 random steps the running thread falls below all others.
// A bug of depth d in an execution of n threads and k steps is found with probability at least 1 / (n * k^(d-1)) per execution.
// k is not known beforehand and is drawn, from 16 to 2048 steps in powers of two. The clock is one more thread; having ticked it falls to the bottom.
#pragma once

#include <algorithm>
#include <array>

#include "sim/choices/chooser.hpp"
#include "sim/choices/random_source.hpp"

namespace retake::sim {

class pct final : public chooser {
 public:
  static constexpr std::uint32_t depth_max = 16;

  pct(std::uint64_t seed, std::uint32_t depth) : seed_(seed), depth_(std::clamp(depth, 1U, depth_max)) {}
  char const* name() const override { return "pct"; }

  void begin(std::uint64_t execution) override {
    random_.seed(seed_, execution);
    // Not estimated from earlier executions: then (seed, number) would not name an execution any more.
    std::uint32_t const length = 16U << random_.below(length_classes_);
    for (std::uint32_t i = 0; i + 1 < depth_; ++i) change_[i] = random_.below(length);
    std::sort(change_.begin(), change_.begin() + (depth_ - 1));
    for (std::uint32_t& p : priority_) p = depth_ + (static_cast<std::uint32_t>(random_.next() >> 33));
    changed_ = 0;
    lowest_ = depth_;
  }

  std::uint32_t choose(choice_point const& p) override {
    switch (p.kind) {
      case choice_kind::thread: break;
      case choice_kind::read_from: return random_.one_in(2) ? 0 : 1 + random_.below(p.n - 1);
      case choice_kind::fault: return random_.one_in(8) ? 1 : 0;
      default: return random_.below(p.n);
    }
    std::uint32_t best = highest(p);
    while (changed_ + 1 < depth_ && p.step >= change_[changed_]) {
      ++changed_;
      priority_[p.slot_of(best)] = --lowest_;
      best = highest(p);
    }
    if (p.slot_of(best) == clock_slot) priority_[clock_slot] = lowest_ > 0 ? --lowest_ : 0;
    return best;
  }

  bool end(execution_summary const&) override { return true; }

 private:
  std::uint32_t highest(choice_point const& p) const {
    std::uint32_t best = 0;
    for (std::uint32_t i = 1; i < p.n; ++i) {
      if (priority_[p.slot_of(i)] > priority_[p.slot_of(best)]) best = i;
    }
    return best;
  }

  static constexpr std::uint32_t length_classes_ = 8;  // 16 to 2048 steps
  std::uint64_t seed_;
  std::uint32_t depth_;
  random_source random_;
  std::array<std::uint32_t, depth_max> change_{};
  std::array<std::uint32_t, 32> priority_{};
  std::uint32_t changed_ = 0;
  std::uint32_t lowest_ = 0;
};

}  // namespace retake::sim
