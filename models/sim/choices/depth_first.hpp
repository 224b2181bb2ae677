// depth_first.hpp: every execution, one after the other, up to a bound of preemptions.
//
// Keeps the path of choices of the last execution and changes the last one that has an alternative
// left. With a bound of K preemptions, a thread choice that would be preemption K+1 has alternative
// 0 (and the clock) only: the space is smaller and is searched to its end. Nothing is reduced: two
// executions that differ in the order of independent operations are two. A thread whose running
// leaves no alternative is not a choice and takes no place in the path. Nor has what follows a loop
// that gave up in vain: it was searched before, beside alternative 0, and is run to its end once
// more, tamely.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/choices/chooser.hpp"

namespace retake::sim {

class depth_first final : public chooser {
 public:
  static constexpr std::uint32_t unbounded = UINT32_MAX;

  explicit depth_first(std::uint32_t preemptions_max) : bound_(preemptions_max) {}
  char const* name() const override { return "dfs"; }

  void begin(std::uint64_t) override {
    place_ = 0;
    preemptions_ = 0;
    again_ = false;
  }

  std::uint32_t choose(choice_point const& p) override {
    if (again_) return 0;
    bool const preemptible = p.kind != choice_kind::thread || !p.running_enabled || preemptions_ < bound_;
    if (place_ == path_.size())
      path_.push_back({0, p.n, preemptible, p.kind == choice_kind::thread && p.clock_may_tick});
    node const& at = path_[place_++];
    if (at.n != p.n) diverged_ = true;  // the scenario is not a function of its choices
    if (p.kind == choice_kind::thread && p.running_enabled && at.chosen != 0 && p.slot_of(at.chosen) != clock_slot)
      ++preemptions_;
    return at.chosen < p.n ? at.chosen : 0;
  }

  void in_vain() override { again_ = true; }

  bool end(execution_summary const& summary) override {
    if (summary.truncated) truncated_ = true;
    path_.resize(place_);
    while (!path_.empty()) {
      node& last = path_.back();
      if (last.chosen + 1 < last.n && last.preemptible) {
        ++last.chosen;
        return true;
      }
      if (last.clock && !last.preemptible && last.chosen == 0) {
        last.chosen = last.n - 1;  // the clock is no preemption
        return true;
      }
      path_.pop_back();
    }
    finished_ = true;
    return false;
  }
  bool exhausted() const override { return finished_ && !truncated_ && !diverged_; }
  bool truncated() const override { return truncated_; }
  bool diverged() const { return diverged_; }

 private:
  struct node {
    std::uint32_t chosen;
    std::uint32_t n;
    bool preemptible;
    bool clock;
  };
  std::uint32_t bound_;
  std::vector<node> path_;
  std::size_t place_ = 0;
  std::uint32_t preemptions_ = 0;
  bool again_ = false;  // what follows was searched before
  bool finished_ = false;
  bool truncated_ = false;
  bool diverged_ = false;
};

}  // namespace retake::sim
