// What ends, and what is left of it: functions that do not return, contexts that end with others.
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/file.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/go.hpp"
#include "retake/panic.hpp"
#include "retake/select.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"
#include "retake/timer.hpp"
#include "scenarios/opened_file.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

// Each function that the runtime calls on a goroutine of its own ends that goroutine. V9 looks at
// what is left.
void functions_that_do_not_return() {
  run_watched(2, [] {
    wait_group over;
    over.add(2);
    const auto ends = [&over] {
      at_goroutine_exit([&over] { over.done(); });
      exit_goroutine();
    };
    {
      const delayed_call later = after_func(10us, ends);
      auto [ctx, stop] = with_cancel(background());
      const after_done_call then = after_done(ctx, ends);
      stop.cancel();
      over.wait();
    }
    once first;
    wait_group both;
    both.add(2);
    for (int i = 0; i < 2; ++i) {
      go([&] {
        at_goroutine_exit([&] { both.done(); });
        first.call([] { exit_goroutine(); });
      });
    }
    both.wait();
  });
}

// The place on its goroutine's stack at which a value is destroyed.
struct place_of_end {
  std::vector<std::uintptr_t>* places;
  context held;
  explicit place_of_end(std::vector<std::uintptr_t>* into, context other = {}) : places(into), held(std::move(other)) {}
  place_of_end(place_of_end&& other) noexcept
      : places(std::exchange(other.places, nullptr)), held(std::move(other.held)) {}
  place_of_end& operator=(place_of_end&&) = delete;
  ~place_of_end() {
    if (places != nullptr) places->push_back(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)));
  }
};

// Contexts derived of one another, and such as hold one another in their values: however long the
// chain, its end needs no more stack.
void chains_of_contexts() {
  run_watched(1, [] {
    static constexpr int length = 4;
    std::vector<std::uintptr_t> places;
    places.reserve(2 * length);  // the simulator gives memory back with the execution
    const context_key<place_of_end> key;
    context derived;
    context held;
    for (int i = 0; i < length; ++i) {
      derived = with_value(derived, key, place_of_end(&places));
      held = with_value(background(), key, place_of_end(&places, held));
    }
    derived = {};
    held = {};
    world::require(places.size() == 2 * length, "G6: a context never ends");
    for (std::uintptr_t const one : places)
      world::require(one == places.front(), "V9: the end of a context needs the stack of another's");
  });
}

// Goroutines that the end of their program abandons wait in queues that outlive it: of a channel,
// alone and in a select, and of a semaphore that has a permit left.
void waits_of_an_ended_program() {
  channel<int> meets, room(1), served;
  semaphore permits(2);
  run_watched(2,
              [&] {
                permits.acquire(1);
                go([&] { static_cast<void>(meets.receive()); });
                go([&] { select(on_receive(meets, [](auto) {}), on_receive(room, [](auto) {})); });
                go([&] { permits.acquire(2); });
                go([&] {
                  for (int i = 0; i < 2; ++i) static_cast<void>(served.receive());
                });
                served.send(1);
                sleep_for(50us);
              },
              {}, {.everything_ends = false});
  run_watched(2, [&] {
    int one = 1;
    world::require(!meets.try_send(one) && room.try_send(one) && !room.try_send(one),
                   "G6: a goroutine of an ended program is found in a queue");
    world::require(permits.try_acquire(1), "G6: a goroutine of an ended program keeps others from a semaphore");
    permits.release(2);
  });
}

pipe_ends a_pipe() {
  auto made = make_pipe();
  while (!made) made = make_pipe();  // the fault
  return std::move(*made);
}

void read_one(stream& from) {
  std::byte one{};
  static_cast<void>(from.read(std::span(&one, 1)));
}

// One of each kind, with goroutines inside and times that do not come.
struct left_behind {
  pipe_ends pipe;
  file data;
  std::array<std::byte, 8> room{};
  std::optional<registered_buffer> buffer;
  std::optional<foreign_pool> workers;
  std::optional<timer> once;
  std::optional<cancellable> timed;

