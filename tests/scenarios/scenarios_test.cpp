// Goal: every scenario's claim holds on the clean tree, and those that claim to fail do; by walking at random and by priorities, in both memory
// modes, with and without faults. RETAKE_EXECUTIONS (default 200) is the number of executions of each; the full run of the suite sets more.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "sim/campaign.hpp"
#include "sim/choices/pct.hpp"
#include "sim/choices/random_walk.hpp"
#include "sim/engine.hpp"
#include "sim/timeline.hpp"
#include "strategies.hpp"

namespace {

using namespace retake;

std::uint64_t executions() {
  char const* const text = std::getenv("RETAKE_EXECUTIONS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 200;
}

class scenario_claims : public testing::TestWithParam<sim::scenario const*> {};

std::string name_of(testing::TestParamInfo<sim::scenario const*> const& info) { return info.param->name; }

TEST_P(scenario_claims, hold) {
  sim::scenario const& s = *GetParam();
  bool failed_as_claimed = s.must_fail == nullptr;
  for (tests::way const& how : tests::ways()) {
    sim::options settings = how.settings;
    if (settings.fault_mask != 0) settings.fault_mask = sim::bearable_faults(s);
    sim::engine e(settings);
    std::unique_ptr<sim::chooser> const c = how.make(71);
    sim::campaign const done = sim::explore(e, s, *c, {.executions_max = s.must_fail == nullptr ? executions() : 20'000});
    if (!done.failed) {
      EXPECT_GT(done.executions, 0u);
      continue;
    }
    if (s.must_fail != nullptr) {
      EXPECT_STREQ(done.last.what.tag, s.must_fail) << how.name;
      failed_as_claimed = true;
      continue;
    }
    FAIL() << s.name << ", " << how.name << ": " << done.last.what.claim << "\n  ./retake sim " << s.name << " --seed 71 " << how.flags << " --executions "
           << done.failing_execution + 1;
  }
  EXPECT_TRUE(failed_as_claimed) << s.name << " claims to fail with " << s.must_fail << " and does not";
}

INSTANTIATE_TEST_SUITE_P(all, scenario_claims, testing::ValuesIn(sim::catalog().begin(), sim::catalog().end()), name_of);

// An M that spins is held up by the kernel (slow_syscall), and a tick lets the clock overtake it by a minute: it will look at the timer.
TEST(scenario_claims_under_faults, a_timer_is_not_overdue_while_an_m_searches) {
  for (sim::scenario const* const s : sim::catalog()) {
    if (std::string_view(s->name) != "sleeper_breaks_poll") continue;
    sim::options settings;
    settings.memory = sim::memory_mode::sc;
    settings.fault_mask = sim::bearable_faults(*s);
    sim::engine e(settings);
    sim::pct by_priority(1, 3);
    sim::campaign const done = sim::explore(e, *s, by_priority, {.executions_max = 1'500});
    EXPECT_FALSE(done.failed) << done.last.what.claim;
    EXPECT_EQ(done.executions, 1'500u);
  }
}

}  // namespace
