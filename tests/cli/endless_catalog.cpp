// endless_catalog.cpp: a catalogue for the simulator's program whose scenarios end by a bound and
// by nothing else.
//
// Checked by tests/cli/cut_test.sh. No scenario of the project's own catalogue is long enough for
// time to end it.
#include "sim/calls.hpp"
#include "sim/scenario.hpp"
#include "world/atomic.hpp"
#include "world/random.hpp"

namespace retake::sim {

namespace {

void endless() {
  world::atomic<std::uint32_t> rounds{0};
  for (;;) rounds.fetch_add_relaxed(1);
}
void now_and_then() {
  if (world::random_below(64) == 0) endless();
}
void past_its_steps() {
  world::atomic<std::uint32_t> rounds{0};
  while (rounds.fetch_add_relaxed(1) < 100) {}
}

constexpr std::uint32_t without_end = UINT32_MAX;

constexpr scenario never_ends = {.name = "never_ends",
                                 .claim = "no execution ends",
                                 .body = &endless,
                                 .chaos_steps = without_end,
                                 .heal_steps = without_end};
constexpr scenario some_never_end = {.name = "some_never_end",
                                     .claim = "one execution in 64 does not end",
                                     .body = &now_and_then,
                                     .chaos_steps = without_end,
                                     .heal_steps = without_end};
constexpr scenario ends_late = {.name = "ends_late",
                                .claim = "each execution outlasts its chaos",
                                .body = &past_its_steps,
                                .chaos_steps = 50,
                                .heal_steps = 1'000};
constexpr scenario ends_too_late = {.name = "ends_too_late",
                                    .claim = "no execution ends in the healed part",
                                    .body = &endless,
                                    .chaos_steps = 50,
                                    .heal_steps = 50};
constexpr scenario has_a_bound = {.name = "has_a_bound",
                                  .claim = "no execution stays within its bound of steps",
                                  .body = &past_its_steps,
                                  .chaos_steps = 50,
                                  .heal_steps = 1'000,
                                  .steps_max = 80};

constexpr scenario const* all[] = {&never_ends, &some_never_end, &ends_late, &ends_too_late, &has_a_bound};

}  // namespace

std::span<scenario const* const> catalog() noexcept { return all; }

}  // namespace retake::sim
