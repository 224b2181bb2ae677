// What ends, and what is left of it: functions that do not return, contexts that end with others.
#include <cstdint>
#include <vector>

#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/go.hpp"
#include "retake/panic.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "retake/timer.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

// Each function that the runtime calls on a goroutine of its own ends that goroutine. V9 looks at what is left.
void functions_that_do_not_return() {
  run_watched(2, [] {
    wait_group over;
    over.add(2);
    const auto ends = [&over] {
      at_goroutine_exit([&over] { over.done(); });
      exit_goroutine();
    };
    {
      const delayed_call later = after_func_ns(10 * us, ends);
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
  place_of_end(place_of_end&& other) noexcept : places(std::exchange(other.places, nullptr)), held(std::move(other.held)) {}
  place_of_end& operator=(place_of_end&&) = delete;
  ~place_of_end() {
    if (places != nullptr) places->push_back(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)));
  }
};

// Contexts derived of one another, and such as hold one another in their values: however long the chain, its end needs no more stack.
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
    for (std::uintptr_t const one : places) world::require(one == places.front(), "V9: the end of a context needs the stack of another's");
  });
}

// Goroutines that the end of their program abandons wait in queues that outlive it: of a channel,
// alone and in a select, and of a semaphore that has a permit left.
void waits_of_an_ended_program() {
  channel<int> meets, room(1), served;
  semaphore permits(2);
  run_watched(
      2,
      [&] {
        permits.acquire(1);
        go([&] { static_cast<void>(meets.receive()); });
        go([&] { select(on_receive(meets, [](auto) {}), on_receive(room, [](auto) {})); });
        go([&] { permits.acquire(2); });
        go([&] {
          for (int i = 0; i < 2; ++i) static_cast<void>(served.receive());
        });
        served.send(1);
        sleep_for_ns(50 * us);
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

}  // namespace

RETAKE_SCENARIO(functions_do_not_return, "a function that the runtime calls may end its goroutine, and leaves what a return leaves", functions_that_do_not_return);
RETAKE_SCENARIO(context_chains_end, "contexts end one after the other, however they hold one another", chains_of_contexts);

RETAKE_SCENARIO(waits_end_with_their_program, "what abandoned goroutines wait on outlives their program, and is as if they had not come",
                waits_of_an_ended_program);

}  // namespace retake::scenarios
