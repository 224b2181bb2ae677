// A system call that returns, and whoever wants its P meanwhile.
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sched/scheduler.hpp"
#include "sim/kernel/kernel.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

// One P: its M is in a system call while another goroutine waits in its queue. sysmon must take the
// P, or the call must return to it.
void against_retake() {
  run_watched(1, [] {
    wait_group done;
    done.add(1);
    go([&] { done.done(); });
    call(45 * us);
    done.wait();
  });
}

// Two Ps, three calls of lengths that overlap: a P is lost, given to another M, and is in that M's
// call when the first returns (ABA).
void three_calls() {
  run_watched(2, [] {
    wait_group done;
    done.add(3);
    for (int i = 0; i < 3; ++i) {
      go([&done, i] {
        for (int k = 0; k < 2; ++k) call((i + 1) * 20 * us);
        done.done();
      });
    }
    done.wait();
  });
}

// Two Ps, three Ms, six goroutines that talk, call and yield: the shape of a small service.
void small_service() {
  run_watched(2, [] {
    channel<int> work(2);
    channel<int> results;
    wait_group workers;
    workers.add(2);
    for (int w = 0; w < 2; ++w) {
      go([&] {
        while (const auto job = work.receive()) {
          call(10 * us);
          results.send(*job * 2);
        }
        workers.done();
      });
    }
    go([&] {
      for (int i = 1; i <= 3; ++i) work.send(i);
      work.close();
    });
    int sum = 0;
    for (int i = 0; i < 3; ++i) sum += *results.receive();
    workers.wait();
    world::require(sum == 12, "G9: a job or its result is lost");
  });
}

// sysmon sleeps deeply while all is idle; a call that then blocks must wake it, or nobody takes the
// P.
void wakes_monitor() {
  policy rules;
  rules.sysmon_idle_rounds = 1;
  run_watched(
      1,
      [] {
        sleep_for(5ms);  // the P is idle, sysmon falls asleep
        wait_group done;
        done.add(1);
        go([&] { done.done(); });
        call(100 * ms);
        done.wait();
      },
      rules);
}

// One P, handed over at once: the call waits for the other goroutine, and there is no monitor to
// take the P.
void blocking_hands_over() {
  policy rules;
  rules.sysmon_period = rules.sysmon_period_max = rules.sysmon_period_busy = 1h;
  run_watched(
      1,
      [] {
        world::atomic<std::uint32_t> done(0);
        go([&] { done.store_relaxed(1); });
        syscall_blocking([&] {
          while (done.load_relaxed() == 0) sim::kernel::sleep_syscall(20 * us);
        });
      },
      rules);
}

// The hand-over meets a stop of the world, which must count that P once.
void blocking_against_stop() {
  run_watched(2, [] {
    wait_group done;
    done.add(1);
    go([&] {
      for (int i = 0; i < 2; ++i) syscall_blocking([] { sim::kernel::sleep_syscall(20 * us); });
      done.done();
    });
    yield();
    stop_the_world();
    start_the_world();
    done.wait();
  });
}

// A call that is entered while a safe-point function is pending on its P.
void safe_point_at_enter() {
  run_watched(2, [] {
    wait_group done;
    done.add(1);
    go([&] {
      for (int i = 0; i < 3; ++i) call(5 * us);
      done.done();
    });
    yield();
    sched::for_each_processor([](processor&) noexcept {});
    done.wait();
  });
}

// The same with a call that is long, while a third P is idle: sysmon would leave the caller its P.
void safe_point_at_long_call() {
  policy rules;
  rules.retake_grace = 10s;
  rules.stop_again = 20ms;
  run_watched(
      3,
      [] {
        wait_group done;
        done.add(1);
        world::atomic<std::uint32_t> there(0);
        go([&] {
          there.store_release(1);
          call(1'000 * ms);
          done.done();
        });
        while (there.load_acquire() == 0) yield();
        {
          const steady_clock in_steps(5 * ms);
          const std::int64_t before_ns = sim::now_ns();
          sched::for_each_processor([](processor&) noexcept {});
          const std::int64_t waited_ns = sim::now_ns() - before_ns;
          const std::int64_t bound_ns = 500 * ms + sim::faults_struck() * sim::kernel::slow_syscall_ns;
          world::require(waited_ns < bound_ns,
                         "P10: a function for every P waits for a call that was entered as it began");
        }
        done.wait();
      },
      rules);
}

}  // namespace

RETAKE_SCENARIO(safe_point_against_long_call,
                "a function for every P waits for no call, also when it is entered at that moment",
                safe_point_at_long_call,
                .cannot_bear = {sim::mask_of({sim::fault_kind::eagain_thread}),
                                "it yields until another goroutine has run: virtual time, in which the start of a "
                                "thread is tried again, stands still"});
RETAKE_SCENARIO(
    syscall_against_retake,
    "a returning system call and sysmon never both own the P, and one of them runs the goroutine that waits for it",
    against_retake);
RETAKE_SCENARIO(three_calls_two_processors,
                "three system calls over two Ps end, whichever of them wins which P back, ABA included", three_calls);
RETAKE_SCENARIO(two_processors_six_goroutines,
                "a small service loses no job over two Ps, three Ms and their system calls", small_service);
RETAKE_SCENARIO(syscall_wakes_sysmon, "a system call that blocks after an idle time has a monitor that takes its P",
                wakes_monitor);
RETAKE_SCENARIO(blocking_call_hands_over,
                "a call that is known to block has given its P away before it blocks, without a monitor",
                blocking_hands_over);
RETAKE_SCENARIO(blocking_call_against_stop, "the P of a blocking call is given away or stopped, never both",
                blocking_against_stop);
RETAKE_SCENARIO(safe_point_against_enter,
                "a function for every P runs once on each, also on one whose M is entering a system call",
                safe_point_at_enter);

}  // namespace retake::scenarios
