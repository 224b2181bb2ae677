// What a signal that was asked for does at the edges: at a stop, at a second request, before and
// after a program. Signals of the real system.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/leak_check.hpp"
#include "retake/signal.hpp"
#include "retake/stream.hpp"
#include "retake/syscall.hpp"
#include "retake/unix.hpp"

namespace retake::test {
namespace {

constexpr std::array usr1{SIGUSR1};
constexpr std::array both{SIGUSR1, SIGUSR2};

struct sigaction action_of(int number) {
  struct sigaction now {};
  EXPECT_EQ(::sigaction(number, nullptr, &now), 0);
  return now;
}

std::atomic<int> handled{0};
void count(int) { ++handled; }

// The only P is not given up between the signal and the stop: no goroutine of the runtime can have
// relayed it.
TEST(signals, that_were_caught_before_a_stop_are_relayed) {
  run_on(1, [] {
    for (int round = 0; round < 20; ++round) {
      channel<int> came(4);
      ASSERT_FALSE(notify(came, usr1));
      ASSERT_EQ(::raise(SIGUSR1), 0);
      switch (round % 3) {
        case 0: stop_notify(came); break;
        case 1: ASSERT_FALSE(reset_signals(usr1)); break;
        case 2: ASSERT_FALSE(ignore_signals(usr1)); break;
      }
      EXPECT_EQ(came.try_receive(), SIGUSR1) << round;
      ASSERT_FALSE(reset_signals(usr1));
      stop_notify(came);
    }
  });
}

// Another thread sends while channels come and go: each signal is in the channel that wanted it, or
// the program's own handler has it.
TEST(signals, that_come_during_a_stop_are_relayed_or_take_the_action_of_before) {
  constexpr int rounds = 3'000;
  std::signal(SIGUSR1, count);
  int relayed = 0;
  std::atomic<int> asked_for{0}, sent{0};
  std::thread sender([&] {
    for (int round = 1; round <= rounds; ++round) {
      while (asked_for.load() < round) std::this_thread::yield();
      ::raise(SIGUSR1);
      sent.store(round);
    }
  });
  run_on(1, [&] {
    for (int round = 1; round <= rounds; ++round) {
      channel<int> came(1);
      ASSERT_FALSE(notify(came, usr1));
      asked_for.store(round);
      for (int i = 0; i < round % 64 * 8; ++i) asm volatile("");
      stop_notify(came);
      while (sent.load() < round) std::this_thread::yield();
      if (came.try_receive()) ++relayed;
      ASSERT_EQ(relayed + handled, round);
    }
  });
  sender.join();
  std::signal(SIGUSR1, SIG_DFL);
}

TEST(signals, of_two_requests_for_one_channel_are_sent_once_each) {
  run_on(1, [] {
    channel<int> came(4);
    ASSERT_FALSE(notify(came, usr1));
    ASSERT_FALSE(notify(came, both));
    ASSERT_EQ(::raise(SIGUSR1), 0);
    EXPECT_EQ(*came.receive(), SIGUSR1);
    ASSERT_EQ(::raise(SIGUSR2), 0);
    EXPECT_EQ(*came.receive(), SIGUSR2);
    sleep_for(1ms);
    EXPECT_EQ(came.size(), 0u);
    stop_notify(came);
    EXPECT_EQ(action_of(SIGUSR1).sa_handler, SIG_DFL);
    EXPECT_EQ(action_of(SIGUSR2).sa_handler, SIG_DFL);
  });
}

TEST(signals, of_an_earlier_program_are_not_relayed_to_a_later_one) {
  channel<int> first(4);
  run_on(1, [&] {
    ASSERT_FALSE(notify(first, both));
    ASSERT_EQ(::raise(SIGUSR1), 0);
  });
  run_on(1, [] {
    channel<int> came(4);
    ASSERT_FALSE(notify(came, both));
    ASSERT_EQ(::raise(SIGUSR2), 0);
    EXPECT_EQ(*came.receive(), SIGUSR2);
    sleep_for(1ms);
    EXPECT_EQ(came.size(), 0u);
    stop_notify(came);
  });
}

// Ends in: a stop, a reset, the end of the program; each after an ignore as well.
TEST(signals, have_the_action_again_that_they_had_at_the_start) {
  for (auto* const start : {SIG_IGN, SIG_DFL, &count}) {
    for (int way = 0; way < 6; ++way) {
      std::signal(SIGUSR1, start);
      channel<int> came(4);
      run_on(1, [&] {
        if (way % 2 == 1) { ASSERT_FALSE(ignore_signals(usr1)); }
        ASSERT_FALSE(notify(came, usr1));
        ASSERT_EQ(::raise(SIGUSR1), 0);
        EXPECT_EQ(*came.receive(), SIGUSR1);
        if (way / 2 == 0) stop_notify(came);
        if (way / 2 == 1) { ASSERT_FALSE(reset_signals(usr1)); }
        if (way / 2 != 2) { EXPECT_EQ(action_of(SIGUSR1).sa_handler, start) << way; }
      });
      EXPECT_EQ(action_of(SIGUSR1).sa_handler, start) << way;
    }
  }
  std::signal(SIGUSR1, SIG_DFL);
}

TEST(signals, leave_no_goroutine_behind) {
  run_on(1, [] {
    const std::uint64_t before = goroutine_count();
    const leak_check leaks;
    channel<int> came(1);
    ASSERT_FALSE(notify(came, usr1));
    EXPECT_EQ(leaks.report(50ms), "") << "while a channel listens";
    stop_notify(came);
    EXPECT_EQ(leaks.report(50ms), "");
    EXPECT_TRUE(yielding_until([&] { return goroutine_count() == before; }));
    ASSERT_FALSE(notify(came, usr1));
    ASSERT_EQ(::raise(SIGUSR1), 0);
    EXPECT_EQ(*came.receive(), SIGUSR1) << "relayed again after a pause";
    stop_notify(came);
  });
}

TEST(deadlock_death, it_is_reported_after_the_last_channel_has_stopped_listening) {
  EXPECT_EXIT(run_on(1,
                     [] {
                       channel<int> came(1);
                       ASSERT_FALSE(notify(came, usr1));
                       sleep_for(1ms);
                       stop_notify(came);
                       static_cast<void>(came.receive());
                     }),
              testing::ExitedWithCode(2), "all goroutines are asleep");
}

// ---- SIGQUIT from the first instruction of main to its last ----

constexpr std::array quit{SIGQUIT};
#define EXPECTED "SIGQUIT: quit\n\ngoroutine 1 \\["

TEST(quit_death, as_the_first_that_main_does) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EXIT(run_on(2,
                       [] {
                         ::kill(::getpid(), SIGQUIT);
                         sleep_for(patience);
                       }),
                testing::ExitedWithCode(2), EXPECTED);
  }
}

