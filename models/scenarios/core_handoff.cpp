// core_handoff.cpp: the smallest picture of what retake is about: a returning call and a thief race
// for one status word, and who wins it owns the plain data behind it. Two threads, eleven points;
// the benchmark of the engine.
#include "scenarios/catalog.hpp"
#include "sim/calls.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::scenarios {

namespace {

enum class status : std::uint32_t { in_syscall, running, idle };

struct handoff {
  world::atomic<status> word{status::in_syscall};
  world::atomic<std::uint32_t> owners{0};
  world::plain<std::uint32_t> tick{0};
};

void take_over(handoff& h, status as) {
  if (!h.word.compare_exchange_acq_rel(status::in_syscall, as).won) return;
  std::uint32_t const before = h.owners.fetch_add_relaxed(1);
  world::require(before == 0, "P9: two parties own the processor");
  h.tick.set(h.tick.get() + 1);
}

void thief(void* argument) { take_over(*static_cast<handoff*>(argument), status::idle); }

void body() {
  handoff h;
  world::thread_start(&thief, &h);
  take_over(h, status::running);
  sim::join_others();
  world::require(h.tick.get() == 1, "P9: nobody, or both, counted the tick");
}

void weak_body() {
  handoff h;
  auto const careless = [](void* argument) {
    handoff& mine = *static_cast<handoff*>(argument);
    // A look and a store where a compare_exchange belongs.
    if (mine.word.load_acquire() != status::in_syscall) return;
    mine.word.store_release(status::idle);
    std::uint32_t const before = mine.owners.fetch_add_relaxed(1);
    world::require(before == 0, "P9: two parties own the processor");
  };
  world::thread_start(careless, &h);
  take_over(h, status::running);
  sim::join_others();
}

}  // namespace

constinit sim::scenario const core_handoff = {.name = "core_handoff",
                                              .claim = "of a returning call and a thief exactly one owns the processor",
                                              .body = &body};
constinit sim::scenario const core_handoff_store =
    {.name = "core_handoff_store",
     .claim = "a thief that stores instead of exchanging takes an owned processor",
     .body = &weak_body,
     .must_fail = "P9"};

}  // namespace retake::scenarios
