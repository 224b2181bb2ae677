// Goal: a bounded spin gives up after any number of rounds and also sees what it waits for; a loop
// knows nothing of the one before it; a spin without a bound still ends each search, and waiting
// for nothing is still a livelock. Method: small programs, every schedule.
#include <deque>

#include "exhaust.hpp"
#include "sim/choices/pct.hpp"
#include "sim/replay.hpp"
#include "sim/timeline.hpp"
#include "world/clock.hpp"

namespace retake::test {
namespace {

struct words {
  word x{0}, y{0}, z{0};
};

// How many rounds went by until it was seen; rounds: it gave up.
int rounds_until_seen(word& w, int rounds) {
  for (int r = 0; r < rounds; ++r) {
    if (w.load_acquire() != 0) return r;
    world::pause();
  }
  return rounds;
}
bool spins(word& w, int rounds) { return rounds_until_seen(w, rounds) < rounds; }

// ---- a bounded spin, of any number of rounds, by any operation ----
template <int Rounds>
void by_load() {
  words s;
  with<words>(s, [](words& o) { o.x.store_release(1); });
  seen[0] = spins(s.x, Rounds) ? 1 : 0;
  sim::join_others();
}
template <int Rounds>
void by_compare_exchange() {
  words s;
  with<words>(s, [](words& o) { o.x.store_release(1); });
  for (int r = 0; r < Rounds && seen[0] == 0; ++r) {
    seen[0] = s.x.compare_exchange_acquire(1, 2).won ? 1 : 0;
    if (seen[0] == 0) world::pause();
  }
  sim::join_others();
}
template <int Rounds>
void by_exchange() {
  words s;
  with<words>(s, [](words& o) { o.x.store_release(1); });
  for (int r = 0; r < Rounds && seen[0] == 0; ++r) {
    seen[0] = static_cast<int>(s.x.exchange_acquire(0));
    if (seen[0] == 0) world::pause();
  }
  sim::join_others();
}
template <int Rounds>
void between_fences() {
  words s;
  with<words>(s, [](words& o) { o.x.store_release(1); });
  for (int r = 0; r < Rounds && seen[0] == 0; ++r) {
    world::fence_seq_cst();
    seen[0] = static_cast<int>(s.x.load_relaxed());
    if (seen[0] == 0) world::pause();
  }
  sim::join_others();
}
template <int Rounds>
void counting() {
  words s;
  with<words>(s, [](words& o) { o.x.store_release(1); });
  for (int r = 0; r < Rounds && seen[0] == 0; ++r) {
    seen[0] = static_cast<int>(s.x.load_acquire());
    s.z.fetch_add_relaxed(1);
    if (seen[0] == 0) world::pause();
  }
  sim::join_others();
}
#define RETAKE_EACH(body)                                                                                        \
  for (auto const b : {&body<1>, &body<2>, &body<3>, &body<4>, &body<5>, &body<10>, &body<100>, &body<1'000>}) { \
    EXPECT_EQ(outcomes(b, sc, 1), "0 1") << #body;                                                               \
    EXPECT_EQ(outcomes(b, c11, 1), "0 1") << #body;                                                              \
  }
TEST(spinning, a_bounded_spin_of_any_rounds_gives_up_or_sees) {
  RETAKE_EACH(by_load)
  RETAKE_EACH(by_compare_exchange)
  RETAKE_EACH(by_exchange)
  RETAKE_EACH(between_fences)
  RETAKE_EACH(counting)
}

// After it gave up it is one thread among others again: the store comes before or after what
// follows.
void gives_up_and_goes_on() {
  words s;
  with<words>(s, [](words& o) {
    o.x.store_release(1);
    o.y.store_release(1);
  });
  seen[0] = spins(s.x, 6) ? 1 : 0;
  seen[1] = static_cast<int>(s.y.load_acquire());
  seen[2] = static_cast<int>(s.x.load_acquire());
  sim::join_others();
}
TEST(spinning, a_thread_that_gave_up_is_interleaved_again) {
  EXPECT_EQ(outcomes(&gives_up_and_goes_on, c11, 3), "000 001 011 101 111");
}

// An old value is read to the end, though the new one is there.
void reads_old_to_the_end() {
  words s;
  with<words>(s, [](words& o) {
    o.x.store_relaxed(1);
    o.y.store_relaxed(1);
  });
  bool gave_up = true;
  int y = 0;
  for (int r = 0; r < 6 && gave_up; ++r) {
    y = static_cast<int>(s.y.load_relaxed());
    gave_up = s.x.load_relaxed() == 0;
    if (gave_up) world::pause();
  }
  seen[0] = gave_up ? 1 : 0;
  seen[1] = y;
  sim::join_others();
}
TEST(spinning, gives_up_on_old_values_too) { EXPECT_EQ(outcomes(&reads_old_to_the_end, c11, 2), "00 01 10 11"); }

// ---- what one loop leaves to the next ----
// A spin like the first one, after what divides it from that: its two free pauses are its own. So
// it sees the flag in its third round though the first loop had used them up.
void (*divide)(words&);
void spins_again() {
  words s;
  with<words>(s, [](words& o) { o.y.store_relaxed(1); });
  seen[0] = rounds_until_seen(s.y, 2);
  divide(s);
  seen[1] = rounds_until_seen(s.y, 3);
  sim::join_others();
}
std::pair<char const*, void (*)(words&)> const effects[] = {
    {"store", [](words& s) { s.z.store_relaxed(1); }},
    {"fetch_add", [](words& s) { s.z.fetch_add_relaxed(1); }},
    {"exchange", [](words& s) { s.z.exchange_relaxed(1); }},
    {"compare_exchange", [](words& s) { s.z.compare_exchange_relaxed(0, 1); }},
    {"fence", [](words&) { world::fence_seq_cst(); }},
    {"asymmetric fence", [](words&) { world::asymmetric_heavy(); }},
    {"sleep", [](words&) { world::sleep_until(0); }},
    {"wake", [](words& s) { world::futex_wake(s.z, 1); }},
};
void nothing(words&) {}
TEST(spinning, a_loop_after_an_effect_has_free_pauses_of_its_own) {
  sim::options o = in(sc);
  o.give_ups_max = 0;
  for (auto const& [name, effect] : effects) {
    divide = effect;
    EXPECT_EQ(outcomes(&spins_again, o, 2), "00 10 20 21 22 23") << name;
  }
  divide = &nothing;
  EXPECT_EQ(outcomes(&spins_again, o, 2), "00 10 20 21");
}
void second_spin_elsewhere() {
  words s;
  with<words>(s, [](words& o) { o.y.store_release(1); });
  for (int r = 0; r < 3; ++r) {
    s.y.load_relaxed();
    world::pause();
  }
  seen[0] = rounds_until_seen(s.y, 3);
  sim::join_others();
}
TEST(spinning, a_loop_that_pauses_elsewhere_is_another) {
  EXPECT_EQ(outcomes(&second_spin_elsewhere, sc, 1), "0 1 2 3");
}
void second_spin_by_the_same_function() {
  words s;
  with<words>(s, [](words& o) { o.y.store_release(1); });
  spins(s.x, 3);
  seen[0] = rounds_until_seen(s.y, 3);
  sim::join_others();
}
void spins_twice() {
  words s;
  with<words>(s, [](words& o) {
    o.x.store_release(1);
    o.y.store_release(1);
  });
  seen[0] = spins(s.x, 5) ? 1 : 0;
  seen[1] = spins(s.y, 5) ? 1 : 0;
  sim::join_others();
}
TEST(spinning, the_same_function_on_another_word_is_another_loop) {
  EXPECT_EQ(outcomes(&second_spin_by_the_same_function, c11, 1), "0 1 2 3");
  EXPECT_EQ(outcomes(&spins_twice, c11, 2), "00 01 10 11");
}

// A pause whose round read an old value of x, as y shows. The next read of x returns the newest:
// once, at that place, and if no effect lies in between.
int read_here(word& w) { return static_cast<int>(w.load_relaxed()); }
int read_there(word& w) { return static_cast<int>(w.load_relaxed()); }
int (*read_again)(word&);
void reads_after_a_pause() {
  words s;
  with<words>(s, [](words& o) {
    o.x.store_relaxed(1);
    o.y.store_relaxed(1);
    o.x.store_relaxed(2);
    o.y.store_relaxed(2);
  });
  seen[0] = read_here(s.x);
  seen[1] = static_cast<int>(s.y.load_relaxed());
  world::pause();
  divide(s);
  seen[2] = read_again(s.x);
  seen[3] = static_cast<int>(s.y.load_relaxed());
  seen[4] = read_again(s.x);
  sim::join_others();
}
bool can_read(int (*function)(word&), void (*effect)(words&), std::string const& outcome) {
  read_again = function;
  divide = effect;
  sim::options o = in(c11);
  o.spins_free = o.give_ups_max = 0;  // each pause waits until there is a new value
  std::string const all = " " + outcomes(&reads_after_a_pause, o, 5);
  return all.find(" " + outcome) != std::string::npos;
}
TEST(spinning, the_next_read_at_the_place_that_missed_a_store_is_the_newest_once) {
  EXPECT_FALSE(can_read(&read_here, &nothing, "010"));
  EXPECT_TRUE(can_read(&read_here, &nothing, "01121"));
  EXPECT_TRUE(can_read(&read_there, &nothing, "010"));
}
TEST(spinning, a_read_after_an_effect_may_be_old) {
  for (auto const& [name, effect] : effects) {
    bool const shows_all = name == std::string("asymmetric fence");  // what any thread stored
    EXPECT_EQ(can_read(&read_here, effect, "010"), !shows_all) << name;
  }
}

// ---- loops without a bound ----
void waits_for_both() {
  words s;
  with<words>(s, [](words& o) {
    while (o.x.load_acquire() == 0) world::pause();
    o.y.store_release(1);
  });
  s.x.store_release(1);
  while (s.y.load_acquire() == 0) world::pause();
  sim::join_others();
}
void takes_turns() {
  words s;
  with<words>(s, [](words& o) {
    while (o.x.exchange_acquire(1) != 0) world::pause();
    o.x.store_release(0);
  });
  while (s.x.exchange_acquire(1) != 0) world::pause();
  s.x.store_release(0);
  sim::join_others();
}
void polls_in_two_places() {
  words s;
  with<words>(s, [](words& o) { o.x.store_relaxed(1); });
  for (;;) {
    if (s.x.load_relaxed() != 0) break;
    world::pause();
    if (s.x.load_relaxed() != 0) break;
    world::pause();
  }
  sim::join_others();
}
void nested() {
  words s;
  with<words>(s, [](words& o) { o.x.store_release(1); });
  while (!spins(s.x, 2)) {
    s.z.fetch_add_relaxed(1);
    world::fence_seq_cst();
  }
  sim::join_others();
}
TEST(spinning, without_a_bound_ends_each_search) {
  for (auto const body : {&waits_for_both, &takes_turns, &polls_in_two_places, &nested}) {
    EXPECT_EQ(first_tag(body, sc), "");
  }
  EXPECT_EQ(first_tag(&polls_in_two_places, c11), "");  // old values, in two places
}
// One gives up after a hundred rounds and then frees the other.
void one_frees_the_other() {
  words s;
  with<words>(s, [](words& o) {
    while (o.x.load_acquire() == 0) world::pause();
  });
  spins(s.y, 100);
  s.x.store_release(1);
  sim::join_others();
}
void frees_one_that_writes() {
  words s;
  with<words>(s, [](words& o) {
    while (o.x.exchange_acquire(0) == 0) world::pause();
  });
  spins(s.y, 100);
  s.x.store_release(1);
  sim::join_others();
}
void neither_frees_the_other() {
  words s;
  with<words>(s, [](words& o) {
    while (o.x.load_acquire() == 0) world::pause();
    o.y.store_release(1);
  });
  while (!spins(s.y, 100)) {}
  s.x.store_release(1);
  sim::join_others();
}
TEST(spinning, is_a_livelock_only_when_none_gives_up) {
  EXPECT_EQ(first_tag(&one_frees_the_other, sc), "");
  EXPECT_EQ(first_tag(&frees_one_that_writes, sc), "");
  EXPECT_EQ(first_tag(&neither_frees_the_other, sc), "livelock");
}

// ---- the choice ----
void must_see() {
  words s;
  with<words>(s, [](words& o) { o.x.store_release(1); });
  world::require(spins(s.x, 50), "spin: gave up");
  sim::join_others();
}
sim::campaign walked(sim::chooser& c, sim::options const& o) {
  sim::engine e(o);
  return sim::explore(e, of(&must_see), c, {.executions_max = 20'000});
}
TEST(giving_up, is_found_by_random_and_pct_within_its_budget) {
  sim::random_walk walk(1);
  sim::pct priorities(1, 3);
  sim::options none = in(c11);
  none.give_ups_max = 0;
  EXPECT_EQ(tag_of(walked(walk, in(c11))), "spin");
  EXPECT_EQ(tag_of(walked(priorities, in(c11))), "spin");
  EXPECT_FALSE(walked(walk, none).failed);
  EXPECT_FALSE(walked(priorities, none).failed);
  EXPECT_EQ(tag_of(search(&must_see, none)), "");
}
TEST(giving_up, is_a_choice_in_the_record_and_is_followed) {
  sim::scenario const s = of(&must_see);
  sim::engine e(in(c11));
  sim::depth_first d(sim::depth_first::unbounded);
  sim::campaign const c = sim::explore(e, s, d, {.executions_max = 100'000});
  ASSERT_EQ(tag_of(c), "spin");
  std::string const text = sim::replay::of(e, s, "spin", c.choices).text();
  EXPECT_NE(text.find("\ngive_up 0 pause rounds_until_seen -> 1/2\n"), std::string::npos) << text;
  sim::replay r;
  std::string reason;
  ASSERT_TRUE(sim::replay::parse(text, r, reason)) << reason;
  sim::engine again(r.world);
  sim::rerun const followed = sim::run_again(again, s, r);
  EXPECT_TRUE(followed.reproduced && followed.departure.empty()) << followed.verdict(r);
  EXPECT_EQ(followed.result.hash, c.last.hash);
}
// Gives up at the first question, else takes what is tame.
struct gives_up_once final : sim::chooser {
  int asked = 0, vain = 0;
  char const* name() const override { return "gives_up_once"; }
  void begin(std::uint64_t) override {}
  std::uint32_t choose(sim::choice_point const& p) override {
    return p.kind == sim::choice_kind::give_up && asked++ == 0 ? 1 : 0;
  }
  void in_vain() override { ++vain; }
  bool end(sim::execution_summary const&) override { return false; }
};
// Too long to give up: too many operations in all of its rounds, or too many different ones in one.
void reads_one_word_often() {
  words s;
  with<words>(s, [](words& o) { o.x.store_release(1); });
  auto const is_set = [&s] {
    std::uint32_t last = 0;
    for (int i = 0; i < 40; ++i) last = s.x.load_acquire();
    return last != 0;
  };
  while (!is_set()) world::pause();
  sim::join_others();
}
void reads_many_words() {
  std::deque<word> many;
  for (int i = 0; i < 40; ++i) many.emplace_back(0U);
  with<std::deque<word>>(many, [](std::deque<word>& o) { o.back().store_release(1); });
  auto const is_set = [&many] {
    std::uint32_t last = 0;
    for (word& w : many) last = w.load_acquire();
    return last != 0;
  };
  while (!is_set()) world::pause();
  sim::join_others();
}
TEST(giving_up, is_in_vain_when_the_loop_is_too_long) {
  for (auto const body : {&waits_for_both, &reads_one_word_often, &reads_many_words}) {
    sim::engine e(in(sc));
    gives_up_once c;
    sim::execution const& x = e.run(of(body), c);
    EXPECT_FALSE(x.failed) << x.what.claim;
    EXPECT_GT(c.asked, 0);
    EXPECT_EQ(c.vain, 1);
    EXPECT_EQ(sim::timeline(e, 1000).find("gave up"), std::string::npos) << sim::timeline(e, 1000);
  }
}
// What follows a loop without a bound that was to give up is searched once.
void waits_and_goes_on() {
  words s;
  with<words>(s, [](words& o) {
    o.x.store_release(1);
    o.y.store_release(1);
    for (int i = 0; i < 3; ++i) o.z.fetch_add_relaxed(1);
  });
  for (word* w : {&s.x, &s.y}) {
    while (w->load_acquire() == 0) world::pause();
  }
  for (int i = 0; i < 3; ++i) s.z.fetch_add_relaxed(1);
  sim::join_others();
}
TEST(giving_up, in_vain_costs_a_depth_first_search_one_execution_each) {
  sim::options o = in(sc);
  o.spins_free = 0;
  sim::campaign const with_choice = search(&waits_and_goes_on, o);
  o.give_ups_max = 0;
  sim::campaign const without = search(&waits_and_goes_on, o);
  EXPECT_TRUE(with_choice.exhausted && without.exhausted);
  EXPECT_LE(with_choice.executions, without.executions * 3 / 2);
  RecordProperty("executions",
                 std::to_string(with_choice.executions) + " against " + std::to_string(without.executions));
}

}  // namespace
}  // namespace retake::test
