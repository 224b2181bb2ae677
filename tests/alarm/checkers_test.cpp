// checkers_test.cpp: each family of checkers is asked. The program corrupts one field of the scheduler that no assertion of the runtime reads
// on its way; only the family that watches the field can object, and it must, with its tag.
#include <gtest/gtest.h>

#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/syscall.hpp"
#include "sched/policy.hpp"
#include "sim/campaign.hpp"
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/watch.hpp"
#include "sim/choices/random_walk.hpp"
#include "sim/engine.hpp"
#include "sim/scenario.hpp"
#include "world/clock.hpp"

namespace retake {
namespace {

// Two Ps, so that one is idle. The calls commit changes of ownership behind the corruption.
template <void (*Corrupt)(scheduler&)>
void body() {
  checkers::watch_runtime();
  options chosen;
  chosen.processors = 2;
  run(chosen, [] {
    Corrupt(*inspector::home());
    for (int i = 0; i < 2; ++i) retake::syscall([] {});
  });
}

void nothing(scheduler&) {}
void every_machine_claims_this_processor(scheduler& s) {
  auto* const self = static_cast<machine*>(sim::this_thread());
  for (machine* m = s.machines.peek(); m != nullptr; m = m->all_link.peek()) m->p.set(self->p.peek());
}
void a_lock_without_a_goroutine(scheduler&) { static_cast<machine*>(sim::this_thread())->lock_count.set(1); }
void one_goroutine_too_many(scheduler& s) { s.goroutines_created.fetch_add_relaxed(1); }
// Everybody has gone to sleep; then there is work, and whoever put it there wakes nobody.
void work_without_a_wake(scheduler&) {
  constexpr std::int64_t long_ns = 50'000'000;
  world::sleep_until(world::nanotime() + long_ns);
  auto* const self = static_cast<machine*>(sim::this_thread());
  static_cast<void>(self->processor_here().queue.put(self->current.peek()));
  world::sleep_until(world::nanotime() + long_ns);
  static_cast<void>(self->processor_here().queue.get());  // a tick may have ended the sleep before anybody stood still
}

void an_offer_without_a_wake(scheduler& s) {
  constexpr std::int64_t long_ns = 50'000'000;
  world::sleep_until(world::nanotime() + long_ns);
  s.background.store_relaxed(static_cast<machine*>(sim::this_thread())->current.peek());
  world::sleep_until(world::nanotime() + long_ns);
  s.background.store_relaxed(nullptr);
}
void a_timer_that_nobody_learns_of(scheduler&) {
  constexpr std::int64_t long_ns = 20'000'000;
  constexpr int sleeps = 10;  // a tick of the chooser's ends one at once, and it has fewer than these
  auto* const self = static_cast<machine*>(sim::this_thread());
  timer_heap& timers = self->processor_here().timers;
  runtime_timer unheard([](runtime_timer&, std::int64_t) noexcept {});
  {
    const locked hold(timers.lock);
    static_cast<void>(timers.put(unheard, world::nanotime() + 1));
  }
  for (int i = 0; i < sleeps; ++i) world::sleep_until(world::nanotime() + long_ns);
  static_cast<void>(timers.run_one(world::nanotime()));
}

template <void (*Corrupt)(scheduler&)>
std::string tag_found() {
  sim::scenario s{};
  s.name = "corrupted";
  s.claim = "a checker objects";
  s.body = &body<Corrupt>;
  sim::engine e(sim::options{});
  sim::random_walk walk(1);
  sim::campaign const c = sim::explore(e, s, walk, {.executions_max = 20});
  return c.failed ? c.last.what.tag : "";
}

TEST(checkers, object_to_nothing_when_all_is_well) { EXPECT_EQ(tag_found<&nothing>(), ""); }
TEST(checkers, of_ownership_are_asked) { EXPECT_EQ(tag_found<&every_machine_claims_this_processor>(), "P11"); }
TEST(checkers, of_threads_are_asked) { EXPECT_EQ(tag_found<&a_lock_without_a_goroutine>(), "L1"); }
TEST(checkers, of_stillness_are_asked) { EXPECT_EQ(tag_found<&work_without_a_wake>(), "V1"); }
TEST(checkers, of_stillness_know_offers) { EXPECT_EQ(tag_found<&an_offer_without_a_wake>(), "V1"); }
TEST(checkers, of_stillness_know_timers) { EXPECT_EQ(tag_found<&a_timer_that_nobody_learns_of>(), "V3"); }
TEST(checkers, of_rest_are_asked) { EXPECT_EQ(tag_found<&one_goroutine_too_many>(), "G9"); }

}  // namespace
}  // namespace retake
