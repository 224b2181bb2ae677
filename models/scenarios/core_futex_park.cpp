// core_futex_park.cpp: one thread sleeps on a word until another says so. The look inside
// futex_wait is what makes it safe; a waker that forgets to wake leaves the sleeper there for ever
// in the schedules where it came too late.
#include "scenarios/catalog.hpp"
#include "sim/calls.hpp"
#include "world/atomic.hpp"
#include "world/futex.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::scenarios {

namespace {

struct bed {
  world::atomic<std::uint32_t> word{0};
  world::plain<std::uint32_t> handed{0};
};

template <bool Wakes>
void body() {
  bed b;
  auto const waker = [](void* argument) {
    bed& theirs = *static_cast<bed*>(argument);
    theirs.handed.set(7);
    theirs.word.store_release(1);
    if (Wakes) world::futex_wake(theirs.word, 1);
  };
  world::thread_start(waker, &b);
  while (b.word.load_acquire() == 0) { world::futex_wait(b.word, 0); }
  world::require(b.handed.get() == 7, "futex_park: woken without what was handed over");
  sim::join_others();
}

}  // namespace

constinit sim::scenario const core_futex_park = {.name = "core_futex_park",
                                                 .claim =
                                                     "a sleeper wakes with what was handed over, whoever comes first",
                                                 .body = &body<true>,
                                                 .cannot_bear = {sim::mask_of({sim::fault_kind::eagain_thread}),
                                                                 "it does not look whether a thread was made"}};
constinit sim::scenario const core_futex_park_no_wake = {.name = "core_futex_park_no_wake",
                                                         .claim = "a waker that only stores leaves a sleeper behind",
                                                         .body = &body<false>,
                                                         .must_fail = "deadlock"};

}  // namespace retake::scenarios
