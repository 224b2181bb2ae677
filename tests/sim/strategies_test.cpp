// Goal: each strategy keeps what its file promises: budgets spread over the execution, PCT's bound,
// the search's completeness.
// Method: programs of a known length with a planted bug or with an opportunity at each step; seeds
// are fixed, so a verdict is too.
#include <array>
#include <cmath>
#include <functional>

#include "exhaust.hpp"
#include "sim/choices/bytes.hpp"
#include "sim/choices/pct.hpp"
#include "sim/choices/pos.hpp"
#include "sim/choices/surw.hpp"
#include "world/clock.hpp"

namespace retake::test {
namespace {

// What the test's program and its observer share; set before a run.
int length;

std::vector<std::unique_ptr<sim::chooser>> sampling_strategies() {
  std::vector<std::unique_ptr<sim::chooser>> all;
  all.push_back(std::make_unique<sim::random_walk>(1));
  all.push_back(std::make_unique<sim::pct>(1, 3));
  all.push_back(std::make_unique<sim::pos>(1));
  all.push_back(std::make_unique<sim::surw>(1));
  return all;
}

// Looks at each choice of another strategy.
class observed final : public sim::chooser {
 public:
  using look = std::function<void(sim::choice_point const&, std::uint32_t)>;
  observed(sim::chooser& inner, look seen_choice) : inner_(inner), look_(std::move(seen_choice)) {}
  char const* name() const override { return inner_.name(); }
  void begin(std::uint64_t execution) override { inner_.begin(execution); }
  bool learns() const override { return inner_.learns(); }
  void learn(sim::lengths const& measured) override { inner_.learn(measured), learned_ = measured.steps != 0; }
  std::uint32_t choose(sim::choice_point const& p) override {
    std::uint32_t const chosen = inner_.choose(p);
    if (learned_) look_(p, chosen);
    return chosen;
  }
  bool end(sim::execution_summary const& summary) override { return inner_.end(summary); }

