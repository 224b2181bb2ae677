// SIGQUIT: the dump and exit status 2, whatever the threads do: all idle, all computing, all in
// calls, malloc locked.
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "world/last_words.hpp"

namespace retake::test {
namespace {

void ask_after_ns(std::int64_t delay_ns) {
  std::thread([delay_ns] {
    nap_ns(delay_ns);
    ::kill(::getpid(), SIGQUIT);
  }).detach();
}

// A handler on another thread has read the keeper's id, and passes the signal on when the keeper is
// gone and the action is the system's again.
TEST(quit_death, passed_on_to_a_keeper_that_has_left_ends_nothing) {
  EXPECT_EXIT(
      {
        int program = 0;
        std::atomic<int> stage{0};
        world::keep_quit(
            +[](void*) noexcept {}, +[](void*) noexcept {}, &program);
        std::thread keeper([&] {
          world::attend_quit(&program);
          world::leave_quit(&program);
          stage = 1;
          while (stage != 2) nap_ns(1'000);
        });
        while (stage != 1) nap_ns(1'000);
        world::forget_quit(&program);
        ::pthread_kill(keeper.native_handle(), SIGQUIT);
        stage = 2;
        keeper.join();
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "");
}

#define EXPECTED "SIGQUIT: quit\n\ngoroutine 1 \\["

TEST(quit_death, when_everything_sleeps_deeply) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       ask_after_ns(200'000'000);
                       sleep_for(patience);
                     }),
              testing::ExitedWithCode(2), EXPECTED "sleep");
}

TEST(quit_death, when_every_p_computes) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       std::atomic<bool> never{false};
                       ask_after_ns(50'000'000);
                       go([&] {
                         while (!never) nap_ns(1'000);
                       });
                       while (!never) nap_ns(1'000);
                     }),
              testing::ExitedWithCode(2),
              EXPECTED "running\\]:\n\tgoroutine running on other thread; stack unavailable");
}

TEST(quit_death, when_every_thread_is_in_a_call) {
  EXPECT_EXIT(run_on(1,
                     [] {
                       ask_after_ns(50'000'000);
                       retake::syscall([] {
                         for (;;) nap_ns(patience_ns);  // a handler ends a nap
                       });
                     }),
              testing::ExitedWithCode(2), EXPECTED "syscall");
}

// The handler of a thread inside malloc must not walk stacks: one that did would wait for its own
// lock.
TEST(quit_death, when_it_comes_to_a_thread_inside_malloc) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       std::atomic<bool> never{false};
                       ask_after_ns(50'000'000);
                       while (!never) {
                         void* const some = std::malloc(static_cast<std::size_t>(now_ns() % 100'000));
                         asm volatile("" : : "r"(some) : "memory");  // else the compiler needs neither of the two
                         std::free(some);
                       }
                     }),
              testing::ExitedWithCode(2), EXPECTED "running");
}

TEST(quit, is_left_alone_where_the_program_has_its_own_handler) {
  static std::atomic<int> came{0};
  std::signal(SIGQUIT, [](int) { came = 1; });
  run_on(2, [] {
    sleep_for(1ms);
    ::kill(::getpid(), SIGQUIT);
    EXPECT_TRUE(yielding_until([] { return came != 0; }));
  });
  std::signal(SIGQUIT, SIG_DFL);
}

TEST(quit, is_the_kernels_again_after_the_program) {
  run_on(2, [] { sleep_for(1ms); });
  struct sigaction now {};
  ASSERT_EQ(::sigaction(SIGQUIT, nullptr, &now), 0);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace retake::test
