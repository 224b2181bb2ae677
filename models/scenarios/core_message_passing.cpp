// core_message_passing.cpp: data, then a flag; who sees the flag sees the data. With a relaxed flag
// it is a data race, in every schedule and also in those where the value read happens to be right.
#include "scenarios/catalog.hpp"
#include "sim/calls.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::scenarios {

namespace {

struct mailbox {
  world::plain<std::uint32_t> data{0};
  world::atomic<std::uint32_t> full{0};
};

template <bool Released>
void body() {
  mailbox m;
  auto const sender = [](void* argument) {
    mailbox& to = *static_cast<mailbox*>(argument);
    to.data.set(42);
    if (Released)
      to.full.store_release(1);
    else
      to.full.store_relaxed(1);
  };
  world::thread_start(sender, &m);
  if (m.full.load_acquire() == 1) world::require(m.data.get() == 42, "message_passing: the flag came before the data");
  sim::join_others();
}

}  // namespace

constinit sim::scenario const core_message_passing = {.name = "core_message_passing",
                                                      .claim =
                                                          "who sees a released flag sees the data written before it",
                                                      .body = &body<true>};
constinit sim::scenario const core_message_passing_relaxed =
    {.name = "core_message_passing_relaxed",
     .claim = "a relaxed flag publishes nothing: reading the data behind it is a race",
     .body = &body<false>,
     .must_fail = "race"};

}  // namespace retake::scenarios
