// in_sim.hpp: runs a body in the simulator, many times, and says what came of it.
//
// Bodies are plain functions without captures: an execution may be abandoned where it stands. What
// a test wants to know about all executions together goes into `seen`, which lives outside of them.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <new>

#include "kernel/kernel.hpp"
#include "sim/campaign.hpp"
#include "sim/choices/depth_first.hpp"
#include "sim/choices/random_walk.hpp"
#include "world/clock.hpp"
#include "world/kernel.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"
#include "world/signal.hpp"
#include "world/thread.hpp"

namespace retake::sim {

namespace k = world::kernel;

// Counts over the executions of one campaign.
struct observations {
  std::uint64_t count[8] = {};
};
inline observations seen;

template <class... Fault>
constexpr std::uint32_t faults(Fault... kinds) {
  return (0U | ... | (1U << static_cast<std::uint32_t>(kinds)));
}

enum class strategy { tame, bounded, random };

inline campaign run(void (*body)(), strategy how, std::uint32_t fault_mask = 0, std::uint64_t executions = 20'000) {
  seen = {};
  options o;
  o.fault_mask = fault_mask;
  engine e(o);
  scenario s{};
  s.name = s.claim = "a body of a test";
  s.body = body;
  s.chaos_steps = 3'000;
  s.heal_steps = 3'000;
  depth_first tame(0);
  depth_first bounded(2);
  random_walk random(1);
  chooser* const choosers[] = {&tame, &bounded, &random};
  campaign_limits limits;
  limits.executions_max = how == strategy::tame ? 1 : executions;
  return explore(e, s, *choosers[static_cast<int>(how)], limits);
}

// In no schedule of the budget is there a finding.
inline void holds(void (*body)(), std::uint32_t fault_mask = 0) {
  for (strategy const how : {strategy::bounded, strategy::random}) {
    campaign const c = run(body, how, fault_mask);
    EXPECT_FALSE(c.failed) << c.last.what.tag << ": " << c.last.what.claim << " (execution " << c.failing_execution
                           << (how == strategy::random ? ", random)" : ", bounded)");
  }
}

// Some schedule of the budget has this finding first.
inline void fails(void (*body)(), char const* tag, std::uint32_t fault_mask = 0) {
  campaign const c = run(body, strategy::random, fault_mask);
  ASSERT_TRUE(c.failed) << "no finding in " << c.executions << " executions";
  EXPECT_STREQ(c.last.what.tag, tag) << c.last.what.claim;
}

// ---- within bodies ----

inline void start(void (*entry)(void*), void* argument = nullptr) {
  world::require(world::thread_start(entry, argument) == 0, "harness: a thread did not start");
}

template <class T>
T& shared() {
  return *new (world::allocate(sizeof(T), alignof(T))) T;
}

inline void no_sigpipe() { world::require(world::install_signal(13, world::ignore_signal) == 0, "harness: SIGPIPE"); }

}  // namespace retake::sim
