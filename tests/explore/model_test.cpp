// Goal: each type of retake/model.hpp does what the standard's does, and shows what a program gets
// wrong with it.
// Method: random sequences of operations on it and on the standard's, on one thread, give the same
//         results; small programs of two or three threads hold in every execution, and their faulty
//         twins give the finding.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <semaphore>
#include <shared_mutex>
#include <string>

#include "retake/explore.hpp"
#include "retake/model.hpp"

namespace {

using namespace std::chrono_literals;
namespace explore = retake::explore;
namespace model = retake::model;

// Every execution up to a bound of preemptions.
template <class Body>
explore::result search(Body body, std::uint32_t preemptions = 2) {
  explore::options o;
  o.name = "search";
  o.out = testing::TempDir() + "explore-" + std::to_string(getpid());
  o.strategy = "dfs";
  o.preemptions = preemptions;
  o.executions = 100'000;
  return explore::check(body, o);
}

// A body for random sequences, which differ from execution to execution: one execution of `random`
// each.
template <class Body>
explore::result sequences(Body body) {
  static constexpr std::uint64_t count = 200;
  std::uint64_t seed = 0;
  explore::options o;
  o.name = "sequences";
  o.out = testing::TempDir() + "explore-" + std::to_string(getpid());
  o.executions = count;
  o.memory = "sc";
  return explore::check(
      [&] {
        std::mt19937 random(static_cast<unsigned>(++seed));
        body(random);
      },
      o);
}

template <class T, class Operand = T, class Random, class Value>
void same_atomics(Random& random, T first, Value value_of) {
  model::atomic<T> mine(first);
  std::atomic<T> theirs(first);
  for (int i = 0; i < 40; ++i) {
    Operand const v = value_of(random);
    bool same = true;
    T e1 = mine.load(), e2 = theirs.load();
    if (random() % 2 == 0) e1 = e2 = first;
    switch (random() % 9) {
      case 0: same = mine.fetch_add(v) == theirs.fetch_add(v); break;
      case 1: same = mine.fetch_sub(v) == theirs.fetch_sub(v); break;
      case 2: same = ++mine == ++theirs && mine++ == theirs++; break;
      case 3: same = --mine == --theirs && mine-- == theirs--; break;
      case 4: same = (mine += v) == (theirs += v) && (mine -= v) == (theirs -= v); break;
      case 5: same = mine.exchange(first) == theirs.exchange(first); break;
      case 6:
        same = mine.compare_exchange_strong(e1, first) == theirs.compare_exchange_strong(e2, first) && e1 == e2;
        break;
      case 7:
        if constexpr (std::is_integral_v<T>) {
          same = mine.fetch_and(v) == theirs.fetch_and(v) && mine.fetch_or(v) == theirs.fetch_or(v) &&
                 mine.fetch_xor(v) == theirs.fetch_xor(v) && (mine ^= v) == (theirs ^= v);
        }
        break;
      default: same = (mine = e1) == (theirs = e1); break;
    }
    explore::require(same && mine.load() == theirs.load(), "differs: an atomic from the standard's");
  }
}

TEST(explore_model, atomics_compute_as_the_standards) {
  EXPECT_TRUE(sequences([](auto& random) {
    auto const number = [](auto& r) { return static_cast<int>(r()); };
    auto const byte = [](auto& r) { return static_cast<std::uint8_t>(r()); };
    auto const wide = [](auto& r) { return static_cast<std::int64_t>(r()) << 20; };
    auto const step = [](auto& r) { return static_cast<std::ptrdiff_t>(r() % 5); };
    static long row[1000];
    same_atomics<int>(random, 5, number);
    same_atomics<std::uint8_t>(random, std::uint8_t{250}, byte);
    same_atomics<std::int64_t>(random, std::int64_t{-1}, wide);
    same_atomics<long*, std::ptrdiff_t>(random, row + 500, step);
  }));
}

TEST(explore_model, semaphores_count_as_the_standards) {
  EXPECT_TRUE(sequences([](auto& random) {
    model::counting_semaphore<8> mine(2);
    std::counting_semaphore<8> theirs(2);
    std::ptrdiff_t left = 2;
    for (int i = 0; i < 40; ++i) {
      bool same = true;
      if (random() % 2 == 0 && left < 8) {
        mine.release();
        theirs.release();
        ++left;
      } else {
        same = mine.try_acquire() == theirs.try_acquire();
        left -= left != 0 ? 1 : 0;
      }
      explore::require(same, "differs: a semaphore from the standard's");
    }
  }));
}

TEST(explore_model, recursive_and_shared_mutexes_admit_as_the_standards) {
  EXPECT_TRUE(sequences([](auto& random) {
    model::recursive_mutex mine;
    std::recursive_mutex theirs;
    model::shared_mutex readers;
    std::shared_mutex their_readers;
    int depth = 0, reading = 0;
    for (int i = 0; i < 30; ++i) {
      bool same = true;
      switch (random() % 4) {
        case 0:
          same = mine.try_lock() == theirs.try_lock();
          ++depth;
          break;
        case 1:
          if (depth != 0) mine.unlock(), theirs.unlock(), --depth;
          break;
        case 2:
          same = readers.try_lock_shared() == their_readers.try_lock_shared();
          ++reading;
          break;
        default:
          if (reading != 0) readers.unlock_shared(), their_readers.unlock_shared(), --reading;
          break;
      }
      explore::require(same, "differs: a mutex from the standard's");
    }
    for (; depth != 0; --depth) mine.unlock(), theirs.unlock();
    for (; reading != 0; --reading) readers.unlock_shared(), their_readers.unlock_shared();
  }));
}

template <class Mutex>
void two_increments() {
  Mutex m;
  model::plain<int> n(0);
  auto const increment = [&] {
    std::lock_guard<Mutex> const held(m);
    n.set(n.get() + 1);
  };
  model::thread other(increment);
  increment();
  other.join();
  explore::require(n.get() == 2, "lost: an increment");
}

struct no_mutex {
  void lock() {}
  void unlock() {}
};

TEST(explore_model, mutexes_exclude_and_publish) {
  for (explore::result const& r :
       {search(two_increments<model::mutex>), search(two_increments<model::timed_mutex>),
        search(two_increments<model::recursive_mutex>), search(two_increments<model::shared_mutex>)}) {
    EXPECT_TRUE(r);
    EXPECT_TRUE(r.exhausted());
  }
  EXPECT_EQ(search(two_increments<no_mutex>).tag(), "race");
}

TEST(explore_model, what_the_standard_calls_undefined_is_a_finding) {
  EXPECT_EQ(search([] { model::mutex().unlock(); }).tag(), "mutex");
  EXPECT_EQ(search([] {
              model::mutex m;
              m.lock();
              m.lock();
            }).tag(),
            "mutex");
  EXPECT_EQ(search([] {
              model::mutex m;
              m.lock();
            }).tag(),
            "mutex");
  EXPECT_EQ(search([] { model::shared_mutex().unlock_shared(); }).tag(), "mutex");
  EXPECT_EQ(search([] { model::shared_mutex().unlock(); }).tag(), "mutex");
  EXPECT_EQ(search([] { model::latch(1).count_down(2); }).tag(), "latch");
  EXPECT_EQ(search([] { model::counting_semaphore<1>(1).release(); }).tag(), "semaphore");
  EXPECT_EQ(search([] { model::thread([] {}); }).tag(), "terminate");
  EXPECT_EQ(search([] { model::thread([] { throw 1; }).join(); }).tag(), "terminate");
  EXPECT_EQ(search([] {
              model::thread t([] {});
              t = model::thread();
            }).tag(),
            "terminate");
}

TEST(explore_model, readers_share_and_a_writer_excludes_them) {
  auto const body = [] {
    model::shared_mutex m;
    model::plain<int> data(0);
    model::thread reader([&] {
      std::shared_lock<model::shared_mutex> const held(m);
      explore::require(data.get() != 1, "torn: a reader sees the middle of a write");
    });
    {
      std::shared_lock<model::shared_mutex> const held(m);
      explore::require(data.get() == 0, "torn: a write before the writer");
    }
    {
      std::lock_guard<model::shared_mutex> const held(m);
      data.set(1);
      data.set(2);
    }
    reader.join();
  };
  EXPECT_TRUE(search(body));
}

// Both readers hold the lock at one time in some execution.
TEST(explore_model, two_readers_can_be_inside) {
  EXPECT_EQ(search([] {
              model::shared_mutex m;
              model::atomic<int> inside(0);
              auto const read = [&] {
                std::shared_lock<model::shared_mutex> const held(m);
                explore::require(inside.fetch_add(1) != 1, "both: readers are inside together");
                inside.fetch_sub(1);
              };
              model::thread other(read);
              read();
              other.join();
            }).tag(),
            "both");
}

// The waiter looks under the lock; without it a notification between look and wait is lost.
template <bool Locks>
void hand_over() {
  model::mutex m;
  model::condition_variable ready;
  model::atomic<bool> full(false);
  model::thread giver([&] {
    std::unique_lock<model::mutex> held(m, std::defer_lock);
    if (Locks) held.lock();
    full.store(true);
    if (Locks) held.unlock();
    ready.notify_one();
  });
  std::unique_lock<model::mutex> held(m);
  ready.wait(held, [&] { return full.load(); });
  held.unlock();
  giver.join();
}

TEST(explore_model, a_condition_variable_wakes_and_a_lost_wake_up_is_a_deadlock) {
  EXPECT_TRUE(search(hand_over<true>));
  EXPECT_EQ(search(hand_over<false>).tag(), "deadlock");
}

TEST(explore_model, waits_end_at_their_deadline_and_not_before) {
  EXPECT_TRUE(search(
      [] {
        model::mutex m;
        model::condition_variable never;
        model::timed_mutex held_by_other;
        model::counting_semaphore<> empty(0);
        auto const start = model::steady_clock::now();
        std::unique_lock<model::mutex> held(m);
        explore::require(!never.wait_for(held, 5ms, [] { return false; }), "late: a predicate that never holds");
        explore::require(model::steady_clock::now() - start >= 5ms, "early: a condition variable");
        explore::require(!empty.try_acquire_for(5ms), "late: an empty semaphore is acquired");
        explore::require(model::steady_clock::now() - start >= 10ms, "early: a semaphore");
        held_by_other.lock();
        model::thread([&] {
          explore::require(!held_by_other.try_lock_for(5ms), "two: owners of a timed mutex");
        }).join();
        explore::require(model::steady_clock::now() - start >= 15ms, "early: a timed mutex");
        held_by_other.unlock();
        model::this_thread::sleep_for(5ms);
        explore::require(model::steady_clock::now() - start >= 20ms, "early: a sleep");
      },
      1));
}

template <bool Notifies>
void wait_for_value() {
  model::atomic<int> word(0);
  model::plain<int> data(0);
  model::thread other([&] {
    data.set(1);
    word.store(1, model::memory_order_release);
    if (Notifies) word.notify_one();
  });
  word.wait(0, model::memory_order_acquire);
  explore::require(data.get() == 1, "unpublished: data of a value that was waited for");
  other.join();
}

TEST(explore_model, atomic_waits_end_by_a_notify) {
  EXPECT_TRUE(search(wait_for_value<true>));
  EXPECT_EQ(search(wait_for_value<false>).tag(), "deadlock");
}

TEST(explore_model, latches_barriers_and_semaphores_publish) {
  EXPECT_TRUE(search([] {
    model::latch done(1);
    model::plain<int> data(0);
    model::jthread const other([&] {
      data.set(1);
      done.count_down();
    });
    done.wait();
    explore::require(data.get() == 1, "unpublished: by a latch");
  }));
  EXPECT_TRUE(search(
      [] {
        int completions = 0;
        auto const count = [&completions] { ++completions; };
        model::barrier<decltype(count)> phase(2, count);
        model::plain<int> mine(0), theirs(0);
        model::jthread const other([&] {
          theirs.set(1);
          phase.arrive_and_wait();
          explore::require(mine.get() == 1, "unpublished: by a barrier");
        });
        mine.set(1);
        phase.arrive_and_wait();
        explore::require(theirs.get() == 1 && completions == 1, "unpublished: by a barrier");
      },
      1));
  EXPECT_TRUE(search([] {
    model::binary_semaphore full(0);
    model::plain<int> data(0);
    model::jthread const other([&] {
      data.set(1);
      full.release();
    });
    full.acquire();
    explore::require(data.get() == 1, "unpublished: by a semaphore");
  }));
}

TEST(explore_model, a_call_is_made_once_and_again_after_a_throw) {
  EXPECT_TRUE(search([] {
    model::once_flag flag;
    int calls = 0;
    auto const call = [&] { model::call_once(flag, [&] { ++calls; }); };
    model::thread other(call);
    call();
    other.join();
    explore::require(calls == 1, "twice: or never");
  }));
  EXPECT_TRUE(search([] {
    model::once_flag flag;
    int calls = 0;
    for (int i = 0; i < 3; ++i) {
      try {
        model::call_once(flag, [&] {
          if (++calls == 1) throw 1;
        });
      } catch (int) {}
    }
    explore::require(calls == 2, "a call that throws counts");
  }));
}

// The order of a failed exchange is its own: acquire when it is written, and else it publishes
// nothing.
template <bool Acquires>
void failing_exchange() {
  model::atomic<int> word(0);
  model::plain<int> data(0);
  model::jthread const other([&] {
    data.set(1);
    word.store(1, model::memory_order_release);
  });
  int expected = 7;
  constexpr auto lost = Acquires ? model::memory_order_acquire : model::memory_order_relaxed;
  if (!word.compare_exchange_strong(expected, 8, model::memory_order_acq_rel, lost) && expected == 1) {
    explore::require(data.get() == 1, "unpublished: by an exchange that failed");
  }
}

TEST(explore_model, a_failed_exchange_has_the_order_of_its_failure) {
  EXPECT_TRUE(search(failing_exchange<true>));
  EXPECT_EQ(search(failing_exchange<false>).tag(), "race");
}

// A fence makes a relaxed store a release, and a relaxed load an acquire.
template <bool Fences>
void fenced_message() {
  model::atomic_flag ready;
  model::plain<int> data(0);
  model::jthread const other([&] {
    data.set(1);
    if (Fences) model::atomic_thread_fence(model::memory_order_release);
    static_cast<void>(ready.test_and_set(model::memory_order_relaxed));
  });
  if (!ready.test(model::memory_order_relaxed)) return;
  if (Fences) model::atomic_thread_fence(model::memory_order_acquire);
  explore::require(data.get() == 1, "unpublished: through fences");
}

TEST(explore_model, fences_publish) {
  EXPECT_TRUE(search(fenced_message<true>));
  EXPECT_EQ(search(fenced_message<false>).tag(), "race");
}

}  // namespace