  void make() {
    pipe = a_pipe();
    data = opened(open_mode::read_write | open_mode::create);
    static_cast<void>(data.write_at(room, 0));
    buffer.emplace(std::move(*registered_buffer::make(room)));
    workers.emplace(1);
    once.emplace(std::chrono::hours::max());
    timed.emplace(with_timeout(background(), std::chrono::hours::max()));
    static_cast<void>(after_func(std::chrono::hours::max(), [held = timed->ctx] {}));
  }
  void leave_goroutines_inside() {
    for (int i = 0; i < 2; ++i) go([this] { read_one(pipe.reader); });
    sim::kernel::drop_caches();
    go([this] { static_cast<void>(data.read_at(*buffer, 0, room.size(), 0)); });
    go([this] { static_cast<void>(once->due().receive()); });
    go([this] { static_cast<void>(timed->ctx.done()->receive()); });
  }
  void ask() {
    std::byte one{};
    constexpr auto none = std::errc::bad_file_descriptor;
    world::require(pipe.reader.read(std::span(&one, 1)).error() == none, "N2: a stream of an ended program is read");
    world::require(data.read_at(*buffer, 0, 1, 0).error() == none, "N2: a file of an ended program is read");
    world::require(workers->call(timed->ctx, [] {}) == std::errc::operation_canceled,
                   "G9: a pool of an ended program takes a call");
    world::require(!timed->ctx.error(), "V3: a deadline of an ended program passes");
    timed->cancel.cancel();
    world::require(timed->ctx.error() == std::errc::operation_canceled,
                   "G6: a context of an ended program is not cancelled");
    static_cast<void>(once->reset(10us));
    static_cast<void>(once->due().receive());
  }
};

// Some end after their program, some in the next one; a stream is closed while goroutines that do
// not go on are inside.
void objects_of_an_ended_program() {
  constexpr checkers::expectations abandons{.everything_ends = false};
  const std::uint32_t allocations = sim::live_allocations();
  const std::uint32_t descriptors = sim::kernel::open_descriptors();
  {
    std::optional<left_behind> ends_outside, ends_inside;
    pipe_ends is_closed;
    run_watched(
        2,
        [&] {
          for (auto* const one : {&ends_outside, &ends_inside}) {
            one->emplace();
            (*one)->make();
            (*one)->leave_goroutines_inside();
          }
          is_closed = a_pipe();
          go([&] { read_one(is_closed.reader); });
          sleep_for(50us);
          is_closed.reader.close();
        },
        {}, abandons);
    ends_outside.reset();
    run_watched(
        2,
        [&] {
          ends_inside->ask();
          ends_inside.reset();
        },
        {}, abandons);
  }
  world::require(sim::kernel::open_descriptors() == descriptors, "N2: a descriptor of an ended program stays open");
  constexpr std::uint32_t watchers = 2;  // one for each program
  world::require(sim::live_allocations() == allocations + watchers,
                 "V9: memory of an ended program's objects is not given back");

  // What a deadline that passes just then begins is abandoned, with a use of its context.
  std::optional<cancellable> soon;
  run_watched(
      2,
      [&] {
        soon.emplace(with_timeout(background(), 10us));
        sleep_for(10us);
      },
      {}, abandons);
  run_watched(
      2, [&] { soon.reset(); }, {}, abandons);
}

}  // namespace

RETAKE_SCENARIO(functions_do_not_return,
                "a function that the runtime calls may end its goroutine, and leaves what a return leaves",
                functions_that_do_not_return);
RETAKE_SCENARIO(context_chains_end, "contexts end one after the other, however they hold one another",
                chains_of_contexts);

RETAKE_SCENARIO(waits_end_with_their_program,
                "what abandoned goroutines wait on outlives their program, and is as if they had not come",
                waits_of_an_ended_program);
RETAKE_SCENARIO(objects_end_with_their_program,
                "what belongs to a program may outlive it, and answers as none and gives all back at its end",
                objects_of_an_ended_program);

}  // namespace retake::scenarios
