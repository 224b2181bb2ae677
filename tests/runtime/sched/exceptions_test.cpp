// Exceptions: each goroutine has its own, wherever it goes on. Method: block inside handlers while
// others throw, move between threads, rethrow.
#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "world/thread.hpp"

namespace retake::test {
namespace {

TEST(exceptions, a_goroutine_that_blocks_in_a_handler_goes_on_with_its_own_exception_on_another_thread) {
  run_on(2, [] {
    std::atomic<int> moved{0};
    const std::int64_t until_ns = now_ns() + patience_ns;
    while (moved.load() == 0 && now_ns() < until_ns) {
      wait_group all;
      for (int name = 0; name < 8; ++name) {
        all.add(1);
        go([&, name] {
          try {
            throw std::runtime_error(std::to_string(name));
          } catch (std::exception const& mine) {
            const std::uint64_t before = world::thread_id();
            for (int i = 0; i < 50; ++i) {
              if (i % 5 == 0)
                sleep_for(1us);
              else
                yield();
              EXPECT_EQ(mine.what(), std::to_string(name));
              try {
                throw i;
              } catch (int inner) { EXPECT_EQ(inner, i); }
            }
            if (world::thread_id() != before) moved.fetch_add(1);
            try {
              throw;
            } catch (std::runtime_error const& again) { EXPECT_EQ(again.what(), std::to_string(name)); }
          }
          EXPECT_EQ(std::uncaught_exceptions(), 0);
          EXPECT_EQ(std::current_exception(), nullptr);
          all.done();
        });
      }
      all.wait();
    }
    EXPECT_GT(moved.load(), 0);
  });
}

TEST(exceptions, uncaught_exceptions_is_counted_per_goroutine) {
  run_on(1, [] {
    wait_group all;
    all.add(1);
    struct blocks_while_unwinding {
      ~blocks_while_unwinding() {
        EXPECT_EQ(std::uncaught_exceptions(), 1);
        yield();
        EXPECT_EQ(std::uncaught_exceptions(), 1);
      }
    };
    go([&] {
      try {
        const blocks_while_unwinding guard;
        throw 1;
      } catch (int) {}
      all.done();
    });
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(std::uncaught_exceptions(), 0);
      yield();
    }
    all.wait();
  });
}

TEST(exceptions, an_exception_of_a_system_call_s_function_passes_through_with_a_p) {
  run_on(2, [] {
    EXPECT_THROW(retake::syscall([] { throw std::runtime_error("x"); }), std::runtime_error);
    yield();  // needs a P
    EXPECT_EQ(retake::syscall([] { return 7; }), 7);
  });
}

TEST(exceptions_death, one_that_leaves_a_goroutine_ends_the_process_with_its_text) {
  EXPECT_EXIT(run_on(1,
                     [] {
                       go([] { throw std::runtime_error("the text of it"); });
                       yield();
                       yield();
                     }),
              testing::ExitedWithCode(2), "the text of it(.|\n)*panic: an exception left a goroutine");
  EXPECT_EXIT(run_on(1, [] { throw 5; }), testing::ExitedWithCode(2), "panic: an exception left a goroutine");
}

}  // namespace
}  // namespace retake::test
