// Goal: nothing vacuous. Every compare-exchange of the protocols is both won and lost by some scenario, every second look is both positive and
// negative, every futex both slept on and not. A site with one answer only is a guard that nothing tests; vacuity_allowed.txt names
// those that cannot have the other answer, with the reason.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "sim/campaign.hpp"
#include "sim/engine.hpp"
#include "strategies.hpp"

namespace {

using namespace retake;

struct answers {
  std::string where;
  std::uint64_t yes = 0;
  std::uint64_t no = 0;
};

// Keyed by file and text of the line, so that the allow-list does not name lines.
std::string text_of_line(std::string const& file, unsigned line) {
  std::ifstream in(file);
  std::string text;
  for (unsigned i = 0; i < line; ++i) std::getline(in, text);
  const std::size_t from = text.find_first_not_of(' ');
  return from == std::string::npos ? std::string() : text.substr(from);
}

bool two_sided(sim::op_kind kind) { return kind == sim::op_kind::cas || kind == sim::op_kind::recheck || kind == sim::op_kind::futex_wait; }

std::map<std::string, answers> collect(std::uint64_t executions) {
  std::map<std::string, answers> all;
  for (tests::way const& how : tests::ways()) {
    sim::engine e(how.settings);
    for (sim::scenario const* const s : sim::catalog()) {
      if (s->must_fail != nullptr || std::string_view(s->name).starts_with("core_")) continue;
      std::unique_ptr<sim::chooser> const c = how.make(5);
      sim::campaign const done = sim::explore(e, *s, *c, {.executions_max = executions});
      EXPECT_FALSE(done.failed) << s->name << ": " << done.last.what.claim;
    }
    for (std::uint16_t i = 0; i < e.sites().size(); ++i) {
      sim::site_record const& r = e.sites()[i];
      const std::string file = r.file;
      if (!two_sided(r.kind) || r.reached == 0) continue;
      if (file.find("runtime/protocol/") == std::string::npos && file.find("runtime/sched/") == std::string::npos) continue;
      answers& a = all[std::string(r.basename()) + " | " + text_of_line(file, r.line)];
      a.where = std::string(r.basename()) + ":" + std::to_string(r.line);
      a.yes += r.outcomes[0];
      a.no += r.outcomes[1] + (r.kind == sim::op_kind::futex_wait ? r.outcomes[2] : 0);
    }
  }
  return all;
}

// Lines "file | text of the line | reason"; '#' begins a comment.
std::map<std::string, std::string> allowed() {
  std::map<std::string, std::string> list;
  std::ifstream in(RETAKE_VACUITY_ALLOWED);
  EXPECT_TRUE(in.good()) << RETAKE_VACUITY_ALLOWED;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t reason = line.rfind(" | ");
    list[line.substr(0, reason)] = line.substr(reason + 3);
  }
  return list;
}

TEST(vacuity, every_two_sided_site_of_the_protocols_and_the_scheduler_sees_both_answers) {
  const std::map<std::string, answers> all = collect(1'500);
  const std::map<std::string, std::string> excused = allowed();
  EXPECT_GT(all.size(), 30u) << "the scan of the sites is dead";
  for (auto const& [site, a] : all) {
    if (a.yes != 0 && a.no != 0) continue;
    EXPECT_TRUE(excused.contains(site)) << a.where << " saw one answer only (" << a.yes << " yes, " << a.no << " no): " << site;
  }
  for (auto const& [site, reason] : excused) {
    EXPECT_FALSE(reason.empty()) << site << " is excused without a reason";
    EXPECT_TRUE(all.contains(site)) << site << " is excused and does not exist";
  }
}

}  // namespace
