// A fatal error is being reported: nobody goes on meanwhile.
#include "retake/go.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sched/scheduler.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

void nobody_goes_on() {
  run_watched(2,
              [] {
                world::atomic<std::uint32_t> frozen(0);
                const auto still_free = [&frozen] {
                  world::require(frozen.load_relaxed() == 0, "P8: a goroutine goes on in a frozen world");
                };
                for (int i = 0; i < 2; ++i) {
                  go([=] {
                    for (;;) {
                      call(500 * us);
                      still_free();
                    }
                  });
                }
                go([=] {
                  for (;;) {
                    compute(300 * us);
                    preempt_point();
                    still_free();
                  }
                });
                call(700 * us);
                sched::freeze_the_world(this_machine()->home);
                frozen.store_relaxed(1);
                compute(1 * ms);  // the report
                world::fatal("reported");
              },
              short_slices(), {.everything_ends = false});
}

}  // namespace

RETAKE_SCENARIO(freeze_stops_everybody,
                "in a frozen world no goroutine returns from a system call or goes on behind a call of the runtime",
                nobody_goes_on, .expected_fatal = "reported");

}  // namespace retake::scenarios
