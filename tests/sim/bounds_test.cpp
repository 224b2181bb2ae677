// Goal: no loop of the engine is without an end, and an alarm that wakes no thread is no progress.
// Method: the smallest program for each loop, searched depth first; what must end from outside is
// given a time or a stop.
#include <chrono>
#include <csignal>

#include "exhaust.hpp"
#include "world/clock.hpp"
#include "world/memory.hpp"
#include "world/random.hpp"

namespace retake::test {
namespace {

// Rings every `period_ns` for ever; with `last` set, wakes the sleepers of `list` at that ring.
struct beat {
  std::int64_t period_ns;
  std::int64_t at_ns = 0;
  int rings = 0;
  int last = 0;
  sim::wait_list list{};

  static void ring(void* self) {
    auto& me = *static_cast<beat*>(self);
    if (++me.rings == me.last) sim::notify_all(me.list);
    me.at_ns += me.period_ns;
    sim::alarm(me.at_ns, ring, self);
  }
};

template <class T>
T& made(T const& value) {
  return *new (world::allocate(sizeof(T))) T(value);
}
beat& beating(std::int64_t period_ns, int last = 0) {
  beat& b = made(beat{.period_ns = period_ns, .last = last});
  beat::ring(&b);
  return b;
}

void sleeps_for_ever() {
  beating(5'000);
  word w{0};
  world::futex_wait(w, 0);
}
TEST(renewing_alarm, beside_it_a_deadlock_is_found) {
  sim::campaign const c = search(&sleeps_for_ever, in(sc));
  EXPECT_EQ(tag_of(c), "deadlock");
  EXPECT_EQ(c.executions, 1U);
}
void spins_for_ever() {
  beating(5'000);
  word w{0};
  with<word>(w, [](word& o) {
    while (o.load_acquire() == 0) world::pause();
  });
  while (w.load_acquire() == 0) world::pause();
}
TEST(renewing_alarm, beside_it_a_livelock_is_found) { EXPECT_EQ(first_tag(&spins_for_ever, sc), "livelock"); }

void sleeps_until_late() {
  beating(5'000);
  word w{0};
  auto const how = world::futex_wait_until(w, 0, 200'000'000);  // 40,000 beats
  world::require(how == world::waited::timed_out, "late: woken by no thread");
}
void wakes_late() {
  beating(5'000);
  sim::wait_list& list = made(sim::wait_list{});
  sim::alarm(
      200'000'000, [](void* l) { sim::notify_all(*static_cast<sim::wait_list*>(l)); }, &list);
  sim::op(sim::op_kind::kernel, 0);
  sim::wait(list, sim::no_deadline, sim::op_kind::kernel_wait, 0);
  world::require(sim::now_ns() >= 200'000'000, "late: woken too early");
}
void wakes_at_a_later_ring() {
  beat& b = beating(5'000, 10'000);
  sim::op(sim::op_kind::kernel, 0);
  sim::wait(b.list, sim::no_deadline, sim::op_kind::kernel_wait, 0);
  world::require(b.rings == 10'000, "late: woken too early");
}
sim::options without_ticks() {
  sim::options o = in(sc);
  o.ticks_max = 0;
  return o;
}
TEST(renewing_alarm, is_no_deadlock_while_something_can_still_wake) {
  EXPECT_EQ(tag_of(search(&sleeps_until_late, without_ticks())), "");
  EXPECT_EQ(tag_of(search(&wakes_late, without_ticks())), "");
  EXPECT_EQ(tag_of(search(&wakes_at_a_later_ring, without_ticks())), "");
}
struct asked_about {
  std::uint32_t times = 0;
  std::int64_t until_ns = 0;
};
void asks_until_late() {
  asked_about& asked = made(asked_about{});
  sim::on_stillness(
      [](void* context, std::int64_t until_ns) {
        auto& me = *static_cast<asked_about*>(context);
        ++me.times;
        me.until_ns = until_ns;
      },
      &asked);
  word w{0};
  for (std::int64_t const late_ns : {200'000'000, 400'000'000}) {
    asked.times = 0;
    world::futex_wait_until(w, 0, late_ns);
    world::require(asked.until_ns == late_ns, "late: not asked about the whole sleep");
    world::require(asked.times > 1 && asked.times < 20'000, "late: asked at every beat");
  }
}
void asks_until_late_beside_beats() {
  beating(5'000);
  asks_until_late();
}
// A hook that judges a state reads all of it: once for the sleep, not at each beat of 40,000 beside
// it.
TEST(renewing_alarm, is_not_asked_about_for_ever) {
  EXPECT_EQ(tag_of(search(&asks_until_late_beside_beats, without_ticks())), "");
}
void rings_at_once() {
  beating(0);
  world::nanotime();
}
void rings_in_vain() {
  beating(1);
  word w{0};
  world::futex_wait_until(w, 0, 3'600'000'000'000);
}
TEST(renewing_alarm, has_named_bounds) {
  EXPECT_EQ(tag_of(search(&rings_at_once, without_ticks())), "bound");
  EXPECT_EQ(tag_of(search(&rings_in_vain, without_ticks())), "bound");
}

void draws_for_ever() {
  while (world::random_below(2) != 2) {}
}
TEST(livelock, a_loop_that_only_draws_ends_in_the_healed_part) {
  sim::scenario shape = of(nullptr);
  shape.chaos_steps = 0;
  shape.heal_steps = 1'000;
  EXPECT_EQ(tag_of(search(&draws_for_ever, in(sc), 0, shape)), "livelock");
}

std::sig_atomic_t volatile stopped;
void never_ends() {
  word w{0};
  for (;;) {
    std::uint32_t const round = w.fetch_add_relaxed(1);
    if (round == 100'000) stopped = 1;
    world::require(round < 20'000'000, "endless: nothing ended it");
  }
}
sim::campaign endless(sim::campaign_limits const& limits) {
  stopped = 0;
  sim::scenario shape = of(&never_ends);
  shape.chaos_steps = shape.heal_steps = UINT32_MAX;  // their sum does not wrap
  sim::engine e(in(sc));
  sim::random_walk r(1);
  return sim::explore(e, shape, r, limits);
}
TEST(campaign, a_stop_is_honoured_inside_an_execution_that_does_not_end) {
  sim::campaign const c = endless({.stop = &stopped});
  EXPECT_FALSE(c.failed) << c.last.what.claim;
  EXPECT_TRUE(c.cut);
  EXPECT_FALSE(c.exhausted);
  EXPECT_EQ(c.executions, 0U);
  EXPECT_GE(c.steps, 100'000U);
  EXPECT_LT(c.steps, 1'000'000U);
}
void stops_while_it_sleeps() {
  sim::alarm(
      100'000'000, [](void*) { stopped = 1; }, nullptr);  // behind 20,000 beats
  sleeps_until_late();
  world::require(false, "endless: nothing ended the sleep");
}
TEST(campaign, a_stop_is_honoured_while_alarms_ring_and_no_thread_runs) {
  stopped = 0;
  sim::engine e(without_ticks());
  sim::random_walk r(1);
  sim::campaign const c = sim::explore(e, of(&stops_while_it_sleeps), r, {.stop = &stopped});
  EXPECT_FALSE(c.failed) << c.last.what.claim;
  EXPECT_TRUE(c.cut);
}
TEST(campaign, seconds_are_honoured_inside_an_execution_that_does_not_end) {
  sim::campaign const c = endless({.seconds_max = 0.02});
  EXPECT_FALSE(c.failed) << c.last.what.claim;
  EXPECT_TRUE(c.cut);
  EXPECT_LT(c.seconds, 5.0);
}

}  // namespace
}  // namespace retake::test
