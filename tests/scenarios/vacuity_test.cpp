// Goal: nothing vacuous. Every compare-exchange of the runtime is both won and lost by some
// scenario, every second look is both positive and negative, every futex woken, not slept on, and
// timed out where there is a deadline; and each of them is reached. A site that misses an answer is
// a guard that nothing tests; vacuity_allowed.txt names those that cannot have it, with the reason.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "sim/campaign.hpp"
#include "sim/engine.hpp"
#include "strategies.hpp"
#include "two_sided.hpp"

namespace {

using namespace retake;

// The floors below the world, and the rooms that the simulator does not compile
// (runtime/CMakeLists.txt).
std::vector<std::string> const floors = {"world", "switch", "observe", "resolve"};
constexpr std::uint64_t executions_max = 4'000;  // of each scenario in each way
constexpr std::uint64_t first_round = 20;

class search {
 public:
  search()
      : root_(RETAKE_RUNTIME),
        excuses_(tests::read_excuses(RETAKE_VACUITY_ALLOWED, complaints_)),
        sites_(tests::sites_of_sources(root_, floors, complaints_)),
        reached_by_(sites_.size()) {}

  // Rounds of all scenarios in all ways, each longer than the one before, until no answer is
  // missing. When each site that misses one was reached, the next round has the scenarios that
  // reached them alone. To the end: an excuse for an answer that is rare is refused too.
  void run() {
    std::uint64_t count = first_round;
    for (std::uint64_t from = 0; from < executions_max && (from == 0 || to_the_end() || !missing().empty());
         from += count, count += count / 2) {
      count = std::min(count, executions_max - from);
      for (sim::scenario const* const s : next_scenarios(from)) explore(*s, from, count);
    }
  }
  std::vector<std::string> complaints() const {
    std::vector<std::string> all = complaints_;
    for (std::string const& one : tests::judge(sites_, excuses_)) all.push_back(one);
    return all;
  }
  std::size_t size() const { return sites_.size(); }

 private:
  static bool to_the_end() { return std::getenv("RETAKE_VACUITY_TO_THE_END") != nullptr; }

  std::vector<std::size_t> missing() const {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      if (!tests::judge({sites_[i]}, tests::excuses_of(sites_[i], excuses_)).empty()) all.push_back(i);
    }
    return all;
  }
  std::set<sim::scenario const*> next_scenarios(std::uint64_t from) const {
    std::set<sim::scenario const*> all;
    std::set<sim::scenario const*> promising;
    for (sim::scenario const* const s : sim::catalog()) {
      if (s->must_fail == nullptr && !std::string_view(s->name).starts_with("core_")) all.insert(s);
    }
    if (from == 0 || to_the_end()) return all;
    for (std::size_t const i : missing()) {
      if (reached_by_[i].empty()) return all;
      promising.insert(reached_by_[i].begin(), reached_by_[i].end());
    }
    return promising;
  }
  void explore(sim::scenario const& s, std::uint64_t from, std::uint64_t count) {
    for (tests::way const& how : tests::ways()) {
      sim::options settings = how.settings;
      if (settings.fault_mask != 0) settings.fault_mask &= sim::bearable_faults(s);
      sim::engine e(settings);
      std::unique_ptr<sim::chooser> const c = how.make(5);
      sim::campaign const done = sim::explore(e, s, *c, {.executions_max = count, .first = from});
      EXPECT_FALSE(done.failed) << s.name << ": " << done.last.what.claim;
      const std::vector<tests::two_sided_site> before = sites_;
      tests::add_counters(sites_, e.sites(), root_, complaints_);
      for (std::size_t i = 0; i < sites_.size(); ++i) {
        if (sites_[i].seen != before[i].seen) reached_by_[i].insert(&s);
      }
    }
  }

  std::filesystem::path root_;
  std::vector<std::string> complaints_;
  std::vector<tests::excuse> excuses_;
  std::vector<tests::two_sided_site> sites_;
  std::vector<std::set<sim::scenario const*>> reached_by_;
};

TEST(vacuity, every_two_sided_site_of_the_runtime_is_reached_and_sees_each_answer) {
  search all;
  EXPECT_GT(all.size(), 60u) << "the reading of the sources is dead";
  all.run();
  for (std::string const& one : all.complaints()) ADD_FAILURE() << one;
}

}  // namespace
