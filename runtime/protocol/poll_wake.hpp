// poll_wake.hpp: at most one M blocks in the poller, and whoever has something for it can make it
// return.
//
// Problem.   An idle M blocks in the kernel until a descriptor is ready or the next timer is due. A
//            timer that is due earlier, added meanwhile, must end that wait; many such requests
//            must not become as many system calls.
// Rejected.  A helper thread that polls: one more switch on every wake-up. Every idle M polling:
//            all wake for one event. A lock around the
//            poll: the breaker would wait for the sleeper it wants to wake.
// Recipe.    the M that will block                       who added a timer due at `when`
//            swap 0 into last: it was 0: another M       publish the timer, fence [PK3]
//              polls
//            publish `until` [PK4], then block           somebody blocks (last == 0) and not until
//                                                          `when` at the latest: break
//            back: drain the descriptor, then swap 0     break: swap 1 into `signalled` [PK1]: it
//                                                          was 0: make the descriptor readable
//            into signalled [PK2]; until = 0; last =     nobody blocks: the caller wakes an M
//              now,                                        instead
//            fence [PK4]; then look for work and timers
//
//            The two swaps make one chain: the breaker's comes first, then the poller reads what
//            the breaker published; or it comes after, then it finds 0 and makes the descriptor
//            readable again. Drain before clear: the other way round eats a wake-up.
//
// States.    last == 0: exactly one M blocks, or is about to. signalled == 1: the descriptor is
//            readable or about to be.
// Fields.    last_: swapped to 0 by who blocks, stored by it afterwards; sysmon swaps its own time
//            in. until_: the M that blocks, valid while last is 0, and 0 there means "no limit".
//            signalled_: 0 -> 1 anybody, 1 -> 0 a poll that blocked.
// Invariants N6 N7, V7.
// Orders     [PK1]-[PK4], below. [PK4] was missing at first: a poller came back, read a stale count
//            of spinners, left the stealing to them and slept, while the last of them had handed
//            its timer to this poller (scenario sleepers_wake).
// Checked by models/relacy/poll_wake_model.cpp, scenario break_against_block,
// stress/hammer_poller.cpp, patch n48.
// Not promised: that a break finds the poller blocked; it may end the next wait instead, once, for
// nothing.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/ghost.hpp"
#include "world/require.hpp"

namespace retake {

struct inspector;

class poll_wake {
 public:
  explicit poll_wake(std::int64_t now_ns) noexcept : last_ns_(now_ns), until_ns_(0), signalled_(0), blocked_(0) {}

  // An M without a P that would block in the poller until `until_ns` (0: without limit). False:
  // another M does.
  [[nodiscard]] bool claim(std::int64_t until_ns) noexcept {
    const std::int64_t before = last_ns_.exchange_relaxed(0);
    if (before == 0) return false;
    blocked_.move(0, 1, "N6: two Ms block in the poller");
    until_ns_.store_relaxed(until_ns);
    return true;
  }

  // The M that blocked, back from the kernel, after it has drained the descriptor if that was
  // readable.
  void returned(std::int64_t now_ns, bool drained) noexcept {
    if (drained) clear_signal();
    until_ns_.store_relaxed(0);
    last_ns_.store_relaxed(now_ns);
    blocked_.move(1, 0, "N6: an M returns from the poller that had not claimed it");
    // [PK4] seq_cst fence: whoever still found this M blocking has its timer, and its place among
    // the spinners given up, visible to the look for work that follows. Pairs with [PK3]. Killed
    // by: model poll_wake.
    world::fence_seq_cst();
  }

  enum class need : std::uint32_t { nothing, break_poll, wake_machine };

  // Who has published a timer due at `when_ns`. What the caller owes: nothing, a break, or a
  // wake-up of an M.
  [[nodiscard]] need for_timer(std::int64_t when_ns) noexcept {
    // [PK3] seq_cst fence: the timer is visible before the poller's state is read; an older state
    // would send the wake-up to a poller that has gone. Pairs with [PK4], and [WG2] of wake_gate.
    // Killed by: model poll_wake.
    world::fence_seq_cst();
    const std::int64_t last_ns = last_ns_.load_relaxed();
    if (last_ns != 0) return need::wake_machine;
    const std::int64_t until_ns = until_ns_.load_relaxed();
    return until_ns == 0 || until_ns > when_ns ? need::break_poll : need::nothing;
  }

  // Anybody who wants the blocking poll to return. True: the caller makes the wake-up descriptor
  // readable; false: it is, or is about to be.
  [[nodiscard]] bool signal() noexcept {
    // [PK1] release: what the poller shall find comes before the signal. Pairs with [PK2]. Killed
    // by: model poll_wake.
    const std::uint32_t before = signalled_.exchange_release(1);
    return before == 0;
  }

  // sysmon: nobody has polled since `now_ns - period_ns`; true: the caller polls, without blocking.
  [[nodiscard]] bool claim_overdue(std::int64_t now_ns, std::int64_t period_ns) noexcept {
    const std::int64_t last_ns = last_ns_.load_relaxed();
    if (last_ns == 0 || last_ns + period_ns > now_ns) return false;
    return last_ns_.compare_exchange_relaxed(last_ns, now_ns).won;
  }

  // Anybody: hints.
  [[nodiscard]] bool somebody_blocks() const noexcept { return last_ns_.load_relaxed() == 0; }

 private:
  friend struct inspector;  // reads for the checkers

  void clear_signal() noexcept {
    // [PK2] acquire: reads what every breaker before this swap has published. Pairs with [PK1].
    // Killed by: model poll_wake.
    const std::uint32_t before = signalled_.exchange_acquire(0);
    world::require(before == 1, "N7: the wake-up descriptor was readable without a signal");
  }

  world::atomic<std::int64_t> last_ns_;
  world::atomic<std::int64_t> until_ns_;
  world::atomic<std::uint32_t> signalled_;
  [[no_unique_address]] world::ghost<std::uint32_t> blocked_;  // Ms that block, or are about to
};

}  // namespace retake
