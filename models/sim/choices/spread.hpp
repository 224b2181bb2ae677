// spread.hpp: where in an execution the units of a budget are spent: each opportunity with the same
// chance.
//
// Problem.   "One time in sixteen" spends a budget of four within the first steps, and nothing that
//            needs a late tick is found.
// Recipe.    Of `length` opportunities, `wanted` are taken, each set of them with the same chance
//            (Floyd's sampling, at the first opportunity: no number is drawn at the others).
//            `wanted` is drawn from 0 to the budget; in seven of eight
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
#include <vector>

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
    measured_ = measured;
    one_in_ = one_in;
    drawn_ = false;
    at_ = next_ = 0;
  }
  // Takes this opportunity? `budget` is what may still be spent.
  bool take(std::uint32_t budget, random_source& random) noexcept {
    if (at_ != next_) [[likely]] {
      ++at_;
      return false;
    }
    if (!drawn_) draw(budget, random);
    bool const taken = at_++ == next_;
    if (taken) next_ = ++taken_ < chosen_.size() ? chosen_[taken_] : never_again;
    return taken;
  }

 private:
  static constexpr std::uint32_t never_again = UINT32_MAX;

  void draw(std::uint32_t budget, random_source& random) noexcept {
    drawn_ = true;
    std::uint32_t const length = assumed_length(measured_, random);
    std::uint32_t const most = random.one_in(8) ? length : std::max(length / 8, 1U);
    std::uint32_t const wanted = one_in_ != 1 && !random.one_in(one_in_) ? 0 : random.below(std::min(budget, most) + 1);
    chosen_.clear();
    for (std::uint32_t last = length - wanted; last < length; ++last) {
      std::uint32_t const drawn = random.below(last + 1);
      auto const place = std::lower_bound(chosen_.begin(), chosen_.end(), drawn);
      if (place != chosen_.end() && *place == drawn) {
        chosen_.push_back(last);
      } else {
        chosen_.insert(place, drawn);
      }
    }
    taken_ = 0;
    next_ = chosen_.empty() ? never_again : chosen_.front();
  }

  std::vector<std::uint32_t> chosen_;  // the opportunities that will be taken, in their order
  std::uint32_t at_ = 0;               // opportunities so far
  std::uint32_t next_ = 0;             // the next that is taken; before the draw the first, so that it is looked at
  std::uint32_t taken_ = 0;
  std::uint32_t measured_ = 0;
  std::uint32_t one_in_ = 1;
  bool drawn_ = false;
};

}  // namespace retake::sim
