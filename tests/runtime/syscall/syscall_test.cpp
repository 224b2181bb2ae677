// System and foreign calls: every way out of a call and every reason to take a P out of one, from a state in which that one applies.
#include <alloca.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"
#include "world/thread.hpp"

namespace retake::test {
namespace {

policy no_retake() {
  policy rules;
  rules.retake_grace_ns = patience_ns;
  rules.time_slice_ns = patience_ns;
  return rules;
}

policy eager() {
  policy rules;
  rules.retake_grace_ns = 0;
  rules.monitor_period_max_ns = 100'000;
  return rules;
}

TEST(syscall, a_short_call_keeps_its_p) {
  run_on(2, no_retake(), [] {
    const std::uint64_t before = value(paths().exit_old);
    for (int i = 0; i < 1'000; ++i) retake::syscall([] {});
    EXPECT_EQ(value(paths().exit_old) - before, 1'000u);
  });
}

TEST(syscall, returns_what_the_function_returns) {
  run_on(1, [] {
    EXPECT_EQ(retake::syscall([] { return std::string("text"); }), "text");
    auto const moved = retake::syscall([] { return std::make_unique<int>(3); });
    EXPECT_EQ(*moved, 3);
  });
}

TEST(syscall, others_run_on_one_p_while_one_is_in_a_call) {
  run_on(1, [] {
    std::atomic<bool> ran{false};
    go([&] { ran = true; });
    retake::syscall([&] { EXPECT_TRUE(holding_on_until([&] { return ran.load(); })); });
    EXPECT_GT(value(paths().retake_queue), 0u);
  });
}

TEST(syscall, a_p_is_taken_when_nobody_is_idle) {
  run_on(1, eager(), [] {
    scheduler& s = here();
    retake::syscall([&] { EXPECT_TRUE(holding_on_until([&] { return value(s.paths.retake_nobody_idle) > 0; })); });
  });
}

// Also from its very first call, which the monitor has nothing to compare with.
TEST(syscall, a_p_that_nobody_needs_is_taken_after_the_grace) {
  policy rules;
  rules.time_slice_ns = patience_ns;  // a goroutine that has held its P too long has no grace
  run_on(2, rules, [] {
    scheduler& s = here();
    EXPECT_TRUE(holding_on_until([] { return others_idle(1); }));
    const std::int64_t entered_ns = now_ns();
    retake::syscall([&] { EXPECT_TRUE(holding_on_until([&] { return value(s.paths.retake_grace) > 0; })); });
    EXPECT_GE(now_ns() - entered_ns, s.rules.retake_grace_ns);
  });
}

TEST(syscall, a_call_that_lost_its_p_takes_an_idle_one) {
  run_on(2, eager(), [] {
    scheduler& s = here();
    EXPECT_TRUE(holding_on_until([] { return others_idle(1); }));
    retake::syscall([&] { EXPECT_TRUE(holding_on_until([&] { return s.idle.processors_hint() == 2; })); });
    EXPECT_GT(value(paths().exit_idle), 0u);
  });
}

// The only P belongs to main, which does not let go until the call has taken the slow way out.
void leave_slowly(bool locks, counter path_counters::*way) {
  run_on(1, [&] {
    std::atomic<bool> in_call{false}, main_runs{false};
    std::uint64_t before = 0, after = 0;
    wait_group all;
    all.add(1);
    go([&] {
      if (locks) lock_os_thread();
      before = world::thread_id();
      retake::syscall([&] {
        in_call = true;
        EXPECT_TRUE(holding_on_until([&] { return main_runs.load(); }));
      });
      after = world::thread_id();
      if (locks) unlock_os_thread();
      all.done();
    });
    EXPECT_TRUE(yielding_until([&] { return in_call.load(); }));
    main_runs = true;
    EXPECT_TRUE(holding_on_until([&] { return value(paths().*way) == 1; }));
    all.wait();
    EXPECT_TRUE(!locks || before == after);
  });
}

TEST(syscall, without_any_p_a_call_returns_by_the_global_queue) { leave_slowly(false, &path_counters::exit_slow); }
TEST(syscall, without_any_p_a_locked_call_waits_for_its_own_thread_s_turn) { leave_slowly(true, &path_counters::exit_slow_locked); }

TEST(syscall, a_locked_call_keeps_its_thread_on_the_fast_way) {
  run_on(2, [] {
    const os_thread_locked hold;
    const std::uint64_t thread = world::thread_id();
    for (int i = 0; i < 200; ++i) {
      retake::syscall([i] { nap_ns(i % 10 == 0 ? 100'000 : 0); });
      EXPECT_EQ(world::thread_id(), thread);
    }
  });
}

// G1's P is taken for G2, which enters a call with it: G1 comes back and wins it from G2's call. Legal, and told by the tick.
TEST(syscall, a_call_may_win_back_a_p_that_was_another_s_meanwhile) {
  const std::int64_t until_ns = now_ns() + patience_ns;
  std::uint64_t seen = 0;
  while (seen == 0 && now_ns() < until_ns) {
    run_on(1, [&] {
      std::atomic<bool> second_in_call{false}, first_back{false};
      wait_group all;
      all.add(2);
      go([&] {
        retake::syscall([&] {
          second_in_call = true;
          const std::int64_t patient_until_ns = now_ns() + 20'000'000;
          while (!first_back && now_ns() < patient_until_ns) {
          }
        });
        all.done();
      });
      go([&] {  // runs first
        retake::syscall([&] {
          while (!second_in_call) {
          }
        });
        first_back = true;
        all.done();
      });
      all.wait();
      seen = value(paths().exit_old_aba);
    });
  }
  EXPECT_GT(seen, 0u);
}

// Calls about as long as the monitor's period: its CAS loses sometimes. Repeated until it did.
TEST(syscall_full, the_monitor_s_cas_can_lose_against_a_return) {
  policy rules = eager();
  rules.monitor_period_ns = 1'000;
  rules.monitor_idle_rounds = 1'000'000;
  run_on(4, rules, [] {
    std::atomic<bool> over{false};
    wait_group all;
    for (int i = 0; i < 12; ++i) {
      all.add(1);
      go([&, i] {
        for (std::uint32_t n = static_cast<std::uint32_t>(i); !over; n = n * 1664525 + 1013904223) {
          retake::syscall([n] {
            const std::int64_t until_ns = now_ns() + n % 100'000;
            while (now_ns() < until_ns) {
            }
          });
        }
        all.done();
      });
    }
    const std::int64_t until_ns = now_ns() + 4 * patience_ns;
    while (value(paths().retake_lost) == 0 && now_ns() < until_ns) sleep_for_ns(1'000'000);
    EXPECT_GT(value(paths().retake_lost), 0u);
    over = true;
    all.wait();
  });
}

// ---- foreign calls ----

TEST(foreign_call, runs_on_the_thread_s_own_stack_with_room_for_128_kib) {
  run_on(1, [] {
    char here_too = 0;
    char const* there = nullptr;
    foreign_call([&] {
      char* const room = static_cast<char*>(alloca(100 * 1024));
      std::memset(room, 1, 100 * 1024);
      there = room;
    });
    world::stack const own = this_goroutine().stack;
    char const* const low = static_cast<char const*>(own.low);
    EXPECT_TRUE(&here_too >= low && &here_too < low + own.bytes);
    EXPECT_FALSE(there >= low && there < low + own.bytes);
  });
}

TEST(foreign_call, carries_values_and_exceptions) {
  run_on(2, [] {
    EXPECT_EQ(foreign_call([] { return std::string(100, 'x'); }).size(), 100u);
    EXPECT_EQ(*foreign_call([] { return std::make_unique<int>(5); }), 5);
    EXPECT_THROW(foreign_call([] { throw std::runtime_error("foreign"); }), std::runtime_error);
    try {
      foreign_call([]() -> int { throw std::string("text"); });
      ADD_FAILURE();
    } catch (std::string const& text) {
      EXPECT_EQ(text, "text");
    }
    yield();
  });
}

TEST(foreign_call, blocks_a_thread_and_not_its_p) {
  run_on(1, [] {
    constexpr int calls = 8;
    std::atomic<int> inside{0};
    wait_group all;
    for (int i = 0; i < calls; ++i) {
      all.add(1);
      go([&] {
        foreign_call([&] {
          inside.fetch_add(1);
          EXPECT_TRUE(holding_on_until([&] { return inside.load() == calls; }));
        });
        all.done();
      });
    }
    all.wait();
  });
}

TEST(foreign_call, a_locked_goroutine_calls_on_its_own_thread) {
  run_on(2, [] {
    const os_thread_locked hold;
    const std::uint64_t thread = world::thread_id();
    std::uint64_t inside = 0;
    foreign_call([&] {
      inside = world::thread_id();
      nap_ns(20'000'000);
    });
    EXPECT_EQ(inside, thread);
    EXPECT_EQ(world::thread_id(), thread);
  });
}

}  // namespace
}  // namespace retake::test
