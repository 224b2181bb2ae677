// Goroutines: they start, run on any P, take turns, and are all there in the end. Method: small
// programs whose result says who ran.
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "world/thread.hpp"

namespace retake::test {
namespace {

TEST(go, every_goroutine_runs_once) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    std::vector<std::atomic<int>> runs(5'000);
    run_on(processors, [&] {
      wait_group all;
      for (std::atomic<int>& one : runs) {
        all.add(1);
        go([&] {
          one.fetch_add(1);
          all.done();
        });
      }
      all.wait();
    });
    for (std::atomic<int> const& one : runs) ASSERT_EQ(one.load(), 1);
  }
}

int main_runs = 0;
void a_main() { ++main_runs; }

TEST(run, takes_a_function_by_its_name_and_what_it_cannot_change) {
  run(a_main);
  const auto unchangeable = [] { ++main_runs; };
  run(unchangeable);
  run([times = 0]() mutable { main_runs += ++times; });
  EXPECT_EQ(main_runs, 3);
}

struct counted {
  static inline std::atomic<int> alive{0};
  counted() { alive.fetch_add(1); }
  counted(counted const&) { alive.fetch_add(1); }
  counted(counted&&) noexcept { alive.fetch_add(1); }
  ~counted() { alive.fetch_sub(1); }
};

TEST(go, a_closure_is_destroyed_when_its_goroutine_ends_be_it_small_or_too_large_for_the_stack) {
  counted::alive = 0;
  run_on(2, [] {
    wait_group all;
    all.add(2);
    go([&all, c = counted()] {
      EXPECT_GE(counted::alive.load(), 1);
      all.done();
    });
    go([&all, c = counted(), large = std::array<char, 4096>()] {
      EXPECT_EQ(large[4095], 0);
      all.done();
    });
    all.wait();
    EXPECT_TRUE(yielding_until([] { return counted::alive.load() == 0; }));
  });
  EXPECT_EQ(counted::alive.load(), 0);
}

TEST(go, a_closure_may_be_move_only_and_strongly_aligned) {
  struct alignas(64) wide {
    std::array<int, 16> values{};
  };
  run_on(2, [] {
    channel<int> out;
    go([&out, p = std::make_unique<int>(41), w = wide()] {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&w) % 64, 0u);
      out.send(*p + 1 + w.values[15]);
    });
    EXPECT_EQ(out.receive(), 42);
    EXPECT_TRUE(yielding_until([] { return goroutine_count() == 1; }));  // its closure goes with it
  });
}

TEST(go, goroutine_count_counts_main_and_those_that_have_not_ended) {
  run_on(2, [] {
    EXPECT_EQ(goroutine_count(), 1u);
    channel<int> let_go;
    wait_group all;  // a count orders nothing: the channel's memory is given back behind this
    all.add(10);
    for (int i = 0; i < 10; ++i) {
      go([&] {
        static_cast<void>(let_go.receive());
        all.done();
      });
    }
    EXPECT_EQ(goroutine_count(), 11u);
    let_go.close();
    all.wait();
    EXPECT_TRUE(yielding_until([] { return goroutine_count() == 1; }));
  });
}

TEST(go, goroutines_that_have_not_ended_are_abandoned_with_main) {
  run_on(2, [] {
    for (int i = 0; i < 100; ++i) go([] { sleep_for(1h); });
    yield();
  });
}

TEST(go, run_can_be_called_again_and_again) {
  for (int i = 0; i < 20; ++i) {
    bool ran = false;
    run_on(2, [&] { ran = true; });
    ASSERT_TRUE(ran);
  }
}

TEST(go, on_one_p_yield_hands_the_turn_round) {
  std::string order;
  run_on(1, [&] {
    wait_group all;
    for (const char name : {'a', 'b', 'c'}) {
      all.add(1);
      go([&, name] {
        for (int i = 0; i < 4; ++i) {
          order += name;
          yield();
        }
        all.done();
      });
    }
    all.wait();
  });
  ASSERT_EQ(order.size(), 12u);
  for (std::size_t i = 3; i < order.size(); ++i) EXPECT_EQ(order[i], order[i - 3]) << order;
}

