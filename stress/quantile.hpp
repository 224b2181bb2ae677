// quantile.hpp: the middle of several measurements, and other quantiles
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace retake::stress {

// `share` 0.99: 99 % of the values lie below. Between two values the lower one; of no values NaN.
// NaN sorts below everything: what was not measured was not reached.
[[nodiscard]] inline double share_of(std::vector<double> values, double share) {
  if (values.empty()) return std::nan("");
  std::sort(values.begin(), values.end(), [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}
[[nodiscard]] inline double median(std::vector<double> values) { return share_of(std::move(values), 0.5); }

}  // namespace retake::stress
