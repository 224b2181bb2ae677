// Goal: whatever decides an outcome is in the record, and decides it again when the record is read,
// followed and shrunk.
// Method: for each option a program whose failure depends on it, found under a value that is not
// the default. With the option at its default the same record does not give the failure: so the
// option did decide.
#include <functional>
#include <map>

#include "exhaust.hpp"
#include "sim/replay.hpp"
#include "sim/shrink.hpp"

namespace retake::test {
namespace {

struct dependent {
  void (*body)();
  std::string value;  // of the option, not the default
  char const* faults = "none";
};

// memory: an sc record has no choice of what a load reads.
void reads_what_is() {
  word n(0);
  with<word>(n, [](word& o) { o.store_relaxed(1); });
  world::require(n.load_relaxed() == 0, "new: one is read");
  sim::join_others();
}
// history: of six stores a load may read the last two, or all of them.
void reads_what_was() {
  word n(0);
  with<word>(n, [](word& o) {
    for (std::uint32_t i = 1; i <= 6; ++i) o.store_relaxed(i);
  });
  world::require(n.load_relaxed() != 5, "old: five is read");
  sim::join_others();
}
void is_interrupted() { world::require(!sim::fault(sim::fault_kind::eintr), "struck: once"); }
void is_interrupted_often() {
  int struck = 0;
  for (int i = 0; i < 10; ++i) struck += sim::fault(sim::fault_kind::eintr) ? 1 : 0;
  world::require(struck < 5, "struck: five times");
}
// ticks: the sleeper times out six times while the other thread computes.
void times_out_often() {
  struct shared {
    word never{0}, rounds{0};
  };
  shared s;
  with<shared>(s, [](shared& o) {
    for (std::uint32_t i = 1; i <= 6; ++i) {
      world::futex_wait_until(o.never, 0, static_cast<std::int64_t>(i) * 1'000'000'000);
      o.rounds.store_relaxed(i);
    }
  });
  for (int i = 0; i < 400; ++i) s.never.store_relaxed(0);
  bool const late = s.rounds.peek() == 6;
  sim::join_others();
  world::require(!late, "clock: six ticks");
}
// spins: with five free pauses a loop of four gives up.
void gives_up() {
  word flag(0);
  with<word>(flag, [](word& o) { o.store_release(1); });
  for (int i = 0; i < 4 && flag.load_acquire() == 0; ++i) world::pause();
  world::require(flag.load_acquire() == 1, "spin: gave up");
  sim::join_others();
}
// give_ups: with none, the third pause waits without being asked.
void waits() {
  word flag(0);
  with<word>(flag, [](word& o) { o.store_release(1); });
  int rounds = 0;
  for (; flag.load_acquire() == 0; ++rounds) world::pause();
  world::require(rounds < 3, "spin: waited");
  sim::join_others();
}
// placements: five stores that were executed last are all the older ones.
void stores_before() {
  struct shared {
    word n[5]{word(0), word(0), word(0), word(0), word(0)}, done{0};
  };
  shared s;
  with<shared>(s, [](shared& o) {
    for (word& n : o.n) n.store_relaxed(1);
    o.done.store_relaxed(1);
  });
  while (s.done.load_relaxed() == 0) world::pause();
  for (word& n : s.n) n.store_relaxed(2);
  sim::join_others();
  int older = 0;
  for (word& n : s.n) older += n.load_relaxed() == 1 ? 1 : 0;
  world::require(older < 5, "place: five are the older ones");
}
// weak_failures: six in a row are more than there are.
void fails_weakly() {
  word n(0);
  int failed = 0;
  while (!n.compare_exchange_weak_relaxed(0, 1).won) ++failed;
  world::require(failed < 6, "weak: failed six times");
}
// check: the hook is asked between commits too.
void is_looked_at() {
  sim::on_commit(
      [](void*, void const* ghost, char const*) {
        if (ghost == nullptr) sim::fail("step: looked at between commits");
      },
      nullptr);
  word n(0);
  n.store_relaxed(1);
}
constexpr unsigned line_of_publish = __LINE__ + 9;
void publishes() {
  world::plain<int> data(0);
  word flag(0);
  struct all {
    world::plain<int>& data;
    word& flag;
  } a{data, flag};
  with<all>(a, [](all& o) {
    o.data.set(1);
    o.flag.store_release(1);
  });
  if (flag.load_acquire() == 1) data.get();
  sim::join_others();
}

std::map<std::string, dependent> const dependents = {
    {"memory", {&reads_what_is, "sc"}},
    {"history", {&reads_what_was, "2"}},
    {"faults", {&is_interrupted, "eintr"}},
    {"fault_budget", {&is_interrupted_often, "6", "eintr"}},
    {"ticks", {&times_out_often, "200"}},
    {"spins", {&gives_up, "5"}},
    {"give_ups", {&waits, "0"}},
    {"placements", {&stores_before, "6"}},
    {"weak_failures", {&fails_weakly, "6"}},
    {"check", {&is_looked_at, "step"}},
    {"mutate", {&publishes, "replay_options_test.cpp:" + std::to_string(line_of_publish + 1) + ":relaxed"}},
};

class replay_options : public testing::TestWithParam<sim::option const*> {};

TEST_P(replay_options, decides_again_when_it_is_read_followed_and_shrunk) {
  sim::option const& one = *GetParam();
  auto const entry = dependents.find(one.name);
  ASSERT_NE(entry, dependents.end()) << "no program here depends on " << one.name;
  dependent const& d = entry->second;
  sim::scenario const s = of(d.body);
  sim::options o;
  std::string reason;
  ASSERT_TRUE(sim::parse_faults(d.faults, o.fault_mask, reason));
  ASSERT_TRUE(one.parse(d.value, o, reason)) << reason;
  ASSERT_NE(one.text(o), one.text({})) << "the default shows nothing";

  sim::engine first(o);
  sim::random_walk walk(1);
  sim::campaign const c = sim::explore(first, s, walk, {.executions_max = 100'000});
  ASSERT_TRUE(c.failed) << one.name;
  sim::replay r;
  ASSERT_TRUE(sim::replay::parse(sim::replay::of(first, s, c.last.what.tag, c.choices).text(), r, reason)) << reason;
  EXPECT_EQ(one.text(r.world), one.text(o));

  sim::engine again(r.world);
  sim::rerun const followed = sim::run_again(again, s, r);
  EXPECT_TRUE(followed.reproduced && followed.departure.empty()) << followed.verdict(r);
  EXPECT_EQ(followed.result.hash, c.last.hash);

  sim::shrunk const small = sim::shrink(again, s, r.tag.c_str(), {again.choices().begin(), again.choices().end()});
  ASSERT_TRUE(small.reproduced);
  sim::replay shorter;
  ASSERT_TRUE(sim::replay::parse(sim::replay::of(again, s, r.tag.c_str(), small.choices).text(), shorter, reason))
      << reason;
  EXPECT_EQ(one.text(shorter.world), one.text(o));
  sim::engine third(shorter.world);
  EXPECT_TRUE(sim::run_again(third, s, shorter).reproduced);

  sim::options without = r.world;
  std::string const normal = one.text({});
  ASSERT_TRUE(one.parse(normal, without, reason)) << reason;
  sim::engine other(without);
  sim::rerun const otherwise = sim::run_again(other, s, r);
  EXPECT_FALSE(otherwise.reproduced && otherwise.fits) << "the outcome does not depend on " << one.name;
}

std::vector<sim::option const*> every_option() {
  std::vector<sim::option const*> all;
  for (sim::option const& o : sim::option_list()) all.push_back(&o);
  return all;
}
INSTANTIATE_TEST_SUITE_P(each, replay_options, testing::ValuesIn(every_option()),
                         [](auto const& i) { return std::string(i.param->name); });

// The bounds of a scenario decide where chaos ends; they may be others by the time of the replay.
void never_ends() {
  word n(0);
  for (;;) n.store_relaxed(n.load_relaxed() + 1);
}
TEST(replay_bounds, are_those_of_the_record) {
  sim::scenario s = of(&never_ends);
  s.chaos_steps = 30;
  s.heal_steps = 20;
  sim::engine e(in(sc));
  sim::random_walk walk(1);
  sim::campaign const c = sim::explore(e, s, walk, {.executions_max = 1});
  ASSERT_TRUE(c.failed);
  sim::replay r;
  std::string reason;
  ASSERT_TRUE(sim::replay::parse(sim::replay::of(e, s, c.last.what.tag, c.choices).text(), r, reason)) << reason;
  s.chaos_steps = 300;
  sim::rerun const again = sim::run_again(e, s, r);
  EXPECT_TRUE(again.reproduced);
  EXPECT_EQ(again.result.hash, c.last.hash);
}

// Records of before: of version 2, in which no loop gave up by choice, and 3, in which stores were
// the newest.
std::string of_version(int version, std::string text) {
  text.replace(0, text.find('\n'), "retake-replay " + std::to_string(version));
  for (std::string const line : {"placements 0\n", "weak_failures 0\n", "give_ups 0\n"}) {
    if (version == 2 || line[0] != 'g') text.erase(text.find(line), line.size());
  }
  return text;
}
TEST(replay_version, of_3_is_followed_with_stores_that_are_the_newest) {
  sim::scenario const s = of(&reads_what_was);
  sim::options o = in(c11);
  o.placements_max = o.weak_failures_max = o.give_ups_max = 0;
  sim::engine e(o);
  sim::random_walk walk(1);
  sim::campaign const c = sim::explore(e, s, walk, {.executions_max = 100'000});
  ASSERT_TRUE(c.failed);
  sim::replay r;
  std::string reason;
  ASSERT_TRUE(sim::replay::parse(of_version(3, sim::replay::of(e, s, c.last.what.tag, c.choices).text()), r, reason))
      << reason;
  EXPECT_EQ(r.world.placements_max, 0U);
  EXPECT_EQ(r.world.weak_failures_max, 0U);
  sim::engine again(r.world);
  EXPECT_TRUE(sim::run_again(again, s, r).reproduced);
}
TEST(replay_version, of_2_is_followed_without_give_ups) {
  sim::scenario const s = of(&gives_up);
  sim::options o;
  o.placements_max = o.weak_failures_max = o.give_ups_max = 0;
  o.spins_free = 5;
  sim::engine e(o);
  sim::random_walk walk(1);
  sim::campaign const c = sim::explore(e, s, walk, {.executions_max = 100'000});
  ASSERT_TRUE(c.failed);
  std::string const text = of_version(2, sim::replay::of(e, s, c.last.what.tag, c.choices).text());
  sim::replay r;
  std::string reason;
  ASSERT_TRUE(sim::replay::parse(text, r, reason)) << reason;
  EXPECT_EQ(r.world.give_ups_max, 0U);
  sim::engine again(r.world);
  EXPECT_TRUE(sim::run_again(again, s, r).reproduced);
}

// ---- what is no record ----
std::string refusal_of(std::string const& text) {
  sim::replay r;
  std::string reason;
  EXPECT_FALSE(sim::replay::parse(text, r, reason));
  EXPECT_EQ(reason.find('\n'), std::string::npos);
  return reason;
}
TEST(replay_reader, refuses_in_one_line_what_is_no_record) {
  EXPECT_EQ(refusal_of(""), "it is empty");
  EXPECT_EQ(refusal_of("retake-replay 1\nscenario x\n"), "line 1: version `1`; this build reads versions 2 to 4");
  EXPECT_EQ(refusal_of("retake-replay 2\nscenario x\n"), "line 3: truncated: there is no `chaos_steps ...`");
  EXPECT_EQ(refusal_of(std::string("retake-replay 2\nscen\0rio x\n", 26)), "line 2: holds a NUL byte");
  EXPECT_EQ(refusal_of("retake-replay 2\nscenario " + std::string(1'000'000, 'x')), "line 2: longer than 65536 bytes");
  EXPECT_EQ(refusal_of("retake-replay 2\n\x1b[31mred\n"), "line 2: expected `scenario ...`, found `?[31mred`");
}

}  // namespace
}  // namespace retake::test
