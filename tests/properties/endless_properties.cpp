// endless_properties.cpp: a property whose executions end by time or a stop alone: each sleep has
// an alarm beside it that rings for ever in vain.
#include "property_main.hpp"
#include "sim/calls.hpp"
#include "world/atomic.hpp"
#include "world/clock.hpp"
#include "world/futex.hpp"

namespace retake::properties {

namespace {

constexpr std::int64_t beat_ns = 1, sleep_ns = 3'000'000;

void beat(void* at) {
  auto& at_ns = *static_cast<std::int64_t*>(at);
  sim::alarm(at_ns += beat_ns, &beat, at);
}

void body() {
  std::int64_t at_ns = world::nanotime();
  beat(&at_ns);
  world::atomic<std::uint32_t> word{0};
  for (;;) world::futex_wait_until(word, 0, world::nanotime() + sleep_ns);
}

constexpr command_kind commands[] = {{"nothing", 1}};
constexpr property endless = {.name = "endless",
                              .claim = "no execution ends",
                              .body = &body,
                              .commands = commands,
                              .actors_min = 1,
                              .actors_max = 1,
                              .commands_max = 1,
                              .fault_mask = 0,
                              .twins = {}};

}  // namespace

}  // namespace retake::properties

int main(int argc, char** argv) { return retake::properties::property_main(argc, argv, retake::properties::endless); }
