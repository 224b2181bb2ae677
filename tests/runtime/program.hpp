// program.hpp: what the tests of the runtime share: a program on so many Ps, a look at the
// counters, waiting with a bound.
//
// These tests run on real threads. None of them sleeps to provoke a race: each says what has to
// have happened (a counter, a flag) and waits for that; a bound turns what never happens into a
// failure.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <utility>

#include "retake/go.hpp"
#include "retake/policy.hpp"
#include "retake/run.hpp"
#include "sched/scheduler.hpp"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RETAKE_TEST_UNDER_THREAD
#elif __has_feature(address_sanitizer)
#define RETAKE_TEST_UNDER_ADDRESS
#endif
#endif
#if defined(__SANITIZE_THREAD__) && !defined(RETAKE_TEST_UNDER_THREAD)
#define RETAKE_TEST_UNDER_THREAD
#elif defined(__SANITIZE_ADDRESS__) && !defined(RETAKE_TEST_UNDER_ADDRESS)
#define RETAKE_TEST_UNDER_ADDRESS
#endif

namespace retake::test {

#if defined(RETAKE_TEST_UNDER_THREAD) || defined(RETAKE_TEST_UNDER_ADDRESS)
inline constexpr bool under_sanitizer = true;
#else
inline constexpr bool under_sanitizer = false;
#endif

using namespace std::chrono_literals;

inline constexpr std::int64_t patience_ns = 30'000'000'000;
inline constexpr std::chrono::nanoseconds patience(patience_ns);

inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Sleeps this thread, without the runtime's knowledge.
inline void nap_ns(std::int64_t duration_ns) {
  std::timespec const length{duration_ns / 1'000'000'000, duration_ns % 1'000'000'000};
  ::nanosleep(&length, nullptr);
}

template <class Main>
void run_on(std::uint32_t processors, Main&& main) {
  options chosen;
  chosen.processors = processors;
  run(chosen, std::forward<Main>(main));
}

template <class Main>
void run_on(std::uint32_t processors, policy const& rules, Main&& main) {
  options chosen;
  chosen.processors = processors;
  chosen.rules = &rules;
  run(chosen, std::forward<Main>(main));
}

inline scheduler& here() { return this_machine()->home; }
inline path_counters& paths() { return here().paths; }
inline std::uint64_t value(counter& c) { return c.value.load_relaxed(); }

// Keeps the P and the thread: no call of the runtime. False: it has not come true in time.
template <class Condition>
bool holding_on_until(Condition condition) {
  const std::int64_t until_ns = now_ns() + patience_ns;
  while (!condition()) {
    if (now_ns() > until_ns) return false;
    nap_ns(20'000);
  }
  return true;
}

// Lets others run meanwhile.
template <class Condition>
bool yielding_until(Condition condition) {
  const std::int64_t until_ns = now_ns() + patience_ns;
  while (!condition()) {
    if (now_ns() > until_ns) return false;
    yield();
  }
  return true;
}

// Every P but `running` is idle and nobody looks for work.
inline bool others_idle(std::uint32_t running) {
  scheduler& s = here();
  return s.idle.processors_hint() == s.processors.count() - running && s.gate.spinning_hint() == 0;
}

}  // namespace retake::test
