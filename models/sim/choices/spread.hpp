// spread.hpp: where in an execution the units of a budget are spent: each opportunity with the same
// chance.
//
// Problem.   "One time in sixteen" spends a budget of four within the first steps, and nothing that
//            needs a late tick is found.
// Recipe.    Selection sampling: of `length` opportunities, `wanted` are taken, each set of them
//            with the same chance. `wanted` is drawn from 0 to the budget; in seven of eight
//            executions to an eighth of the opportunities at most, as ticks and faults are rare,
//            and in the others up to all of them: no execution that the budget allows is out of
//            reach. Give-ups are wanted in one execution of eight only: a loop that gives up in
//            vain costs 1,024 rounds.
//            The length is measured in pilot executions (campaign.hpp) and is the longest of them:
//            a length that is too long leaves units unspent and stays even; one that is too short
//            spends all before the end. As executions vary, one in eight assumes from an eighth of
//            the length to eight times it. A chooser that did not learn a length, as one that is
//            used without explore(), draws it for each execution: 4 to 16,384 in powers of two.
// Not promised: that the budget is spent to its last unit.
#pragma once

#include <algorithm>
#include <cstdint>

#include "sim/choices/random_source.hpp"

namespace retake::sim {

inline constexpr std::uint32_t give_ups_in_one_of = 8;

// The length of this execution as the strategy assumes it; `measured` is 0 when it is not known.
inline std::uint32_t assumed_length(std::uint32_t measured, random_source& random) noexcept {
  constexpr std::uint32_t classes = 13, shortest = 4;
  if (measured == 0) return shortest << random.below(classes);
  if (!random.one_in(8)) return measured;
  return std::max((measured << random.below(4)) >> random.below(4), 1U);
}

class spread {
 public:
  // Nothing is drawn before the first opportunity: most executions of a small scenario have none.
  // Units are spent in one execution of `one_in`.
  void begin(std::uint32_t measured, std::uint32_t one_in = 1) noexcept {
    ahead_ = measured;
    one_in_ = one_in;
    drawn_ = false;
  }
  // Takes this opportunity? `budget` is what may still be spent.
  bool take(std::uint32_t budget, random_source& random) noexcept {
    if (!drawn_) {
      drawn_ = true;
      ahead_ = assumed_length(ahead_, random);
      std::uint32_t const most = random.one_in(8) ? ahead_ : std::max(ahead_ / 8, 1U);
      wanted_ = one_in_ != 1 && !random.one_in(one_in_) ? 0 : random.below(std::min(budget, most) + 1);
    }
    if (wanted_ == 0) return false;
    bool const taken = random.below(ahead_--) < wanted_;
    if (taken) --wanted_;
    return taken;
  }

 private:
  std::uint32_t ahead_ = 0;   // opportunities that are still expected; before the first one, as measured
  std::uint32_t wanted_ = 0;  // of those, how many will be taken; never more than ahead_
  std::uint32_t one_in_ = 1;
  bool drawn_ = false;
};

}  // namespace retake::sim
