// poll_waiter.hpp: one goroutine waits for one direction of one descriptor; the poller, a break or
// a close lets it go on.
//
// Problem.   Readiness comes edge-triggered, once, from a thread that holds no lock of ours, at any
//            time: before anybody waits, while somebody is about to, after it parked. It must never
//            be lost and never be taken for the next wait's.
// Rejected.  A lock per descriptor around both sides: the poller would take it for each event of a
//            batch. A counter of events: a waiter wants to know "since I last looked", not how
//            often.
// Recipe.    waiter                                      poller, break or close
//            ready -> none: go on at once                look [PW4]; nobody waits and it is only a
//                                                          close: nothing to do
//            none -> wait [PW1], then look for a close   swap in ready (or none for a close) by CAS
//              [PW2]                                       [PW6], also over ready: "it is ready
//                                                          already" must be said of the latest
//                                                          value, or the edge is lost
//            park; behind the parked goroutine:          it was G: that goroutine is mine to ready
//              wait -> G [PW5]
//            woken: swap none in; it was ready?          it was wait: the CAS wait -> G will fail,
//              then go on                                  nobody parks
//
//            A close announces itself [PW3] before it looks [PW4]; a waiter publishes `wait` [PW1]
//            before it looks [PW2]: one of them sees.
//
// States.    none: nobody waits, nothing happened. ready: something happened. wait: a goroutine is
//            about to park. G: it is parked.
// Fields.    word_: anybody, by CAS and swap. closing_: set once by who closes.
// Invariants N1 a second waiter is refused until the first is unblocked; from there to finish()
//            whoever uses this keeps others out (polled_file: a call holds its direction); N5 (the
//            poller counts); N8 readiness is not lost; G5 G6.
// Orders     [PW1]-[PW6], below.
// Checked by models/relacy/poll_waiter_model.cpp, properties/poll_waiter_properties.cpp, scenarios
//            poller_wake_against_park, ready_against_plain_wait, stress/hammer_poller.cpp, patches
//            n43, n44.
// Not promised: that readiness means that a read succeeds: whoever is woken tries, and waits again.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

// Whether a descriptor is being closed: what a waiter looks at between announcing itself and
// parking.
class poll_closing {
 public:
  poll_closing() noexcept : closing_(0) {}

  // Who closes, before it unblocks the waiters.
  void announce() noexcept {
    // [PW3] seq_cst: visible before the waiter's word is read. Pairs with [PW2]. Killed by: model
    // poll_waiter.
    closing_.store_seq_cst(1);
  }

  // Before the descriptor is used again; nobody else knows it.
  void reset() noexcept { closing_.store_relaxed(0); }

  [[nodiscard]] bool announced() const noexcept {
    // [PW2] seq_cst: read after `wait` was published. Pairs with [PW3]. Killed by: model
    // poll_waiter.
    const std::uint32_t closing = closing_.load_seq_cst();
    return closing != 0;
  }

 private:
  world::atomic<std::uint32_t> closing_;
};

template <class G>
class poll_waiter {
 public:
  poll_waiter() noexcept : word_(none) {}

  // Before the descriptor is used again; nobody else knows it.
  void reset() noexcept {
    world::require(word_.load_relaxed() <= ready, "N2: a descriptor is used again while somebody waits for it");
    word_.store_relaxed(none);
  }

  enum class begun : std::uint32_t { ready, waiting, busy };

  // The goroutine that wants to wait. ready: go on at once. waiting: it owes a look at the close,
  // then a park with commit(), then finish(). busy: another goroutine waits (N1).
  [[nodiscard]] begun begin() noexcept {
    for (;;) {
      const std::uintptr_t now = word_.load_relaxed();
      if (now == ready) {
        const bool taken = word_.compare_exchange_relaxed(ready, none).won;
        if (taken) return begun::ready;
        continue;
      }
      if (now != none) return begun::busy;
      // [PW1] seq_cst: `wait` is visible before the close is read. Pairs with [PW4]. Killed by:
      // model poll_waiter.
      const bool waiting = word_.compare_exchange_seq_cst(none, wait).won;
      if (waiting) return begun::waiting;
    }
  }

  // Behind the parked goroutine, on its M's own stack. False: something happened meanwhile, the
  // goroutine goes on.
  [[nodiscard]] bool commit(G& g) noexcept {
    // [PW5] release: the parked goroutine is complete before it can be found. Pairs with [PW6].
    // Killed by: model poll_waiter.
    return word_.compare_exchange_release(wait, as_word(g)).won;
  }

  // The goroutine, after its park or instead of it. True: readiness came; false: a break or a
  // close.
  [[nodiscard]] bool finish() noexcept {
    const std::uintptr_t before = word_.exchange_relaxed(none);
    world::require(before <= wait, "N1: a wait ends with another goroutine parked");
    return before == ready;
  }

  // The poller (io_ready) or who closes (not). Returns the goroutine that was parked: it is the
  // caller's to ready, once.
  [[nodiscard]] G* unblock(bool io_ready) noexcept {
    const std::uintptr_t next = io_ready ? ready : none;
    for (;;) {
      // [PW4] seq_cst: read after the close was announced. Pairs with [PW1]. Killed by: model
      // poll_waiter.
      const std::uintptr_t now = word_.load_seq_cst();
      if (now <= ready && !io_ready) return nullptr;
      // [PW6] acquire: the goroutine found is complete. Pairs with [PW5]. Killed by: model
      // poll_waiter.
      const world::exchanged<std::uintptr_t> swapped = word_.compare_exchange_acquire(now, next);
      if (!swapped.won) continue;
      return now > wait ? as_goroutine(now) : nullptr;
    }
  }

 private:
  static constexpr std::uintptr_t none = 0;
  static constexpr std::uintptr_t ready = 1;
  static constexpr std::uintptr_t wait = 2;

  static std::uintptr_t as_word(G& g) noexcept { return reinterpret_cast<std::uintptr_t>(&g); }
  static G* as_goroutine(std::uintptr_t word) noexcept { return reinterpret_cast<G*>(word); }

  friend struct inspector;  // reads for the checkers
  world::atomic<std::uintptr_t> word_;
};

}  // namespace retake
