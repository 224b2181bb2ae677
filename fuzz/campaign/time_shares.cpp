#include "time_shares.hpp"

#include <algorithm>
#include <tuple>

namespace retake::campaign {

double novelty_after(double before, std::string const& technique, std::uint64_t fresh, std::uint64_t executions) {
  if (technique == "model" || technique == "stress") return novelty_unmeasured;
  if (executions == 0) return before;
  double const worth = technique == "fuzz" ? executions_per_feature : 1;
  double const last = std::min(1.0, static_cast<double>(fresh) * worth / static_cast<double>(executions));
  return std::max(novelty_least, (before + last) / 2);
}

std::size_t furthest_behind(std::vector<job> const& jobs, std::vector<job_record*> const& records,
                            std::vector<bool> const& may_run) {
  std::size_t best = jobs.size();
  auto const behind = [&](std::size_t i) {
    return std::tuple(records[i]->tonight / (jobs[i].weight * records[i]->novelty), records[i]->seconds);
  };
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (may_run[i] && (best == jobs.size() || behind(i) < behind(best))) best = i;
  }
  return best;
}

}  // namespace retake::campaign
