// A wall clock that jumps an hour back and forth at every look moves no timer, no deadline and no
// wait of the runtime. The jumps are this program's own clock_gettime, which every part of it
// calls; nobody sets the machine's clock.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>

#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/metrics.hpp"
#include "retake/run.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t ms = 1'000'000;
constinit std::atomic<int> looks{0};

}  // namespace

extern "C" int clock_gettime(clockid_t which, timespec* now) noexcept {
  auto const failed = static_cast<int>(::syscall(SYS_clock_gettime, which, now));
  if (which == CLOCK_REALTIME) now->tv_sec += looks.fetch_add(1) % 2 == 0 ? 3'600 : -3'600;
  return failed;
}

namespace retake::test {
namespace {

TEST(stepping_clock, moves_no_timer_and_no_deadline) {
  run([] {
    const auto wall_first = wall_now();
    const auto wall_second = wall_now();
    EXPECT_GT(std::chrono::abs(wall_second - wall_first), 1h) << "the wall clock is seen to jump";
    wait_group all;
    all.add(3);
    const time_point before = monotonic_now();
    for (int i = 1; i <= 2; ++i) {
      go([&, i] {
        sleep_for(i * 20ms);
        const auto took = monotonic_now() - before;
        EXPECT_GE(took, i * 20ms);
        EXPECT_LT(took, 10s);
        all.done();
      });
    }
    go([&] {
      auto ends = make_pipe();
      ends->reader.set_deadline(deadline_in(30ms));
      std::byte one{};
      EXPECT_EQ(ends->reader.read(std::span(&one, 1)).error(), std::errc::timed_out);
      const auto took = monotonic_now() - before;
      EXPECT_GE(took, 30ms);
      EXPECT_LT(took, 10s);
      all.done();
    });
    while (monotonic_now() - before < 60ms) {
      static_cast<void>(wall_now());
      sleep_for(1ms);
    }
    all.wait();
    EXPECT_GT(looks.load(), 2);
  });
}

double metric_of(std::string const& name) {
  for (metric const& one : read_metrics()) {
    if (one.name == name) return one.value;
  }
  ADD_FAILURE() << "no metric " << name;
  return 0;
}

TEST(stepping_clock, is_seen_in_the_metrics_and_so_is_who_looks_at_it) {
  run([] {
    constexpr char const* ahead = "retake_wall_clock_ahead_ns";
    EXPECT_GT(std::abs(metric_of(ahead) - metric_of(ahead)), 3'600'000.0 * ms);
    const double before = metric_of("retake_wall_clock_read_total");
    for (int i = 0; i < 7; ++i) static_cast<void>(wall_now());
    static_cast<void>(monotonic_now());
    EXPECT_EQ(metric_of("retake_wall_clock_read_total"), before + 7);
  });
}

}  // namespace
}  // namespace retake::test
