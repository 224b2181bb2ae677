// core_spin.cpp: a spin loop with pause() ends when what it reads changes, costs a finite number of
// schedules, and is a livelock, not a deadlock, when nobody will ever change it.
#include "scenarios/catalog.hpp"
#include "sim/calls.hpp"
#include "world/atomic.hpp"
#include "world/futex.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::scenarios {

namespace {

struct gate {
  world::plain<std::uint32_t> data{0};
  world::atomic<std::uint32_t> open{0};
};

template <bool Opens>
void body() {
  gate g;
  auto const opener = [](void* argument) {
    gate& theirs = *static_cast<gate*>(argument);
    theirs.data.set(1);
    if (Opens) theirs.open.store_release(1);
  };
  world::thread_start(opener, &g);
  while (g.open.load_acquire() == 0) { world::pause(); }
  world::require(g.data.get() == 1, "spin: through the gate without the data");
  sim::join_others();
}

}  // namespace

constinit sim::scenario const core_spin =
    {.name = "core_spin",
     .claim = "a spinner leaves its loop when the flag changes, and sees what was written before",
     .body = &body<true>,
     .cannot_bear = {sim::mask_of({sim::fault_kind::eagain_thread}), "it does not look whether a thread was made"}};
constinit sim::scenario const core_spin_forever = {.name = "core_spin_forever",
                                                   .claim = "spinning on what nobody changes is a livelock",
                                                   .body = &body<false>,
                                                   .must_fail = "livelock"};

}  // namespace retake::scenarios
