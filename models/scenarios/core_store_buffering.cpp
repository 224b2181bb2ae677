// core_store_buffering.cpp: each of two threads announces itself and looks for the other; at least
// one must see the other. The shape of every "publish, then look" in a scheduler. Release and
// acquire do not give it; fences on both sides do.
#include "scenarios/catalog.hpp"
#include "sim/calls.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::scenarios {

namespace {

struct flags {
  world::atomic<std::uint32_t> mine{0};
  world::atomic<std::uint32_t> theirs{0};
  bool they_saw_me = false;  // told apart by join_others, not by the atomics
};

template <bool First, bool Second>
void body() {
  flags f;
  auto const other = [](void* argument) {
    flags& g = *static_cast<flags*>(argument);
    g.theirs.store_release(1);
    if (Second) world::fence_seq_cst();
    g.they_saw_me = g.mine.load_acquire() == 1;
  };
  world::thread_start(other, &f);
  f.mine.store_release(1);
  if (First) world::fence_seq_cst();
  bool const i_saw_them = f.theirs.load_acquire() == 1;
  sim::join_others();
  world::require(i_saw_them || f.they_saw_me, "store_buffering: both announced themselves and neither saw the other");
}

}  // namespace

constinit sim::scenario const core_store_buffering =
    {.name = "core_store_buffering",
     .claim = "of two who announce themselves, fence and look, one sees the other",
     .body = &body<true, true>,
     .cannot_bear = {sim::mask_of({sim::fault_kind::eagain_thread}), "it does not look whether a thread was made"}};
constinit sim::scenario const core_store_buffering_no_fence =
    {.name = "core_store_buffering_no_fence",
     .claim = "without fences both can miss the other (c11; sequential consistency hides it)",
     .body = &body<false, false>,
     .must_fail = "store_buffering",
     .must_fail_memory = "c11"};
constinit sim::scenario const core_store_buffering_one_fence =
    {.name = "core_store_buffering_one_fence",
     .claim = "a fence on one side is as good as none (c11; sequential consistency hides it)",
     .body = &body<true, false>,
     .must_fail = "store_buffering",
     .must_fail_memory = "c11"};

}  // namespace retake::scenarios
