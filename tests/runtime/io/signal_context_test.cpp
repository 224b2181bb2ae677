// All signals at once, and a context that ends by one. Signals of the real system.
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <system_error>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/leak_check.hpp"
#include "retake/select.hpp"
#include "retake/signal.hpp"

namespace retake::test {
namespace {

constexpr std::array usr1{SIGUSR1};
constexpr std::array both{SIGUSR1, SIGUSR2};

bool has_default_action(int number) {
  struct sigaction now {};
  EXPECT_EQ(::sigaction(number, nullptr, &now), 0);
  return now.sa_handler == SIG_DFL;
}

// Soon.
bool is_done(context const& c) {
  return select(on_receive(c.done(), [](auto) {}), after(5s, [] {})) == 0;
}

TEST(signals, of_all_numbers_come_but_those_that_the_runtime_needs) {
  run_on(2, [] {
    channel<int> came(64);
    ASSERT_FALSE(notify_all(came));
    for (const int number : {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGWINCH, SIGTSTP, SIGCHLD, SIGRTMIN, SIGRTMAX - 1}) {
      ASSERT_EQ(::kill(::getpid(), number), 0);
      EXPECT_EQ(came.receive(), number);
    }
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGKILL, SIGSTOP}) {
      const std::array one{number};
      EXPECT_EQ(notify(came, one), std::errc::invalid_argument) << number;
    }
    ASSERT_EQ(::kill(::getpid(), SIGURG), 0);
    ASSERT_EQ(::kill(::getpid(), SIGUSR2), 0);
    EXPECT_EQ(came.receive(), SIGUSR2) << "SIGURG is the runtime's own";
    stop_notify(came);
    EXPECT_TRUE(has_default_action(SIGWINCH));
  });
}

TEST(signals, make_a_context_done_and_are_its_cause) {
  run_on(2, [] {
    const leak_check leaks;
    {
      auto stop = with_signals(background(), both);
      ASSERT_TRUE(stop) << stop.error().message();
      auto [below, stop_below] = with_cancel(stop->ctx);
      EXPECT_FALSE(stop->ctx.error());
      ASSERT_EQ(::kill(::getpid(), SIGUSR2), 0);
      EXPECT_TRUE(is_done(below));
      EXPECT_EQ(below.error(), std::errc::operation_canceled);
      EXPECT_EQ(below.cause(), std::error_code(SIGUSR2, signal_category()));
      EXPECT_EQ(below.cause().message(), "signal " + std::to_string(SIGUSR2));
      channel<int> seen(1);
      ASSERT_FALSE(notify(seen, usr1));
      ASSERT_EQ(::kill(::getpid(), SIGUSR1), 0) << "a second one is dropped";
      EXPECT_EQ(seen.receive(), SIGUSR1) << "before its default action is back";
      stop_notify(seen);
      stop->cancel.cancel();
      EXPECT_TRUE(has_default_action(SIGUSR1));
      EXPECT_TRUE(has_default_action(SIGUSR2));
    }
    EXPECT_EQ(leaks.report(1s), "");
  });
}

void end_in_turn() {
  auto [parent, stop_parent] = with_cancel(background());
  auto first = with_signals(parent, usr1);
  auto second = with_signals(parent, both);
  auto third = with_signals(background(), usr1);
  ASSERT_TRUE(first && second && third);
  first->cancel.cancel(std::make_error_code(std::errc::broken_pipe));
  EXPECT_EQ(first->ctx.cause(), std::errc::broken_pipe);
  ASSERT_EQ(::kill(::getpid(), SIGUSR1), 0);
  EXPECT_TRUE(is_done(second->ctx) && is_done(third->ctx));
  EXPECT_FALSE(parent.error()) << "above";
  auto fourth = with_signals(parent, usr1);
  ASSERT_TRUE(fourth);
  stop_parent.cancel();
  EXPECT_TRUE(is_done(fourth->ctx));
  EXPECT_EQ(fourth->ctx.cause(), std::errc::operation_canceled);
  EXPECT_FALSE(has_default_action(SIGUSR1)) << "until the canceller's end";
  *first = std::move(*second);  // its end is another's now
  const std::array none{SIGKILL};
  EXPECT_EQ(with_signals(background(), none).error(), std::errc::invalid_argument);
}

TEST(signals, end_no_context_whose_canceller_came_first_or_that_is_another) {
  run_on(2, [] {
    const leak_check leaks;
    end_in_turn();
    EXPECT_EQ(leaks.report(1s), "");
  });
  EXPECT_TRUE(has_default_action(SIGUSR1));
}

}  // namespace
}  // namespace retake::test
