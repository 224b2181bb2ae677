// Timers that are stopped, moved and started again while they come due.
#include <new>

#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "retake/timer.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sched/scheduler.hpp"
#include "time/runtime_timer.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

// What its owner and each start of it use, and whoever uses it last frees: a touch after that is a
// finding of the engine.
struct shared_timer : runtime_timer {
  shared_timer(world::atomic<std::uint32_t>& answered, std::uint32_t owners) noexcept
      : runtime_timer(ran), answers(answered), uses(owners) {}

  static shared_timer* make(world::atomic<std::uint32_t>& answered, std::uint32_t owners) {
    return new (world::allocate(sizeof(shared_timer), alignof(shared_timer))) shared_timer(answered, owners);
  }
  static void ran(runtime_timer& t, std::int64_t) noexcept { static_cast<shared_timer&>(t).answer(); }

  void begin(std::int64_t due_ns) {
    uses.fetch_add_relaxed(1);
    if (start(due_ns)) drop();
  }
  void end() {
    if (stop()) answer();
  }
  void answer() noexcept {
    answers.fetch_add_release(1);
    drop();
  }
  void drop() noexcept {
    if (uses.fetch_sub_acq_rel(1) != 1) return;
    this->~shared_timer();
    world::deallocate(this, sizeof(shared_timer));
  }

  world::atomic<std::uint32_t>& answers;
  world::atomic<std::uint32_t> uses;
};

// Timers come due while their owner stops them, on another P.
void stop_or_run() {
  run_watched(2, [] {
    constexpr std::uint32_t timers = 3;
    world::atomic<std::uint32_t> answers(0);
    wait_group done;
    done.add(timers);
    for (std::uint32_t i = 0; i < timers; ++i) {
      shared_timer* const t = shared_timer::make(answers, 1);
      t->begin(world::nanotime() + 30 * us);
      go([&done, t] {
        compute(20 * us);
        t->end();
        t->drop();
        done.done();
      });
    }
    done.wait();
    while (answers.load_acquire() < timers) sleep_for(20us);
    world::require(answers.load_relaxed() == timers, "V3: a timer both ran and was stopped");
  });
}

// Two goroutines start one timer, each on its P, a third stops it: no more runs and stops than
// starts, and at the end it waits nowhere.
void started_twice() {
  run_watched(2, [] {
    world::atomic<std::uint32_t> answers(0);
    world::atomic<std::uint32_t> started(0);
    world::atomic<std::uint32_t> here(0);
    shared_timer* const t = shared_timer::make(answers, 3);
    wait_group done;
    done.add(2);
    for (int i = 0; i < 2; ++i) {
      go([&, i] {
        here.fetch_add_relaxed(1);
        for (int tries = 0; tries < 20 && here.load_relaxed() < 2; ++tries) compute(1 * us);  // both run, each on its P
        for (int k = 0; k < 2; ++k) {
          t->uses.fetch_add_relaxed(1);
          if (t->start(world::nanotime() + (1 + i) * 10 * us)) {
            t->drop();
          } else {
            started.fetch_add_relaxed(1);
          }
          compute(10 * us);
        }
        t->drop();
        done.done();
      });
    }
    done.wait();
    t->end();
    while (answers.load_acquire() != started.load_relaxed()) sleep_for(20us);
    t->drop();
  });
}

// A timer that somebody polls for is moved to an earlier time by a goroutine that then computes:
// only a break tells the poller.
void moved_earlier() {
  run_watched(2, [] {
    world::atomic<std::uint32_t> runs(0);
    struct counted : runtime_timer {
      explicit counted(world::atomic<std::uint32_t>& n) noexcept
          : runtime_timer(
                [](runtime_timer& t, std::int64_t) noexcept { static_cast<counted&>(t).count.fetch_add_release(1); }),
            count(n) {}
      world::atomic<std::uint32_t>& count;
    } t(runs);
    t.start(world::nanotime() + 3'600'000 * ms);
    sleep_for(50us);
    const bool moved = t.start(world::nanotime() + 100 * us);
    compute(60 * ms);                                                 // longer than any bound of the checkers
    while (runs.load_acquire() < (moved ? 1u : 2u)) sleep_for(20us);  // the clock may have jumped an hour before
  });
}

// A timer comes due, on either P, while it is stopped, and then while it is started anew.
void stale_value() {
  run_watched(2, [] {
    timer t(10us);
    compute(10 * us);
    world::require(t.stop(), "V3: a timer whose value no one has received has been received");
    world::require(!t.stop(), "V3: a timer is stopped twice");
    t.reset(10us);
    compute(10 * us);
    const time_point again = monotonic_now();
    world::require(t.reset(1ms), "V3: a timer whose value no one has received has been received");
    world::require(*t.due().receive() - again >= 1ms,
                   "V3: a timer sends what was asked for before it was started anew");
    t.reset(10us);
    compute(10 * us);
    static_cast<void>(t.stop());
    for (int looks = 0; looks < 3; ++looks) {
      world::require(!t.due().try_receive(), "V3: a timer sends behind its stop");
      compute(5 * us);
    }
  });
}

// A reset whose time is over before it takes the timer's lock, beside a run that has reached that
// time.
void late_reset() {
  run_watched(2, [] {
    wait_group done;
    ticker t(1us);
    done.go([&] {
      for (int i = 0; i < 3; ++i) static_cast<void>(t.due().receive());
    });
    for (int i = 0; i < 8; ++i) {
      t.reset(1ns);
      compute(1 * us);
    }
    done.wait();
  });
}

}  // namespace

RETAKE_SCENARIO(ticker_reset_late,
                "a ticker that is reset to a time which is over goes on once, and ends with its owner", late_reset);
RETAKE_SCENARIO(stopped_timer_sends_nothing,
                "a receive behind a timer's stop or start gets nothing that was asked for before", stale_value);
RETAKE_SCENARIO(timers_stop_or_run,
                "a timer that is stopped while it comes due runs or was stopped, and its memory ends on that word",
                stop_or_run);
RETAKE_SCENARIO(timer_started_twice,
                "each start of a timer is answered once, by a run or a stop, whoever starts it where", started_twice);
RETAKE_SCENARIO(timer_moved_earlier,
                "a timer that is moved to an earlier time runs then, although the P that keeps it computes",
                moved_earlier);

}  // namespace retake::scenarios
