// Children and signals of the real system.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "../program.hpp"
#include "bytes.hpp"
#include "retake/clock.hpp"
#include "retake/process.hpp"
#include "retake/signal.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "shell.hpp"

namespace retake::test {
namespace {

constexpr std::int64_t ms = 1'000'000;

TEST(process, ends_with_its_code_or_its_signal) {
  run_on(2, [] {
    auto ended = spawn(shell("exit 7"));
    ASSERT_TRUE(ended) << ended.error().message();
    auto status = ended->wait();
    EXPECT_TRUE(status && status->code == 7 && status->signal == 0);
    EXPECT_EQ(ended->wait().error(), std::errc::no_child_process);
    EXPECT_EQ(ended->signal(SIGTERM), std::errc::no_such_process) << "the number may be another's by now";
    auto killed = spawn(shell("exec sleep 1000"));
    ASSERT_TRUE(killed);
    EXPECT_FALSE(killed->signal(SIGTERM));
    status = killed->wait();
    EXPECT_TRUE(status && status->signal == SIGTERM);
  });
}

TEST(process, talks_through_its_pipes_in_its_directory_with_its_environment_and_its_files) {
  run_on(2, [] {
    pipe_ends extra = a_pipe();
    process_options options = shell("cat; pwd; echo $WORD; echo to the third >&3; echo trouble >&2");
    options.input = options.output = options.error = redirect::pipe;
    options.environment = std::vector<std::string>{"PATH=/bin:/usr/bin", "WORD=given"};
    options.directory = "/";
    options.files = {extra.writer.descriptor()};
    auto child = spawn(options);
    ASSERT_TRUE(child) << child.error().message();
    extra.writer = stream();
    EXPECT_TRUE(child->input.write(bytes_of("asked\n")));
    child->input = stream();
    EXPECT_EQ(read_all(child->output), "asked\n/\ngiven\n");
    EXPECT_EQ(read_all(child->error), "trouble\n");
    EXPECT_EQ(read_all(extra.reader), "to the third\n");
    EXPECT_TRUE(child->wait());
  });
}

TEST(process, that_cannot_run_is_an_error_and_its_files_are_given_back) {
  run_on(1, [] {
    for (int i = 0; i < 2'000; ++i) {
      process_options options;
      options.arguments = {"/does/not/exist"};
      options.output = redirect::pipe;
      ASSERT_EQ(spawn(options).error(), std::errc::no_such_file_or_directory);
    }
    EXPECT_EQ(spawn({}).error(), std::errc::invalid_argument);
  });
}

TEST(process, waiting_for_many_holds_no_thread_and_ends_at_a_deadline) {
  run_on(2, [] {
    constexpr int count = 20;
    std::vector<process> children;
    for (int i = 0; i < count; ++i) {  // one after the other: the call that starts a program may hold a thread
      auto child = spawn(shell("exec sleep 0.3"));
      ASSERT_TRUE(child);
      children.push_back(std::move(*child));
    }
    std::uint64_t const threads = value(paths().threads_started);
    wait_group all;
    all.add(count);
    for (process& child : children) {
      go([&] {
        EXPECT_TRUE(child.wait());
        all.done();
      });
    }
    all.wait();
    EXPECT_LE(value(paths().threads_started), threads + 4);
    auto slow = spawn(shell("exec sleep 1000"));
    ASSERT_TRUE(slow);
    EXPECT_FALSE(slow->set_deadline(deadline_in(20ms)));
    EXPECT_EQ(slow->wait().error(), std::errc::timed_out);
    EXPECT_FALSE(slow->signal(SIGKILL));
    EXPECT_FALSE(slow->set_deadline(no_deadline));
    EXPECT_TRUE(slow->wait());
  });
}

// Ignored: at the start, by the runtime's call, by a channel's stop, between the start of the child
// and its wait by the program or by the runtime's call, before the child ends.
TEST(process, is_found_although_sigchld_is_ignored) {
  struct sigaction no_zombies {};
  no_zombies.sa_handler = [](int) {};
  no_zombies.sa_flags = SA_NOCLDWAIT;
  static constexpr std::array child_signal{SIGCHLD};
  for (int way = 0; way < 6; ++way) {
    ::signal(SIGCHLD, way == 0 || way == 3 ? SIG_IGN : SIG_DFL);
    if (way == 1) { ASSERT_EQ(::sigaction(SIGCHLD, &no_zombies, nullptr), 0); }
    run_on(1, [way] {
      if (way == 2) { ASSERT_FALSE(ignore_signals(child_signal)); }
      channel<int> came(4);
      if (way == 3) { ASSERT_FALSE(notify(came, child_signal)); }
      auto child = spawn(shell("read line; exit 7"));
      if (way == 3) stop_notify(came);
      if (way == 4) {
        child = spawn(shell("exec sleep 0.05"));
        ::signal(SIGCHLD, SIG_IGN);
      }
      if (way == 5) {
        child = spawn(shell("exec sleep 0.05"));
        ASSERT_FALSE(ignore_signals(child_signal));
      }
      ASSERT_TRUE(child) << way << ": " << child.error().message();
      if (way != 4) sleep_for(way == 5 ? 200ms : 20ms);  // it has ended
      const auto status = child->wait();
      ASSERT_TRUE(status) << way << ": " << status.error().message();
      EXPECT_EQ(status->code, way >= 4 ? 0 : 7) << way;
    });
  }
  ::signal(SIGCHLD, SIG_DFL);
}

TEST(signals, arrive_on_every_channel_that_asked_and_no_other) {
  run_on(2, [] {
    static constexpr std::array both{SIGUSR1, SIGUSR2};
    channel<int> first(4), second(4);
    ASSERT_FALSE(notify(first, both));
    ASSERT_FALSE(notify(second, std::span(both).first(1)));
    EXPECT_EQ(::kill(::getpid(), SIGUSR2), 0);
    EXPECT_EQ(*first.receive(), SIGUSR2);
    EXPECT_EQ(::kill(::getpid(), SIGUSR1), 0);
    EXPECT_EQ(*first.receive(), SIGUSR1);
    EXPECT_EQ(*second.receive(), SIGUSR1);
    stop_notify(first);
    EXPECT_EQ(::kill(::getpid(), SIGUSR1), 0);
    EXPECT_EQ(*second.receive(), SIGUSR1);
    EXPECT_EQ(first.size(), 0u);
    EXPECT_FALSE(ignore_signals(both));
    EXPECT_EQ(::kill(::getpid(), SIGUSR1), 0);
    EXPECT_FALSE(reset_signals(both));
    struct sigaction now {};
    EXPECT_EQ(::sigaction(SIGUSR1, nullptr, &now), 0);
    EXPECT_EQ(now.sa_handler, SIG_DFL);
    stop_notify(second);
    static constexpr std::array impossible{SIGKILL};
    EXPECT_EQ(notify(first, impossible), std::errc::invalid_argument);
  });
  struct sigaction after {};
  EXPECT_EQ(::sigaction(SIGUSR2, nullptr, &after), 0);
  EXPECT_EQ(after.sa_handler, SIG_DFL) << "what the program took it gives back";
}

// The only P is not given up for a while: the metrics say that the signal waited, and no longer
// than from before it was sent.
TEST(signals, metrics_tell_how_long_they_waited_for_a_processor) {
  run_on(1, [] {
    constexpr std::int64_t busy_ns = 30 * ms;
    static constexpr std::array numbers{SIGUSR1};
    channel<int> came(1);
    ASSERT_FALSE(notify(came, numbers));
    const std::int64_t before_ns = now_ns();
    EXPECT_EQ(::raise(SIGUSR1), 0);  // to this thread: it has come when this returns
    nap_ns(busy_ns);
    EXPECT_EQ(*came.receive(), SIGUSR1);
    const auto waited_ns = static_cast<std::int64_t>(value(paths().signals_waited_ns));
    EXPECT_EQ(value(paths().signals_told), 1u);
    EXPECT_GE(waited_ns, busy_ns);
    EXPECT_LE(waited_ns, now_ns() - before_ns);
    stop_notify(came);
  });
}

// The handler runs at once on a thread in a system call; what is measured is how long its receiver
// waits while every M sits in one.
TEST(signals, arrive_while_every_thread_is_in_a_system_call_and_the_latency_is_told) {
  run_on(2, [] {
    constexpr int rounds = 50, callers = 4;
    static constexpr std::array numbers{SIGUSR1};
    channel<int> came(1);
    ASSERT_FALSE(notify(came, numbers));
    int block[2];
    ASSERT_EQ(::pipe(block), 0);
    wait_group all;
    all.add(callers);
    for (int i = 0; i < callers; ++i) {
      go([&] {
        syscall([&] {
          pollfd let_go{block[0], POLLIN, 0};  // a call that ThreadSanitizer lets handlers into
          while (::poll(&let_go, 1, -1) != 1) EXPECT_EQ(errno, EINTR);
        });
        all.done();
      });
    }
    std::atomic<std::int64_t> sent_ns{0};
    std::atomic<bool> over{false};
    std::vector<std::int64_t> took_ns;
    std::thread sender([&] {
      while (!over.load()) {
        nap_ns(3 * ms);
        std::int64_t expected = 0;
        if (sent_ns.compare_exchange_strong(expected, now_ns())) ::kill(::getpid(), SIGUSR1);
      }
    });
    for (int i = 0; i < rounds; ++i) {
      EXPECT_EQ(*came.receive(), SIGUSR1);
      took_ns.push_back(now_ns() - sent_ns.load());
      sent_ns.store(0);
    }
    over = true;
    sender.join();
    EXPECT_EQ(::write(block[1], "x", 1), 1);
    all.wait();
    stop_notify(came);
    ::close(block[0]);
    ::close(block[1]);
    std::sort(took_ns.begin(), took_ns.end());
    std::printf("[  signals ] to its goroutine beside %d threads in system calls: p50 %.1f us, p98 %.1f us\n", callers,
                static_cast<double>(took_ns[rounds / 2]) / 1e3, static_cast<double>(took_ns[rounds - 1]) / 1e3);
    if (!under_sanitizer) {
      EXPECT_LT(took_ns[rounds / 2], 50 * ms) << "the monitor polls every 10 ms if nobody else does";
    }
  });
}

}  // namespace
}  // namespace retake::test
