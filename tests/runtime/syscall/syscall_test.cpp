// System and foreign calls: every way out of a call and every reason to take a P out of one, from a
// state in which that one applies.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
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
  rules.retake_grace = patience;
  rules.time_slice = patience;
  return rules;
}

policy eager() {
  policy rules;
  rules.retake_grace = 0ns;
  rules.sysmon_period_max = 100us;
  return rules;
}

// A frame of a size that no compiler's pushes and pops have.
[[gnu::noinline]] void enter_and_leave_the_frame() {
  char frame[2'048];
  asm volatile("" : : "r"(frame) : "memory");  // all of it is there
  detail::enter_syscall();
  asm volatile("" : : "r"(frame) : "memory");  // until here
}

TEST(syscall_death, a_call_that_ends_on_a_frame_above_its_own_is_refused) {
  EXPECT_EXIT(run_on(1,
                     [] {
                       enter_and_leave_the_frame();
                       detail::exit_syscall();
                     }),
              testing::ExitedWithCode(2), "exit_syscall: syscall frame is no longer valid");
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

// The P goes to a thread of the other goroutine, which sets errno there; the first one continues on
// that thread.
TEST(syscall, errno_is_the_calls_when_its_function_returns_it_although_the_goroutine_moves) {
  run_on(1, [] {
    const auto thread = [] { return ::syscall(SYS_gettid); };
    std::atomic<bool> ran{false}, over{false};
    go([&] {
      for (ran = true; !over; yield()) errno = ENOTTY;
    });
    const long before = thread();
    const int failed = retake::syscall([&] {
      EXPECT_TRUE(holding_on_until([&] { return ran.load(); }));
      return ::close(-1) == 0 ? 0 : errno;
    });
    EXPECT_NE(thread(), before);
    EXPECT_EQ(failed, EBADF);
    over = true;
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
  rules.time_slice = patience;  // a goroutine that has held its P too long has no grace
  run_on(2, rules, [] {
    scheduler& s = here();
    EXPECT_TRUE(holding_on_until([] { return others_idle(1); }));
    const std::int64_t entered_ns = now_ns();
    retake::syscall([&] { EXPECT_TRUE(holding_on_until([&] { return value(s.paths.retake_grace) > 0; })); });
    EXPECT_GE(now_ns() - entered_ns, s.rules.retake_grace.count());
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
TEST(syscall, without_any_p_a_locked_call_waits_for_its_own_thread_s_turn) {
  leave_slowly(true, &path_counters::exit_slow_locked);
}

TEST(syscall, a_locked_call_keeps_its_thread_on_the_fast_way) {
  run_on(2, [] {
    const os_thread_lock hold;
    const std::uint64_t thread = world::thread_id();
    for (int i = 0; i < 200; ++i) {
      retake::syscall([i] { nap_ns(i % 10 == 0 ? 100'000 : 0); });
      EXPECT_EQ(world::thread_id(), thread);
    }
  });
}

// G1's P is taken for G2, which enters a call with it: G1 comes back and wins it from G2's call.
// Legal, and told by the tick.
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
          while (!first_back && now_ns() < patient_until_ns) {}
        });
        all.done();
      });
      go([&] {  // runs first
        retake::syscall([&] {
          while (!second_in_call) {}
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

// A monitor that has backed off to more than a second, and would need two visits: only somebody who
// wakes it lets the other goroutine run in less.
constexpr std::int64_t back_off_ns = 1'300'000'000;
constexpr std::int64_t soon_ns = 1'000'000'000;
policy backs_off() {
  policy rules = no_retake();
  rules.sysmon_idle_rounds = 1;
  rules.sysmon_period_max = rules.sysmon_period_busy = patience;
  return rules;
}

TEST(syscall, a_call_in_front_of_work_wakes_a_monitor_that_dozes) {
  run_on(1, backs_off(), [] {
    nap_ns(back_off_ns);
    std::atomic<bool> ran{false};
    go([&] { ran = true; });
    const std::int64_t before_ns = now_ns();
    retake::syscall([&] { EXPECT_TRUE(holding_on_until([&] { return ran.load(); })); });
    EXPECT_LT(now_ns() - before_ns, soon_ns);
  });
}

TEST(syscall, work_beside_a_call_wakes_a_monitor_that_dozes) {
  run_on(2, backs_off(), [] {
    std::atomic<bool> calling{false}, ran{false};
    wait_group returned;
    returned.add(1);
    go([&] {
      nap_ns(back_off_ns);
      retake::syscall([&] {
        calling = true;
        EXPECT_TRUE(holding_on_until([&] { return ran.load(); }));
      });
      returned.done();
    });
    EXPECT_TRUE(holding_on_until([&] { return calling.load(); }));
    go([&] { ran = true; });  // runs on the P of the call, for this one is held on to
    const std::int64_t before_ns = now_ns();
    EXPECT_TRUE(holding_on_until([&] { return ran.load(); }));
    EXPECT_LT(now_ns() - before_ns, soon_ns);
    returned.wait();
  });
}

// Calls about as long as the monitor's period: its CAS loses sometimes. Repeated until it did.
TEST(syscall_full, the_monitor_s_cas_can_lose_against_a_return) {
  policy rules = eager();
  rules.sysmon_period = 1us;
  rules.sysmon_idle_rounds = 1'000'000;
  run_on(4, rules, [] {
    std::atomic<bool> over{false};
    wait_group all;
    for (int i = 0; i < 12; ++i) {
      all.add(1);
      go([&, i] {
        for (std::uint32_t n = static_cast<std::uint32_t>(i); !over; n = n * 1664525 + 1013904223) {
          retake::syscall([n] {
            const std::int64_t until_ns = now_ns() + n % 100'000;
            while (now_ns() < until_ns) {}
          });
        }
        all.done();
      });
    }
    const std::int64_t until_ns = now_ns() + 4 * patience_ns;
    while (value(paths().retake_lost) == 0 && now_ns() < until_ns) sleep_for(1ms);
    EXPECT_GT(value(paths().retake_lost), 0u);
    over = true;
    all.wait();
  });
}

// The monitor is out of the way: it would have to be the call itself.
TEST(syscall, a_blocking_call_has_handed_its_p_over_before_it_blocks) {
  policy rules;
  rules.sysmon_period = rules.sysmon_period_max = rules.sysmon_period_busy = patience;
  run_on(1, rules, [] {
    scheduler& s = here();
    std::atomic<bool> ran{false};
    go([&] { ran = true; });
    EXPECT_EQ(retake::syscall_blocking([&] { return holding_on_until([&] { return ran.load(); }); }), true);
    EXPECT_EQ(value(s.paths.enter_blocking), 1u);
    EXPECT_EQ(value(s.paths.retake_queue), 0u);
  });
}

TEST(syscall, a_raw_call_keeps_thread_and_p_and_counts_nowhere) {
  run_on(1, [] {
    processor const* const p = &this_machine()->processor_here();
    EXPECT_EQ(retake::raw_syscall([&] { return this_machine()->p.get(); }), p);
    EXPECT_EQ(value(paths().exit_old), 0u);
    EXPECT_EQ(retake::raw_syscall([] { return 7; }), 7);
  });
  EXPECT_EQ(retake::raw_syscall([] { return 8; }), 8);  // not a goroutine
}

}  // namespace
}  // namespace retake::test
