// mutex and wait_group. Method: plain data that only the lock, or the wait, makes safe.
#include <atomic>
#include <string>

#include "../program.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"

namespace retake::test {
namespace {

TEST(mutex, one_goroutine_at_a_time) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    long plain = 0;
    run_on(processors, [&] {
      mutex m;
      wait_group all;
      for (int i = 0; i < 8; ++i) {
        all.add(1);
        go([&, i] {
          for (int k = 0; k < 2'000; ++k) {
            m.lock();
            ++plain;
            if (k % 97 == i) yield();  // while it is held
            m.unlock();
          }
          all.done();
        });
      }
      all.wait();
    });
    EXPECT_EQ(plain, 16'000);
  }
}

TEST(mutex, the_longest_waiter_is_next) {
  std::string order;
  run_on(1, [&] {
    mutex m;
    wait_group all;
    m.lock();
    for (const char name : {'a', 'b', 'c'}) {
      all.add(1);
      go([&, name] {
        m.lock();
        order += name;
        m.unlock();
        all.done();
      });
      yield();  // it waits before the next is started
    }
    m.unlock();
    all.wait();
  });
  EXPECT_EQ(order, "abc");
}

TEST(mutex, try_lock_does_not_block) {
  run_on(2, [] {
    mutex m;
    EXPECT_TRUE(m.try_lock());
    EXPECT_FALSE(m.try_lock());
    m.unlock();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

TEST(mutex, it_may_be_held_across_a_system_call) {
  long plain = 0;
  run_on(2, [&] {
    mutex m;
    wait_group all;
    for (int i = 0; i < 6; ++i) {
      all.add(1);
      go([&] {
        for (int k = 0; k < 50; ++k) {
          m.lock();
          ++plain;
          retake::syscall([] { nap_ns(20'000); });
          m.unlock();
        }
        all.done();
      });
    }
    all.wait();
  });
  EXPECT_EQ(plain, 300);
}

TEST(wait_group, wait_returns_when_all_are_done_and_sees_what_they_wrote) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    run_on(processors, [] {
      for (int round = 0; round < 50; ++round) {
        int written[20] = {};
        wait_group all;
        for (int& one : written) {
          all.add(1);
          go([&] {
            one = 1;
            all.done();
          });
        }
        all.wait();
        for (int const one : written) EXPECT_EQ(one, 1);
      }
    });
  }
}

TEST(wait_group, many_may_wait_and_it_can_be_used_again) {
  run_on(4, [] {
    wait_group gate;
    for (int round = 0; round < 20; ++round) {
      std::atomic<int> through{0};
      wait_group all;
      gate.add(1);
      for (int i = 0; i < 10; ++i) {
        all.add(1);
        go([&] {
          gate.wait();
          through.fetch_add(1);
          all.done();
        });
      }
      EXPECT_EQ(through.load(), 0);
      gate.done();
      all.wait();
      EXPECT_EQ(through.load(), 10);
    }
  });
}

}  // namespace
}  // namespace retake::test
