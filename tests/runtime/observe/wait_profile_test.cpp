// Waits for other goroutines are charged to the line that waits, contention to the line that
// unlocks; what is sampled stands for the rest.
// Method: waits whose length the test decides, and the same waits measured by the test itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/profile.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

constexpr auto hold = 20ms;

constexpr std::uint32_t channel_line = __LINE__ + 2;
[[gnu::noinline]] void waits_for_a_value(channel<int>& c) {
  static_cast<void>(c.receive());
  asm volatile("");
}

constexpr std::uint32_t unlock_line = __LINE__ + 2;
[[gnu::noinline]] void lets_go(mutex& m) {
  m.unlock();
  asm volatile("nop");
}

constexpr std::uint32_t release_line = __LINE__ + 2;
[[gnu::noinline]] void gives_back(semaphore& s) {
  s.release();
  asm volatile("nop; nop");
}

// The site whose innermost frame in this file is `line`; mutex::unlock() has a frame of its own
// where the compiler leaves it one.
wait_site site_of(std::vector<wait_site> const& all, std::uint32_t line) {
  for (wait_site const& one : all) {
    const auto at = std::find_if(one.stack.begin(), one.stack.end(), [](stack_frame const& frame) {
      return frame.file.ends_with("wait_profile_test.cpp");
    });
    if (at != one.stack.end() && at->line == line) return one;
  }
  return {};
}

// So many goroutines wait for `hold_ns` each.
void let_wait(int count) {
  channel<int> c;
  wait_group all;
  for (int i = 0; i < count; ++i) all.go([&c] { waits_for_a_value(c); });
  sleep_for(hold);
  for (int i = 0; i < count; ++i) c.send(1);
  all.wait();
}

TEST(block_profile, tells_where_goroutines_wait_for_each_other_how_often_and_how_long) {
  run_on(2, [] {
    let_wait(1);
    EXPECT_TRUE(block_profile().empty()) << "nobody asked for it";
    EXPECT_EQ(set_block_profile_rate(1ns), 0ns);
    let_wait(4);
    sleep_for(5ms);
    EXPECT_EQ(set_block_profile_rate(0ns), 1ns);
    let_wait(1);
    const std::vector<wait_site> all = block_profile();
    const wait_site site = site_of(all, channel_line);
    EXPECT_EQ(site.count, 4);
    EXPECT_GE(site.waited, 4.0 * 0.9 * hold);
    EXPECT_LT(site.waited, 4s);
    ASSERT_FALSE(site.stack.empty());
    EXPECT_NE(site.stack.front().function.find("waits_for_a_value"), std::string::npos);
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                               [](wait_site const& a, wait_site const& b) { return a.waited > b.waited; }));
    double counted = 0;
    for (wait_site const& one : all) counted += one.count;
    EXPECT_LE(counted, 5) << "the sleeps are none: four receivers, and one wait for the group";
    const std::string proto = block_pprof();
    for (char const* const word : {"contentions", "delay", "nanoseconds", "waits_for_a_value"})
      EXPECT_NE(proto.find(word), std::string::npos) << word;
  });
}

// A hand-over and back, many times: each wait is far shorter than the rate, and the estimate is
// that of all of them.
TEST(block_profile, sampled_waits_stand_for_those_that_were_not) {
  run_on(1, [] {
    constexpr int rounds = 20'000;
    channel<int> c, back;
    const auto exchange = [&](int times) {
      wait_group all;
      all.go([&] {
        for (int i = 0; i < times; ++i) {
          waits_for_a_value(c);
          back.send(1);
        }
      });
      yield();  // on the only P: the other waits first, and so each time
      for (int i = 0; i < times; ++i) {
        c.send(1);
        static_cast<void>(back.receive());
      }
      all.wait();
    };
    static_cast<void>(set_block_profile_rate(1ns));
    const time_point before = monotonic_now();
    exchange(rounds);
    const auto took = monotonic_now() - before;
    const wait_site each = site_of(block_profile(), channel_line);
    EXPECT_LE(each.waited, took) << "one goroutine's waits, one after the other";
    static_cast<void>(set_block_profile_rate(20us));
    exchange(rounds);
    static_cast<void>(set_block_profile_rate(0ns));
    const wait_site both = site_of(block_profile(), channel_line);
    const double sampled = both.count - each.count;
    EXPECT_GT(each.count, 0.4 * rounds);
    EXPECT_GT(sampled, 0.5 * each.count);
    EXPECT_LT(sampled, 2.0 * each.count);
  });
}

TEST(mutex_profile, charges_the_wait_for_a_lock_to_its_unlock) {
  run_on(2, [] {
    const auto contend = [](int times) {
      for (int i = 0; i < times; ++i) {
        mutex m;
        semaphore s(1);
        m.lock();
        s.acquire();
        wait_group all;
        all.go([&] {
          m.lock();
          m.unlock();
        });
        all.go([&] {
          s.acquire();
          s.release();
        });
        sleep_for(hold);
        lets_go(m);
        gives_back(s);
        all.wait();
      }
    };
    contend(1);
    EXPECT_TRUE(mutex_profile().empty()) << "nobody asked for it";
    EXPECT_EQ(set_mutex_profile_fraction(1), 0U);
    contend(2);
    EXPECT_EQ(set_mutex_profile_fraction(0), 1U);
    contend(1);
    const std::vector<wait_site> all = mutex_profile();
    const wait_site site = site_of(all, unlock_line);
    EXPECT_EQ(site.count, 2);
    EXPECT_GE(site.waited, 2.0 * 0.9 * hold);
    EXPECT_LT(site.waited, 2s);
    EXPECT_EQ(site_of(all, release_line).count, 0) << "a semaphore has no owner";
    EXPECT_TRUE(block_profile().empty()) << "the other profile";
    EXPECT_NE(mutex_pprof().find("lets_go"), std::string::npos);
  });
}

TEST(mutex_profile, one_in_so_many_contentions_stands_for_all) {
  run_on(2, [] {
    static_cast<void>(set_mutex_profile_fraction(4));
    constexpr int rounds = 400;
    mutex m;
    for (int i = 0; i < rounds; ++i) {
      m.lock();
      wait_group all;
      channel<int> begun(1);
      all.go([&] {
        begun.send(1);
        m.lock();
        m.unlock();
      });
      static_cast<void>(begun.receive());
      sleep_for(50us);  // it waits by then, nearly always
      lets_go(m);
      all.wait();
    }
    static_cast<void>(set_mutex_profile_fraction(0));
    const double count = site_of(mutex_profile(), unlock_line).count;
    EXPECT_GT(count, 0.3 * rounds);
    EXPECT_LT(count, 1.5 * rounds);
  });
}

}  // namespace
}  // namespace retake::test
