// Timers: not early, in order, and a sleeper holds no thread. Method: compare clocks; lateness is
// not judged here (that is the simulator's V3).
#include <atomic>
#include <vector>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"

namespace retake::test {
namespace {

TEST(sleep, is_never_shorter_than_asked_for) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    run_on(processors, [] {
      wait_group all;
      for (int i = 0; i < 50; ++i) {
        all.add(1);
        go([&, i] {
          for (int k = 1; k < 10; ++k) {
            const auto length = (i * 37 + k * 1001) % 1'000 * 1us;
            const time_point before = monotonic_now();
            sleep_for(length);
            EXPECT_GE(monotonic_now() - before, length);
          }
          all.done();
        });
      }
      all.wait();
    });
  }
}

TEST(sleep, shorter_ones_end_first_on_one_p) {
  std::vector<int> order;
  run_on(1, [&] {
    wait_group all;
    for (const int ms : {30, 10, 40, 20}) {
      all.add(1);
      go([&, ms] {
        sleep_for(ms * 1ms);
        order.push_back(ms);
        all.done();
      });
    }
    all.wait();
  });
  EXPECT_EQ(order, (std::vector<int>{10, 20, 30, 40}));
}

TEST(sleep, zero_and_less_yields) {
  run_on(1, [] {
    bool ran = false;
    go([&] { ran = true; });
    sleep_for(0ns);
    EXPECT_TRUE(ran);
    sleep_for(-5ns);
  });
}

TEST(sleep, ten_thousand_sleepers_need_no_more_threads) {
  constexpr int count = under_sanitizer ? 2'000 : 10'000;
  run_on(2, [] {
    wait_group all;
    for (int i = 0; i < count; ++i) {
      all.add(1);
      go([&, i] {
        sleep_for(1ms + i % 100 * 50us);
        all.done();
      });
    }
    all.wait();
    EXPECT_LE(value(paths().threads_started), 6u);
  });
}

TEST(sleep, an_earlier_timer_ends_a_poll_that_waits_for_a_later_one) {
  run_on(2, [] {
    go([] { sleep_for(1h); });
    EXPECT_TRUE(yielding_until([] { return here().polling.somebody_blocks(); }));
    const std::int64_t before_ns = now_ns();
    sleep_for(1ms);
    EXPECT_LT(now_ns() - before_ns, patience_ns);
  });
}

TEST(sleep, the_timers_of_a_p_whose_thread_is_in_a_call_still_fire) {
  run_on(1, [] {
    std::atomic<bool> woken{false};
    go([&] {
      sleep_for(2ms);
      woken = true;
    });
    yield();
    retake::syscall([&] { EXPECT_TRUE(holding_on_until([&] { return woken.load(); })); });
  });
}

TEST(sleep, the_timers_of_a_busy_p_are_run_by_another) {
  run_on(2, [] {
    std::atomic<bool> woken{false};
    std::atomic<bool> asleep{false};
    go([&] {
      asleep = true;
      sleep_for(2ms);
      woken = true;
    });
    EXPECT_TRUE(yielding_until([&] { return asleep.load(); }));
    EXPECT_TRUE(holding_on_until([&] { return woken.load(); }));
  });
}

}  // namespace
}  // namespace retake::test
