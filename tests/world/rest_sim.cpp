// The observations of conformance_rest.hpp from the simulated kernel, on standard output: one
// execution, the tamest.
#include "conformance_files.hpp"
#include "conformance_sockets.hpp"

#include "sim/campaign.hpp"
#include "sim/choices/depth_first.hpp"

void retake::conformance::fault_now() { retake::sim::raise_fault({11, 8}); }

int main() {
  namespace sim = retake::sim;
  sim::engine engine(sim::options{});
  sim::scenario scenario{};
  scenario.name = scenario.claim = "conformance_rest";
  scenario.body = [] {
    retake::conformance::observe_everything();
    retake::conformance::observe_more_sockets();
    retake::conformance::observe_files_and_rings();
  };
  scenario.chaos_steps = 1'000'000;
  scenario.heal_steps = 1;
  sim::depth_first tame(0);
  sim::campaign_limits limits;
  limits.executions_max = 1;
  sim::campaign const result = sim::explore(engine, scenario, tame, limits);
  std::fflush(stdout);
  if (!result.failed) return 0;
  std::fprintf(stderr, "%s\n", result.last.what.claim);
  return 1;
}
