// futex.hpp: sleeping on a word under Relacy.
//
// Problem.   Relacy has a futex, but it executes a seq_cst fence on both sides and carries
//            happens-before from the waker to the sleeper: a fence or an order that the protocol
//            forgot is hidden behind the kernel's. Its timed sleep may time out for ever, so that a
//            lost wake-up never shows.
// Recipe.    The look at the newest value and the falling asleep are one step, as under the
//            kernel's bucket lock. No happens-before. --park futex: a fence in front of both, as
//            the kernel has. --park plain: none, which nobody may rely on. Spurious returns and
//            time-outs are choices with a budget per execution; a timed sleep behind the budget is
//            one without end, so that a lost wake-up is a deadlock.
//
// Checked by tests/world (conformance_core in this world), models/relacy/note_model.cpp,
// spin_lock_model.cpp.
// Not promised: who of several sleepers is woken (a choice).
#pragma once

#include "world/atomic.hpp"
#include "world/engine.hpp"
#include "world/site.hpp"

namespace retake::world {

enum class waited {
  woken,      // by futex_wake, or for no reason
  changed,    // the word did not hold `expected`
  timed_out,  // the deadline has passed
};

namespace relacy {

// Reads the newest value, in one step with what comes next, and remembers for coherence that this
// thread has seen it. Relacy has no such
// load: a compare-exchange that cannot win is one (and stands in the history as that).
inline std::uint32_t look_at_newest(atomic<std::uint32_t>& word, site const& where) {
  rl::context& c = rl::ctx();
  rl::preemption_disabler const one_step(c);
  auto& cell = word.cell_to_look_at(where);
  std::uint32_t const newest = cell.debug_value();
  std::uint32_t other = ~newest;
  cell.compare_exchange(rl::bool_t<false>(), other, other, rl::mo_relaxed, rl::mo_relaxed, info_of(where));
  return newest;
}

inline waited sleep_on(atomic<std::uint32_t>& word, std::uint32_t expected, bool timed, site const& where) {
  note_effect();
  rl::context& c = rl::ctx();
  if (run.fences_in_futex) {
    full_fence(where);
  } else {
    c.sched();
  }
  if (look_at_newest(word, where) != expected) {
    note_event("futex_wait: the word has changed", where);
    return waited::changed;
  }
  if (timed && run.timeouts_left != 0 && choose(2) == 1) {
    --run.timeouts_left;
    note_event("futex_wait: the deadline passes", where);
    return waited::timed_out;
  }
  if (run.spurious_left != 0 && choose(2) == 1) {
    --run.spurious_left;
    note_event("futex_wait: returns for no reason", where);
    return waited::woken;
  }
  note_event("futex_wait: sleeps", where);
  run.asleep[run.sleepers++] = {&word, c.current_thread()};
  c.park_current_thread(false, false, false, info_of(where));
  return waited::woken;
}

inline waited counted(waited how, site const& where) {
  count_outcome(question::futex_wait, static_cast<unsigned>(how), where);
  return how;
}

}  // namespace relacy

inline waited futex_wait(atomic<std::uint32_t>& word, std::uint32_t expected, site where = site::current()) noexcept {
  return relacy::counted(relacy::sleep_on(word, expected, false, where), where);
}

inline waited futex_wait_until(atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t,
                               site where = site::current()) noexcept {
  return relacy::counted(relacy::sleep_on(word, expected, true, where), where);
}

inline void futex_wake(atomic<std::uint32_t>& word, std::uint32_t count, site where = site::current()) noexcept {
  if (relacy::is_dropped("futex_wake", where)) return;
  relacy::note_effect();
  rl::context& c = rl::ctx();
  if (relacy::run.fences_in_futex) {
    relacy::full_fence(where);
  } else {
    c.sched();
  }
  for (; count != 0; --count) {
    unsigned here[relacy::threads_max];
    unsigned n = 0;
    for (unsigned i = 0; i < relacy::run.sleepers; ++i) {
      if (relacy::run.asleep[i].word == &word) here[n++] = i;
    }
    if (n == 0) return;
    unsigned const chosen = here[n == 1 ? 0 : relacy::choose(n)];
    rl::thread_id_t const thread = relacy::run.asleep[chosen].thread;
    for (unsigned i = chosen + 1; i < relacy::run.sleepers; ++i) relacy::run.asleep[i - 1] = relacy::run.asleep[i];
    --relacy::run.sleepers;
    c.unpark_thread(thread, false, relacy::info_of(where));
  }
}

// In every spin loop: the others run first, or the loop gives up (spinning.hpp).
inline void pause(site where = site::current()) noexcept {
  if (!relacy::run.spins.goes_round(relacy::running_thread())) rl::yield(1, relacy::info_of(where));
}

}  // namespace retake::world
