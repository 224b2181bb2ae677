// core_iriw.cpp: two independent writers, two readers that read them in opposite orders. Only
// seq_cst makes the readers agree which write came first. Nothing in retake may rely on it without
// saying so.
#include "scenarios/catalog.hpp"
#include "sim/calls.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::scenarios {

namespace {

template <bool Strong>
struct writers {
  world::atomic<std::uint32_t> x{0};
  world::atomic<std::uint32_t> y{0};
  bool x_then_not_y = false;

  static std::uint32_t load(world::atomic<std::uint32_t>& a) {
    if (Strong) return a.load_seq_cst();
    return a.load_acquire();
  }
  static void store(world::atomic<std::uint32_t>& a) {
    if (Strong)
      a.store_seq_cst(1);
    else
      a.store_release(1);
  }
};

template <bool Strong>
void body() {
  using all = writers<Strong>;
  all w;
  world::thread_start([](void* argument) { all::store(static_cast<all*>(argument)->x); }, &w);
  world::thread_start([](void* argument) { all::store(static_cast<all*>(argument)->y); }, &w);
  auto const reader = [](void* argument) {
    all& mine = *static_cast<all*>(argument);
    bool const x = all::load(mine.x) == 1;
    bool const y = all::load(mine.y) == 1;
    mine.x_then_not_y = x && !y;
  };
  world::thread_start(reader, &w);
  bool const y = all::load(w.y) == 1;
  bool const x = all::load(w.x) == 1;
  sim::join_others();
  world::require(!(w.x_then_not_y && y && !x), "iriw: two readers disagree about which write came first");
}

}  // namespace

constinit sim::scenario const core_iriw = {.name = "core_iriw",
                                           .claim = "with seq_cst all readers agree on the order of independent writes",
                                           .body = &body<true>};
constinit sim::scenario const core_iriw_acquire =
    {.name = "core_iriw_acquire",
     .claim = "with release and acquire two readers can disagree (c11; sequential consistency hides it)",
     .body = &body<false>,
     .must_fail = "iriw",
     .must_fail_memory = "c11"};

}  // namespace retake::scenarios
