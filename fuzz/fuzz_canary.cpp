// fuzz_canary.cpp: a planted bug that libFuzzer must find, else the alarm is dead: a returning call
// that looks at two bits of the P's tick.
//
// Goal.      Something that one lucky preemption does not show: M1 must stay in its call while its
//            P is taken, run by M2, and leaves M2's hands for a call exactly when its tick has gone
//            round. Then M1 believes that nobody had its P in between, and keeps what it remembers
//            of it.
// Method.    The protocol of processor_status as it is, but for exit_fast, whose faulty twin stands
//            below (a tick of two bits is what packing it into the status word would leave).
//            `reacquired` allows the caller to go on with its cached copy; the scenario checks that
//            it is right.
#include "libfuzzer_entry.hpp"
#include "protocol/processor_status.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::fuzz {

namespace {

constexpr std::uint32_t rounds = 8;

struct world_of_two {
  processor_side p{0};
  machine_side returning{1};
  machine_side other{2};
  world::plain<std::uint32_t> work{0};  // what runs on the P counts here; owned with it
};

exit_outcome exit_with_narrow_tick(machine_side& m) {
  processor_side* const p = m.old.get();
  m.old.set(nullptr);
  if (p->status.load_relaxed() != processor_state::syscall) return exit_outcome::lost;
  const bool won = p->status.compare_exchange_acquire(processor_state::syscall, processor_state::idle).won;
  if (!won) return exit_outcome::lost;
  p->holder.move(processor_holder::call, processor_holder::hand,
                 "P9: a returning system call wins a P that somebody took");
  processor_status::wire(m, *p);
  const std::uint32_t tick = p->syscall_tick.load_relaxed();
  const bool stayed = (tick & 3) == (m.tick.get() & 3);  // the planted bug
  p->syscall_tick.store_relaxed(tick + 1);
  return stayed ? exit_outcome::reacquired : exit_outcome::reacquired_aba;
}

// Takes the P out of the call, runs on it, and makes calls of its own.
void other_machine(void* argument) {
  world_of_two& w = *static_cast<world_of_two*>(argument);
  if (!processor_status::take(w.p, processor_state::idle)) return;
  processor_status::wire(w.other, w.p);
  for (std::uint32_t i = 0; i < rounds; ++i) {
    w.work.set(w.work.get() + 1);
    processor_status::enter(w.other);
    const exit_outcome back = processor_status::exit_fast(w.other);
    if (back == exit_outcome::lost) return;
  }
  processor_status::enter(w.other);
}

void body() {
  world_of_two w;
  processor_status::wire(w.returning, w.p);
  w.work.set(1);
  const std::uint32_t remembered = w.work.get();
  world::thread_start(&other_machine, &w);
  processor_status::enter(w.returning);
  const exit_outcome back = exit_with_narrow_tick(w.returning);
  if (back == exit_outcome::reacquired) {
    const std::uint32_t work = w.work.get();
    world::require(work == remembered, "P11: a returning call does not notice that others had its P");
  }
  sim::join_others();
}

constinit sim::scenario const wrapped_tick = {.name = "wrapped_tick",
                                              .claim = "a call that returns to its old P knows whether others had it",
                                              .body = &body,
                                              .must_fail = "P11"};

constinit sim::scenario const* const planted[] = {&wrapped_tick};

}  // namespace

std::unique_ptr<schedule_target> make_target(int argc, char** argv) {
  return std::make_unique<schedule_target>("fuzz_canary", planted, true, argc, argv);
}

}  // namespace retake::fuzz
