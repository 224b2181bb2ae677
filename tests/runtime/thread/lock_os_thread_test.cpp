// A locked goroutine and its thread. Method: the kernel's number of the thread, and a mark on it
// that nobody else may find.
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"
#include "world/thread.hpp"

namespace retake::test {
namespace {

void block_in_every_way(int i) {
  switch (i % 4) {
    case 0: yield(); break;
    case 1: sleep_for(50us); break;
    case 2: retake::syscall([] { nap_ns(100'000); }); break;
    default: retake::syscall([] {}); break;
  }
}

TEST(lock_os_thread, a_locked_goroutine_stays_on_its_thread_and_no_other_runs_there) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    run_on(processors, [] {
      std::atomic<std::uint64_t> locked_threads[3] = {0, 0, 0};
      std::atomic<bool> over{false};
      wait_group locked_ones, others;
      for (auto& thread : locked_threads) {
        locked_ones.add(1);
        go([&] {
          const os_thread_lock hold;
          thread = world::thread_id();
          for (int i = 0; i < 60; ++i) {
            block_in_every_way(i);
            EXPECT_EQ(world::thread_id(), thread.load());
          }
          thread = 0;
          locked_ones.done();
        });
      }
      for (int k = 0; k < 4; ++k) {
        others.add(1);
        go([&] {
          for (int i = 0; !over; ++i) {
            const std::uint64_t mine = world::thread_id();
            for (auto& thread : locked_threads) EXPECT_NE(mine, thread.load());
            block_in_every_way(i);
          }
          others.done();
        });
      }
      locked_ones.wait();
      over = true;
      others.wait();
    });
  }
}

TEST(lock_os_thread, locks_nest) {
  run_on(2, [] {
    lock_os_thread();
    lock_os_thread();
    const std::uint64_t thread = world::thread_id();
    unlock_os_thread();
    for (int i = 0; i < 40; ++i) {
      block_in_every_way(i);
      EXPECT_EQ(world::thread_id(), thread);
    }
    EXPECT_EQ(this_goroutine().locked_m.get(), this_machine());
    unlock_os_thread();
    EXPECT_EQ(this_goroutine().locked_m.get(), nullptr);
  });
}

TEST(lock_os_thread, two_locked_goroutines_hand_values_to_and_fro) {
  run_on(2, [] {
    channel<int> there, back;
    std::uint64_t other = 0;
    wait_group all;
    all.add(1);
    go([&] {
      const os_thread_lock hold;
      other = world::thread_id();
      while (auto const value = there.receive()) back.send(*value + 1);
      all.done();
    });
    const os_thread_lock hold;
    for (int i = 0; i < 500; ++i) {
      there.send(i);
      EXPECT_EQ(back.receive(), i + 1);
    }
    there.close();
    all.wait();
    EXPECT_NE(other, world::thread_id());
  });
}

TEST(lock_os_thread, a_goroutine_that_ends_locked_ends_its_thread) {
  run_on(2, [] {
    // The main goroutine keeps the main thread, which never ends.
    const os_thread_lock hold;
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t started = value(paths().threads_started);
      machine* theirs = nullptr;
      wait_group all;
      all.add(1);
      go([&] {
        lock_os_thread();
        lock_os_thread();
        theirs = this_machine();
        all.done();
      });
      all.wait();
      EXPECT_TRUE(yielding_until([&] {
        const locked lists(here().lock);
        for (machine* m = here().machines.get(); m != nullptr; m = m->all_link.get()) {
          if (m == theirs) return false;
        }
        return true;
      }));
      EXPECT_GE(value(paths().threads_started), started);
    }
    // Others had to be started in their place.
    EXPECT_GE(value(paths().threads_started), 8u);
  });
}

TEST(lock_os_thread, goroutines_that_end_locked_are_counted_by_the_place_of_the_lock) {
  run_on(2, [] {
    for (int i = 0; i < 3; ++i) {
      wait_group all;
      all.add(1);
      go([&] {
        lock_os_thread("place", 7);
        lock_os_thread("inner", 8);
        all.done();
      });
      all.wait();
    }
    unreleased_lock places[4];
    EXPECT_TRUE(yielding_until([&] { return threads_ended_locked(places) == 1 && places[0].times == 3; }));
    EXPECT_STREQ(places[0].file, "place");
    EXPECT_EQ(places[0].line, 7u);
  });
}

TEST(lock_os_thread, a_lock_taken_during_initialisation_keeps_main_on_the_main_thread) {
  options chosen;
  chosen.processors = 2;
  chosen.init = [] { lock_os_thread(); };
  const std::uint64_t thread = world::thread_id();
  run(chosen, [thread] {
    for (int i = 0; i < 40; ++i) {
      block_in_every_way(i);
      EXPECT_EQ(world::thread_id(), thread);
    }
    unlock_os_thread();
  });
  chosen.init = [] {};
  run(chosen, [] { EXPECT_EQ(this_goroutine().locked_m.get(), nullptr); });
}

// A locked goroutine's thread ignores a signal mask of its own making: whoever is started on its
// behalf must not inherit it.
TEST(lock_os_thread, no_thread_is_cloned_from_a_locked_one) {
  run_on(1, [] {
    std::atomic<int> bad{0};
    wait_group all;
    all.add(9);
    go([&] {
      lock_os_thread();
      sigset_t mask;
      ::sigemptyset(&mask);
      ::sigaddset(&mask, SIGUSR2);
      ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(::sched_getcpu(), &one);
      ::sched_setaffinity(0, sizeof(one), &one);
      for (int i = 0; i < 8; ++i) {
        go([&] {
          cpu_set_t now;
          ::sched_getaffinity(0, sizeof(now), &now);
          if (CPU_COUNT(&now) == 1 && ::sysconf(_SC_NPROCESSORS_ONLN) > 1) bad.fetch_add(1);
          retake::syscall_blocking([] { nap_ns(20'000'000); });
          all.done();
        });
      }
      retake::syscall_blocking([] { nap_ns(50'000'000); });  // its hand-over needs threads
      all.done();
    });
    all.wait();
    EXPECT_EQ(bad.load(), 0);
    EXPECT_GE(value(paths().threads_started), 4u);
  });
}

TEST(threads, idle_ones_end_when_the_policy_keeps_few) {
  policy rules;
  rules.idle_machines_max = 2;
  run_on(2, rules, [] {
    wait_group all;
    for (int i = 0; i < 20; ++i) {
      all.add(1);
      go([&] {
        retake::syscall_blocking([] { nap_ns(20'000'000); });
        all.done();
      });
    }
    all.wait();
    EXPECT_GE(value(paths().threads_started), 20u);
    EXPECT_TRUE(yielding_until([] { return thread_count() <= 6; }));  // two idle, Ps, main, the monitor
  });
}

TEST(threads, the_maximum_can_be_set_and_is_kept) {
  run_on(1, [] {
    EXPECT_EQ(set_max_threads(50), 10'000u);
    EXPECT_EQ(set_max_threads(20'000), 50u);
  });
  EXPECT_EXIT(run_on(1, [] { set_max_threads(1); }), testing::ExitedWithCode(2),
              "program exceeds 1-thread limit(.|\n)*thread exhaustion");
}

// Beside goroutines that would fill every P for ever, a locked one comes to its turn: its wake-ups
// are late by slices, not for ever.
TEST(lock_os_thread, a_locked_goroutine_has_its_turn_beside_saturating_load) {
  run_on(2, [] {
    std::atomic<bool> over{false};
    wait_group all;
    for (int i = 0; i < 6; ++i) {
      all.add(1);
      go([&] {
        while (!over) preempt_point();
        all.done();
      });
    }
    const os_thread_lock hold;
    std::int64_t longest_ns = 0;
    for (int i = 0; i < 10; ++i) {
      const std::int64_t before_ns = now_ns();
      yield();
      longest_ns = std::max(longest_ns, now_ns() - before_ns);
    }
    over = true;
    all.wait();
    EXPECT_LT(longest_ns, 20 * 10 * 10'000'000ll)
        << "V2: runnable goroutines times a slice, and much for a loaded machine";
  });
}

TEST(lock_os_thread, the_main_thread_does_not_end_when_its_goroutine_ends_locked) {
  run_on(2, [] {
    machine* const main = here().main_machine;
    std::atomic<bool> ended_there{false};
    const std::int64_t until_ns = now_ns() + patience_ns;
    while (!ended_there && now_ns() < until_ns) {
      wait_group all;
      for (int i = 0; i < 4; ++i) {
        all.add(1);
        go([&] {
          if (this_machine() == main) {
            lock_os_thread();
            ended_there = true;
          }
          all.done();
        });
      }
      all.wait();
    }
    EXPECT_TRUE(ended_there);
    for (int i = 0; i < 100; ++i) {
      yield();
      EXPECT_NE(this_machine(), main);
    }
  });
}

TEST(lock_os_thread, the_p_does_not_wait_with_a_locked_goroutine_that_blocks) {
  run_on(1, [] {
    channel<int> woken;
    std::atomic<int> turns{0};
    go([&] {
      for (int i = 0; i < 100; ++i) {
        turns.fetch_add(1);
        yield();
      }
      woken.send(1);
    });
    const os_thread_lock hold;
    EXPECT_EQ(woken.receive(), 1);
    EXPECT_EQ(turns.load(), 100);
  });
}

TEST(lock_os_thread, main_may_end_locked_while_others_are_locked_and_blocked) {
  for (int round = 0; round < 10; ++round) {
    run_on(2, [] {
      for (int i = 0; i < 3; ++i) {
        go([] {
          lock_os_thread();
          sleep_for(1h);
        });
      }
      yield();
      lock_os_thread();
    });
  }
}

// A P whose own queue never runs empty: each member starts its successor, and one more that pushes
// it into the ring.
struct family {
  bool over = false;
  std::uint32_t members = 0;
  void next() {
    if (over || members == 3'000'000) return;  // in case nobody ends it
    std::atomic_ref(members).fetch_add(1);     // a returning call looks
    go([this] { next(); });
    go([] {});
  }
};

TEST(lock_os_thread,
     a_locked_goroutine_has_its_turn_every_61_schedules_beside_others_that_never_let_their_queue_run_empty) {
  policy rules;
  rules.time_slice = patience;  // nobody is asked to yield meanwhile
  run_on(1, rules, [] {
    family f;
    channel<int> bell;
    const os_thread_lock hold;
    f.next();
    std::uint32_t least_after_call = ~0u;
    for (int i = 0; i < 20; ++i) {
      std::uint32_t before = f.members;
      yield();
      EXPECT_GE(f.members - before, 1u);
      EXPECT_LE(f.members - before, 61u);

      go([&] {
        before = f.members;
        bell.send(i);
      });
      EXPECT_EQ(bell.receive(), i);
      EXPECT_LE(f.members - before, 61u);

      // Its P goes on at once. Between the end of the call and the queue the kernel may stop the
      // thread for any time: the best of all counts.
      retake::syscall_blocking([&] {
        nap_ns(200'000);
        before = std::atomic_ref(f.members).load();
      });
      least_after_call = std::min(least_after_call, f.members - before);
    }
    EXPECT_LE(least_after_call, 1'000u);
    f.over = true;
    while (goroutine_count() > 1) yield();
  });
}

}  // namespace
}  // namespace retake::test