TEST(go, the_last_goroutine_started_runs_first_and_the_others_in_order) {
  std::string order;
  run_on(1, [&] {
    wait_group all;
    all.add(4);
    for (const char name : {'a', 'b', 'c', 'd'}) {
      go([&, name] {
        order += name;
        all.done();
      });
    }
    all.wait();
  });
  EXPECT_EQ(order, "dabc");
}

// A local queue that never runs empty: each member starts its successor, which another goroutine
// pushes into the ring.
TEST(go, the_global_queue_is_looked_at_every_61_schedules_even_if_the_local_queue_never_runs_empty) {
  policy rules;
  rules.time_slice = patience;  // nobody is asked to yield meanwhile
  run_on(1, rules, [] {
    struct family {
      bool over = false;
      std::uint32_t members = 0;
      void next() {
        if (over) return;
        ++members;
        go([this] { next(); });
        go([] {});
      }
    } f;
    f.next();
    for (int i = 0; i < 20; ++i) {
      const std::uint32_t before = f.members;
      yield();  // into the global queue
      EXPECT_GE(f.members - before, 1u);
      EXPECT_LE(f.members - before, 61u);
    }
    f.over = true;
    while (goroutine_count() > 1) yield();
  });
}

TEST(go, goroutines_of_a_busy_p_are_stolen_by_an_idle_one) {
  run_on(2, [] {
    std::atomic<int> ran{0};
    for (int i = 0; i < 100; ++i) go([&] { ran.fetch_add(1); });
    EXPECT_TRUE(holding_on_until([&] { return ran.load() == 100; })) << ran.load();
  });
}

