// Signals that come as values, and children that nobody sits and waits for.
#include <array>
#include <csignal>

#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/process.hpp"
#include "retake/signal.hpp"
#include "retake/sync.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

// Two signals, the second while the first is on its way, and every M in a system call or asleep:
// both arrive.
void signals_arrive() {
  run_watched(2, [] {
    constexpr std::array numbers{SIGUSR1, SIGUSR2};
    channel<int> came(2);
    world::require(!notify(came, numbers), "N1: signals cannot be asked for");
    go([numbers] {
      retake::syscall([numbers] {
        sim::kernel::sleep_syscall(30 * us);
        for (const int number : numbers) sim::kernel::raise_signal(number);
      });
    });
    int sum = 0;
    for (int i = 0; i < 2; ++i) sum += *came.receive();
    world::require(sum == SIGUSR1 + SIGUSR2, "N8: a signal comes as another");
    stop_notify(came);
  });
}

// A signal that has been caught when its channel stops, wherever the relay is by then: the channel
// has it, once, although it asked twice.
void signal_and_stop() {
  run_watched(2, [] {
    constexpr std::array one{SIGUSR1};
    constexpr std::array both{SIGUSR1, SIGUSR2};
    channel<int> came(4);
    world::require(!notify(came, one) && !notify(came, both), "N1: signals cannot be asked for");
    retake::syscall([] { sim::kernel::raise_signal(SIGUSR1); });
    stop_notify(came);
    world::require(came.try_receive() == SIGUSR1, "N8: a signal that was caught before a stop is lost");
    world::require(!came.try_receive(), "N8: a signal comes twice");
  });
}

// Two goroutines are the first that want a signal, at one time: there is one relay, and both
// channels have the signal.
void first_requests_at_once() {
  run_watched(2, [] {
    constexpr std::array numbers{SIGUSR1};
    channel<int> mine(1), other(1);
    wait_group asked;
    asked.add(1);
    go([&] {
      world::require(!notify(other, numbers), "N1: signals cannot be asked for");
      asked.done();
    });
    world::require(!notify(mine, numbers), "N1: signals cannot be asked for");
    asked.wait();
    retake::syscall([] { sim::kernel::raise_signal(SIGUSR1); });
    world::require(mine.receive() == SIGUSR1 && other.receive() == SIGUSR1, "N8: a signal comes as another");
    stop_notify(mine);
    stop_notify(other);
  });
}

// Goroutines come back from system calls again and again, each time with something to compute, so
// that the only P always has work. A signal comes: its receiver waits until sysmon has looked into
// the poller and for those that queue before it, and not for those that come back later.
void signal_and_returns() {
  constexpr std::int64_t piece_ns = 500 * us;
  constexpr std::uint32_t pieces_max =
      120;  // two slow calls of 20 ms (sysmon's poll, the reading of the signal), and a slice for each of those before
  const steady_clock steady(piece_ns);
  policy rules = short_slices();
  rules.poll_overdue = 200us;
  run_watched(
      1,
      [] {
        constexpr std::array numbers{SIGTERM};
        constexpr std::uint32_t returning = 3;
        channel<int> came(1);
        world::require(!notify(came, numbers), "N1: signals cannot be asked for");
        world::atomic<std::uint32_t> sent(0), over(0), pieces(0);
        wait_group done;
        done.add(returning);
        for (std::uint32_t i = 0; i < returning; ++i) {
          go([&] {
            while (over.load_relaxed() == 0) {
              call(1);
              compute(piece_ns);
              if (sent.load_relaxed() == 0 || !sim::healing())
                continue;  // before, sysmon may read old values as long as it likes
              world::require(pieces.fetch_add_relaxed(1) < pieces_max,
                             "V2: a signal's receiver is overtaken by goroutines that come back from calls later");
            }
            done.done();
          });
        }
        call(2 * piece_ns);
        retake::syscall([] { sim::kernel::raise_signal(SIGTERM); });
        sent.store_relaxed(1);
        world::require(came.receive() == SIGTERM, "N8: a signal comes as another");
        over.store_relaxed(1);
        done.wait();
        stop_notify(came);
      },
      rules);
}

// A child runs for a while; the only P is there for others, its pipe ends with it, and its code is
// told once.
void child_ends() {
  run_watched(1, [] {
    auto child = spawn({.arguments = {"/sim/sleep", "200", "7"},
                        .environment = {},
                        .directory = {},
                        .output = redirect::pipe,
                        .files = {}});
    world::require(static_cast<bool>(child), "N1: no child");
    wait_group done;
    done.add(1);
    go([&] {
      std::byte one{};
      const auto got = child->output.read(std::span(&one, 1));
      world::require(got && *got == 0, "N8: the end of a child's output is not told");
      done.done();
    });
    const auto status = child->wait();
    world::require(status && status->code == 7 && status->signal == 0, "N8: a child's end is not told");
    world::require(child->wait().error() == std::errc::no_child_process, "N1: a child ends twice");
    done.wait();
  });
}

