// runtime_scenario.hpp: what scenarios of the whole runtime share.
//
// Every scenario runs under the assertions of what its steps do, and so proves, besides what its
// claim says: G1 (only legal edges), G4 (what is used again was dead), G8 (nobody ends with a
// lock), M1 M2 M3 (who sleeps, schedules or is started is in order), M10 M11 (the main thread
// stays, an M's memory outlives its thread: the engine reports a touch after its end), P4 P7 (idle
// lists, hand-overs), Q3 (torn snapshots). deadlock_is_reported and sleeper_is_no_deadlock: V5.
// syscall_wakes_sysmon: V6. close_against_wait: N4 (the number is used again).
//
// A scenario runs a real program of goroutines under the checkers. The faster monitor keeps an
// execution short: the order of events, not the length of a period, is what a schedule explores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

#include "retake/go.hpp"
#include "retake/policy.hpp"
#include "retake/run.hpp"
#include "retake/syscall.hpp"
#include "scenarios/catalog.hpp"
#include "sim/calls.hpp"
#include "sim/checkers/watch.hpp"
#include "sim/kernel/kernel.hpp"
#include "world/clock.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

inline constexpr std::uint32_t chaos_steps = 3'000;
inline constexpr std::uint32_t heal_steps = 60'000;

using namespace std::chrono_literals;

inline constexpr std::int64_t us = 1'000;
inline constexpr std::int64_t ms = 1'000'000;

// A system call of the simulated kernel that takes so long and does nothing else.
inline void call(std::int64_t duration_ns) {
  retake::syscall([duration_ns] { sim::kernel::sleep_syscall(duration_ns); });
}

// Stands for a computation: the thread is busy that long, its P Running, and nobody can expect a
// call of the runtime from it.
inline void compute(std::int64_t duration_ns) noexcept { world::sleep_until(world::nanotime() + duration_ns); }

// While it lives the clock makes no longer jumps than this, so that nobody is late by more for no
// reason, and time measured is time that was waited.
class steady_clock {
 public:
  explicit steady_clock(std::int64_t step_ns) noexcept : step_ns_(step_ns), at_ns_(sim::now_ns()) { beat(this); }
  ~steady_clock() { sim::cancel_alarms(this); }
  steady_clock(steady_clock const&) = delete;
  steady_clock& operator=(steady_clock const&) = delete;

 private:
  static void beat(void* self) {
    auto& me = *static_cast<steady_clock*>(self);
    me.at_ns_ += me.step_ns_;
    sim::alarm(me.at_ns_, beat, self);
  }
  std::int64_t const step_ns_;
  std::int64_t at_ns_;
};

// Defines a scenario by its name, its claim and its body; what else it has, as `.expected_fatal =
// ...`, follows.
#define RETAKE_SCENARIO(id, text, function, ...)                                           \
  constinit sim::scenario const id = {.name = #id,                                         \
                                      .claim = text,                                       \
                                      .body = &function,                                   \
                                      __VA_OPT__(__VA_ARGS__, ).chaos_steps = chaos_steps, \
                                      .heal_steps = heal_steps}

// Reads a stream to its end and returns how much there was. By fives: what comes next finds room
// for a part of it.
template <class Stream>
std::size_t read_by_fives(Stream& from, std::span<std::byte> room) {
  std::size_t got = 0;
  for (std::size_t n = 1; n != 0; got += n) {
    const auto some = from.read(room.subspan(got, 5));
    world::require(some.error() == std::error_code(), "N8: a read fails");
    n = *some;
  }
  return got;
}

// Who computes is asked to yield before long, and who calls is left alone as long.
inline policy short_slices() {
  policy rules;
  rules.time_slice = 200us;
  rules.retake_grace = 200us;
  rules.sysmon_period_max = 100us;
  return rules;
}

// Runs `main` under the checkers on `processors` Ps.
template <class Main>
void run_watched(std::uint32_t processors, Main main, policy const& rules = {}, checkers::expectations what = {}) {
  checkers::watch_runtime(what);
  options chosen;
  chosen.processors = processors;
  chosen.rules = &rules;
  const std::uint32_t allocations = sim::live_allocations();
  run(chosen, [&] {
    main();
    for (int rounds = 0; what.everything_ends && goroutine_count() > 1; ++rounds) {  // the others' last steps
      if (rounds < 50) {
        yield();
      } else {
        sleep_for(1ms);
      }
    }
  });
  world::require(!what.everything_ends || sim::live_allocations() == allocations,
                 "V9: memory of the runtime is not given back");
}

}  // namespace retake::scenarios
