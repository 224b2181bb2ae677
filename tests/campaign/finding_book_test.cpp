// Goal: the book of a nightly keeps each finding once, and drops none that is another one. Method:
// the same line of a child twice, then lines that differ in one thing.
#include "finding_book.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "finding_id.hpp"

namespace retake::campaign {
namespace {

struct finding_book_of_one_night : testing::Test {
  finding_book_of_one_night() : dir(testing::TempDir() + "finding_book") {
    std::filesystem::create_directories(dir + "/findings");
    state.nights.push_back({});
  }
  bool keep(std::string const& technique, std::string const& subject, std::string const& tag,
            std::string const& steps = "") {
    json finding{{"tag", tag}, {"claim", tag + ": broken"}};
    if (!steps.empty()) {
      std::string const replay = dir + "/child.replay";
      std::ofstream(replay) << steps;
      finding["replay"] = replay;
    }
    return book.keep(technique, subject, finding, [this](known_finding const&) { ++told; });
  }
  std::string dir;
  nightly_state state;
  finding_book book{dir, ".", {"take", "wire"}, state};
  int told = 0;
};

TEST_F(finding_book_of_one_night, tells_each_finding_once) {
  EXPECT_TRUE(keep("sim", "first", "P9"));
  EXPECT_FALSE(keep("sim", "first", "P9"));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(state.findings.size(), 1U);
  EXPECT_EQ(state.findings.begin()->second.seen, 2U);
}
TEST_F(finding_book_of_one_night, drops_none_that_differs_in_tag_subject_technique_or_last_steps) {
  EXPECT_TRUE(keep("sim", "first", "P9"));
  EXPECT_TRUE(keep("sim", "first", "V1"));
  EXPECT_TRUE(keep("sim", "second", "P9"));
  EXPECT_TRUE(keep("model", "first", "P9"));
  EXPECT_TRUE(keep("sim", "first", "P9", "thread 1 cas take -> 1\n"));
  EXPECT_TRUE(keep("sim", "first", "P9", "thread 1 store wire -> 1\n"));
  EXPECT_FALSE(keep("sim", "second", "P9", "thread 1 store wire -> 1\n"))
      << "the same last steps of the protocol are the same finding";
  EXPECT_EQ(told, 6);
}

TEST_F(finding_book_of_one_night, sets_a_torn_replay_aside_and_takes_up_a_whole_one) {
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir + "/work");
  std::filesystem::create_directories(dir + "/findings");
  std::ofstream(dir + "/work/empty.replay").flush();
  std::ofstream(dir + "/work/cut.replay") << "retake-replay 2\nscenario first\ntag P9\n";
  std::ofstream(dir + "/work/whole.replay")
      << "retake-replay 2\nscenario ring_properties/push\ntag P9\nthread 1 cas take -> 1\nend 1\n";
  std::vector<std::string> const remarks = book.take_up("/work", [this](known_finding const&) { ++told; });
  EXPECT_EQ(remarks.size(), 2U);
  EXPECT_EQ(told, 1);
  ASSERT_EQ(state.findings.size(), 1U);
  EXPECT_EQ(state.findings.begin()->second.technique, "props");
  EXPECT_EQ(state.findings.begin()->second.subject, "ring");
  state.findings.clear();
  EXPECT_TRUE(book.take_up("/findings", [this](known_finding const&) { ++told; }).empty());
  EXPECT_EQ(told, 2) << "a state that was lost does not lose the findings that are kept";
  EXPECT_FALSE(book.take_up("/findings", [](known_finding const&) {}).size()) << "nor does it take them away";
  EXPECT_TRUE(std::filesystem::exists(dir + "/" + state.findings.begin()->second.replay));
}

}  // namespace
}  // namespace retake::campaign
