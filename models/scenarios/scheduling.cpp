// Work, who looks for it, and the stop of the world.
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/net.hpp"
#include "retake/panic.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sched/scheduler.hpp"
#include "world/clock.hpp"
#include "world/limits.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

// The last spinner gives up while a goroutine is submitted; the submitter then blocks in a call, so
// that only the spinner can run it.
void submit_and_spin() {
  run_watched(2, [] {
    wait_group done;
    done.add(2);
    go([&] {
      go([&] { done.done(); });
      call(200 * us);
      done.done();
    });
    call(200 * us);
    done.wait();
  });
}

// The submitter computes on without a call of the runtime: only another M can run what it
// submitted, and only if somebody wakes it.
void submit_and_compute() {
  run_watched(2, [] {
    wait_group done;
    done.add(3);
    for (int i = 0; i < 3; ++i) {
      go([&] { done.done(); });
      compute(100 * us);
    }
    done.wait();
  });
}

// Goroutines that sit in calls long enough to lose their Ps: `others.done()` when one has ended.
void start_callers(std::uint32_t n, wait_group& others) {
  others.add(static_cast<int>(n));
  for (std::uint32_t i = 0; i < n; ++i) {
    go([&others] {
      for (int k = 0; k < 2; ++k) call(90 * us);
      others.done();
    });
  }
}

// The same while the other Ps are taken out of system calls: whoever hands one off decides between
// a spinner and the idle list.
void submit_beside_handoff(std::uint32_t processors) {
  run_watched(processors, [=] {
    wait_group done;
    done.add(3);
    start_callers(processors - 1, done);
    yield();
    for (int i = 0; i < 3; ++i) {
      go([&] { done.done(); });
      compute(70 * us);
    }
    done.wait();
  });
}

void submit_beside_one_handoff() { submit_beside_handoff(2); }
void submit_beside_two_handoffs() { submit_beside_handoff(3); }

// A goroutine wakes one that computes for long, and yields to it: it stands in the global queue,
// and only another M can run it.
void yield_and_compute() {
  run_watched(2, [] {
    for (int i = 0; i < 2; ++i) {
      wait_group woken, done;
      woken.add(1);
      done.add(1);
      go([&] {
        woken.done();
        yield();
        done.done();
      });
      woken.wait();
      compute(100 * us);
      done.wait();
    }
  });
}

// The same while another P is handed off: a goroutine comes into the global queue between the two
// looks at it.
void yield_beside_handoff() {
  run_watched(3, [] {
    wait_group callers;
    start_callers(2, callers);
    yield();
    for (int i = 0; i < 3; ++i) {
      wait_group woken, done;
      woken.add(1);
      done.add(2);
      go([&] { done.done(); });
      go([&] {
        woken.done();
        yield();
        done.done();
      });
      woken.wait();
      compute(70 * us);
      done.wait();
    }
    callers.wait();
  });
}

// An M parks while another is about to start it.
void park_and_start() {
  run_watched(3, [] {
    channel<int> c;
    wait_group done;
    done.add(2);
    for (int i = 0; i < 2; ++i) {
      go([&] {
        static_cast<void>(c.receive());
        done.done();
      });
    }
    for (int i = 0; i < 2; ++i) c.send(i);
    done.wait();
  });
}

// More goroutines than a ring holds, on two Ps: overflow, stealing, `next`.
void overflow_and_steal() {
  run_watched(2, [] {
    wait_group done;
    done.add(9);
    std::uint32_t ran = 0;
    mutex guard;
    for (int i = 0; i < 9; ++i) {
      go([&] {
        guard.lock();
        ++ran;
        guard.unlock();
        done.done();
      });
    }
    done.wait();
    world::require(ran == 9, "G9: a goroutine did not run, or ran twice");
  });
}

// All Ps stop, wherever they are, also those whose calls return meanwhile; then all go on.
void stop_and_returns() {
  run_watched(2, [] {
    wait_group done;
    done.add(2);
    world::plain<std::uint32_t> shared(0);
    for (int i = 0; i < 2; ++i) {
      go([&] {
        for (int k = 0; k < 2; ++k) {
          call(7 * us);
          const std::uint32_t seen = shared.get();  // a race with the stopper unless the world really stops
          world::require(seen <= 2, "P8: a value from nowhere");
        }
        done.done();
      });
    }
    for (std::uint32_t i = 0; i < 2; ++i) {
      yield();
      stop_the_world();
      shared.set(i);
      start_the_world();
    }
    done.wait();
  });
}

