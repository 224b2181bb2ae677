#include "fixed_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "digest.hpp"

namespace retake::campaign {

namespace {

std::uint64_t pieces_of(job const& j, std::uint64_t executions) {
  if (j.how_repeatable != repeatable::divided) return 1;
  return (executions + piece_executions_max - 1) / piece_executions_max;
}

budget bound_of(job const& j, std::uint64_t number, budget const& whole, unsigned workers) {
  switch (j.how_repeatable) {
    case repeatable::no:
      return {.seconds = std::max(j.slice_seconds_min, whole.seconds * workers * j.weight / j.slots)};
    case repeatable::whole: return {.executions = whole.executions};
    case repeatable::divided: break;
  }
  return {.executions = std::min(piece_executions_max, whole.executions - number * piece_executions_max)};
}

}  // namespace

std::vector<piece> divide(std::vector<job> const& plan, budget const& whole, std::uint64_t seed, unsigned workers) {
  std::vector<piece> all;
  // Every job has its first piece before any has its second.
  for (std::uint64_t number = 0, before = 1; before != all.size(); ++number) {
    before = all.size();
    for (std::size_t i = 0; i < plan.size(); ++i) {
      job const& j = plan[i];
      if (number >= pieces_of(j, whole.executions)) continue;
      std::string name = fmt::format("{} {} #{}", j.technique, j.subject, number);
      std::uint64_t const own = mixed(seed, digest_of(name));
      all.push_back({i, std::move(name), bound_of(j, number, whole, workers), own});
    }
  }
  return all;
}

std::vector<piece> part_of(std::vector<piece> const& all, shard const& mine) {
  std::vector<piece> part;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (mine.has(i)) part.push_back(all[i]);
  }
  return part;
}

void keep_jobs_of(std::vector<piece>& pieces, std::vector<job>& plan) {
  std::map<std::size_t, std::size_t> places;  // old, new
  for (piece const& one : pieces) places[one.job];
  std::vector<job> kept;
  for (auto& [from, to] : places) {
    to = kept.size();
    kept.push_back(std::move(plan[from]));
  }
  for (piece& one : pieces) one.job = places.at(one.job);
  plan = std::move(kept);
}

}  // namespace retake::campaign
