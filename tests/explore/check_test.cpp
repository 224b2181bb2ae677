// Goal: a check says what it found in every form that it promises, and refuses what it cannot run.
// Method: small bodies whose findings are known; refusals as deaths with exit code 2 and their one
// line.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "retake/explore.hpp"
#include "retake/model.hpp"

namespace {

namespace explore = retake::explore;
namespace model = retake::model;
using testing::ExitedWithCode;

// A variable of the environment, for as long as a test runs.
class override_of {
 public:
  override_of(char const* name, std::string const& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~override_of() { unsetenv(name_); }
  override_of(override_of const&) = delete;
  override_of& operator=(override_of const&) = delete;

 private:
  char const* name_;
};

struct flags {
  model::atomic<int> mine{0}, theirs{0};
  bool they_saw_me = false;
};

// Store, then look: with this order at least one of the two sees the other only if it is seq_cst.
void store_buffering(model::memory_order o) {
  flags f;
  model::thread other([&] {
    f.theirs.store(1, o);
    f.they_saw_me = f.mine.load(o) == 1;
  });
  f.mine.store(1, o);
  bool const i_saw_them = f.theirs.load(o) == 1;
  other.join();
  explore::require(i_saw_them || f.they_saw_me, "store_buffering: neither saw the other");
}
void relaxed_store_buffering() { store_buffering(model::memory_order_relaxed); }

explore::options in_folder(std::string const& name) {
  explore::options o;
  o.name = name;
  o.out = testing::TempDir() + "explore-" + std::to_string(getpid());
  return o;
}

TEST(explore_check, a_missing_order_is_found_and_said) {
  explore::result const found = explore::check(relaxed_store_buffering, in_folder("buffering"));
  EXPECT_FALSE(found);
  EXPECT_EQ(found.code(), 1);
  EXPECT_EQ(found.tag(), "store_buffering");
  EXPECT_EQ(found.claim(), "store_buffering: neither saw the other");
  EXPECT_TRUE(std::filesystem::exists(found.replay()));
  testing::AssertionResult const said = found;
  EXPECT_FALSE(said);
  for (char const* part :
       {"finding   store_buffering", "check     buffering", "check_test.cpp", "RETAKE_EXPLORE_REPLAY=", "gdb -q"}) {
    EXPECT_NE(std::string(said.message()).find(part), std::string::npos) << part << " is not in:\n" << said.message();
  }
}

TEST(explore_check, the_orders_that_the_program_wrote_are_those_that_count) {
  explore::options o = in_folder("ordered");
  o.strategy = "dfs";
  explore::result const strong = explore::check([] { store_buffering(model::memory_order_seq_cst); }, o);
  ASSERT_TRUE(strong);
  EXPECT_TRUE(strong.exhausted());
  o.memory = "sc";
  explore::result const without_reordering = explore::check(relaxed_store_buffering, o);
  ASSERT_TRUE(without_reordering);
  EXPECT_TRUE(without_reordering.exhausted());
}

TEST(explore_check, every_strategy_finds_it) {
  for (char const* strategy : {"random", "pct", "pos", "surw", "dfs"}) {
    explore::options o = in_folder("each");
    o.strategy = strategy;
    EXPECT_EQ(explore::check(relaxed_store_buffering, o).tag(), "store_buffering") << strategy;
  }
}

TEST(explore_check, a_record_reproduces_and_another_check_skips_it) {
  explore::result const found = explore::check(relaxed_store_buffering, in_folder("recorded"));
  ASSERT_EQ(found.code(), 1);
  override_of const replay("RETAKE_EXPLORE_REPLAY", found.replay());
  explore::result const again = explore::check(relaxed_store_buffering, in_folder("recorded"));
  EXPECT_EQ(again.tag(), "store_buffering");
  EXPECT_EQ(again.executions(), 0U);
  EXPECT_TRUE(explore::check(relaxed_store_buffering, in_folder("another")).skipped());
}

TEST(explore_check, a_record_is_made_smaller) {
  explore::result const found = explore::check(relaxed_store_buffering, in_folder("shrunk"));
  ASSERT_EQ(found.code(), 1);
  override_of const shrink("RETAKE_EXPLORE_SHRINK", found.replay());
  explore::result const small = explore::check(relaxed_store_buffering, in_folder("shrunk"));
  EXPECT_EQ(small.tag(), "store_buffering");
  EXPECT_LE(std::filesystem::file_size(small.replay()), std::filesystem::file_size(found.replay()));
}

TEST(explore_check, the_environment_overrides_options) {
  override_of const executions("RETAKE_EXPLORE_EXECUTIONS", "7");
  explore::options o;
  o.executions = 1000;
  EXPECT_EQ(explore::check([] { model::atomic<int>(1).store(2); }, o).executions(), 7U);
}

TEST(explore_check, both_sides_of_a_choice_are_explored) {
  explore::options o = in_folder("choice");
  o.strategy = "dfs";
  EXPECT_EQ(explore::check([] { explore::require(explore::choose(3) != 2, "third: it was chosen"); }, o).tag(),
            "third");
}

TEST(explore_check, an_exception_that_leaves_the_body_is_a_finding) {
  explore::result const found = explore::check([] { throw std::runtime_error("too late"); }, in_folder("throws"));
  EXPECT_EQ(found.tag(), "exception");
  EXPECT_NE(found.claim().find("too late"), std::string::npos);
}

TEST(explore_check, a_loop_that_never_ends_is_a_livelock) {
  explore::options o = in_folder("spins");
  o.executions = 10;
  explore::result const found = explore::check(
      [] {
        model::atomic<int> word(0);
        while (word.load() == 0) model::this_thread::yield();
      },
      o);
  EXPECT_EQ(found.tag(), "livelock");
}

TEST(explore_check, no_execution_is_no_evidence) {
  explore::options o;
  o.seconds = 0.2;
  explore::result const none = explore::check(
      [] {
        model::atomic<int> word(0);
        for (;;) word.fetch_add(1);
      },
      [&] {
        o.steps = 2'000'000'000;
        return o;
      }());
  EXPECT_EQ(none.code(), 4);
  EXPECT_FALSE(none);
}

TEST(explore_refusal_DeathTest, no_body) {
  void (*none)() = nullptr;
  EXPECT_EXIT(static_cast<void>(explore::check(none, in_folder("none"))), ExitedWithCode(2),
              "^retake explore: none: there is no body\n$");
  std::function<void()> const empty;
  EXPECT_EXIT(static_cast<void>(explore::check(empty, in_folder("none"))), ExitedWithCode(2), "there is no body");
}

TEST(explore_refusal_DeathTest, an_option_that_does_not_exist) {
  override_of const unknown("RETAKE_EXPLORE_SPEED", "9");
  EXPECT_EXIT(static_cast<void>(explore::check([] {})), ExitedWithCode(2),
              "RETAKE_EXPLORE_SPEED: there is no such option: accepted: RETAKE_EXPLORE_STRATEGY");
}

TEST(explore_refusal_DeathTest, a_value_that_is_not_accepted) {
  override_of const bad("RETAKE_EXPLORE_STRATEGY", "luck");
  EXPECT_EXIT(static_cast<void>(explore::check([] {})), ExitedWithCode(2),
              "RETAKE_EXPLORE_STRATEGY `luck`: accepted: random, pct, pos, surw, dfs\n$");
}

TEST(explore_refusal_DeathTest, a_flag_that_does_not_exist) {
  char program[] = "program", flag[] = "--speed", value[] = "9";
  char* arguments[] = {program, flag, value, nullptr};
  EXPECT_EXIT(explore::take_arguments(3, arguments), ExitedWithCode(2), "`--speed`: there is no such option");
}

TEST(explore_refusal_DeathTest, a_check_within_a_body) {
  EXPECT_EXIT(static_cast<void>(explore::check([] { static_cast<void>(explore::check([] {})); })), ExitedWithCode(2),
              "a check within the body of another");
}

TEST(explore_refusal_DeathTest, a_body_that_makes_a_real_thread) {
  EXPECT_EXIT(static_cast<void>(explore::check([] { std::thread([] {}).join(); }, in_folder("real"))),
              ExitedWithCode(2), "^retake explore: real: the body makes a real thread");
}

TEST(explore_refusal_DeathTest, a_body_that_makes_no_visible_operation) {
  EXPECT_EXIT(static_cast<void>(explore::check(
                  [] {
                    for (volatile bool on = true; on;) {}
                  },
                  in_folder("silent"))),
              ExitedWithCode(2), "^retake explore: silent: the body makes no visible operation for 10 s after step 0");
}

TEST(explore_refusal_DeathTest, a_record_of_another_program) {
  explore::result const found = explore::check(relaxed_store_buffering, in_folder("foreign"));
  ASSERT_EQ(found.code(), 1);
  override_of const replay("RETAKE_EXPLORE_REPLAY", found.replay());
  EXPECT_EXIT(
      {
        static_cast<void>(explore::check(relaxed_store_buffering, in_folder("mine")));
        std::exit(0);
      },
      ExitedWithCode(2), "no check that ran in this program is named `foreign`\n$");
  EXPECT_EXIT(static_cast<void>(explore::check([] { model::atomic<int>(1).store(2); }, in_folder("foreign"))),
              ExitedWithCode(2), "the record is of another version of this program\n$");
}

}  // namespace
