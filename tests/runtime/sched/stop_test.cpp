// The stop of the world: nobody runs between stop and start, whatever the Ps were doing. Method: a
// plain variable that the stopper and everybody else touch.
#include <atomic>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"

namespace retake::test {
namespace {

TEST(stop_the_world, nobody_else_runs_until_it_starts_again) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    run_on(processors, [] {
      std::atomic<bool> over{false};
      std::atomic<std::uint64_t> turns{0};
      wait_group all;
      for (int i = 0; i < 6; ++i) {
        all.add(1);
        go([&, i] {
          while (!over) {
            turns.fetch_add(1);
            if (i % 2 == 0)
              yield();
            else
              retake::syscall([] {});
          }
          all.done();
        });
      }
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(yielding_until([&, before = turns.load()] { return turns.load() != before; }));
        stop_the_world();
        const std::uint64_t before = turns.load();
        nap_ns(200'000);
        EXPECT_EQ(turns.load(), before);
        start_the_world();
      }
      over = true;
      all.wait();
    });
  }
}

TEST(stop_the_world, a_goroutine_in_a_system_call_does_not_delay_it_and_does_not_come_back_before_the_start) {
  policy rules;  // one P stays idle and no grace ends: only the stop takes the P of the call
  rules.retake_grace = patience;
  rules.time_slice = patience;
  run_on(3, rules, [] {
    std::atomic<bool> in_call{false}, leave{false}, back{false};
    wait_group all;
    all.add(1);
    go([&] {
      retake::syscall([&] {
        in_call = true;
        while (!leave) nap_ns(10'000);
      });
      back = true;
      all.done();
    });
    EXPECT_TRUE(holding_on_until([&] { return in_call.load() && others_idle(2); }));
    stop_the_world();
    leave = true;
    nap_ns(2'000'000);
    EXPECT_FALSE(back.load());
    start_the_world();
    all.wait();
    EXPECT_TRUE(back.load());
    EXPECT_EQ(value(paths().stop_took_call), 1u);
  });
}

TEST(stop_the_world, a_call_that_is_entered_while_the_world_stops_stops_its_own_p) {
  run_on(2, [] {
    std::atomic<bool> over{false};
    wait_group all;
    for (int i = 0; i < 4; ++i) {
      all.add(1);
      go([&] {
        while (!over) retake::syscall([] {});
        all.done();
      });
    }
    const std::int64_t until_ns = now_ns() + patience_ns;
    while (value(paths().enter_stopped) == 0 && now_ns() < until_ns) {
      stop_the_world();
      start_the_world();
      yield();
    }
    EXPECT_GT(value(paths().enter_stopped), 0u);
    over = true;
    all.wait();
  });
}

TEST(stop_the_world, stoppers_queue) {
  run_on(4, [] {
    int inside = 0;
    wait_group all;
    for (int i = 0; i < 8; ++i) {
      all.add(1);
      go([&] {
        for (int k = 0; k < 20; ++k) {
          stop_the_world();
          EXPECT_EQ(++inside, 1);
          --inside;
          start_the_world();
        }
        all.done();
      });
    }
    all.wait();
  });
}

TEST(stop_the_world, timers_and_sleepers_go_on_afterwards) {
  run_on(2, [] {
    wait_group all;
    for (int i = 0; i < 20; ++i) {
      all.add(1);
      go([&] {
        for (int k = 0; k < 5; ++k) sleep_for(300us);
        all.done();
      });
    }
    for (int i = 0; i < 20; ++i) {
      stop_the_world();
      nap_ns(100'000);
      start_the_world();
      yield();
    }
    all.wait();
  });
}

std::atomic<std::uint64_t> functions{0};
std::atomic<std::uint32_t> ids{0};

TEST(for_each_processor, runs_the_function_once_on_every_p_be_it_busy_idle_or_in_a_call) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    run_on(processors, [processors] {
      std::atomic<bool> over{false};
      wait_group all;
      for (int i = 0; i < 3; ++i) {
        all.add(1);
        go([&, i] {
          while (!over) {
            if (i == 0)
              retake::syscall([] { nap_ns(100'000); });
            else
              yield();
          }
          all.done();
        });
      }
      for (int i = 0; i < 100; ++i) {
        functions = 0;
        ids = 0;
        sched::for_each_processor([](processor& p) noexcept {
          functions.fetch_add(1);
          ids.fetch_or(1u << p.id);
        });
        EXPECT_EQ(functions.load(), processors);
        EXPECT_EQ(ids.load(), (1u << processors) - 1);
        yield();
      }
      over = true;
      all.wait();
    });
  }
}

}  // namespace
}  // namespace retake::test
