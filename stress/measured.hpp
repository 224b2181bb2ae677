// measured.hpp: what an operation costs here, so that two figures of one run can be compared on a
// machine that does other things too.
//
// A cost is the least of several short rounds: interruptions only add to it. Two that are compared
// are measured in turn, round by round, and what counts is the median of the rounds' ratios: both
// members of a pair have the same neighbours.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "hammer.hpp"
#include "quantile.hpp"

namespace retake::stress {

// Keeps the compiler from folding what is measured: a value that it cannot see through.
template <class T>
inline void keep(T const& value) noexcept {
  __asm__ __volatile__("" : : "g"(&value) : "memory");
}

// ns for each of `n` calls.
template <class Operation>
[[nodiscard]] double once_ns(std::uint64_t n, Operation&& operation) {
  const std::int64_t began_ns = now_ns();
  for (std::uint64_t i = 0; i < n; ++i) operation();
  return static_cast<double>(now_ns() - began_ns) / static_cast<double>(n);
}

inline constexpr int rounds_of_cost = 9;

template <class Operation>
[[nodiscard]] double cost_ns(std::uint64_t n, Operation&& operation) {
  double least = once_ns(n, operation);
  for (int i = 1; i < rounds_of_cost; ++i) least = std::min(least, once_ns(n, operation));
  return least;
}

inline constexpr int rounds_again = 3;

struct pair_of_costs {
  double before = 0, after = 0;  // of the round with the median ratio: their quotient is the ratio
  double ratio = 0;              // median of before / after, round by round
  std::vector<double> ratios = {};
};

// `before` and `after` return what a round of theirs cost, in the same unit.
template <class Before, class After>
[[nodiscard]] pair_of_costs in_turn(int rounds, Before&& before, After&& after, double least = 0) {
  std::vector<double> first, second, ratios;
  // A ratio that does not reach `least` is measured again: noise.hpp says what all rounds come to.
  for (int i = 0; i < rounds || (i < rounds_again * rounds && median(ratios) < least); ++i) {
    first.push_back(before());
    second.push_back(after());
    ratios.push_back(second.back() > 0 ? first.back() / second.back() : 0);
  }
  const double ratio = median(ratios);
  const auto middle = static_cast<std::size_t>(std::find(ratios.begin(), ratios.end(), ratio) - ratios.begin());
  return {first[middle], second[middle], ratio, std::move(ratios)};
}

}  // namespace retake::stress
