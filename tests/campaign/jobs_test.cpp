// Goal: the plan of a campaign looks at every scenario in each of its ways, without faults and with
// those that it can bear.
// Method: the plan over a stand-in of the simulator that lists two scenarios.
#include "jobs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace retake::campaign {
namespace {

std::string value_of(std::vector<std::string> const& words, std::string const& flag) {
  auto const at = std::find(words.begin(), words.end(), flag);
  return at == words.end() || at + 1 == words.end() ? "" : *(at + 1);
}

TEST(plan_of_a_campaign, has_each_way_of_each_scenario_with_and_without_faults) {
  std::string const bin = testing::TempDir() + "jobs_test", programs = bin + "/models/bin";
  std::filesystem::create_directories(programs);
  std::string const simulator = programs + "/retake-sim";
  std::ofstream(simulator)
      << "#!/bin/sh\n"
         "echo '{\"kind\":\"scenario\",\"name\":\"first\",\"claim\":\"none\",\"must_fail\":null}'\n"
         "echo '{\"kind\":\"scenario\",\"name\":\"second\",\"claim\":\"none\",\"must_fail\":null}'\n";
  std::filesystem::permissions(simulator, std::filesystem::perms::owner_all);

  std::set<std::string> subjects;
  std::map<std::string, std::set<std::string>> faults_of;  // by scenario and way
  for (job const& j : plan(catalogue(bin, bin), bin, 2)) {
    if (j.technique != "sim") continue;
    EXPECT_TRUE(subjects.insert(j.subject).second) << j.subject << ": a night would take one for the other";
    std::vector<std::string> const words = j.words({.seconds = 1}, 1);
    faults_of[words.at(2) + " " + value_of(words, "--strategy") + " " + value_of(words, "--memory")].insert(
        value_of(words, "--faults"));
  }
  EXPECT_EQ(faults_of.size(), 10U) << "two scenarios, five ways";
  for (auto const& [way, faults] : faults_of) EXPECT_EQ(faults, (std::set<std::string>{"none", "all"})) << way;
}

}  // namespace
}  // namespace retake::campaign
