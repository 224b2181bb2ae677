// A goroutine that computes and only passes preempt points: somebody has to ask it to yield, and
// sysmon has to be awake for that.
#include "retake/go.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sched/scheduler.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

constexpr std::int64_t piece_ns = 50 * us;
// Until it is asked: a slice, and two visits of sysmon at its longest period, one to see the
// goroutine and one to see it again; and as much again for a wake-up of sysmon before the first.
constexpr int pieces_max = 20;

// Computes on one P, with `between` after each piece, while another goroutine waits for the P. It
// must get it before long.
template <class Before, class Between>
void hog(Before before, Between between) {
  const steady_clock steady(piece_ns);
  run_watched(
      1,
      [=] {
        before();
        world::atomic<std::uint32_t> ran(0);
        go([&] { ran.store_relaxed(1); });
        int pieces = 0;
        while (ran.load_relaxed() == 0) {
          if (sim::healing()) ++pieces;  // before, sysmon may read old values as long as it likes
          world::require(pieces <= pieces_max,
                         "V2: a goroutine waits for one that computes, and nobody asks that one to yield");
          compute(piece_ns);
          between();
        }
      },
      short_slices());
}

void nothing() {}

void at_points() {
  hog(nothing, [] { preempt_point(); });
}

// It makes short calls instead: each return is a preempt point.
void at_returns() {
  hog(nothing, [] { call(1); });
}

// Or calls for bytes that are there.
void at_calls_that_do_not_wait() {
  hog(nothing, [] {
    auto ends = make_pipe();
    std::byte one{};
    static_cast<void>(ends->writer.write(std::span(&one, 1)));
    static_cast<void>(ends->reader.read(std::span(&one, 1)));
  });
}

// Two goroutines ready each other, compute, and park: each takes over the time slice of the other,
// nobody runs for long, and a question to yield that comes while one computes finds it parked. Who
// waits in the global queue must get the P when their common slice is over.
void hand_overs() {
  policy rules = short_slices();
  rules.sysmon_period_max = 400us;
  constexpr int most = 2 * (4 + 2 * 8);  // as above, with that period
  const steady_clock steady(piece_ns);
  run_watched(
      1,
      [] {
        sleep_for(std::chrono::nanoseconds(
            piece_ns));  // the P is idle once, and only the next goroutine begins a slice for that
        semaphore turn_of_one(1), turn_of_other(1);
        turn_of_one.acquire();
        turn_of_other.acquire();
        world::atomic<std::uint32_t> pieces(0), over(0);
        world::plain<bool> last(false);
        wait_group done;
        done.add(2);
        const auto compute_piece = [&] {
          compute(piece_ns);
          const int since_yield = sim::healing() ? static_cast<int>(pieces.fetch_add_relaxed(1))
                                                 : 0;  // before, sysmon may read old values as long as it likes
          world::require(since_yield <= most, "V2: two goroutines that ready each other keep the P between them");
        };
        go([&] {
          while (over.load_relaxed() == 0) {
            turn_of_other.release();
            compute_piece();
            turn_of_one.acquire();
          }
          last.set(true);
          turn_of_other.release();
          done.done();
        });
        go([&] {
          for (turn_of_other.acquire(); !last.get(); turn_of_other.acquire()) {
            turn_of_one.release();
            compute_piece();
          }
          done.done();
        });
        for (bool whole = false; !whole;) {
          whole = sim::healing();
          pieces.exchange_relaxed(0);
          yield();
        }
        over.store_relaxed(1);
        done.wait();
      },
      rules);
}

// Nothing was at work before, so sysmon sleeps deeply; who returns from a call and takes an idle P
// has to wake it.
void after_long_call() {
  hog([] { call(3 * ms); }, [] { preempt_point(); });
}

// The same for whoever starts the world again.
void after_stop() {
  hog(
      [] {
        stop_the_world();
        compute(3 * ms);
        start_the_world();
      },
      [] { preempt_point(); });
}

constexpr std::int64_t before_ns = 9 * ms, after_ns = 8 * ms;  // each less than a slice, together more

// `leave(ns)` leaves the P to another goroutine, and then to none, until `ns` have passed. The time
// slice of the goroutine that goes on then is a new one: it is not asked to yield for what ran
// there before, nor for the time that the P was idle.
template <class Leave>
void whole_slices(Leave leave) {
  const steady_clock steady(100 * us);
  policy rules;
  rules.sysmon_period_busy = 4ms;  // it sees a P idle for 20 ms, and seldom one for less
  run_watched(
      1,
      [=] {
        for (bool whole = false; !whole;) {
          whole = sim::healing();  // before, sysmon may read old values as long as it likes
          for (const std::int64_t idle_ns : {500 * us, 3 * ms, 20 * ms}) {
            processor& p = running_machine().processor_here();
            const std::uint32_t slices = p.schedule_tick.load_relaxed();
            go([] { compute(before_ns); });
            leave(before_ns + idle_ns);
            compute(after_ns);
            const bool asked = p.preempt.load_relaxed() != 0 || p.schedule_tick.load_relaxed() - slices > 2;
            world::require(!whole || !asked,
                           "V2: a goroutine on a P that was idle is asked to yield before its slice is over");
            yield();
          }
        }
      },
      rules);
}

void begin_with_call() {
  whole_slices([](std::int64_t ns) { retake::syscall_blocking([ns] { sim::kernel::sleep_syscall(ns); }); });
}

void begin_after_idleness() {
  whole_slices([](std::int64_t ns) { sleep_for(std::chrono::nanoseconds(ns)); });
}