// A call that is being entered while the world stops lasts far longer than any stop may take.
void stop_and_long_call() {
  const steady_clock steady(2 * ms);
  policy rules;
  rules.stop_again = 5ms;
  run_watched(
      2,
      [] {
        wait_group done;
        done.add(1);
        go([&] {
          call(100 * ms);
          done.done();
        });
        yield();
        const std::int64_t before_ns = world::nanotime();
        stop_the_world();
        const std::int64_t took_ns = world::nanotime() - before_ns;
        world::require(took_ns < 50 * ms, "V4: the stop of the world waits for a system call");
        start_the_world();
        done.wait();
      },
      rules);
}

// Two stoppers at once.
void two_stoppers() {
  run_watched(2, [] {
    wait_group done;
    done.add(2);
    for (int i = 0; i < 2; ++i) {
      go([&] {
        stop_the_world();
        start_the_world();
        done.done();
      });
    }
    done.wait();
  });
}

// Everybody waits for everybody: a deadlock, reported once it is certain.
void everybody_waits() {
  run_watched(2, [] {
    channel<int> never;
    go([&] { static_cast<void>(never.receive()); });
    static_cast<void>(never.receive());
  });
}

// The same with threads that belong to their goroutines, among them one that waits, one that has
// ended, perhaps the main thread, and one in a call.
void locked_wait_too() {
  run_watched(2, [] {
    channel<int> never;
    go([&] {
      const os_thread_lock hold;
      static_cast<void>(never.receive());
    });
    const os_thread_lock hold;
    static_cast<void>(never.receive());
  });
}

void after_a_thread_has_ended() {
  run_watched(2, [] {
    channel<int> never;
    go([] {
      lock_os_thread();
      yield();
    });
    static_cast<void>(never.receive());
  });
}

void after_a_call_has_returned() {
  run_watched(2, [] {
    channel<int> never;
    go([] {
      const os_thread_lock hold;
      call(60 * us);
    });
    static_cast<void>(never.receive());
  });
}

// Nobody runs but a sleeper will: no deadlock.
void only_a_sleeper() {
  run_watched(1, [] {
    channel<int> later;
    go([&] {
      sleep_for(50us);
      later.send(1);
    });
    static_cast<void>(later.receive());
  });
}

// A mutex under three goroutines that yield while they hold it.
void mutex_excludes() {
  run_watched(2, [] {
    mutex guard;
    world::plain<std::uint32_t> inside(0);
    wait_group done;
    done.add(3);
    for (int i = 0; i < 3; ++i) {
      go([&] {
        guard.lock();
        inside.set(inside.get() + 1);
        yield();
        inside.set(inside.get() - 1);
        guard.unlock();
        done.done();
      });
    }
    done.wait();
    world::require(inside.get() == 0, "G2: two goroutines held one mutex");
  });
}

// One goroutine lets more go than a ring holds.
void many_waiters() {
  run_watched(2, [] {
    constexpr int waiters = world::limits::run_queue_capacity + 2;
    wait_group start, done;
    start.add(1);
    done.add(waiters);
    for (int i = 0; i < waiters; ++i) {
      go([&] {
        start.wait();
        done.done();
      });
    }
    sleep_for(50us);  // all wait
    start.done();
    done.wait();
  });
}

// A channel is closed while senders wait, more than a ring holds: each is told.
void close_on_senders() {
  run_watched(2, [] {
    constexpr int senders = world::limits::run_queue_capacity + 2;
    channel<int> c;
    world::atomic<std::uint32_t> told(0);
    wait_group done;
    done.add(senders);
    for (int i = 0; i < senders; ++i) {
      go([&, i] {
        try {
          c.send(i);
        } catch (closed_channel const&) { told.fetch_add_relaxed(1); }
        done.done();
      });
    }
    const auto one = c.receive();
    c.close();
    done.wait();
    world::require(one.has_value() && told.load_relaxed() == senders - 1,
                   "G6: a sender on a channel that is closed is not told");
  });
}

// A channel is closed while receivers wait and values are buffered.
void close_channel() {
  run_watched(2, [] {
    channel<int> c(2);
    wait_group done;
    done.add(2);
    world::atomic<std::uint32_t> got(0);
    for (int i = 0; i < 2; ++i) {
      go([&] {
        while (c.receive()) got.fetch_add_relaxed(1);
        done.done();
      });
    }
    for (int i = 0; i < 3; ++i) c.send(i);
    c.close();
    done.wait();
    world::require(got.load_relaxed() == 3, "G6: a buffered value is lost at the close");
  });
}

// The main goroutine ends while others run, compute without end, wait, sleep and call: every thread
// goes home.
void main_ends_first() {
  checkers::expectations what;
  what.everything_ends = false;
  run_watched(
      3,
      [] {
        go([] {
          for (;;) {
            compute(20 * us);
            preempt_point();
          }
        });
        go([] {
          for (int i = 0; i < 3; ++i) yield();
        });
        go([] { call(30 * us); });
        go([] { sleep_for(1h); });
        yield();
      },
      policy{}, what);
}

