// poll_deadline.hpp: until when one direction of a descriptor may be waited for; anybody may move
// that, also while a goroutine waits.
//
// Problem.   A timer that is due ends a wait. Meanwhile another goroutine may have moved the
//            deadline, taken it back or set it into the past, the descriptor may be closed and used
//            again: the timer that runs late must end no wait that has more time, and who begins to
//            wait must not sleep behind a deadline that has passed.
// Rejected.  A lock of the descriptor around both sides (Go's pd.lock): each event and each wait
//            would pay for what few use. A sequence number beside each timer (Go's rseq, wseq): the
//            number has to travel with the timer, and says no more than the time itself.
// Recipe.    setter, one at a time        waiter                       timer, on any M
//            past: store `over` [PD1],    publish `wait` (poll_waiter  due, and not later than
//              then break the wait          [PW1])                       now: it is the deadline
//            else: store the time [PD1],  over [PD3]? do not park:     of this moment; swap `over`
//              start the timer              timed out                    in by CAS [PD2],
//            woken without readiness:     else park                    then break the wait
//              look again, wait                                          (poll_waiter [PW4])
//
//            Who makes it `over` does so before he looks for a waiter; a waiter publishes before he
//            looks: one of them sees. The time is its own sequence number: a timer of an earlier
//            deadline finds none, or one that is later, or one that is over by itself.
//
// States.    none: no limit. a time: until then. over: calls of this direction fail until somebody
//            sets another.
// Fields.    due_ns_: stored by who sets (they take turns), swapped to over by a timer's function.
// Invariants N3 a deadline that was replaced ends nothing; N8 none that passed is slept through.
// Orders     [PD1]-[PD3], below.
// Checked by models/relacy/poll_deadline_model.cpp, scenarios deadline_against_wait,
// deadline_moves, patch c67.
// Not promised: that a break finds the wait that it was meant for: it may end the next one, which
// looks again and goes on.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

class poll_deadline {
 public:
  poll_deadline() noexcept : due_ns_(none) {}

  static constexpr std::int64_t none = 0;
  static constexpr std::int64_t passed = -1;

  // Who sets, one at a time: `none`, a time of the monotonic clock, or `passed`; then the caller
  // owes a break of the wait.
  void set(std::int64_t due_ns) noexcept {
    world::require(due_ns >= passed, "N3: a deadline before the beginning of time");
    // [PD1] seq_cst: a deadline in the past is visible before the waiter's word is read. Pairs with
    // [PD3]. Killed by: model poll_deadline.
    due_ns_.store_seq_cst(due_ns);
  }

  // A timer's function at `now_ns`. True: this deadline is over, and the caller owes a break of the
  // wait; false: it was moved or taken back (N3).
  [[nodiscard]] bool pass(std::int64_t now_ns) noexcept {
    const std::int64_t due_ns = due_ns_.load_relaxed();
    if (due_ns <= none || due_ns > now_ns) return false;
    // [PD2] seq_cst: visible before the waiter's word is read. Pairs with [PD3]. Killed by: model
    // poll_deadline.
    return due_ns_.compare_exchange_seq_cst(due_ns, passed).won;
  }

  // Anybody; a waiter behind its published `wait`.
  [[nodiscard]] bool over() const noexcept {
    // [PD3] seq_cst: read after `wait` was published. Pairs with [PD1] and [PD2]. Killed by: model
    // poll_deadline.
    const std::int64_t due_ns = due_ns_.load_seq_cst();
    return due_ns == passed;
  }

 private:
  world::atomic<std::int64_t> due_ns_;
};

}  // namespace retake
