#include "merged_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace retake::campaign {

namespace {

constexpr std::size_t contradictory_told_max = 20;

struct folders_of_a_campaign {
  work_record all;
  std::vector<std::string> folders;
};

}  // namespace

merged_work merge_work(std::vector<std::string> const& folders) {
  std::map<fixed_campaign, folders_of_a_campaign> campaigns;
  merged_work merged;
  for (std::string const& folder : folders) {
    std::string refusal;
    work_record const one = read_work(folder, refusal);
    if (!refusal.empty()) merged.refusals.push_back(refusal);
    if (!refusal.empty() || one.whole.pieces == 0) continue;
    folders_of_a_campaign& same = campaigns[one.whole];
    same.all.whole = one.whole;
    same.all.merge(one);
    same.folders.push_back(folder);
  }
  if (campaigns.empty()) return merged;
  auto const chosen = std::max_element(campaigns.begin(), campaigns.end(), [](auto const& a, auto const& b) {
    return a.second.all.pieces.size() < b.second.all.pieces.size();
  });
  for (auto const& [whole, others] : campaigns) {
    for (std::string const& folder : others.folders) {
      if (std::string const why = differs(chosen->first, whole, folder); !why.empty()) merged.refusals.push_back(why);
    }
  }
  merged.all = std::move(chosen->second.all);
  return merged;
}

std::vector<std::string> merged_work::remarks() const {
  std::vector<std::string> lines = refusals;
  if (!all) return lines;
  std::vector<std::string> const contradictory = all->contradictory();
  for (std::size_t i = 0; i < std::min(contradictory.size(), contradictory_told_max); ++i) {
    lines.push_back(fmt::format("{}: two runs of this piece differ: what it executes is no function of its seed",
                                contradictory[i]));
  }
  if (contradictory.size() > contradictory_told_max)
    lines.push_back(fmt::format("{} pieces differ between two runs", contradictory.size()));
  std::string const missing = all->missing() == 0 ? "" : fmt::format(", {} are missing", all->missing());
  lines.push_back(fmt::format("fixed work of seed {}, {} executions for each job: {} of {} pieces{}; digest {}",
                              all->whole.seed, all->whole.executions, all->pieces.size(), all->whole.pieces, missing,
                              all->digest()));
  return lines;
}

int merged_work::code() const {
  if (all && !all->contradictory().empty()) return 4;
  return !refusals.empty() || (all && all->missing() != 0) ? 3 : 0;
}

}  // namespace retake::campaign