TEST(go, more_goroutines_than_a_ring_holds_overflow_to_the_global_queue_and_all_run) {
  policy rules;
  rules.time_slice = patience;  // nobody runs before they are counted
  run_on(1, rules, [] {
    std::atomic<int> ran{0};
    for (int i = 0; i < 1'000; ++i) go([&] { ran.fetch_add(1); });
    EXPECT_GT(here().global.size_hint(), 0u);
    EXPECT_TRUE(yielding_until([&] { return ran.load() == 1'000; }));
  });
}

TEST(go, no_more_goroutines_run_at_once_than_there_are_ps) {
  for (const std::uint32_t processors : {1u, 2u, 3u}) {
    std::atomic<std::uint32_t> running{0}, most{0};
    run_on(processors, [&] {
      wait_group all;
      for (int i = 0; i < 12; ++i) {
        all.add(1);
        go([&] {
          for (int k = 0; k < 20; ++k) {
            const std::uint32_t now = running.fetch_add(1) + 1;
            for (std::uint32_t seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {}
            nap_ns(50'000);
            running.fetch_sub(1);
            yield();
          }
          all.done();
        });
      }
      all.wait();
    });
    EXPECT_LE(most.load(), processors);
    EXPECT_GE(most.load(), processors > 1 ? 2u : 1u);
  }
}

TEST(go, gomaxprocs_is_taken_from_options_and_from_the_environment) {
  run_on(3, [] { EXPECT_EQ(here().processors.count(), 3u); });
  ::setenv("GOMAXPROCS", "5", 1);
  EXPECT_EQ(options_from_environment().processors, 5u);
  run([] { EXPECT_EQ(here().processors.count(), 5u); });
  for (char const* const odd : {"0", "-1", "two", "3x", ""}) {
    ::setenv("GOMAXPROCS", odd, 1);
    EXPECT_EQ(options_from_environment().processors, 0u) << odd;
  }
  ::unsetenv("GOMAXPROCS");
  run_on(100'000, [] { EXPECT_EQ(here().processors.count(), world::limits::processors_max); });
}

TEST(go, a_hog_that_calls_preempt_point_lets_others_run_on_one_p) {
  run_on(1, [] {
    std::atomic<bool> ran{false};
    go([&] { ran = true; });
    const std::int64_t until_ns = now_ns() + patience_ns;
    while (!ran && now_ns() < until_ns) preempt_point();
    EXPECT_TRUE(ran);
  });
}

// The median of what it takes a goroutine to get the only P back after a yield.
std::int64_t back_after_yield_ns() {
  std::array<std::int64_t, 11> took{};
  for (std::int64_t& one : took) {
    const std::int64_t before_ns = now_ns();
    yield();
    one = now_ns() - before_ns;
  }
  std::ranges::sort(took);
  return took[took.size() / 2];
}

void compute_for_ns(std::int64_t duration_ns) {
  const std::int64_t until_ns = now_ns() + duration_ns;
  while (now_ns() < until_ns) {}
}

TEST(go, two_that_ready_each_other_keep_the_p_no_longer_than_one_that_computes) {
  run_on(1, [] {
    std::atomic<bool> enough{false};
    wait_group done;
    done.add(1);
    go([&] {
      while (!enough.load()) {
        compute_for_ns(50'000);
        preempt_point();
      }
      done.done();
    });
    const std::int64_t beside_one_ns = back_after_yield_ns();
    enough.store(true);
    done.wait();

    enough.store(false);
    semaphore turn_of_one(1), turn_of_other(1);
    turn_of_one.acquire();
    turn_of_other.acquire();
    done.add(2);
    go([&] {
      while (!enough.load()) {
        turn_of_other.release();
        compute_for_ns(50'000);
        turn_of_one.acquire();
      }
      turn_of_other.release();
      done.done();
    });
    go([&] {
      while (!enough.load()) {
        turn_of_other.acquire();
        turn_of_one.release();
        compute_for_ns(50'000);
      }
      done.done();
    });
    const std::int64_t beside_two_ns = back_after_yield_ns();
    EXPECT_LT(beside_two_ns, 4 * beside_one_ns);
    enough.store(true);
    done.wait();
  });
}

TEST(go, one_that_makes_calls_that_never_wait_lets_others_run_on_one_p) {
  run_on(1, [] {
    std::atomic<bool> enough{false};
    wait_group done;
    done.add(1);
    go([&] {
      auto ends = make_pipe();
      std::byte one{};
      while (ends && !enough.load()) {
        static_cast<void>(ends->writer.write(std::span(&one, 1)));
        static_cast<void>(ends->reader.read(std::span(&one, 1)));
      }
      done.done();
    });
    yield();  // for ever, if it does not give way
    enough.store(true);
    done.wait();
  });
}

TEST(go, a_hundred_thousand_goroutines_park_without_exhausting_the_mappings) {
  constexpr int goroutines = under_sanitizer ? 4'000 : 100'000;  // TSan needs a stack of its own for each
  run_on(2, [] {
    channel<int> let_go;
    std::atomic<int> parked{0};
    wait_group all;
    for (int i = 0; i < goroutines; ++i) {
      all.add(1);
      go([&] {
        parked.fetch_add(1);
        static_cast<void>(let_go.receive());
        all.done();
      });
    }
    EXPECT_TRUE(yielding_until([&] { return parked.load() == goroutines; }));
    EXPECT_EQ(goroutine_count(), std::uint64_t{goroutines} + 1);
    void* const another = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(another, MAP_FAILED) << "vm.max_map_count is used up";
    ::munmap(another, 4096);
    let_go.close();
    all.wait();
  });
}

TEST(go, a_goroutine_s_memory_is_used_again) {
  run_on(1, [] {
    for (int i = 0; i < 10'000; ++i) {
      go([] {});
      yield();
    }
    std::uint32_t made = 0;
    const locked hold(here().lock);
    for (goroutine* g = here().goroutines.get(); g != nullptr; g = g->all_link.get()) ++made;
    EXPECT_LE(made, 200u);
  });
}

TEST(go_death, run_inside_run_is_refused_by_name) {
  EXPECT_DEATH(run_on(1, [] { run_on(1, [] {}); }), "M10: run\\(\\) is called on a thread of a runtime");
}

}  // namespace
}  // namespace retake::test
