// The number of Ps changes while goroutines run, call, sleep and wait.
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sim/kernel/kernel.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

void compute_and_yield() {
  compute(50 * us);
  yield();
}

// Fewer, more, and as before, beside calls that return to a P that is gone, or is back and somebody
// else's.
void under_load() {
  run_watched(2, [] {
    wait_group done;
    done.add(3);
    go([&] {
      for (int i = 0; i < 3; ++i) call(30 * us);
      done.done();
    });
    go([&] {
      call(100 * us);
      yield();
      done.done();
    });
    go([&] {
      sleep_for(1ms);
      done.done();
    });
    world::require(set_processors(1) == 2, "P8: the number of Ps before a change is another");
    yield();
    world::require(set_processors(3) == 1, "P8: the number of Ps before a change is another");
    call(20 * us);
    world::require(set_processors(2) == 3 && processors() == 2, "P8: the number of Ps before a change is another");
    done.wait();
  });
}

// A P that goes has goroutines in its queue and timers in its heap: they run elsewhere.
void nothing_left_behind() {
  run_watched(2, [] {
    wait_group done;
    channel<int> shrunk(4);
    done.add(4);
    go([&] {
      for (int i = 0; i < 2; ++i) {
        go([&] {
          sleep_for(2ms);
          done.done();
        });
      }
      yield();
      go([&] {
        static_cast<void>(shrunk.receive());
        done.done();
      });
      compute(50 * us);
      done.done();
    });
    yield();
    set_processors(1);
    shrunk.send(1);
    done.wait();
  });
}

// Two goroutines change the number at the same time: one after the other, and each learns what it
// has changed.
void two_at_once() {
  run_watched(2, [] {
    wait_group done;
    done.add(1);
    std::uint32_t before_other = 0;
    go([&] {
      before_other = set_processors(4);
      done.done();
    });
    const std::uint32_t before = set_processors(1);
    done.wait();
    const bool main_first = before == 2 && before_other == 1 && processors() == 4;
    const bool other_first = before_other == 2 && before == 4 && processors() == 1;
    world::require(main_first || other_first, "P8: two changes of the number of Ps are mixed up");
  });
}

// Affinity or quota change: the program follows, until it says itself how many Ps it wants.
void follows_the_limit() {
  policy rules;
  rules.limit_recheck = 100us;
  rules.sysmon_period_max = 50us;
  sim::kernel::set_cpu_limit(2);
  run_watched(
      0,
      [] {
        world::require(processors() == 2, "P8: a program does not begin with the Ps that it is allowed");
        sim::kernel::set_cpu_limit(3);
        while (processors() != 3) compute_and_yield();
        sim::kernel::set_cpu_limit(1);
        compute_and_yield();
        set_processors(4);
        for (int i = 0; i < 10; ++i) {
          compute_and_yield();
          world::require(processors() == 4,
                         "P8: a limit is followed although the program has said how many Ps there are");
        }
        world::require(follow_processor_limit() == 4 && processors() == 1,
                       "P8: a program that gives its number up does not get what it is allowed");
        sim::kernel::set_cpu_limit(2);
        while (processors() != 2) compute_and_yield();
      },
      rules);
}

}  // namespace

RETAKE_SCENARIO(resize_by_limit,
                "the number of Ps follows affinity and quota, until the program says how many it wants, and again when "
                "it gives that up",
                follows_the_limit);
RETAKE_SCENARIO(resize_under_load, "Ps go and come while goroutines are in system calls, and no goroutine notices",
                under_load);
RETAKE_SCENARIO(resize_leaves_nothing_behind,
                "what waits in the queue and in the timers of a P that goes runs on the others", nothing_left_behind);
RETAKE_SCENARIO(resize_twice_at_once, "two changes of the number of Ps at once happen one after the other",
                two_at_once);

}  // namespace retake::scenarios
