// What ends, and what is left of it: functions that do not return, contexts that end with others.
#include <cstdint>
#include <vector>

#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/go.hpp"
#include "retake/panic.hpp"
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

}  // namespace

RETAKE_SCENARIO(functions_do_not_return, "a function that the runtime calls may end its goroutine, and leaves what a return leaves", functions_that_do_not_return);
RETAKE_SCENARIO(context_chains_end, "contexts end one after the other, however they hold one another", chains_of_contexts);

}  // namespace retake::scenarios
