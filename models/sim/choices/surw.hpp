// surw.hpp: selectively uniform random walk (Zhao, Wolff, Mathur and Roychoudhury, ASPLOS 2025).
//
// Problem.   A random walk prefers interleavings in which the threads go on evenly: of all orders
//            in which two threads of n operations each can mix, most have a chance of 1 / 4^n.
// Recipe.    Each execution selects operations: those on one location that several threads touch,
//            or, in one execution of eight, all. The thread that does the next selected operation
//            is drawn in proportion to how many of them each thread still has; until it has done
//            so, the others run up to their own selected operation. How many each thread has is
//            counted in the pilot executions (campaign.hpp).
// Promised.  Where the counts are exact, each order of the selected operations has the same chance,
//            whatever stands between them. Before the counts are learned it is a random walk.
// Not promised: uniform orders of operations whose number depends on the schedule: a count that is
//            too high or too low shifts the chances.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "sim/choices/races.hpp"
#include "sim/choices/sampling.hpp"

namespace retake::sim {

class surw final : public sampling<surw> {
 public:
  using sampling::sampling;
  char const* name() const override { return "surw"; }

 private:
  friend sampling<surw>;
  static constexpr std::uint32_t all = ~0U;
  static constexpr std::uint32_t nobody = threads_max;

  void learned() {
    shared_.clear();
    for (std::uint32_t l = 0; l < lengths_.accesses.size(); ++l) {
      by_slot const& n = lengths_.accesses[l];
      if (n.size() - static_cast<std::size_t>(std::count(n.begin(), n.end(), 0U)) > 1) shared_.push_back(l);
    }
  }

  void begin_threads() {
    intended_ = nobody;
    if (!knows_length()) return;
    selected_ =
        shared_.empty() || random_.one_in(8) ? all : shared_[random_.below(static_cast<std::uint32_t>(shared_.size()))];
    left_ = selected_ == all ? lengths_.operations : lengths_.accesses[selected_];
  }

  std::uint32_t choose_thread(choice_point const& p, std::uint32_t threads) {
    if (!knows_length()) return random_.below(threads);
    if (intended_ == nobody) intended_ = draw(~0U);
    std::uint32_t held = 0;  // threads that wait for the intended one
    for (std::uint32_t i = 0; i < threads; ++i) {
      std::uint32_t const slot = p.slot_of(i);
      if (slot != intended_ && is_selected(p.pending[slot])) held |= 1U << slot;
    }
    if (held == p.enabled) {  // the intended thread cannot run
      intended_ = draw(p.enabled);
      held &= ~(1U << intended_);
    }
    std::uint32_t const free = p.enabled & ~held;
    std::uint32_t const runs = nth(free, random_.below(static_cast<std::uint32_t>(std::popcount(free))));
    if (is_selected(p.pending[runs])) {
      if (left_[runs] != 0) --left_[runs];
      intended_ = nobody;
    }
    return p.alternative_of(runs);
  }

  bool is_selected(pending_operation const& o) const {
    return selected_ == all || (is_access(o.kind) && o.object == selected_);
  }

  static std::uint32_t nth(std::uint32_t mask, std::uint32_t n) {
    for (; n > 0; --n) mask &= mask - 1;
    return static_cast<std::uint32_t>(std::countr_zero(mask));
  }

  // A thread of `among` in proportion to the selected operations that it has left. If none has any:
  // one of the enabled threads, or nobody.
  std::uint32_t draw(std::uint32_t among) {
    std::uint32_t sum = 0;
    for (std::uint32_t slot = 0; slot < threads_max; ++slot) sum += (among >> slot & 1U) != 0 ? left_[slot] : 0;
    if (sum == 0)
      return among == ~0U ? nobody : nth(among, random_.below(static_cast<std::uint32_t>(std::popcount(among))));
    std::uint32_t at = random_.below(sum);
    for (std::uint32_t slot = 0;; ++slot) {
      std::uint32_t const n = (among >> slot & 1U) != 0 ? left_[slot] : 0;
      if (at < n) return slot;
      at -= n;
    }
  }

  std::vector<std::uint32_t> shared_;  // locations that several threads touch
  std::uint32_t selected_ = all;       // the location, or all operations
  by_slot left_{};
  std::uint32_t intended_ = nobody;
};

}  // namespace retake::sim