 private:
  sim::chooser& inner_;
  look look_;
  bool learned_ = false;  // pilots are not looked at
};

// ---- budgets ----
// `length` steps of two threads beside an alarm that is always set, with a fault possible at each
// step.
std::int64_t next_ring = 0;  // an alarm may ring while its thread ends
void ring(void*) { sim::alarm(next_ring += 1'000'000, &ring, nullptr); }
void busy() {
  word w(0);
  next_ring = 0;
  ring(nullptr);
  auto const work = [](word& o) {
    for (int i = 0; i < length / 2; ++i) {
      o.fetch_add_relaxed(1);
      (void)sim::fault(sim::fault_kind::eintr);
    }
  };
  with<word>(w, work);
  work(w);
  sim::join_others();
}

struct share {
  std::array<double, 4> quarter{};
  double all = 0;
  void add(double place) { quarter[std::min<std::size_t>(3, static_cast<std::size_t>(place * 4))] += 1, all += 1; }
};
// Each quarter of an execution has its part of what was spent, within a fourth of it.
void expect_even(share const& s, std::string const& what) {
  ASSERT_GT(s.all, 500) << what;
  for (double const q : s.quarter) EXPECT_NEAR(q / s.all, 0.25, 0.0625) << what;
}

struct spent {
  share ticks, faults;
  std::uint64_t executions = 0;
};
spent spend(sim::chooser& c, int steps, std::uint32_t budget) {
  length = steps;
  sim::options o = in(sc);
  o.ticks_max = o.fault_budget = budget;
  o.fault_mask = 1U << static_cast<unsigned>(sim::fault_kind::eintr);
  sim::engine e(o);
  spent all;
  std::vector<std::uint32_t> ticks, faults;
  observed w(c, [&](sim::choice_point const& p, std::uint32_t chosen) {
    if (p.kind == sim::choice_kind::thread && p.slot_of(chosen) == sim::clock_slot) ticks.push_back(p.step);
    if (p.kind == sim::choice_kind::fault && chosen != 0) faults.push_back(p.step);
  });
  sim::lengths const counts = sim::measure(e, of(&busy), w).most;
  w.learn(counts);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    ticks.clear(), faults.clear();
    w.begin(i);
    sim::execution const& x = e.run(of(&busy), w);
    EXPECT_LE(ticks.size(), budget);
    EXPECT_LE(faults.size(), budget);
    for (std::uint32_t const at : ticks) all.ticks.add(static_cast<double>(at) / x.steps);
    for (std::uint32_t const at : faults) all.faults.add(static_cast<double>(at) / x.steps);
  }
  return all;
}
TEST(budgets, of_ticks_and_faults_are_spread_over_the_execution_by_each_strategy) {
  for (int const steps : {100, 1000}) {
    for (std::uint32_t const budget : {1U, 2U, 4U, 16U}) {
      for (auto const& c : sampling_strategies()) {
        spent const s = spend(*c, steps, budget);
        std::string const what =
            std::string(c->name()) + " " + std::to_string(steps) + " steps, budget " + std::to_string(budget);
        expect_even(s.ticks, what + ", ticks");
        expect_even(s.faults, what + ", faults");
      }
    }
  }
}
TEST(budgets, that_no_length_was_learned_for_reach_the_second_half_too) {
  length = 1000;
  sim::engine e(in(sc));
  for (auto const& c : sampling_strategies()) {
    int late = 0;
    for (std::uint64_t i = 0; i < 2000; ++i) {
      c->begin(i);
      sim::execution const& x = e.run(of(&busy), *c);
      bool in_second_half = false;
      auto const all = e.choices();
      for (std::size_t k = all.size() / 2; k < all.size(); ++k)
        in_second_half |= all[k].kind == sim::choice_kind::thread && all[k].to == sim::clock_slot;
      late += in_second_half ? 1 : 0;
      ASSERT_FALSE(x.failed) << c->name() << ", execution " << i << ": " << x.what.tag << " " << x.what.claim;
    }
    EXPECT_GT(late, 100) << c->name();  // of 2000; most assume another length
  }
}
// `length` steps of two threads; at every fourth one of them has a spin loop of its own, of three
// rounds, that may give up.
void many_spins() {
  word w(0), never(0);
  with<word>(w, [](word& o) {
    for (int i = 0; i < length / 2; ++i) o.fetch_add_relaxed(1);
  });
  for (int i = 0; i < length / 8; ++i) {
    for (int round = 0; round < 3 && never.load_relaxed() == 0; ++round) world::pause();
    w.exchange_relaxed(0);
    w.store_relaxed(0);
  }
  sim::join_others();
}
TEST(budgets, of_give_ups_are_spread_over_the_execution_by_each_strategy) {
  length = 400;
  for (std::uint32_t const budget : {1U, 4U, 16U}) {
    std::uint64_t const executions = budget == 1 ? 12'000 : 4000;  // units are spent in one of eight
    for (auto const& c : sampling_strategies()) {
      sim::options o = in(sc);
      o.give_ups_max = budget;
      sim::engine e(o);
      share all;
      std::vector<std::uint32_t> places;  // of the choices, which of them gave up
      std::uint32_t asked = 0;
      observed w(*c, [&](sim::choice_point const& point, std::uint32_t chosen) {
        if (point.kind != sim::choice_kind::give_up) return;
        if (chosen != 0) places.push_back(asked);
        ++asked;
      });
      sim::lengths const counts = sim::measure(e, of(&many_spins), w).most;
      EXPECT_GE(counts.give_ups, 50U);
      w.learn(counts);
      for (std::uint64_t i = 0; i < executions; ++i) {
        places.clear(), asked = 0;
        w.begin(i);
        ASSERT_FALSE(e.run(of(&many_spins), w).failed);
        ASSERT_LE(places.size(), budget);
        for (std::uint32_t const at : places) all.add((at + 0.5) / counts.give_ups);
      }
      expect_even(all, std::string(c->name()) + ", budget " + std::to_string(budget));
    }
  }
}
// A load that has old values is no budget: each reads an old one half of the time, wherever it
// stands.
void reader() {
  word w(0);
  with<word>(w, [](word& o) {
    for (int i = 0; i < length; ++i) o.store_relaxed(static_cast<std::uint32_t>(i));
  });
  for (int i = 0; i < length; ++i) (void)w.load_relaxed();
  sim::join_others();
}
TEST(budgets, old_values_are_read_half_of_the_time_from_first_to_last) {
  length = 100;
  for (auto const& c : sampling_strategies()) {
    std::array<double, 2> reads{}, old{};
    observed w(*c, [&](sim::choice_point const& point, std::uint32_t chosen) {
      if (point.kind != sim::choice_kind::read_from) return;
      std::size_t const half = point.local < 50 ? 0 : 1;  // of the reader's own operations
      reads[half] += 1, old[half] += chosen != 0 ? 1 : 0;
    });
    sim::engine e(in(c11));
    sim::explore(e, of(&reader), w, {.executions_max = 4000});
    for (std::size_t half : {0U, 1U}) {
      ASSERT_GT(reads[half], 1000) << c->name();
      EXPECT_NEAR(old[half] / reads[half], 0.5, 0.03) << c->name();
    }
  }
}

// ---- PCT ----
// Three lanes of `length` steps together; the first lane's thread starts the others. A lane enters
// its window after a tenth.
struct track {
  std::array<int, 3> place{};     // steps gone in each lane
  std::string order;              // "abCB": lane a started, then b, then c's end, b's end
  bool second_in_window = false;  // the second lane started in the window of the first
  bool nested = true;             // each lane started while all before it were in their windows
};
track lanes;

void run_lane(word& w, int lane) {
  int const steps = length / 3;
  for (int i = 0; i < steps; ++i) {
    w.fetch_add_relaxed(1);
    if (i == 0) {
      for (char const other : lanes.order)
        lanes.nested &= other >= 'a' && lanes.place[static_cast<std::size_t>(other - 'a')] * 10 > steps;
      if (lanes.order.size() == 1) lanes.second_in_window = lanes.nested;
      lanes.order += static_cast<char>('a' + lane);
    }
    lanes.place[static_cast<std::size_t>(lane)] = i + 1;
  }
  lanes.order += static_cast<char>('A' + lane);
}
void three_lanes() {
  lanes = {};
  word w(0);
  with<word>(w, [](word& o) { run_lane(o, 1); });
  with<word>(w, [](word& o) { run_lane(o, 2); });
  run_lane(w, 0);
  sim::join_others();
}
bool ends(char const* by_start) {  // "021": first the lane that started first, then ...
  for (std::size_t i = 0; i < 3; ++i) {
    if (lanes.order[3 + i] - 'A' != lanes.order[static_cast<std::size_t>(by_start[i] - '0')] - 'a') return false;
  }
  return true;
}
// Bugs of depth d need d-1 threads to fall in their windows; in the deeper ones also one of the two
// orders among those that fell.
struct planted {
  std::uint32_t depth;
  char const* claim;
  bool (*hit)();
};
constexpr planted bugs[] = {
    {1, "the first lane runs when both others have ended", [] { return lanes.order.find('a') == 4; }},
    {2, "a lane starts in the window of the first",
     [] { return lanes.order[0] == 'a' && lanes.order[1] >= 'a' && lanes.second_in_window; }},
    {3, "all nested, the later to fall goes on first",
     [] { return lanes.nested && lanes.order[0] == 'a' && ends("210"); }},
    {3, "all nested, the first to fall goes on first",
     [] { return lanes.nested && lanes.order[0] == 'a' && ends("201"); }},
    {4, "all three fall and end as they started", [] { return lanes.nested && lanes.order[0] == 'a' && ends("012"); }},
    {4, "all three fall, the first to fall ends last",
     [] { return lanes.nested && lanes.order[0] == 'a' && ends("120"); }},
};
TEST(pct, a_bug_of_depth_1_to_4_is_found_with_the_promised_probability_at_lengths_50_to_10_000) {
  for (int const steps : {50, 500, 10'000}) {
    length = steps;
    for (std::uint32_t depth = 1; depth <= 4; ++depth) {
      std::uint64_t const executions = steps < 10'000 ? 8000 : depth < 4 ? 1000 : 2500;
      std::array<std::uint64_t, std::size(bugs)> hits{};
      sim::engine e(in(sc));
      sim::pct p(depth, depth);
      sim::lengths const measured = sim::measure(e, of(&three_lanes), p).most;
      p.learn(measured);
      for (std::uint64_t i = 0; i < executions; ++i) {
        p.begin(i);
        ASSERT_FALSE(e.run(of(&three_lanes), p).failed);
        for (std::size_t b = 0; b < std::size(bugs); ++b) hits[b] += bugs[b].depth == depth && bugs[b].hit() ? 1 : 0;
      }
      // The sum of the promise over the steps of the windows.
      double const window = steps / 3 * 0.9 - 2;
      double const promised = std::pow(window / measured.steps, depth - 1) / 3;
      double const expected = promised * 7 / 8 * static_cast<double>(executions);
      for (std::size_t b = 0; b < std::size(bugs); ++b) {
        if (bugs[b].depth != depth) continue;
        EXPECT_GT(static_cast<double>(hits[b]), expected - 2.5 * std::sqrt(expected))
            << steps << " steps, depth " << depth << ": " << bugs[b].claim;
      }
    }
  }
}
// Threads with priorities that are fixed but for change points: what falls is below all, for ever.
sim::choice_point two_enabled(std::uint32_t step, std::uint32_t running) {
  return {sim::choice_kind::thread,
          true,
          false,
          sim::op_kind::load,
          2,
          running,
          0b11,
          step,
          step,
          0,
          0,
          nullptr,
          nullptr};
}
TEST(pct, change_points_lie_over_the_whole_length_and_each_makes_its_thread_fall) {
  for (std::uint32_t const steps : {50U, 1000U, 10'000U}) {
    sim::pct p(1, 2);
    p.learn({.steps = steps});
    share changes;
    for (std::uint64_t i = 0; i < 4000; ++i) {
      p.begin(i);
      std::uint32_t running = two_enabled(0, 0).slot_of(p.choose(two_enabled(0, 0)));
      std::uint32_t switches = 0;
      for (std::uint32_t step = 1; step < steps; ++step) {
        std::uint32_t const next = two_enabled(step, running).slot_of(p.choose(two_enabled(step, running)));
        if (next == running) continue;
        ++switches;
        changes.add(static_cast<double>(step) / steps);
        running = next;
      }
      ASSERT_LE(switches, 1U);
    }
    expect_even(changes, "change points, " + std::to_string(steps) + " steps");
  }
}
// The old fault: demotions counted down from the depth, past zero, by ticks and change points
// together.
TEST(pct, a_thread_falls_however_often_the_clock_ticked) {
  for (std::uint64_t i = 0; i < 500; ++i) {
    constexpr std::uint32_t depth = 4, steps = 200;
    sim::pct p(1, depth);
    p.learn({.steps = steps, .ticks = steps, .faults = 0});
    p.begin(i);
    std::uint32_t running = 0, switches = 0;
    for (std::uint32_t step = 0; step < steps; ++step) {
      sim::choice_point point = two_enabled(step, running);
      point.clock_may_tick = true;
      point.n = 3;
      point.budget = 100;
      std::uint32_t const next = point.slot_of(p.choose(point));
      if (next == sim::clock_slot || next == running) continue;
      ++switches;
      running = next;
    }
    EXPECT_LE(switches, depth) << i;  // the first choice, and one for each change point
  }
}

// ---- the others ----
TEST(random_walk, each_enabled_thread_has_the_same_chance_at_every_step) {
  sim::random_walk r(1);
  r.begin(0);
  std::array<std::array<double, 3>, 2> chosen{};
  for (std::uint32_t step = 0; step < 20'000; ++step) {
    sim::choice_point const
        p{sim::choice_kind::thread, true, false, sim::op_kind::load, 3, 1, 0b111, step, step, 0, 0, nullptr, nullptr};
    chosen[step / 10'000][p.slot_of(r.choose(p))] += 1;
  }
  for (auto const& half : chosen) {
    for (double const n : half) EXPECT_NEAR(n / 10'000, 1.0 / 3, 0.02);
  }
}
TEST(depth_first, a_bound_of_preemptions_is_held_by_each_execution_and_not_spread) {
  length = 6;
  for (std::uint32_t const bound : {0U, 1U, 2U}) {
    sim::engine e(in(sc));
    sim::depth_first d(bound);
    std::uint32_t most = 0;
    bool more = true;
    for (std::uint64_t i = 0; more; ++i) {
      d.begin(i);
      sim::execution const& x = e.run(of(&three_lanes), d);
      most = std::max(most, x.preemptions);
      more = d.end(sim::summary_of(x));
    }
    EXPECT_TRUE(d.exhausted());
    EXPECT_EQ(most, bound);
  }
}
TEST(bytes, each_byte_is_one_choice_and_after_the_last_all_is_tame) {
  std::uint8_t const data[] = {1, 4, 2};
  sim::bytes b(data, sizeof data);
  for (int twice = 0; twice < 2; ++twice) {
    b.begin(0);
    for (std::uint32_t const expected : {1U, 1U, 2U, 0U, 0U}) {
      sim::choice_point const
          p{sim::choice_kind::thread, true, false, sim::op_kind::load, 3, 0, 0b111, 0, 0, 0, 0, nullptr, nullptr};
      EXPECT_EQ(b.choose(p), expected);
    }
  }
}

// ---- a campaign ----
TEST(campaign, pilots_change_no_execution_whatever_the_shard) {
  length = 200;
  auto const hashes = [](std::uint64_t first, std::uint64_t stride, std::uint64_t n) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t i = 0; i < n; ++i) {
      sim::engine e(in(c11));
      sim::random_walk r(3);
      all.push_back(sim::explore(e, of(&busy), r, {.executions_max = 1, .first = first + i * stride, .stride = stride})
                        .trace_hash);
    }
    return all;
  };
  auto const whole = hashes(0, 1, 12);
  auto const even = hashes(0, 2, 6), odd = hashes(1, 2, 6);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(whole[2 * i], even[i]);
    EXPECT_EQ(whole[2 * i + 1], odd[i]);
  }
}
TEST(campaign, a_finding_of_a_pilot_is_a_finding) {
  sim::engine e(in(sc));
  sim::random_walk r(1);
  sim::campaign const c = sim::explore(e, of([] { world::require(false, "always: fails"); }), r, {.executions_max = 1});
  ASSERT_TRUE(c.failed);
  EXPECT_STREQ(c.last.what.tag, "always");
  EXPECT_EQ(c.failing_execution, sim::pilots_from);
  EXPECT_EQ(c.executions, 1U);
}

// ---- the trial: a time-out that only a late tick shows ----
struct late {
  word flag{0}, noise{0}, end{0};
};
// A monitor that looks every 20 us, 150 steps of ordinary work; then a wait with a deadline whose
// waker is on its way.
void late_tick() {
  late s;
  with<late>(s, [](late& o) {
    for (int i = 0; i < 50 && o.end.load_acquire() == 0; ++i)
      (void)world::futex_wait_until(o.end, 0, world::nanotime() + 20'000);
  });
  with<late>(s, [](late& o) {
    for (int i = 0; i < 150; ++i) o.noise.fetch_add_relaxed(1);
    o.flag.store_release(1);
    world::futex_wake(o.flag, 1);
  });
  for (int i = 0; i < 150; ++i) s.noise.fetch_add_relaxed(1);
  auto const how = world::futex_wait_until(s.flag, 0, world::nanotime() + 50'000);
  s.end.store_release(1);
  world::futex_wake(s.end, 1);
  sim::join_others();
  world::require(how != world::waited::timed_out, "tick: timed out although the waker was on its way");
}
TEST(budgets, of_four_ticks_find_a_time_out_that_only_a_late_tick_shows) {
  sim::engine e(in(sc));
  sim::random_walk r(1);
  EXPECT_TRUE(sim::explore(e, of(&late_tick), r, {.executions_max = 5000}).failed);
  sim::pct p(1, 3);
  EXPECT_TRUE(sim::explore(e, of(&late_tick), p, {.executions_max = 20'000}).failed);
}

}  // namespace
}  // namespace retake::test