// The same for one that would run for ever.
void child_is_killed() {
  run_watched(2, [] {
    auto child = spawn({.arguments = {"/sim/sleep", "0", "0"}, .environment = {}, .directory = {}, .files = {}});
    go([&] { static_cast<void>(child->signal(SIGKILL)); });
    const auto status = child->wait();
    world::require(status && status->signal == SIGKILL, "N8: a child's death is not told");
  });
}

process_options sleeper(char const* runs_us, char const* code) {
  process_options options;
  options.arguments = {"/sim/sleep", runs_us, code};
  return options;
}

// A context ends while its program does: the waiter is told one of the two ends. A program that
// would run for ever is told to end, and killed when no signal is named.
void child_and_context() {
  run_watched(2, [] {
    auto [until, stop] = with_timeout(background(), 50us);
    auto child = spawn(sleeper("50", "7"));
    const auto either = child->wait(until);
    world::require(either && (either->signal == SIGKILL || (either->signal == 0 && either->code == 7)),
                   "N8: a child's end is not told");
    auto endless = spawn(sleeper("0", "0"));
    const auto killed = endless->wait(until);
    world::require(killed && killed->signal == SIGKILL, "N8: a context that was done ends no child");
    auto told = spawn(sleeper("0", "0"));
    auto [soon, stop_soon] = with_timeout(background(), 20us);
    const auto ended = told->wait(soon, {.signal = SIGTERM, .delay = 1ms});
    world::require(ended && ended->signal == SIGTERM, "N8: a child is not told to end");
  });
}

// A context's signal and its canceller come at one time: the context is done, and no goroutine is
// left.
void signal_and_canceller() {
  run_watched(2, [] {
    constexpr std::array numbers{SIGUSR1};
    channel<int> beside(1);  // the signal may come after the canceller
    world::require(!notify(beside, numbers), "N1: signals cannot be asked for");
    auto made = with_signals(background(), numbers);
    world::require(made && !made->ctx.error(), "N1: signals cannot be asked for");
    go([] { retake::syscall([] { sim::kernel::raise_signal(SIGUSR1); }); });
    wait_group done;
    done.go([&] { static_cast<void>(made->ctx.done()->receive()); });
    const std::error_code mine = std::make_error_code(std::errc::broken_pipe);
    yield();
    made->cancel.cancel(mine);
    done.wait();
    world::require(beside.receive() == SIGUSR1, "N8: a signal is lost");
    stop_notify(beside);
    const std::error_code cause = made->ctx.cause();
    world::require(cause == mine || cause == std::error_code(SIGUSR1, signal_category()),
                   "V3: a context ends for no reason");
  });
}

}  // namespace

RETAKE_SCENARIO(signals_reach_channels,
                "every signal that was asked for arrives, also one that comes while another is delivered",
                signals_arrive,
                .cannot_bear = {sim::mask_of({sim::fault_kind::signal}),
                                "it counts the signals that come, and the fault sends others"});
RETAKE_SCENARIO(signal_before_stop, "a signal that was caught before its channel stops is in the channel, once",
                signal_and_stop,
                .cannot_bear = {sim::mask_of({sim::fault_kind::signal}),
                                "it counts the signals that come, and the fault sends others"});
RETAKE_SCENARIO(signals_asked_for_at_once,
                "two goroutines that are the first to want a signal, at one time, both get it", first_requests_at_once,
                .cannot_bear = {sim::mask_of({sim::fault_kind::signal}),
                                "it counts the signals that come, and the fault sends others"});
RETAKE_SCENARIO(
    signal_behind_returns,
    "a signal's receiver waits for those that came back from calls before, not for those that come back later",
    signal_and_returns);
RETAKE_SCENARIO(child_ends_by_itself, "the end of a child wakes its waiter, and holds no thread meanwhile", child_ends);
RETAKE_SCENARIO(child_ends_by_signal, "the death of a child wakes its waiter", child_is_killed);
RETAKE_SCENARIO(child_against_context, "a program ends with its context, or before, and its waiter is told which",
                child_and_context);
RETAKE_SCENARIO(signal_against_canceller,
                "a context that a signal and its canceller end is done once, and none listens after it",
                signal_and_canceller,
                .cannot_bear = {sim::mask_of({sim::fault_kind::signal}),
                                "it counts the signals that come, and the fault sends others"});

}  // namespace retake::scenarios
