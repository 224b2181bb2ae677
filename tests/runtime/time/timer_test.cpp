// The public timers: not early, once, stopped means stopped. Method: compare clocks, count calls.
#include "retake/timer.hpp"

#include <atomic>
#include <vector>

#include "../program.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

TEST(timer, sends_once_and_not_early) {
  run_on(2, [] {
    const time_point before = monotonic_now();
    timer t(2ms);
    EXPECT_GE(*t.due().receive() - before, 2ms);
    EXPECT_FALSE(t.stop());
    EXPECT_EQ(select(on_receive(t.due(), [](auto) {}), after(3ms, [] {})), 1u);
    EXPECT_FALSE(t.reset(1us));
    EXPECT_TRUE(t.due().receive().has_value());
  });
}

TEST(timer, stopped_it_does_not_send_and_reset_it_sends_at_its_new_time) {
  run_on(2, [] {
    timer t(1h);
    EXPECT_TRUE(t.stop());
    EXPECT_FALSE(t.stop());
    EXPECT_FALSE(t.reset(1h));
    EXPECT_TRUE(t.reset(1ms));
    EXPECT_TRUE(t.due().receive().has_value());
    timer at_once(0ns);
    EXPECT_TRUE(at_once.due().receive().has_value());
  });
}

TEST(timer, a_receive_behind_a_stop_or_a_reset_gets_nothing_of_before) {
  run_on(2, [] {
    timer t(0ns);
    EXPECT_TRUE(yielding_until([&] { return t.due().size() == 1; }));
    EXPECT_TRUE(t.stop()) << "no one has received what it sent";
    EXPECT_FALSE(t.stop());
    EXPECT_FALSE(t.due().try_receive().has_value());
    t.reset(0ns);
    EXPECT_TRUE(yielding_until([&] { return t.due().size() == 1; }));
    const time_point again = monotonic_now();
    EXPECT_TRUE(t.reset(1ms));
    EXPECT_GE(*t.due().receive() - again, 1ms);
    EXPECT_FALSE(t.reset(1h));
    ticker every(1ms);
    EXPECT_TRUE(yielding_until([&] { return every.due().size() == 1; }));
    every.stop();
    EXPECT_FALSE(every.due().try_receive().has_value());
    every.reset(1ms);
    EXPECT_TRUE(yielding_until([&] { return every.due().size() == 1; }));
    every.reset(1h);
    EXPECT_FALSE(every.due().try_receive().has_value());
  });
}

TEST(ticker, ticks_without_drift_and_drops_what_nobody_takes) {
  run_on(2, [] {
    const time_point begin = monotonic_now();
    ticker t(2ms);
    for (int i = 1; i <= 5; ++i) EXPECT_GE(*t.due().receive() - begin, i * 2ms);
    sleep_for(20ms);  // several are dropped
    EXPECT_EQ(t.due().size(), 1u);
    t.reset(1h);
    EXPECT_EQ(select(on_receive(t.due(), [](auto) {}), after(5ms, [] {})), 1u);
    t.reset(1ms);
    EXPECT_TRUE(t.due().receive().has_value());
    t.stop();
  });
}

TEST(after_func, calls_on_a_goroutine_of_its_own) {
  run_on(2, [] {
    channel<int> called;
    after_func(1ms, [&] { called.send(1); });  // it may block
    EXPECT_EQ(called.receive(), 1);
    std::atomic<int> calls{0};
    auto later = after_func(1h, [&] { ++calls; });
    EXPECT_TRUE(later.reset(1us));
    EXPECT_TRUE(yielding_until([&] { return calls.load() == 1; }));
    EXPECT_FALSE(later.reset(1h));
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
          timer t((i + k) % 5 * 1us);
          ticker every(1ns + k % 3 * 1us);
          if (k % 2 == 0) yield();
          t.reset(k % 3 * 1us);
          if (k % 4 == 0) every.reset(2us);
          if (k % 3 == 0) static_cast<void>(every.due().receive());
        }
        all.done();
      });
    }
    all.wait();
  });
}

TEST(timer_death, a_ticker_has_a_period) {
  EXPECT_EXIT(run_on(1, [] { ticker t(0ns); }), testing::ExitedWithCode(2), "a ticker's period is above 0");
}

}  // namespace
}  // namespace retake::test
