// wake_gate.hpp: how many Ms look for work, so that new work wakes one more M exactly when nobody
// would find it otherwise.
//
// Problem.   Work is spread over the Ps' rings; nobody can say cheaply whether there is any. Waking
//            an M for each new goroutine costs 40 us of an idle CPU each time; waking none leaves a
//            P idle beside work that waits.
// Rejected.  Central knowledge of all work: a lock on every ready(). Handing the goroutine to the
//            woken M: its cache is cold, and the waker would often have run it itself sooner.
//            Waking whenever a P is idle: thrashing when work comes in short bursts.
// Recipe.    An M that looks for work without having any is spinning and counted. Who submits wakes
//            one M if nobody spins and a P is idle; a spinner that finds work passes the role on,
//            one that finds none looks once more after it has said so.
//
//            submitter                                   M that found nothing
//            publish the work (ring, heap) [by its       put the P on the idle list (under the
//              protocol]                                   lock)
//            fence [WG1]                                 spinning -= 1 if it was; then fence [WG2]
//            nobody spins and a P is idle?               look at every ring and heap again
//            then 0 -> 1 by CAS, start an M as spinning  a hit: take an idle P, spin again
//
//            Either the submitter sees the lowered count and the idle P, or the other M sees the
//            work: one of the two fences is first. Go asks only spinners for the second look, and
//            relies on a count that is never stale: an M that reads an old one declines to spin and
//            puts its P down without the fence (scenario submit_and_compute_on). So whoever puts a
//            P on the idle list looks once more, also the monitor that hands one off (scenario
//            submit_against_handoff).
//
// States.    spinning: 0..; each unit belongs to one M with its flag set, or travels in one started
//            M.
// Fields.    spinning_: anybody, by RMW. wanted_: set under the lock by who needed a P for its
//            spinner and got none, cleared by who starts to spin: an M that is about to drop its P
//            under the lock reads it and spins instead.
// Invariants M5 count == Ms with the flag + transfers; at quiescence 0. V1.
// Orders     [WG1] [WG2], below. All else relaxed: the count carries no data, what is found carries
//            its own order.
// Checked by models/relacy/wake_gate_model.cpp, scenario submit_against_last_spinner, patches s02,
// s03.
// Not promised: that a woken M finds the work (another may have taken it); a bound on useless
// wake-ups other than one spinner at a time.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

struct inspector;

class wake_gate {
 public:
  wake_gate() noexcept : spinning_(0), wanted_(0) {}

  // The submitter, after the work is published. True: nobody spins and `idle_processors()` saw an
  // idle P; the caller now holds the one spinning unit and owes it to an M that it starts, or to
  // withdraw().
  template <class IdleProcessors>
  [[nodiscard]] bool claim_wake(IdleProcessors idle_processors) noexcept {
    // [WG1] seq_cst fence: the work is visible before the count is read. Pairs with [WG2]. Killed
    // by: model wake_gate.
    world::fence_seq_cst();
    const std::uint32_t spinning = spinning_.load_relaxed();
    if (spinning != 0) return false;
    if (idle_processors() == 0) return false;
    return spinning_.compare_exchange_relaxed(0, 1).won;
  }

  // hand-off's variant: nobody spins and no P is idle. The caller holds the unit as above.
  [[nodiscard]] bool claim_only_spinner() noexcept { return spinning_.compare_exchange_relaxed(0, 1).won; }

  // Whoever holds a claimed unit and could not start an M.
  void withdraw() noexcept { lower(); }

  // An M with a P and without work, before it steals. At most half of the busy Ps spin.
  [[nodiscard]] bool may_spin(std::uint32_t busy_processors) const noexcept {
    const std::uint32_t spinning = spinning_.load_relaxed();
    return 2 * spinning < busy_processors;
  }

  void start_spinning() noexcept {
    spinning_.fetch_add_relaxed(1);
    wanted_.store_relaxed(0);
  }

  // A spinner that found work. The caller owes one wake-up (claim_wake), so that the role goes on.
  void stop_spinning_with_work() noexcept { lower(); }

  // Who found nothing and has put a P on the idle list; `spinning`: an M that gives its unit of the
  // count back. The caller owes the second look at everything.
  void found_nothing(bool spinning) noexcept {
    if (spinning) lower();
    // [WG2] seq_cst fence: the lowered count (and the idle P) is visible before the second look.
    // Pairs with [WG1], and [PK3] of poll_wake. Killed by: model wake_gate.
    world::fence_seq_cst();
  }

  // Under the lock.
  void want_spinner() noexcept { wanted_.store_relaxed(1); }
  [[nodiscard]] bool spinner_wanted() const noexcept { return world::recheck(wanted_.load_relaxed() != 0); }
  void no_longer_wanted() noexcept { wanted_.store_relaxed(0); }

  // Anybody: a hint.
  [[nodiscard]] std::uint32_t spinning_hint() const noexcept { return spinning_.load_relaxed(); }

 private:
  friend struct inspector;  // reads for the checkers

  void lower() noexcept {
    const std::uint32_t before = spinning_.fetch_sub_relaxed(1);
    world::require(before > 0, "M5: the count of spinning Ms is lowered below 0");
  }

  world::atomic<std::uint32_t> spinning_;
  world::atomic<std::uint32_t> wanted_;
};

}  // namespace retake
