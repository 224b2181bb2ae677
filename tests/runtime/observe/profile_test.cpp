// Each thread is charged to the line whose call, or lock, made it necessary; created beside live.
// (That pprof reads it: profile_test.sh.)
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <protozero/pbf_reader.hpp>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/foreign_call.hpp"
#include "retake/profile.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"

namespace retake::test {
namespace {

constexpr std::uint32_t call_line = __LINE__ + 2;
[[gnu::noinline]] void waits_in_a_call(std::atomic<bool>& leave) {
  retake::syscall([&] {
    while (!leave) nap_ns(100'000);
  });
  asm volatile("");
}

constexpr std::uint32_t foreign_line = __LINE__ + 2;
[[gnu::noinline]] void waits_in_foreign_code(std::atomic<bool>& leave) {
  foreign_call([&] {
    while (!leave) nap_ns(100'000);
  });
  asm volatile("nop");
}

constexpr std::uint32_t locked_line = __LINE__ + 3;
[[gnu::noinline]] void waits_locked(channel<int>& c) {
  const os_thread_lock hold;
  static_cast<void>(c.receive());
  asm volatile("nop; nop");
}

thread_site site_of(std::uint32_t line) {
  for (thread_site& one : thread_profile()) {
    if (!one.stack.empty() && one.stack.front().line == line && one.stack.front().file.ends_with("profile_test.cpp"))
      return std::move(one);
  }
  return {};
}

// Four goroutines that hold a thread each, on one P: each of them makes another thread necessary.
template <class Wait>
void hold_four(Wait wait, wait_group& all) {
  for (int i = 0; i < 4; ++i) {
    all.add(1);
    go([&all, wait] {
      wait();
      all.done();
    });
  }
}

TEST(threadcreate, a_thread_is_charged_to_the_call_that_made_it_necessary) {
  run_on(1, [] {
    std::atomic<bool> leave{false};
    wait_group all;
    hold_four([&leave] { waits_in_a_call(leave); }, all);
    EXPECT_TRUE(yielding_until([] { return site_of(call_line).created >= 3; }));
    hold_four([&leave] { waits_in_foreign_code(leave); }, all);
    EXPECT_TRUE(yielding_until([] { return site_of(foreign_line).created >= 3; }));
    const thread_site site = site_of(foreign_line);
    EXPECT_EQ(site.live, site.created);
    EXPECT_NE(site.stack.front().function.find("waits_in_foreign_code"), std::string::npos);
    leave = true;
    all.wait();
  });
}

// Of all samples of a profile with two values, summed.
std::array<std::uint64_t, 2> values_in(std::string const& profile) {
  std::array<std::uint64_t, 2> sums{};
  for (protozero::pbf_reader r(profile); r.next();) {
    if (r.tag() != 2) {
      r.skip();
      continue;
    }
    for (protozero::pbf_reader sample = r.get_message(); sample.next();) {
      if (sample.tag() != 2) {
        sample.skip();
        continue;
      }
      std::size_t which = 0;
      for (std::int64_t const value : sample.get_packed_int64()) sums.at(which++) += static_cast<std::uint64_t>(value);
    }
  }
  return sums;
}

TEST(threadcreate, a_lock_is_charged_where_its_goroutine_blocks_and_a_thread_that_ended_is_not_live) {
  run_on(1, [] {
    channel<int> c;
    wait_group all;
    hold_four([&c] { waits_locked(c); }, all);
    EXPECT_TRUE(yielding_until([] { return site_of(locked_line).created >= 3; }));
    c.close();
    all.wait();
    for (int i = 0; i < 2; ++i) {
      go([] {
        lock_os_thread();  // ends locked: its thread ends too, unless it is main's, which one of them may have
      });
    }
    const auto sum = [](std::uint64_t thread_site::*what) {
      std::uint64_t n = 0;
      for (thread_site const& one : thread_profile()) n += one.*what;
      return n;
    };
    EXPECT_TRUE(yielding_until([&] { return sum(&thread_site::live) < sum(&thread_site::created); }));
    EXPECT_EQ(values_in(threadcreate_pprof()), (std::array{sum(&thread_site::created), sum(&thread_site::live)}));
  });
}

// On one P, so that somebody has to run what the ended one leaves behind.
TEST(threadcreate, a_thread_in_place_of_one_that_ended_locked_is_charged_to_the_lock) {
  constexpr std::uint64_t ends = 20;
  constexpr std::uint32_t lock_line = __LINE__ + 5;
  run_on(1, [] {
    channel<int> locked;
    for (std::uint64_t i = 0; i < ends; ++i) {
      go([&locked] {
        lock_os_thread();
        locked.send(1);
      });
      static_cast<void>(locked.receive());
    }
    EXPECT_TRUE(yielding_until([] { return site_of(lock_line).created >= ends - 2 && site_of(lock_line).live <= 2; }));
    EXPECT_EQ(site_of(lock_line).stack.front().function, "goroutine that ended locked");
  });
}

TEST(pprof, bytes_are_a_profile_whose_numbers_name_what_is_there) {
  run_on(2, [] {
    const std::string bytes = goroutine_pprof();
    std::size_t types = 0, samples = 0, strings = 0;
    std::uint64_t locations = 0, highest = 0;
    for (protozero::pbf_reader r(bytes); r.next();) {
      switch (r.tag()) {
        case 1:
          ++types;
          r.skip();
          break;
        case 2: {
          ++samples;
          for (protozero::pbf_reader s = r.get_message(); s.next();) {
            if (s.tag() != 1) {
              s.skip();
              continue;
            }
            for (std::uint64_t const id : s.get_packed_uint64()) highest = std::max(highest, id);
          }
          break;
        }
        case 4:
          ++locations;
          r.skip();
          break;
        case 6:
          ++strings;
          r.skip();
          break;
        default: r.skip();
      }
    }
    EXPECT_EQ(types, 1u);
    EXPECT_GE(samples, 1u);
    EXPECT_EQ(highest, locations);
    EXPECT_GE(strings, 3u);
  });
}

}  // namespace
}  // namespace retake::test
