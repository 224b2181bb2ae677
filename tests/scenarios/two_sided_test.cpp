// Goal: the judgement of vacuity is itself judged: what was never reached, a wait that only timed
// out, equal lines, and excuses that are not needed are each refused, on sources that are planted
// here.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "two_sided.hpp"

namespace {

using namespace retake;
using tests::excuse;
using tests::two_sided_site;

class two_sided_sites : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/retake_two_sided_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    root = name;
  }
  void TearDown() override { std::filesystem::remove_all(root); }
  void plant(std::string const& file, std::string const& text) const {
    std::filesystem::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  }
  std::vector<two_sided_site> found() { return tests::sites_of_sources(root, {"world"}, complaints); }

  std::filesystem::path root;
  std::vector<std::string> complaints;
};

two_sided_site wait_that_saw(std::array<std::uint64_t, 4> seen) {
  return {"protocol/note.hpp", 7, "world::futex_wait_until(word_, 0, due);", sim::op_kind::futex_wait, true, seen};
}

TEST_F(two_sided_sites, are_read_from_every_room_and_from_no_comment_and_no_floor) {
  plant("sync/a.cpp", "// word.compare_exchange_acquire(0, 1)\n  word.compare_exchange_relaxed(0, 1);\n");
  plant("io/b.hpp",
        "if (world::recheck(x)) return;\nworld::futex_wait(w, 0);  // world::recheck(y)\nworld::futex_wait_until(w, 0, "
        "t);\n");
  plant("world/c.hpp", "recheck(z);\n");
  const std::vector<two_sided_site> all = found();
  EXPECT_TRUE(complaints.empty());
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].where(), "io/b.hpp:1");
  EXPECT_EQ(all[0].kind, sim::op_kind::recheck);
  EXPECT_FALSE(all[1].has_deadline);
  EXPECT_TRUE(all[2].has_deadline);
  EXPECT_EQ(all[3].where(), "sync/a.cpp:2");
  EXPECT_EQ(all[3].text, "word.compare_exchange_relaxed(0, 1);");
}

TEST_F(two_sided_sites, of_one_kind_on_one_line_are_refused) {
  plant("a.cpp", "if (world::recheck(x) && world::recheck(y)) return;\n");
  EXPECT_EQ(found().size(), 1U);
  ASSERT_EQ(complaints.size(), 1U);
  EXPECT_NE(complaints[0].find("a.cpp:1: 2 operations"), std::string::npos) << complaints[0];
}

TEST_F(two_sided_sites, that_were_never_reached_are_named_and_equal_lines_are_two) {
  plant("a.cpp",
        "if (w.compare_exchange_acquire(0, 1).won) return;\nif (w.compare_exchange_acquire(0, 1).won) return;\n");
  std::vector<two_sided_site> all = found();
  ASSERT_EQ(all.size(), 2U);
  all[0].seen = {1, 1};
  const std::vector<std::string> said = tests::judge(all, {});
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].find("a.cpp:2 was never reached"), 0U) << said[0];
  EXPECT_EQ(tests::judge(all, {{"a.cpp", all[1].text, "never", "x"}}).size(), 2U)
      << "an excuse that names two sites is refused";
}

TEST_F(two_sided_sites, a_wait_that_only_timed_out_has_seen_one_answer) {
  EXPECT_EQ(tests::missing_answers(wait_that_saw({0, 0, 5, 0})), (std::vector<std::string>{"woken", "changed"}));
  EXPECT_EQ(tests::missing_answers(wait_that_saw({1, 0, 5, 0})), std::vector<std::string>{"changed"});
  EXPECT_EQ(tests::missing_answers(wait_that_saw({1, 1, 0, 0})), std::vector<std::string>{"timed_out"});
  EXPECT_EQ(tests::missing_answers(wait_that_saw({0, 1, 1, 9})), std::vector<std::string>{"woken"})
      << "a spurious wake is no wake";
  EXPECT_TRUE(tests::judge({wait_that_saw({1, 1, 1, 0})}, {}).empty());
}

TEST_F(two_sided_sites, an_excuse_that_is_not_needed_is_refused) {
  const two_sided_site w = wait_that_saw({1, 0, 1, 0});
  EXPECT_TRUE(tests::judge({w}, {{w.file, w.text, "changed", "x"}}).empty());
  EXPECT_EQ(tests::judge({w}, {{w.file, w.text, "changed timed_out", "x"}}).size(), 1U) << "it timed out";
  EXPECT_EQ(tests::judge({w}, {{w.file, w.text, "never", "x"}}).size(), 2U) << "it was reached, and misses an answer";
  EXPECT_EQ(tests::judge({w}, {{w.file, w.text, "changed", "x"}, {"gone.hpp", w.text, "never", "x"}}).size(), 1U)
      << "there is no such site";
}

TEST_F(two_sided_sites, an_excuse_has_its_four_parts) {
  plant("list.txt",
        "# a comment\n\nf.cpp | a = b | c; | won lost | why\nf.cpp | text | why\nf.cpp | text | never | \n");
  const std::vector<excuse> list = tests::read_excuses(root / "list.txt", complaints);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].text, "a = b | c;");
  EXPECT_EQ(list[0].answers, "won lost");
  EXPECT_EQ(complaints.size(), 2U);
}

}  // namespace
