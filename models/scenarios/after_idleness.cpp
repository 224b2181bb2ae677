// after_idleness.cpp: every P was idle and sysmon sleeps without a period; then a P leaves the idle
// list to compute. It must be asked for a yield all the same (V2), whatever made it leave the list.
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

constexpr std::int64_t slice_ns = 10 * ms;
constexpr auto idleness = 100ms;
// A slice, the round of sysmon that notices its end, and what the chooser lets pass; then the queue
// of one goroutine.
constexpr std::int64_t bound_ns = 8 * slice_ns;

// One P: the other goroutine runs when this one is asked for a yield, and not before.
void compute_until_asked() {
  bool ran = false;
  wait_group done;
  done.add(1);
  go([&] {
    ran = true;
    done.done();
  });
  const std::int64_t end_ns = sim::now_ns() + bound_ns;
  while (!ran && sim::now_ns() < end_ns) {
    compute(2 * ms);
    preempt_point();
  }
  world::require(ran, "V2: a computation after idleness is never asked for a yield");
  done.wait();
}

void after_timer() {
  run_watched(1, [] {
    sleep_for(idleness);
    compute_until_asked();
  });
}

}  // namespace

RETAKE_SCENARIO(computation_after_timer, "a computation that a timer began after idleness is asked for a yield",
                after_timer);

}  // namespace retake::scenarios
