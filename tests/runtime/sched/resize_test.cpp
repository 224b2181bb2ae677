// GOMAXPROCS at run time: as many goroutines run at once as it says, and none is lost when Ps go.
#include <sched.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"

namespace retake::test {
namespace {

// So many goroutines at once, each of which holds its P until it has seen the others.
void meet(std::uint32_t count) {
  std::atomic<std::uint32_t> here_now{0};
  wait_group all;
  all.add(static_cast<std::int32_t>(count));
  for (std::uint32_t i = 0; i < count; ++i) {
    go([&] {
      here_now.fetch_add(1);
      EXPECT_TRUE(holding_on_until([&] { return here_now.load() == count; }));
      all.done();
    });
  }
  all.wait();
}

TEST(resize, says_what_was_and_clamps_what_is_too_many) {
  run_on(2, [] {
    EXPECT_EQ(processors(), 2u);
    EXPECT_EQ(set_processors(5), 2u);
    EXPECT_EQ(set_processors(0), 5u);
    EXPECT_EQ(processors(), 5u);
    EXPECT_EQ(set_processors(1'000'000), 5u);
    EXPECT_EQ(processors(), world::limits::processors_max);
  });
}

TEST(resize, as_many_goroutines_run_at_once_as_there_are_ps) {
  run_on(1, [] {
    set_processors(6);
    meet(6);
    set_processors(3);
    meet(3);
    set_processors(6);  // the same Ps again
    meet(6);
  });
}

TEST(resize, what_waits_on_a_p_that_goes_runs_on_the_others) {
  run_on(4, [] {
    wait_group all;
    std::atomic<int> ran{0};
    constexpr int each = 200;
    all.add(4 * 2 * each);
    for (int p = 0; p < 4; ++p) {
      go([&] {
        for (int i = 0; i < each; ++i) {
          go([&] {
            ran.fetch_add(1);
            all.done();
          });
          go([&] {
            sleep_for(2ms);
            ran.fetch_add(1);
            all.done();
          });
        }
      });
    }
    yield();
    set_processors(1);
    all.wait();
    EXPECT_EQ(ran.load(), 4 * 2 * each);
  });
}

TEST(resize, calls_return_to_ps_that_are_gone) {
  run_on(4, [] {
    std::atomic<bool> over{false};
    wait_group all;
    for (int i = 0; i < 8; ++i) {
      all.add(1);
      go([&, i] {
        while (!over) retake::syscall([i] { nap_ns(i * 10'000); });
        all.done();
      });
    }
    const std::int64_t until_ns = now_ns() + 300'000'000;
    std::uint32_t changes = 0;
    for (; now_ns() < until_ns; ++changes) {
      set_processors(1 + changes % 5);
      yield();
    }
    EXPECT_GT(changes, 0u);
    over = true;
    all.wait();
  });
}

// Affinity belongs to a thread; taskset -a and cpusets change that of all.
bool all_threads_may_use(cpu_set_t const& which) {
  bool changed = true;
  for (auto const& task : std::filesystem::directory_iterator("/proc/self/task")) {
    changed &= ::sched_setaffinity(std::stoi(task.path().filename()), sizeof which, &which) == 0;
  }
  return changed;
}

TEST(resize, ps_follow_the_affinity_until_the_program_says_how_many_and_again_when_it_gives_that_up) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  const int count = CPU_COUNT(&all);
  if (count < 2) GTEST_SKIP() << "this process may use one processor only: no affinity can take one away";
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  policy rules;
  rules.limit_recheck = 1ms;
  options chosen;
  chosen.rules = &rules;
  run(chosen, [&] {
    const std::uint32_t before = processors();
    EXPECT_TRUE(all_threads_may_use(one));
    EXPECT_TRUE(yielding_until([] { return processors() == 1; }));
    EXPECT_TRUE(all_threads_may_use(all));
    EXPECT_TRUE(yielding_until([&] { return processors() == before; }));
    const auto records = [] {
      const locked hold(here().lock);
      std::uint32_t n = 0;
      for (goroutine const* g = here().goroutines.get(); g != nullptr; g = g->all_link.get()) ++n;
      return n;
    };
    const std::uint32_t made = records();
    for (int i = 0; i < 8; ++i) {
      EXPECT_TRUE(all_threads_may_use(one));
      EXPECT_TRUE(yielding_until([] { return processors() == 1 && goroutine_count() == 1; }));
      EXPECT_TRUE(all_threads_may_use(all));
      EXPECT_TRUE(yielding_until([&] { return processors() == before && goroutine_count() == 1; }));
    }
    EXPECT_LE(records(), made + 2)
        << "the goroutines that change the number, one at a time, leave their records behind";
    set_processors(before + 1);
    EXPECT_TRUE(all_threads_may_use(one));
    sleep_for(20ms);  // twenty looks
    EXPECT_EQ(processors(), before + 1);
    EXPECT_EQ(follow_processor_limit(), before + 1);
    EXPECT_EQ(processors(), 1u);
    EXPECT_TRUE(all_threads_may_use(all));
    EXPECT_TRUE(yielding_until([&] { return processors() == before; }));
  });
}

}  // namespace
}  // namespace retake::test
