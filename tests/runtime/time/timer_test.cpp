// The public timers: not early, once, stopped means stopped. Method: compare clocks, count calls.
#include "retake/timer.hpp"

#include <atomic>
#include <vector>

#include "../program.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

constexpr std::int64_t hour_ns = 3'600'000'000'000;

TEST(timer, sends_once_and_not_early) {
  run_on(2, [] {
    const std::int64_t before_ns = now_ns();
    timer t(2'000'000);
    EXPECT_GE(*t.due().receive() - before_ns, 2'000'000);
    EXPECT_FALSE(t.stop());
    EXPECT_EQ(select(on_receive(t.due(), [](auto) {}), after_ns(3'000'000, [] {})), 1u);
    EXPECT_FALSE(t.reset(1'000));
    EXPECT_TRUE(t.due().receive().has_value());
  });
}

TEST(timer, stopped_it_does_not_send_and_reset_it_sends_at_its_new_time) {
  run_on(2, [] {
    timer t(hour_ns);
    EXPECT_TRUE(t.stop());
    EXPECT_FALSE(t.stop());
    EXPECT_FALSE(t.reset(hour_ns));
    EXPECT_TRUE(t.reset(1'000'000));
    EXPECT_TRUE(t.due().receive().has_value());
    timer at_once(0);
    EXPECT_TRUE(at_once.due().receive().has_value());
  });
}

TEST(timer, a_receive_behind_a_stop_or_a_reset_gets_nothing_of_before) {
  run_on(2, [] {
    timer t(0);
    EXPECT_TRUE(yielding_until([&] { return t.due().size() == 1; }));
    EXPECT_TRUE(t.stop()) << "no one has received what it sent";
    EXPECT_FALSE(t.stop());
    EXPECT_FALSE(t.due().try_receive().has_value());
    t.reset(0);
    EXPECT_TRUE(yielding_until([&] { return t.due().size() == 1; }));
    const std::int64_t again_ns = now_ns();
    EXPECT_TRUE(t.reset(1'000'000));
    EXPECT_GE(*t.due().receive() - again_ns, 1'000'000);
    EXPECT_FALSE(t.reset(hour_ns));
    ticker every(1'000'000);
    EXPECT_TRUE(yielding_until([&] { return every.due().size() == 1; }));
    every.stop();
    EXPECT_FALSE(every.due().try_receive().has_value());
    every.reset(1'000'000);
    EXPECT_TRUE(yielding_until([&] { return every.due().size() == 1; }));
    every.reset(hour_ns);
    EXPECT_FALSE(every.due().try_receive().has_value());
  });
}

TEST(ticker, ticks_without_drift_and_drops_what_nobody_takes) {
  run_on(2, [] {
    const std::int64_t begin_ns = now_ns();
    ticker t(2'000'000);
    for (int i = 1; i <= 5; ++i) EXPECT_GE(*t.due().receive() - begin_ns, i * 2'000'000);
    sleep_for_ns(20'000'000);  // several are dropped
    EXPECT_EQ(t.due().size(), 1u);
    t.reset(hour_ns);
    EXPECT_EQ(select(on_receive(t.due(), [](auto) {}), after_ns(5'000'000, [] {})), 1u);
    t.reset(1'000'000);
    EXPECT_TRUE(t.due().receive().has_value());
    t.stop();
  });
}

TEST(after_func, calls_on_a_goroutine_of_its_own) {
  run_on(2, [] {
    channel<int> called;
    after_func_ns(1'000'000, [&] { called.send(1); });  // it may block
    EXPECT_EQ(called.receive(), 1);
    std::atomic<int> calls{0};
    auto later = after_func_ns(hour_ns, [&] { ++calls; });
    EXPECT_TRUE(later.reset(1'000));
    EXPECT_TRUE(yielding_until([&] { return calls.load() == 1; }));
    EXPECT_FALSE(later.reset(hour_ns));
    EXPECT_TRUE(later.stop());
  });
}

TEST(timer, started_stopped_and_running_at_once_leaves_nothing_behind) {
  run_on(4, [] {
    constexpr int rounds = under_sanitizer ? 200 : 2'000;
    wait_group all;
    for (int i = 0; i < 4; ++i) {
      all.add(1);
      go([&, i] {
        for (int k = 0; k < rounds; ++k) {
          timer t((i + k) % 5 * 1'000);
          ticker every(1 + k % 3 * 1'000);
          if (k % 2 == 0) yield();
          t.reset(k % 3 * 1'000);
          if (k % 4 == 0) every.reset(2'000);
          if (k % 3 == 0) static_cast<void>(every.due().receive());
        }
        all.done();
      });
    }
    all.wait();
  });
}

TEST(timer_death, a_ticker_has_a_period) {
  EXPECT_EXIT(run_on(1, [] { ticker t(0); }), testing::ExitedWithCode(2), "a ticker's period is above 0");
}

}  // namespace
}  // namespace retake::test