TEST(quit_death, as_the_last_that_main_does) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       sleep_for(1ms);
                       ::raise(SIGQUIT);
                     }),
              testing::ExitedWithCode(2), EXPECTED "running");
}

// The thread that the kernel chooses for it sleeps, and may handle it only when main has returned.
TEST(quit_death, on_its_way_when_main_returns) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       sleep_for(1ms);
                       ::kill(::getpid(), SIGQUIT);
                     }),
              testing::ExitedWithCode(2), EXPECTED);
}

TEST(quit_death, after_main_has_returned) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       std::atomic<bool> begun{false};
                       go([&begun] {
                         scheduler& s = here();
                         retake::syscall([&] {
                           begun = true;
                           while (s.goroutines_ended.load_relaxed() == 0) nap_ns(20'000);
                           ::raise(SIGQUIT);
                         });
                       });
                       while (!begun) yield();
                     }),
              testing::ExitedWithCode(2), EXPECTED "main has returned");
}

TEST(quit_death, as_all_that_main_does) {
  EXPECT_EXIT(run_on(1, [] { ::kill(::getpid(), SIGQUIT); }), testing::ExitedWithCode(2), EXPECTED);
}

TEST(quit_death, after_channels_have_stopped_and_after_a_reset) {
  for (const bool reset : {false, true}) {
    EXPECT_EXIT(run_on(2,
                       [reset] {
                         channel<int> came(1);
                         ASSERT_FALSE(notify(came, quit));
                         ::kill(::getpid(), SIGQUIT);
                         ASSERT_EQ(*came.receive(), SIGQUIT);
                         if (reset) {
                           ASSERT_FALSE(ignore_signals(quit));
                           ASSERT_FALSE(reset_signals(quit));
                         } else {
                           stop_notify(came);
                         }
                         ::kill(::getpid(), SIGQUIT);
                         sleep_for(patience);
                       }),
                testing::ExitedWithCode(2), EXPECTED);
  }
}

TEST(quit, is_the_kernels_again_although_a_channel_listened_to_the_end) {
  channel<int> came(1);
  run_on(2, [&] {
    ASSERT_FALSE(notify(came, quit));
    sleep_for(1ms);  // the relay waits in the poller
  });
  EXPECT_EQ(action_of(SIGQUIT).sa_handler, SIG_DFL);
}

