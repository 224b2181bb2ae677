// Goal: what the harness says about a run is true and can be done again: determinism, replay,
// shrinking, mutants, faults, counters.
// Method: the core scenarios, by the library that the driver uses.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <regex>
#include <set>

#include "exhaust.hpp"
#include "scenarios/catalog.hpp"
#include "sim/choices/bytes.hpp"
#include "sim/choices/pct.hpp"
#include "sim/choices/pos.hpp"
#include "sim/choices/surw.hpp"
#include "sim/replay.hpp"
#include "sim/shrink.hpp"
#include "sim/timeline.hpp"
#include "sim/trace_file.hpp"
#include "world/memory.hpp"
#include "world/random.hpp"

namespace retake::test {
namespace {

// ---- the catalog: every scenario does what it says ----
TEST(catalog, each_scenario_holds_or_fails_as_it_says_in_both_memory_modes) {
  for (sim::scenario const* s : sim::catalog()) {
    if (std::string_view(s->name).rfind("core_", 0) != 0) continue;
    for (auto const memory : {sc, c11}) {
      sim::engine e(in(memory));
      sim::random_walk r(7);
      sim::campaign const c = sim::explore(e, *s, r, {.executions_max = 20'000});
      bool const applies = s->must_fail_memory == nullptr || memory == c11;
      std::string const expected = s->must_fail != nullptr && applies ? s->must_fail : "";
      EXPECT_EQ(c.failed ? c.last.what.tag : "", expected) << s->name << (memory == sc ? " sc" : " c11");
    }
  }
}

// ---- determinism ----
sim::campaign walk(sim::scenario const& s, std::uint64_t seed, std::uint64_t executions, sim::options o = in(c11)) {
  sim::engine e(o);
  sim::random_walk r(seed);
  return sim::explore(e, s, r, {.executions_max = executions});
}
TEST(determinism, one_seed_is_one_run) {
  EXPECT_EQ(walk(scenarios::core_spin, 3, 5000).trace_hash, walk(scenarios::core_spin, 3, 5000).trace_hash);
  EXPECT_NE(walk(scenarios::core_spin, 3, 5000).trace_hash, walk(scenarios::core_spin, 4, 5000).trace_hash);
}
TEST(determinism, an_execution_is_named_by_seed_and_number_alone) {
  sim::engine a(in(c11)), b(in(c11));
  sim::random_walk ra(3), rb(3);
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t i = 0; i < 500; ++i) {
    ra.begin(i);
    hashes.push_back(a.run(scenarios::core_spin, ra).hash);
  }
  for (std::uint64_t i = 500; i-- > 0;) {  // another order, other executions in between
    rb.begin(i);
    ASSERT_EQ(b.run(scenarios::core_spin, rb).hash, hashes[i]) << i;
    b.run(scenarios::core_handoff_store, rb);
  }
}
TEST(strategies, at_random_reach_every_trace_that_depth_first_reaches) {
  auto const traces = [](sim::chooser& c, std::uint64_t n) {
    sim::engine e(in(c11));
    return sim::explore(e, scenarios::core_store_buffering, c, {.executions_max = n}).traces.count();
  };
  sim::depth_first all(sim::depth_first::unbounded);
  std::uint64_t const every = traces(all, UINT64_MAX);
  EXPECT_GT(every, 200U);
  sim::random_walk r(1);
  EXPECT_EQ(traces(r, 200'000), every);
  sim::pos o(1);
  EXPECT_EQ(traces(o, 200'000), every);
  sim::surw u(1);
  EXPECT_EQ(traces(u, 200'000), every);
  sim::pct p(1, 8);
  EXPECT_GT(traces(p, 100'000), every / 2);
}
TEST(trace_file, what_an_earlier_run_saw_is_not_new) {
  std::string const path = testing::TempDir() + "/traces." + std::to_string(::getpid());
  auto const seen = [](std::uint64_t seed) {
    sim::engine e(in(c11));
    sim::random_walk c(seed);
    return sim::explore(e, scenarios::core_store_buffering, c, {.executions_max = 300}).traces;
  };
  sim::joined_traces first, again, other;
  std::string reason;
  ASSERT_TRUE(sim::join_traces(path, seen(1), first, reason)) << reason;
  ASSERT_TRUE(sim::join_traces(path, seen(1), again, reason)) << reason;
  ASSERT_TRUE(sim::join_traces(path, seen(2), other, reason)) << reason;
  std::ofstream(path, std::ios::trunc) << "half";
  sim::joined_traces anew;
  ASSERT_TRUE(sim::join_traces(path, seen(1), anew, reason)) << reason;
  EXPECT_EQ(anew.torn, path + ".torn") << "a torn file is set aside";
  EXPECT_EQ(anew.known, first.known) << "and begun anew";
  std::remove(anew.torn.c_str());
  std::remove(path.c_str());
  EXPECT_NEAR(static_cast<double>(first.fresh), static_cast<double>(seen(1).count()), 3);
  EXPECT_EQ(again.fresh, 0U);
  EXPECT_EQ(again.known, first.known);
  EXPECT_GT(other.fresh, 0U);
  EXPECT_EQ(other.known, first.known + other.fresh);
  EXPECT_FALSE(sim::join_traces("/proc/nowhere", seen(1), other, reason));
}
TEST(strategies, a_preemption_bound_shrinks_the_space_and_says_so) {
  sim::engine e(in(sc));
  std::uint64_t last = 0;
  for (std::uint32_t k = 0; k < 4; ++k) {
    sim::depth_first d(k);
    sim::campaign const c = sim::explore(e, scenarios::core_store_buffering, d, {});
    EXPECT_TRUE(c.exhausted);
    EXPECT_EQ(c.traces.count(), c.executions);
    EXPECT_GT(c.executions, last);
    last = c.executions;
  }
}
TEST(strategies, a_truncated_search_is_not_exhausted) {
  sim::engine e(in(sc));
  sim::scenario s = scenarios::core_store_buffering;
  s.chaos_steps = 5;
  sim::depth_first d(sim::depth_first::unbounded);
  sim::campaign const c = sim::explore(e, s, d, {});
  EXPECT_TRUE(c.truncated);
  EXPECT_FALSE(c.exhausted);
}
TEST(strategies, bytes_decide_and_no_bytes_is_no_preemption) {
  sim::engine e(in(c11));
  sim::bytes none(nullptr, 0);
  none.begin(0);
  EXPECT_EQ(e.run(scenarios::core_store_buffering_no_fence, none).preemptions, 0U);
  bool found = false;
  for (std::uint32_t i = 0; i < 50'000 && !found; ++i) {
    std::uint8_t data[8];
    sim::random_source random;
    random.seed(1, i);
    for (auto& b : data) b = static_cast<std::uint8_t>(random.next());
    sim::bytes some(data, sizeof data);
    some.begin(0);
    found = e.run(scenarios::core_store_buffering_no_fence, some).failed;
  }
  EXPECT_TRUE(found);
}
TEST(strategies, reads_from_pairs_reach_the_counters) {
  std::uint8_t counters[64] = {};
  sim::engine e(in(c11));
  e.count_pairs(counters);
  sim::random_walk r(1);
  sim::explore(e, scenarios::core_message_passing, r, {.executions_max = 100});
  int pairs = 0;
  for (auto const c : counters) pairs += c != 0;
  EXPECT_GE(pairs, 2);  // the flag as made, the flag as stored
}

// ---- replay ----
struct found {
  sim::engine e;
  sim::campaign c;
  sim::replay r;
  explicit found(sim::scenario const& s, sim::options o = in(c11)) : e(o) {
    sim::random_walk walk_(5);
    c = sim::explore(e, s, walk_, {.executions_max = 100'000});
    EXPECT_TRUE(c.failed) << s.name;
    r = sim::replay::of(e, s, c.last.what.tag, c.choices);
  }
};
TEST(replay, does_it_again_from_text_in_another_engine) {
  found f(scenarios::core_store_buffering_no_fence);
  sim::replay r;
  std::string reason;
  ASSERT_TRUE(sim::replay::parse(f.r.text(), r, reason)) << reason;
  EXPECT_EQ(r.text(), f.r.text());
  sim::engine e(r.world);
  sim::replay_chooser c(r, e.sites());
  c.begin(0);
  sim::execution const& x = e.run(scenarios::core_store_buffering_no_fence, c);
  EXPECT_TRUE(x.failed);
  EXPECT_EQ(x.hash, f.c.last.hash);
  EXPECT_EQ(c.divergence(), "");
  EXPECT_EQ(c.followed(), r.choices.size());
}
TEST(replay, names_no_line_and_no_address) {
  found f(scenarios::core_message_passing_relaxed);
  EXPECT_EQ(f.r.text().find(".cpp"), std::string::npos);
  EXPECT_EQ(f.r.text().find("0x"), std::string::npos);
}
TEST(replay, is_strict_and_says_where) {
  found f(scenarios::core_store_buffering_no_fence);
  std::string const text = f.r.text();
  sim::replay r;
  std::string reason;
  EXPECT_FALSE(sim::replay::parse("retake-replay 1" + text.substr(15), r, reason));
  EXPECT_NE(reason.find("version"), std::string::npos) << reason;
  EXPECT_FALSE(sim::replay::parse("hello\n", r, reason));
  std::size_t const end = text.rfind("end ");
  EXPECT_FALSE(sim::replay::parse(text.substr(0, end), r, reason));
  EXPECT_NE(reason.find("truncated"), std::string::npos) << reason;
  std::size_t const choice = text.find("\nthread ");
  ASSERT_NE(choice, std::string::npos);
  std::size_t const next = text.find('\n', choice + 1);
  EXPECT_FALSE(sim::replay::parse(text.substr(0, choice) + text.substr(next), r, reason));  // a line is missing
  EXPECT_FALSE(sim::replay::parse(text + "more\n", r, reason));
  EXPECT_FALSE(sim::replay::parse(text.substr(0, choice) + "\nthread 1 cas\n" + text.substr(next + 1), r, reason));
  EXPECT_NE(reason.find("line "), std::string::npos) << reason;
}
TEST(replay, another_program_diverges_at_a_named_choice) {
  found f(scenarios::core_store_buffering_no_fence);
  sim::engine e(f.r.world);
  sim::replay_chooser c(f.r, e.sites());
  c.begin(0);
  sim::execution const& x = e.run(scenarios::core_store_buffering, c);  // the fences are back
  EXPECT_NE(c.divergence().find("diverged at choice"), std::string::npos) << c.divergence();
  EXPECT_FALSE(x.failed);
}
TEST(replay, a_timeline_and_a_trace_show_the_steps) {
  found f(scenarios::core_handoff_store);
  std::string const t = sim::timeline(f.e);
  EXPECT_NE(t.find("M1"), std::string::npos);
  EXPECT_NE(t.find("core_handoff.cpp:"), std::string::npos) << t;
  EXPECT_NE(sim::chrome_trace(f.e).find("traceEvents"), std::string::npos);
}

// An old value, and a store before a newer one: the line names the newer store and says that
// nothing forces it.
struct old_and_new {
  word n{0}, done{0};
};
template <bool Stores>
void passes_over_a_newer_store() {
  old_and_new o;
  with<old_and_new>(o, [](old_and_new& all) {
    all.n.store_relaxed(7);
    all.done.store_relaxed(1);
  });
  while (o.done.load_relaxed() == 0) world::pause();
  if (Stores)
    o.n.store_relaxed(8);
  else
    seen[0] = static_cast<int>(o.n.load_relaxed());
  bool const passed = Stores ? o.n.peek() == 7 : seen[0] == 0;
  sim::join_others();
  world::require(!passed, "old: passed over");
}
TEST(timeline, says_why_an_old_value_and_an_earlier_place_were_allowed) {
  for (auto* const body : {&passes_over_a_newer_store<false>, &passes_over_a_newer_store<true>}) {
    sim::engine e(in(c11));
    sim::random_walk walk(1);
    sim::campaign const c = sim::explore(e, of(body), walk, {.executions_max = 10'000});
    ASSERT_TRUE(c.failed);
    std::string const t = sim::timeline(e);
    EXPECT_TRUE(std::regex_search(
        t, std::regex(
               "(load #1 0 \\(1 old\\).*7 by M1 at schedules_test.cpp:[0-9]+, is newer: no happens-before, fence or "
               "coherence forces M0 to see it\\]|store #1 8 \\(1 old\\).*7 by M1.* forces M0's store behind it\\])")))
        << t;
  }
}

// ---- shrink ----
void noisy() {
  struct two {
    word x{0}, y{0}, noise{0};
    bool other = false;
  };
  two t;
  with<two>(t, [](two& o) {
    for (int i = 0; i < 12; ++i) o.noise.fetch_add_relaxed(1);
    o.y.store_relaxed(1);
    o.other = o.x.load_relaxed() == 1;
    for (int i = 0; i < 12; ++i) o.noise.fetch_add_relaxed(1);
  });
  for (int i = 0; i < 12; ++i) t.noise.fetch_add_relaxed(world::random_below(3));
  t.x.store_relaxed(1);
  bool const mine = t.y.load_relaxed() == 1;
  sim::join_others();
  world::require(mine || t.other, "dekker: both missed");
}
TEST(shrink, leaves_one_stale_read_and_no_preemption_of_a_noisy_dekker) {
  sim::scenario const s = of(&noisy);
  found f(s);
  EXPECT_GT(f.c.last.preemptions, 5U);
  sim::shrunk const small = sim::shrink(f.e, s, "dekker", f.c.choices);
  ASSERT_TRUE(small.reproduced);
  EXPECT_EQ(small.result.preemptions + small.result.stale_reads, 1U);
  int departures = 0;
  for (auto const& c : small.choices) departures += c.chosen != 0;
  EXPECT_LE(departures, 2);
  // And what it says is what a replay does.
  sim::replay const r = sim::replay::of(f.e, s, "dekker", small.choices);
  sim::engine e(in(c11));
  sim::replay_chooser c(r, e.sites());
  c.begin(0);
  EXPECT_EQ(e.run(s, c).hash, small.result.hash);
}
TEST(shrink, says_when_the_input_does_not_fail) {
  found f(scenarios::core_store_buffering_no_fence);
  EXPECT_FALSE(sim::shrink(f.e, scenarios::core_store_buffering, "store_buffering", f.c.choices).reproduced);
}

// ---- mutants ----
constexpr unsigned line_of_store = __LINE__ + 10;
void guarded() {
  world::plain<int> data(0);
  word flag(0);
  struct all {
    world::plain<int>& data;
    word& flag;
  } a{data, flag};
  with<all>(a, [](all& o) {
    o.data.set(1);
    o.flag.store_release(1);
    world::futex_wake(o.flag, 1);
  });
  while (flag.load_acquire() == 0) world::futex_wait(flag, 0);
  data.get();
  sim::join_others();
}
constexpr unsigned line_of_add = __LINE__ + 3;
void counted() {
  word n(0);
  auto const body = [](word& o) { o.fetch_add_relaxed(1); };
  with<word>(n, body);
  body(n);
  sim::join_others();
  world::require(n.peek() == 2, "count: lost");
}
sim::options mutated(unsigned line, char const* kind) {
  sim::options o = in(c11);
  std::string reason;
  EXPECT_TRUE(
      sim::mutant::parse("some/where/schedules_test.cpp:" + std::to_string(line) + ":" + kind, o.mutate, reason))
      << reason;
  return o;
}
TEST(mutants, weaken_drop_and_split_one_site_without_a_rebuild) {
  EXPECT_EQ(tag_of(search(&guarded, in(c11))), "");
  EXPECT_EQ(tag_of(search(&guarded, mutated(line_of_store, "relaxed"))), "race");
  EXPECT_EQ(tag_of(search(&guarded, mutated(line_of_store + 1, "drop"))), "deadlock");
  EXPECT_EQ(tag_of(search(&guarded, mutated(line_of_store + 3, "relaxed"))), "race");
  EXPECT_EQ(tag_of(search(&counted, in(c11))), "");
  EXPECT_EQ(tag_of(search(&counted, mutated(line_of_add, "split"))), "count");
  EXPECT_EQ(tag_of(search(&counted, mutated(line_of_add, "acq_rel"))), "");
}
TEST(mutants, an_unknown_site_and_a_kind_that_does_not_fit_are_told) {
  sim::engine nowhere(mutated(1, "relaxed"));
  sim::random_walk r(1);
  sim::explore(nowhere, of(&guarded), r, {.executions_max = 10});
  EXPECT_FALSE(nowhere.sites().mutant_reached());
  sim::engine misfit(mutated(line_of_store, "split"));
  sim::explore(misfit, of(&guarded), r, {.executions_max = 10});
  EXPECT_TRUE(misfit.sites().mutant_reached());
  EXPECT_EQ(misfit.sites().mutant_misfit(), sim::op_kind::store);
  sim::mutant m;
  std::string reason;
  for (char const* bad :
       {"x.hpp:relaxed", "x.hpp:12", "x.hpp:12:stronger", ":12:drop", "x.hpp:0:drop", "x.hpp:1x:drop"})
    EXPECT_FALSE(sim::mutant::parse(bad, m, reason)) << bad;
}

// ---- faults ----
void naive_sleeper() {
  word w(0);
  with<word>(w, [](word& o) {
    o.store_release(1);
    world::futex_wake(o, 1);
  });
  if (w.load_acquire() == 0) world::futex_wait(w, 0);  // if, where while belongs
  world::require(w.load_acquire() == 1, "sleep: awake too early");
  sim::join_others();
}
void naive_starter() {
  word w(0);
  int const error = world::thread_start([](void*) {}, &w);
  world::require(error == 0, "start: EAGAIN is not handled");
}
void naive_allocator() { world::require(world::allocate(8) != nullptr, "allocate: nothing"); }
TEST(faults, strike_only_when_switched_on) {
  auto const tag = [](void (*body)(), char const* names) {
    sim::options o = in(sc);
    std::string unknown;
    EXPECT_TRUE(sim::parse_faults(names, o.fault_mask, unknown));
    return tag_of(search(body, o));
  };
  EXPECT_EQ(tag(&naive_sleeper, "none"), "");
  EXPECT_EQ(tag(&naive_sleeper, "spurious"), "sleep");
  EXPECT_EQ(tag(&naive_starter, "spurious"), "");
  EXPECT_EQ(tag(&naive_starter, "spurious,eagain_thread"), "start");
  EXPECT_EQ(tag(&naive_allocator, "all"), "allocate");
  std::uint32_t mask;
  std::string unknown;
  EXPECT_FALSE(sim::parse_faults("spurious,gremlins", mask, unknown));
  EXPECT_EQ(unknown, "gremlins");
  EXPECT_TRUE(sim::parse_faults("eintr,spurious", mask, unknown));
  EXPECT_EQ(sim::faults_text(mask), "spurious,eintr");
}
void always_faulty() {
  int struck = 0;
  for (int i = 0; i < 10; ++i) struck += sim::fault(sim::fault_kind::eintr) ? 1 : 0;
  seen[0] = struck;
}
TEST(faults, have_a_budget) {
  sim::options o = in(sc);
  o.fault_mask = ~0U;
  o.fault_budget = 3;
  sim::engine e(o);
  sim::scenario const s = of(&always_faulty);
  sim::depth_first d(0);
  int most = 0;
  bool more = true;
  while (more) {
    d.begin(0);
    more = d.end(sim::summary_of(e.run(s, d)));
    most = std::max(most, seen[0]);
  }
  EXPECT_EQ(most, 3);
}

// ---- what of a value is in the trace ----
std::uint64_t stored;
std::size_t block;
void store_a_number() { world::atomic<std::uint64_t>(0).store_relaxed(stored); }
void store_an_address() {
  void* const blocks[] = {world::allocate(64), world::allocate(64)};
  int here = 0;
  world::atomic<std::uintptr_t> a(0);
  a.store_relaxed(reinterpret_cast<std::uintptr_t>(blocks[block]));
  a.store_relaxed(block == 0 ? reinterpret_cast<std::uintptr_t>(&here) : reinterpret_cast<std::uintptr_t>(blocks[0]));
  world::atomic<void*>(nullptr).store_relaxed(blocks[block]);
}
std::uint64_t hash_of(void (*body)()) {
  sim::engine e(in(sc));
  sim::depth_first d(0);
  return sim::explore(e, of(body), d, {}).trace_hash;
}

TEST(traces, of_eight_byte_numbers_differ_when_the_numbers_do) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t const n : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1} << 40, UINT64_MAX}) {
    stored = n;
    hashes.insert(hash_of(&store_a_number));
  }
  EXPECT_EQ(hashes.size(), 4U);
}

TEST(traces, of_addresses_are_the_same_wherever_the_object_lies) {
  block = 0;
  std::uint64_t const first = hash_of(&store_an_address);
  block = 1;
  EXPECT_EQ(first, hash_of(&store_an_address));
}

// ---- vacuity ----
void one_sided() {
  word w(0);
  w.compare_exchange_relaxed(0, 1);
  world::recheck(w.load_relaxed() == 1);
}
TEST(vacuity, a_site_that_saw_one_outcome_is_named) {
  sim::engine e(in(sc));
  sim::depth_first d(0);
  sim::explore(e, of(&one_sided), d, {});
  auto const lines = e.sites().one_sided();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find("won 1 times, never lost"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("true 1 times, never false"), std::string::npos) << lines[1];
  EXPECT_NE(e.sites().counters_json().find("\"won\":1"), std::string::npos);
  sim::depth_first all(sim::depth_first::unbounded);
  sim::explore(e, scenarios::core_handoff, all, {});
  for (auto const& line : e.sites().one_sided()) EXPECT_EQ(line.find("core_handoff"), std::string::npos) << line;
}
void sleep_until_late() {
  word w(0);
  world::futex_wait_until(w, 0, 1'000);
}
TEST(vacuity, a_wait_that_only_timed_out_was_not_woken_and_not_changed) {
  sim::engine e(in(sc));
  sim::depth_first d(0);
  sim::explore(e, of(&sleep_until_late), d, {});
  auto const lines = e.sites().one_sided();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("timed_out 1 times, never woken, never changed"), std::string::npos) << lines[0];
}
void sleep_until_woken() {
  word w(0);
  with<word>(w, [](word& other) {
    other.store_relaxed(1);
    world::futex_wake(other, 1);
  });
  world::futex_wait(w, 0);
  sim::join_others();
}
TEST(vacuity, a_spurious_wake_is_counted_and_is_no_wake) {
  sim::options o = in(sc);
  o.fault_mask = sim::mask_of({sim::fault_kind::spurious});
  sim::engine e(o);
  sim::depth_first d(sim::depth_first::unbounded);
  EXPECT_FALSE(sim::explore(e, of(&sleep_until_woken), d, {}).failed);
  std::string const counters = e.sites().counters_json();
  for (char const* const answer : {"woken", "changed", "spurious"}) {
    EXPECT_EQ(counters.find(std::string("\"") + answer + "\":0"), std::string::npos) << answer << ":\n" << counters;
  }
  EXPECT_NE(counters.find("\"timed_out\":0"), std::string::npos) << counters;
  EXPECT_TRUE(e.sites().one_sided().empty());
}

}  // namespace
}  // namespace retake::test
