// Panics and the end of goroutines. Method: counters on real threads; death tests for what ends the
// process.
#include "retake/panic.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/foreign_call.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/sync.hpp"
#include "retake/timer.hpp"

namespace retake::test {
namespace {

TEST(panic, recover_gives_what_was_thrown) {
  run_on(1, [] {
    EXPECT_EQ(recover([] {}), nullptr);
    const std::exception_ptr thrown = recover([] { throw std::runtime_error("x"); });
    EXPECT_THROW(std::rethrow_exception(thrown), std::runtime_error);
  });
}

TEST(exit_goroutine, unwinds_runs_the_hooks_backwards_and_passes_recover_and_foreign_code) {
  run_on(2, [] {
    std::vector<int> order;
    wait_group all;
    all.add(1);
    go([&] {
      at_goroutine_exit([&] { all.done(); });
      at_goroutine_exit([&] {
        order.push_back(2);
        yield();
        at_goroutine_exit([&] { order.push_back(3); });
        exit_goroutine();
      });
      struct last {
        std::vector<int>& order;
        ~last() { order.push_back(1); }
      } const destroyed{order};
      static_cast<void>(recover([] { foreign_call([] { callback([] { exit_goroutine(); }); }); }));
      order.push_back(-1);
    });
    all.wait();
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  });
}

TEST(exit_goroutine, hooks_run_when_the_function_returns_and_not_when_the_program_abandons_it) {
  std::atomic<int> ran{0};
  run_on(2, [&] {
    wait_group all;
    all.add(1);
    go([&] {
      at_goroutine_exit([&] {
        ran.fetch_add(1);
        all.done();
      });
    });
    all.wait();
    go([&] {
      at_goroutine_exit([&ran, kept = std::string(1'000, 'x')] { ran.fetch_add(1); });
      sleep_for(1h);
    });
    yield();
  });
  EXPECT_EQ(ran.load(), 1);
}

TEST(exit_goroutine, the_goroutine_of_a_foreign_thread_tells_it) {
  run_on(1, [] {
    callback_gate gate;
    EXPECT_EQ(recover([&] { gate.call([] { return 1; }); }), nullptr);
  });
}

TEST(exit_goroutine, after_main_others_go_on_until_nobody_is_left) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       go([] {
                         sleep_for(20ms);
                         std::fputs("still here\n", stderr);
                       });
                       exit_goroutine();
                     }),
              testing::ExitedWithCode(2),
              "still here\n(.|\n)*fatal error: no goroutines \\(main called exit_goroutine\\) - deadlock!");
}

[[gnu::noinline]] void throw_six() { throw 6; }

TEST(panic_death, ends_the_process_with_its_value_the_goroutine_and_the_throwing_stack) {
  EXPECT_EXIT(run_on(1, [] { throw std::runtime_error("the text"); }), testing::ExitedWithCode(2),
              "panic: the text\n\ngoroutine 1 \\[running\\]\nfatal error: panic");
  EXPECT_EXIT(run_on(1, [] { throw 5; }), testing::ExitedWithCode(2), "panic: 5\n");
  EXPECT_EXIT(run_on(1, [] { throw std::string("a string"); }), testing::ExitedWithCode(2), "panic: a string\n");
  struct own {};
  EXPECT_EXIT(run_on(1, [] { throw own(); }), testing::ExitedWithCode(2), "panic: .*own.*\n");
  EXPECT_EXIT(run_on(1, [] { []() noexcept { throw_six(); }(); }), testing::ExitedWithCode(2), "panic: 6\n");
}

// Nothing has been unwound: the destructor would speak.
TEST(panic_death, nothing_is_unwound) {
  struct loud {
    ~loud() { std::fputs("unwound", stderr); }
  };
  EXPECT_EXIT(run_on(1,
                     [] {
                       const loud here;
                       throw 1;
                     }),
              testing::ExitedWithCode(2), "^panic: 1\n\ngoroutine 1");
}

// What a function leaves behind that ends its goroutine: nothing.
struct counted {
  static inline std::atomic<int> alive{0};
  counted() { alive.fetch_add(1); }
  counted(counted const&) { alive.fetch_add(1); }
  ~counted() { alive.fetch_sub(1); }
};

TEST(exit_goroutine, in_a_function_that_the_runtime_calls_is_as_a_return) {
  once first;  // ends when all threads have: a count of goroutines orders nothing
  run_on(2, [&first] {
    std::atomic<int> ended{0};
    const auto ends = [&ended, held = counted()] {
      at_goroutine_exit([&ended] { ended.fetch_add(1); });
      exit_goroutine();
    };
    {
      const delayed_call call = after_func(1ns, ends);
      EXPECT_TRUE(yielding_until([&] { return ended.load() == 1; }));
    }
    EXPECT_TRUE(yielding_until([] { return counted::alive.load() == 1 && goroutine_count() == 1; })) << "after_func";
    {
      auto [ctx, stop] = with_cancel(background());
      const after_done_call call = after_done(ctx, ends);
      stop.cancel();
      EXPECT_TRUE(yielding_until([&] { return ended.load() == 2; }));
    }
    EXPECT_TRUE(yielding_until([] { return counted::alive.load() == 1 && goroutine_count() == 1; })) << "after_done";
    {
      foreign_pool pool(1);
      go([&] {
        at_goroutine_exit([&ended] { ended.fetch_add(1); });
        static_cast<void>(pool.call(background(), [held = counted()] { exit_goroutine(); }));
      });
      EXPECT_TRUE(yielding_until([&] { return ended.load() == 3; }));
      EXPECT_TRUE(pool.call(background(), [] { return 1; })) << "the worker is there";
    }
    EXPECT_TRUE(yielding_until([] { return counted::alive.load() == 1 && goroutine_count() == 1; })) << "foreign_pool";
    go([&] { first.call([] { exit_goroutine(); }); });
    EXPECT_TRUE(yielding_until([] { return goroutine_count() == 1; }));
    bool again = false;
    first.call([&] { again = true; });
    EXPECT_FALSE(again);
  });
  EXPECT_EQ(counted::alive.load(), 0);
}

TEST(exit_goroutine, in_the_init_of_a_program_leaves_its_thread) {
  static bool seen = false;
  options chosen;
  chosen.processors = 1;
  chosen.init = [] {
    at_goroutine_exit([] { seen = this_machine()->lock_count.get() == 0; });
    go([] { std::_Exit(seen ? 7 : 1); });
    exit_goroutine();
  };
  EXPECT_EXIT(run(chosen, [] {}), testing::ExitedWithCode(7), "");
}

struct refuses_copies : counted {
  refuses_copies() = default;
  refuses_copies(refuses_copies const& other) : counted(other) { throw std::runtime_error("copied"); }
  void operator()() const {}
};

TEST(panic, in_the_copy_of_a_closure_leaves_no_goroutine_and_no_hook) {
  run_on(1, [] {
    const refuses_copies closure;
    for (int i = 0; i < 3; ++i) {
      EXPECT_NE(recover([&] { go(closure); }), nullptr);
      EXPECT_NE(recover([&] { at_goroutine_exit(closure); }), nullptr);
    }
    EXPECT_EQ(goroutine_count(), 1u);
    EXPECT_EQ(counted::alive.load(), 1);
    const locked hold(here().lock);
    std::uint32_t records = 0;
    for (goroutine const* g = here().goroutines.get(); g != nullptr; g = g->all_link.get()) ++records;
    EXPECT_LE(records, 2u);
  });
}

}  // namespace
}  // namespace retake::test