// ---- SIGPIPE ----

constexpr std::array broken_pipe{SIGPIPE};

// Descriptor `fd` becomes a pipe, or a socket, that has no reader.
void break_descriptor(int fd, bool is_socket = false) {
  int ends[2];
  ASSERT_EQ(is_socket ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : ::pipe(ends), 0);
  ::close(ends[0]);
  ASSERT_EQ(::dup2(ends[1], fd), fd);
  ::close(ends[1]);
}

int write_one(int fd) {
  return retake::syscall([fd] { return ::write(fd, "x", 1) < 0 ? errno : 0; });
}

TEST(broken_pipe_death, on_standard_output_or_error_ends_the_program) {
  for (const int fd : {1, 2}) {
    for (const bool is_socket : {false, true}) {
      EXPECT_EXIT(run_on(1,
                         [=] {
                           break_descriptor(fd, is_socket);
                           static_cast<void>(write_one(fd));
                         }),
                  testing::KilledBySignal(SIGPIPE), "");
    }
  }
  EXPECT_EXIT(run_on(1,
                     [] {
                       break_descriptor(1);
                       std::printf("some");
                       std::fflush(stdout);
                     }),
              testing::KilledBySignal(SIGPIPE), "");
}

TEST(broken_pipe_death, by_a_stream_of_standard_output_ends_the_program) {
  EXPECT_EXIT(run_on(1,
                     [] {
                       break_descriptor(1);
                       auto out = adopt(1);
                       static_cast<void>(out->write(std::as_bytes(std::span("x", 1))));
                     }),
              testing::KilledBySignal(SIGPIPE), "");
}

TEST(broken_pipe_death, by_a_copy_to_standard_output_ends_the_program) {
  EXPECT_EXIT(run_on(1,
                     [] {
                       break_descriptor(1);
                       int source[2];
                       if (::pipe(source) != 0 || ::write(source[1], "x", 1) != 1) ::_exit(3);
                       auto out = adopt(1), in = adopt(source[0]);
                       static_cast<void>(copy(*out, *in));
                     }),
              testing::KilledBySignal(SIGPIPE), "");
}

TEST(broken_pipe_death, by_a_message_with_descriptors_on_standard_output_ends_the_program) {
  EXPECT_EXIT(run_on(1,
                     [] {
                       ::close(1);
                       auto pair = unix_pair();
                       if (pair->first.descriptor() != 1) ::_exit(3);
                       pair->second.close();
                       const std::array passed{0};
                       static_cast<void>(pair->first.send(std::as_bytes(std::span("x", 1)), passed));
                     }),
              testing::KilledBySignal(SIGPIPE), "");
}

TEST(broken_pipe_death, after_its_channel_has_stopped_ends_the_program) {
  EXPECT_EXIT(run_on(1,
                     [] {
                       break_descriptor(1);
                       channel<int> came(4);
                       if (notify(came, broken_pipe)) ::_exit(3);
                       if (write_one(1) != EPIPE) ::_exit(4);
                       if (*came.receive() != SIGPIPE) ::_exit(5);
                       stop_notify(came);
                       static_cast<void>(write_one(1));
                     }),
              testing::KilledBySignal(SIGPIPE), "");
}

TEST(broken_pipe, on_another_descriptor_is_an_error) {
  run_on(1, [] {
    const int saved = ::dup(1);
    break_descriptor(1);  // that standard output is broken as well changes nothing
    for (const bool is_socket : {false, true}) {
      const int other = ::dup(saved);
      break_descriptor(other, is_socket);
      EXPECT_EQ(write_one(other), EPIPE);
      ::close(other);
    }
    EXPECT_EQ(::kill(::getpid(), SIGPIPE), 0);
    ASSERT_FALSE(ignore_signals(broken_pipe));
    EXPECT_EQ(write_one(1), EPIPE) << "the program ignores it";
    ASSERT_EQ(::dup2(saved, 1), 1);
    ::close(saved);
  });
}

TEST(broken_pipe, is_left_to_a_handler_of_the_program) {
  handled = 0;
  std::signal(SIGPIPE, count);
  run_on(1, [] {
    const int saved = ::dup(1);
    break_descriptor(1);
    EXPECT_EQ(write_one(1), EPIPE);
    ASSERT_EQ(::dup2(saved, 1), 1);
    ::close(saved);
  });
  EXPECT_EQ(handled, 1);
  std::signal(SIGPIPE, SIG_DFL);
}

}  // namespace
}  // namespace retake::test
