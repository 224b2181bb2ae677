// Stacks of dead goroutines lose their memory when nobody has wanted them for a while, and are used
// again.
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

constexpr int goroutines = 6;

// So many live at once, and each has something on its stack over a point at which others run.
void live_and_die() {
  wait_group all;
  all.add(goroutines);
  for (int i = 0; i < goroutines; ++i) {
    go([&all, i] {
      int volatile mine[16] = {};
      mine[i] = i + 1;
      yield();
      world::require(mine[i] == i + 1, "G4: the stack of a goroutine that lives is given back");
      all.done();
    });
  }
  all.wait();
}

void trimmed_beside_use() {
  policy rules;
  rules.sysmon_period = 50us;
  rules.stack_trim_period = 100us;
  rules.free_goroutines_per_processor = 2;
  run_watched(
      2,
      [] {
        for (int round = 0; round < 3; ++round) {
          live_and_die();
          compute(200 * us);  // two periods: the monitor trims at the moment at which goroutines are made again
        }
      },
      rules);
}

}  // namespace

RETAKE_SCENARIO(stacks_are_trimmed,
                "the stacks of dead goroutines give their memory back beside goroutines that are made of them again",
                trimmed_beside_use);

}  // namespace retake::scenarios
