// noise.hpp: what several turns of one comparison say together
//
// Problem.   A comparison that is close to its threshold comes out on either side of it when
//            another program takes the processor for a moment. A verdict from one look is then
//            wrong now and then, and nobody can tell which time.
// Recipe.    The comparison is repeated, each time with both members in turn. It holds when the
//            middle turn reaches the threshold. It is refuted only when the threshold lies beyond
//            the noise bound: the best turn, further by the whole factor between the best and the
//            worst, and by one that a machine at rest shows too. Between the two the machine was
//            too noisy to tell. Of many turns the eighth at either end is left out: one
//            interruption is not the machine's noise.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "quantile.hpp"

namespace retake::stress {

enum class finding { holds, noisy, refuted };

inline constexpr double spread_at_rest = 1.2;

// `reached`: of each turn, what was seen over the threshold: 1 reaches it.
[[nodiscard]] inline finding of_turns(std::vector<double> const& reached) {
  if (median(reached) >= 1) return finding::holds;
  std::vector<double> sorted;
  for (double const one : reached) sorted.push_back(std::isnan(one) ? 0 : one);
  std::sort(sorted.begin(), sorted.end());
  const std::size_t left_out = sorted.size() / 8;
  const double worst = sorted.empty() ? 0 : sorted[left_out],
               best = sorted.empty() ? 0 : sorted[sorted.size() - 1 - left_out];
  const double spread = worst > 0 ? std::max(best / worst, spread_at_rest) : spread_at_rest;
  return best * spread < 1 ? finding::refuted : finding::noisy;
}

}  // namespace retake::stress
