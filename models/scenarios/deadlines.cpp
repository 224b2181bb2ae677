// Deadlines of descriptors, set before, while and after somebody waits.
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/clock.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

result<std::size_t> read_one(stream& from) {
  std::byte one{};
  return from.read(std::span(&one, 1));
}

void write_one(stream& to) {
  const std::byte one{};
  static_cast<void>(to.write(std::span(&one, 1)));
}

bool timed_out(result<std::size_t> const& got) { return !got && got.error() == std::errc::timed_out; }

// The byte and the deadline come at the same time: the reader gets one answer, and the byte is
// there for whoever reads next.
void deadline_and_byte() {
  run_watched(2, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(1);
    ends->reader.set_read_deadline(deadline_in(60us));
    go([&] {
      auto got = read_one(ends->reader);
      world::require(got || timed_out(got), "N3: a wait ends for no reason");
      if (!got) {
        world::require(timed_out(read_one(ends->reader)), "N3: a deadline that is over lets a call pass");
        ends->reader.set_read_deadline(no_deadline);
        got = read_one(ends->reader);
      }
      world::require(got && *got == 1, "N8: a byte is lost beside a deadline");
      done.done();
    });
    sleep_for(60us);
    write_one(ends->writer);
    done.wait();
  });
}

// The deadline is moved on while its timer may run already: no wait that begins then ends before
// the new one is over.
void deadline_and_mover() {
  run_watched(2, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(1);
    go([&] {
      sleep_for(100us);
      write_one(ends->writer);
      done.done();
    });
    ends->reader.set_read_deadline(deadline_in(40us));
    compute(50 * us);  // another M finds the timer due
    const time_point due = deadline_in(20ms);
    ends->reader.set_read_deadline(due);
    const auto got = read_one(ends->reader);
    world::require(got || (timed_out(got) && monotonic_now() >= due), "N3: a deadline that was replaced ends a wait");
    done.wait();
  });
}

// Set into the past by somebody else: the wait that is on its way ends, in both directions.
void deadline_in_the_past() {
  run_watched(2, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(1);
    go([&] {
      world::require(timed_out(read_one(ends->reader)), "N3: a deadline in the past does not end a wait");
      done.done();
    });
    ends->reader.set_deadline(time_point(1ns));
    done.wait();
  });
}

// The file of a deadline is closed, and its entry used again: the deadline does not reach the next
// file.
void deadline_and_reuse() {
  run_watched(2, [] {
    auto first = make_pipe();
    wait_group done;
    done.add(1);
    first->reader.set_read_deadline(deadline_in(40us));
    go([&] {
      const auto got = read_one(first->reader);
      world::require(timed_out(got) || (!got && got.error() == std::errc::operation_canceled),
                     "N2: a read of a closed pipe returns");
      done.done();
    });
    sleep_for(40us);
    first->reader.close();
    done.wait();
    first->reader = stream();
    auto second = make_pipe();
    done.add(1);
    go([&] {
      const auto got = read_one(second->reader);
      world::require(got && *got == 1, "N3: a deadline reaches the next file of its entry");
      done.done();
    });
    sleep_for(100us);
    write_one(second->writer);
    done.wait();
  });
}

// Fails the execution with `claim` when `length_ns` of its time have passed: what never comes is
// missed before a bound of the engine ends the execution.
class time_limit {
 public:
  time_limit(std::int64_t length_ns, char const* claim) noexcept : claim_(claim) {
    sim::alarm(sim::now_ns() + length_ns, over, this);
  }
  ~time_limit() { sim::cancel_alarms(this); }
  time_limit(time_limit const&) = delete;
  time_limit& operator=(time_limit const&) = delete;

 private:
  static void over(void* self) { world::require(false, static_cast<time_limit*>(self)->claim_); }
  char const* const claim_;
};

// The date is set an hour back and two forward: a sleep and a wait for a descriptor last as long as
// was asked for.
void date_steps() {
  const steady_clock steady(1 * ms);
  const time_limit limit(500 * ms, "V3: a sleep or a deadline follows the date");
  run_watched(2, [] {
    auto ends = make_pipe();
    const auto wall_before = wall_now();
    const time_point before = monotonic_now();
    ends->reader.set_read_deadline(deadline_in(5ms));
    wait_group done;
    done.add(2);
    go([&] {
      sleep_for(4ms);
      const auto took = monotonic_now() - before;
      world::require(took >= 4ms && took < 500ms, "V3: a timer follows the date");
      done.done();
    });
    go([&] {
      world::require(timed_out(read_one(ends->reader)), "N3: a wait without a byte ends for another reason");
      const auto took = monotonic_now() - before;
      world::require(took >= 5ms && took < 500ms, "N3: a deadline follows the date");
      done.done();
    });
    constexpr std::int64_t hour_ns = 3'600'000 * ms;
    sim::step_wall_clock(-hour_ns);
    sleep_for(1ms);
    sim::step_wall_clock(3 * hour_ns);
    done.wait();
    world::require(wall_now() - wall_before >= 1h, "V3: the wall clock does not tell the date");
  });
}

}  // namespace

RETAKE_SCENARIO(date_steps_move_no_timer, "a wall clock that is set moves no timer and no deadline", date_steps);
RETAKE_SCENARIO(deadline_against_byte, "a deadline that is over ends a wait once, and loses no byte",
                deadline_and_byte);
RETAKE_SCENARIO(deadline_moves, "a deadline that was moved ends no wait before its new time", deadline_and_mover);
RETAKE_SCENARIO(deadline_against_wait, "a deadline in the past ends a wait that is on its way", deadline_in_the_past);
RETAKE_SCENARIO(deadline_against_reuse, "a deadline ends with its descriptor", deadline_and_reuse);

}  // namespace retake::scenarios
