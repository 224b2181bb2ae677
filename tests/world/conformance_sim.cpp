// Goal.   The core's claims hold in every schedule of the simulator, and the programs with a bug
//         are found there.
// Method. Each claim is a scenario: thread 0 makes it, starts its threads, joins them and looks.
//         Depth first with a bound of preemptions, to the end where the budget allows, in the
//         memory with old values (c11); findings by depth first or the random walk.
#include <gtest/gtest.h>

#include <functional>
#include <new>
#include <string>

#include "conformance_core.hpp"
#include "sim/campaign.hpp"
#include "sim/choices/depth_first.hpp"
#include "sim/choices/random_walk.hpp"
#include "world/memory.hpp"
#include "world/thread.hpp"

namespace retake::conformance {

namespace {

constexpr std::uint64_t executions_max = 50'000;

template <class Claim>
struct runner {
  Claim* claim;
  unsigned index;

  static void run(void* opaque) {
    auto const self = *static_cast<runner*>(opaque);
    self.claim->body(self.index);
  }
};

template <class Claim>
void scenario_body() {
  auto* const claim = new (world::allocate(sizeof(Claim), alignof(Claim))) Claim;
  for (unsigned index = 0; index != Claim::threads; ++index) {
    auto* const one = new (world::allocate(sizeof(runner<Claim>))) runner<Claim>{claim, index};
    world::require(world::thread_start(runner<Claim>::run, one) == 0, "harness: a thread did not start");
  }
  sim::join_others();
  claim->after();
  claim->~Claim();
}

template <class Claim>
sim::campaign search(sim::chooser& chooser, sim::memory_mode memory) {
  sim::options options;
  options.memory = memory;
  sim::engine engine(options);
  sim::scenario scenario{};
  scenario.name = Claim::name;
  scenario.claim = Claim::name;
  scenario.body = scenario_body<Claim>;
  scenario.chaos_steps = 2'000;
  scenario.heal_steps = 2'000;
  sim::campaign_limits limits;
  limits.executions_max = executions_max;
  return sim::explore(engine, scenario, chooser, limits);
}

template <class Claim>
void must_hold() {
  for (sim::memory_mode const memory : {sim::memory_mode::sc, sim::memory_mode::c11}) {
    sim::depth_first bounded(3);
    sim::random_walk random(1);
    for (sim::chooser* chooser : {static_cast<sim::chooser*>(&bounded), static_cast<sim::chooser*>(&random)}) {
      sim::campaign const result = search<Claim>(*chooser, memory);
      EXPECT_FALSE(result.failed) << chooser->name() << ": " << result.last.what.claim << ", execution "
                                  << result.failing_execution;
    }
  }
}

template <class Claim>
void must_fail() {
  sim::random_walk random(1);
  sim::campaign const result = search<Claim>(random, sim::memory_mode::c11);
  ASSERT_TRUE(result.failed) << "not found in " << result.executions << " executions";
  EXPECT_STREQ(result.last.what.tag, Claim::must_fail) << result.last.what.claim;
}

class claim_in_sim : public testing::Test {
 public:
  explicit claim_in_sim(void (*run)()) : run_(run) {}
  void TestBody() override { run_(); }

 private:
  void (*run_)();
};

struct register_claim {
  template <class Claim>
  void operator()() const {
    testing::RegisterTest("core_in_sim", Claim::name, nullptr, nullptr, __FILE__, __LINE__,
                          [] { return new claim_in_sim(must_hold<Claim>); });
  }
};

struct register_finding {
  template <class Claim>
  void operator()() const {
    testing::RegisterTest("finding_in_sim", Claim::name, nullptr, nullptr, __FILE__, __LINE__,
                          [] { return new claim_in_sim(must_fail<Claim>); });
  }
};

}  // namespace

}  // namespace retake::conformance

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  retake::conformance::core_claims::each(retake::conformance::register_claim{});
  retake::conformance::core_findings::each(retake::conformance::register_finding{});
  return RUN_ALL_TESTS();
}