// The same while an M blocks in the poller, without limit, for a goroutine whose bytes never come.
void main_ends_beside_reader() {
  checkers::expectations what;
  what.everything_ends = false;
  alignas(pipe_ends) std::byte room[sizeof(pipe_ends)];  // never destroyed: nobody closes it
  run_watched(
      2,
      [&room] {
        auto* const ends = new (room) pipe_ends(std::move(*make_pipe()));
        go([ends] {
          std::byte one{};
          static_cast<void>(ends->reader.read(std::span(&one, 1)));
        });
        go([] { call(30 * us); });
        sleep_for(20us);
        go([] { yield(); });
        yield();
      },
      policy{}, what);
}

// Goroutines end in the middle, by their own wish; main among them. Their hooks run; then nobody is
// left.
void exits() {
  channel<int> ended(2);  // outlives main
  run_watched(2, [&] {
    for (int i = 0; i < 2; ++i) {
      go([&] {
        at_goroutine_exit([&] { ended.send(1); });
        yield();
        exit_goroutine();
      });
    }
    for (int i = 0; i < 2; ++i) static_cast<void>(ended.receive());
    exit_goroutine();
  });
}

}  // namespace

RETAKE_SCENARIO(submit_against_last_spinner, "a goroutine submitted while the last spinner gives up is run",
                submit_and_spin);
RETAKE_SCENARIO(submit_and_compute_on, "a goroutine submitted by one that computes on is run by an idle P",
                submit_and_compute);
RETAKE_SCENARIO(submit_against_handoff,
                "a goroutine submitted by one that computes on is run by the P that is handed off meanwhile",
                submit_beside_one_handoff);
RETAKE_SCENARIO(submit_against_handoffs,
                "a goroutine submitted by one that computes on is run by one of the Ps that are handed off meanwhile",
                submit_beside_two_handoffs);
RETAKE_SCENARIO(yield_against_handoff,
                "a goroutine that yields to one that computes on is run by the P that is handed off meanwhile",
                yield_beside_handoff);
RETAKE_SCENARIO(yield_beside_last_spinner, "a goroutine that yields to one that computes on is run by an idle P",
                yield_and_compute);
RETAKE_SCENARIO(park_and_start_m, "an M that parks is started by whoever finds it, once", park_and_start);
RETAKE_SCENARIO(overflow_and_stealing, "no goroutine is lost or run twice when rings overflow and are stolen from",
                overflow_and_steal);
RETAKE_SCENARIO(stop_against_returns, "the world stops although calls return, and goes on", stop_and_returns);
RETAKE_SCENARIO(stop_against_long_call, "the world stops although a system call that is being entered lasts for ever",
                stop_and_long_call);
RETAKE_SCENARIO(two_stoppers_queue, "two stoppers of the world take turns", two_stoppers);
RETAKE_SCENARIO(sleeper_is_no_deadlock, "a program whose only hope is a timer is not deadlocked", only_a_sleeper);
RETAKE_SCENARIO(mutex_is_exclusive, "a mutex has one holder and forgets no waiter", mutex_excludes);
RETAKE_SCENARIO(channel_close_drains, "a closed channel gives what it holds and then ends", close_channel);
RETAKE_SCENARIO(channel_close_tells_senders, "a close ends every send that waits, with an error", close_on_senders);
RETAKE_SCENARIO(many_waiters_wake, "a goroutine that lets many go loses none", many_waiters);
RETAKE_SCENARIO(main_ends_before_others, "when main ends every thread goes home", main_ends_first);
RETAKE_SCENARIO(main_ends_beside_poller, "when main ends a thread that blocks in the poller goes home",
                main_ends_beside_reader);

constexpr char const* deadlock = "all goroutines are asleep - deadlock!";
RETAKE_SCENARIO(everybody_exits,
                "goroutines that end themselves run their hooks, and when main has done so too the program says that "
                "nobody is left",
                exits, .expected_fatal = "no goroutines (main called exit_goroutine) - deadlock!");
RETAKE_SCENARIO(deadlock_is_reported, "when no goroutine can ever run again the program says so", everybody_waits,
                .expected_fatal = deadlock);
RETAKE_SCENARIO(deadlock_of_locked, "when locked goroutines wait for ever the program says so", locked_wait_too,
                .expected_fatal = deadlock);
RETAKE_SCENARIO(deadlock_after_end, "when all wait for ever beside a thread that has ended the program says so",
                after_a_thread_has_ended, .expected_fatal = deadlock);
RETAKE_SCENARIO(deadlock_after_call,
                "when all wait for ever after the last system call has returned the program says so",
                after_a_call_has_returned, .expected_fatal = deadlock);

}  // namespace retake::scenarios
