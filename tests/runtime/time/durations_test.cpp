// Durations of any unit become the runtime's nanoseconds: none overflows, none becomes shorter, and
// a time that cannot come is waited for. Method: the edges of each unit, then the calls.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>

#include "../program.hpp"
#include "retake/clock.hpp"
#include "retake/context.hpp"
#include "retake/leak_check.hpp"
#include "retake/profile.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "retake/timer.hpp"

namespace retake::test {
namespace {

using detail::nanoseconds_of;
using std::chrono::duration;
using std::chrono::hours;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();

TEST(durations, that_fit_are_exact) {
  EXPECT_EQ(nanoseconds_of(0h), 0);
  EXPECT_EQ(nanoseconds_of(5ms), 5'000'000);
  EXPECT_EQ(nanoseconds_of(-2s), -2'000'000'000);
  EXPECT_EQ(nanoseconds_of(std::chrono::nanoseconds::max()), most);
  EXPECT_EQ(nanoseconds_of(std::chrono::nanoseconds::min()), least);
  EXPECT_EQ(nanoseconds_of(duration<std::uint32_t>(4'000'000'000u)), 4'000'000'000'000'000'000);
  EXPECT_EQ(nanoseconds_of(duration<std::int8_t, std::ratio<3'600>>(std::int8_t{127})), 127 * 3'600'000'000'000);
  EXPECT_EQ(nanoseconds_of(9'223'372'036s), 9'223'372'036'000'000'000);
  EXPECT_EQ(nanoseconds_of(-9'223'372'036s), -9'223'372'036'000'000'000);
  EXPECT_EQ(nanoseconds_of(duration<double>(0.5)), 500'000'000);
  EXPECT_EQ(nanoseconds_of(duration<int, std::pico>(1'000)), 1);
}

TEST(durations, that_do_not_fit_are_the_longest_there_is) {
  EXPECT_EQ(nanoseconds_of(9'223'372'037s), most);
  EXPECT_EQ(nanoseconds_of(-9'223'372'037s), least);
  EXPECT_EQ(nanoseconds_of(hours::max()), most);
  EXPECT_EQ(nanoseconds_of(hours::min()), least);
  EXPECT_EQ(nanoseconds_of(std::chrono::microseconds::max()), most);
  EXPECT_EQ(nanoseconds_of(std::chrono::years::max()), most);
  EXPECT_EQ(nanoseconds_of(std::chrono::years::min()), least);
  EXPECT_EQ(nanoseconds_of(duration<std::uint64_t, std::nano>(~std::uint64_t{0})), most);
  EXPECT_EQ(nanoseconds_of(duration<double>(1e300)), most);
  EXPECT_EQ(nanoseconds_of(duration<double>(-1e300)), least);
  EXPECT_EQ(nanoseconds_of(duration<double>(std::numeric_limits<double>::infinity())), most);
  EXPECT_EQ(nanoseconds_of(duration<double>(-std::numeric_limits<double>::infinity())), least);
  EXPECT_EQ(nanoseconds_of(duration<double>(std::numeric_limits<double>::quiet_NaN())), 0);
}

TEST(durations, are_never_shorter_for_a_part_of_a_nanosecond) {
  EXPECT_EQ(nanoseconds_of(duration<int, std::pico>(1)), 1);
  EXPECT_EQ(nanoseconds_of(duration<int, std::pico>(-1)), 0);
  EXPECT_EQ(nanoseconds_of(duration<int, std::pico>(-1'001)), -1);
  EXPECT_EQ(nanoseconds_of(duration<std::int64_t, std::pico>(most)), most / 1'000 + 1);
  EXPECT_EQ(nanoseconds_of(duration<int, std::ratio<1, 3>>(1)), 333'333'334);
  EXPECT_EQ(nanoseconds_of(duration<double, std::nano>(0.25)), 1);
}

TEST(durations, a_deadline_of_any_length_is_not_before_now_and_not_beyond_the_last) {
  const time_point before = monotonic_now();
  for (const time_point due : {deadline_in(-5h), deadline_in(hours::min()), deadline_in(0s)}) {
    EXPECT_GE(due, before);
    EXPECT_LE(due, monotonic_now());
  }
  EXPECT_EQ(deadline_in(hours::max()), time_point::max());
  EXPECT_EQ(deadline_in(duration<double>(1e30)), time_point::max());
  EXPECT_GE(deadline_in(duration<double>(0.25)), before + 250ms);
}

TEST(durations, the_monotonic_clock_is_the_steady_clock) {
  const auto before = std::chrono::steady_clock::now();
  const time_point between = monotonic_now();
  EXPECT_LE(before, between);
  EXPECT_LE(between, std::chrono::steady_clock::now());
}

// stepping_clock_test.cpp, in this program, moves the date by an hour at each look.
TEST(durations, the_wall_clock_is_the_system_clock) {
  const auto before = std::chrono::system_clock::now();
  const auto between = std::chrono::floor<std::chrono::system_clock::duration>(wall_now());
  EXPECT_LE(std::chrono::abs(between - before), 24h);
}

TEST(durations, that_are_over_end_at_once) {
  run_on(1, [] {
    semaphore none(1);
    none.acquire();
    channel<int> silent;
    const auto all_end = [&](auto length) {
      sleep_for(length);
      EXPECT_FALSE(none.acquire_for(length));
      EXPECT_EQ(select(on_receive(silent, [](auto) {}), after(length, [] {})), 1u);
      timer t(length);
      EXPECT_TRUE(t.due().receive());
      EXPECT_EQ(with_timeout(background(), length).ctx.error(), std::errc::timed_out);
      EXPECT_EQ(leak_check().report(length), "");
      channel<int> called;
      after_func(length, [&] { called.send(1); });
      EXPECT_EQ(called.receive(), 1);
    };
    all_end(hours::min());
    all_end(-1ns);
    all_end(0h);
    all_end(duration<double>(-1e300));
    none.release();
  });
}

TEST(durations, that_never_end_are_waited_for) {
  run_on(2, [] {
    const auto all_wait = [](auto length) {
      timer t(length);
      ticker k(length);
      auto later = after_func(length, [] { ADD_FAILURE(); });
      EXPECT_TRUE(later.reset(length));
      EXPECT_TRUE(t.reset(length));
      k.reset(length);
      const cancellable timed = with_timeout(background(), length);
      semaphore one(1);
      one.acquire();
      go([&] {
        sleep_for(1ms);
        one.release();
      });
      EXPECT_TRUE(one.acquire_for(length));
      one.release();
      channel<int> answer;
      go([&] { answer.send(1); });
      EXPECT_EQ(select(on_receive(answer, [](auto) {}), after(length, [] { ADD_FAILURE(); })), 0u);
      EXPECT_FALSE(timed.ctx.error());
      EXPECT_TRUE(t.stop());
      EXPECT_TRUE(later.stop());
    };
    all_wait(hours::max());
    all_wait(std::chrono::nanoseconds::max());
    all_wait(duration<double>(1e300));
    // A rate of more than it can be counts as the most.
    static_cast<void>(set_block_profile_rate(hours::max()));
    EXPECT_EQ(set_block_profile_rate(hours::min()), 4s);
    EXPECT_EQ(set_block_profile_rate(0ns), 0ns);
  });
}

// Sums of a policy's durations are compared with the clock: the longest must not pass it.
TEST(durations, of_a_policy_may_be_of_any_length) {
  for (const auto length : {std::chrono::nanoseconds::max(), std::chrono::nanoseconds::min()}) {
    policy rules;
    rules.retake_grace = rules.time_slice = rules.hog_report = rules.poll_overdue = rules.limit_recheck =
        rules.stack_trim_period = rules.sysmon_deep_sleep = length;
    run_on(2, rules, [&] {
      const auto year = std::chrono::nanoseconds(31'557'600'000'000'000);
      policy const& taken = machine_here().home.rules;
      EXPECT_EQ(taken.retake_grace, std::clamp(length, 0ns, year));
      EXPECT_EQ(taken.sysmon_deep_sleep, std::clamp(length, 0ns, year));
      wait_group all;
      for (int i = 0; i < 10; ++i) all.go([] { sleep_for(1ms); });
      all.wait();
    });
  }
}

}  // namespace
}  // namespace retake::test