// Two goroutines make calls on one P, and each wins it back from the other's call: no slice begins
// with that (so in Go). Else none would ever be over, sysmon never sees the P twice in one call,
// and a third goroutine would wait for ever.
void calls_in_turn() {
  const steady_clock steady(5 * us);
  policy rules;
  rules.time_slice = 500us;
  rules.sysmon_period_busy = 300us;
  run_watched(
      1,
      [] {
        for (bool whole = false; !whole;) {
          whole = sim::healing();
          world::atomic<std::uint32_t> ran(0);
          wait_group done;
          done.add(2);
          world::atomic<std::uint32_t> both_call(0);
          go([&] {
            // Long ones first: the other's first call may take 20 ms, and short ones are many
            // steps.
            while (ran.load_relaxed() == 0) call(both_call.load_relaxed() == 0 ? 500 * us : 13 * us);
            done.done();
          });
          call(1 * ms);  // in which the P is taken, for the other
          both_call.store_relaxed(1);
          go([&] {
            ran.store_relaxed(1);
            done.done();
          });
          int calls = 0;
          for (; ran.load_relaxed() == 0; ++calls) call(10 * us);
          world::require(!whole || calls <= 200, "V2: two goroutines in calls keep the P between them");
          done.wait();
        }
      },
      rules);
}

// The slice of a goroutine is over in its call, in which its P is taken and becomes idle. The call
// returns to that P, and the goroutine has given it up already: it is not asked to do so once more.
void begin_unasked() {
  const steady_clock steady(100 * us);
  run_watched(2, [] {
    const auto slices = [&all = running_machine().home.processors] {
      std::uint32_t count = 0;
      for (processor& p : all.made()) count += p.schedule_tick.load_relaxed();
      return count;
    };
    for (bool whole = false; !whole;) {
      whole = sim::healing();
      go([] { sleep_for(100ms); });  // an M polls, and no other has to be started with the P that is taken
      sleep_for(2ms);
      compute(before_ns);
      const std::uint32_t before = slices();
      call(30 * ms);
      world::require(!whole || slices() - before == 1,
                     "V2: a goroutine that gave its P up in a call is asked to yield when it returns");
      sleep_for(100ms);  // the other's end
    }
  });
}

// A goroutine that has stopped the world goes on with its own P, in its own slice (so in Go), and
// is not asked to yield.
void last_over_stop() {
  const steady_clock steady(100 * us);
  run_watched(2, [] {
    for (bool whole = false; !whole;) {
      whole = sim::healing();
      go([] { compute(before_ns); });
      sleep_for(std::chrono::nanoseconds(before_ns / 2));  // it goes on on the other P
      processor& own = running_machine().processor_here();
      yield();
      const std::uint32_t slices = own.schedule_tick.load_relaxed();
      stop_the_world();
      start_the_world();
      const bool same_slice = &running_machine().processor_here() == &own && own.schedule_tick.load_relaxed() == slices;
      world::require(!whole || same_slice, "V2: a goroutine that stopped the world goes on in the slice of another");
      compute(1 * ms);
      const bool asked = own.preempt.load_relaxed() != 0;
      world::require(!whole || !asked, "V2: a goroutine that stopped the world is asked to yield for it");
      sleep_for(50ms);  // the other's end
    }
  });
}

// Who stops the world asks those that compute, at once.
void stop_asks() {
  const steady_clock steady(piece_ns);
  policy rules;
  rules.stop_again = 200ms;
  run_watched(
      2,
      [] {
        world::atomic<std::uint32_t> enough(0);
        wait_group running, done;
        running.add(1);
        done.add(1);
        go([&] {
          running.done();
          while (enough.load_relaxed() == 0) {
            compute(piece_ns);
            preempt_point();
          }
          done.done();
        });
        running.wait();
        const std::int64_t asked_ns = world::nanotime();
        stop_the_world();
        world::require(world::nanotime() - asked_ns < 100 * ms, "V4: nobody asks a goroutine that computes to stop");
        start_the_world();
        enough.store_relaxed(1);
        done.wait();
      },
      rules);
}

}  // namespace

RETAKE_SCENARIO(slice_ends_at_points, "a goroutine that computes yields at a preempt point when its time slice is over",
                at_points);
RETAKE_SCENARIO(slice_ends_at_returns,
                "a goroutine that computes yields when a system call returns and its time slice is over", at_returns);
RETAKE_SCENARIO(slice_ends_at_reads,
                "a goroutine that computes yields at a read that need not wait when its time slice is over",
                at_calls_that_do_not_wait);
RETAKE_SCENARIO(slice_ends_among_two,
                "two goroutines that ready each other, and park, give the P up when their common time slice is over",
                hand_overs);
RETAKE_SCENARIO(
    slice_ends_among_calls,
    "two goroutines that win their P back from each other's calls give it up when their common time slice is over",
    calls_in_turn);
RETAKE_SCENARIO(slice_after_long_call, "who returns from a call into an idle runtime is watched again",
                after_long_call);
RETAKE_SCENARIO(slice_begins_with_call, "a goroutine whose call returns to an idle P has a whole time slice there",
                begin_with_call);
RETAKE_SCENARIO(slice_begins_after_idleness,
                "a goroutine that a timer readies on an idle P has a whole time slice there", begin_after_idleness);
RETAKE_SCENARIO(slice_begins_unasked,
                "a goroutine whose P was taken from its long call is not asked to yield at the return", begin_unasked);
RETAKE_SCENARIO(slice_lasts_over_stop,
                "a goroutine that stopped the world goes on with its P in its time slice, and is not asked to yield",
                last_over_stop);
RETAKE_SCENARIO(slice_after_stop, "who goes on after a stop of the world is watched again", after_stop);
RETAKE_SCENARIO(stop_asks_at_once, "a stop of the world asks goroutines that compute", stop_asks);

}  // namespace retake::scenarios
