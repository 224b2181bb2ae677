// note.hpp: a thread sleeps until one other thread hands it something, once.
//
// Problem.   An M that found nothing to do must sleep without missing the hand-over that arrives
//            while it decides to, and whoever wakes it has left something for it (a P, a stopped
//            world): the sleeper reads that first thing.
// Rejected.  A condition variable: needs a lock around the decision. A semaphore: forgives a second
//            wake-up, and in a scheduler a second wake-up means that two parties believe they took
//            the same M off the idle list (M7).
// Recipe.    sleeper                                     waker
//            clear(), then become findable (under a      take the sleeper out of where it is found:
//              lock)                                       it is yours alone
//            sleep(): while cleared, wait [NT1]          write what you hand over; wake(): cleared
//                                                          -> woken [NT2], kick the kernel
//
// States.    cleared: the sleeper belongs to whoever finds it. woken: it belongs to itself, with
//            what it was handed.
// Fields.    word_: clear and loads by the sleeper, one exchange by the one waker.
// Invariants M7.
// Orders     [NT1] [NT2] [NT3], below.
// Checked by models/relacy/note_model.cpp (full search), scenario park_and_start_m.
// Not promised: more than one sleeper; a wake-up before clear(); that the note's memory may vanish
//            when sleep() returns: the waker may still be inside the kernel with its address, so an
//            M outlives its thread (M11).
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/futex.hpp"
#include "world/require.hpp"

namespace retake {

class note {
 public:
  note() noexcept : word_(cleared) {}

  // The future sleeper, before anybody can find it; what makes it findable (a lock) publishes this
  // store.
  void clear() noexcept { word_.store_relaxed(cleared); }

  // The sleeper. Returns when woken, at once if that came first. Blocks the thread; the caller
  // holds no P (M1) or accepts to keep it.
  void sleep() noexcept {
    for (;;) {
      // [NT1] acquire: reads what the waker left before [NT2]. Pairs with [NT2]. Killed by: model
      // note.
      const std::uint32_t now = word_.load_acquire();
      if (now == woken) return;
      world::futex_wait(word_, cleared);
    }
  }

  // The sleeper. As sleep(), but gives up at `deadline_ns` on the monotonic clock; true when woken.
  // After false the note is still cleared and a wake-up may still come: only a lock that the waker
  // holds too can call the sleeper back.
  [[nodiscard]] bool sleep_until(std::int64_t deadline_ns) noexcept {
    for (bool late = false;;) {
      // [NT3] acquire: as [NT1]. Pairs with [NT2]. Killed by: model note.
      const std::uint32_t now = word_.load_acquire();
      if (now == woken) return true;
      if (late) return false;
      const world::waited how = world::futex_wait_until(word_, cleared, deadline_ns);
      late = how == world::waited::timed_out;
    }
  }

  // The one thread that took the sleeper out of where it is found. Does not block.
  void wake() noexcept {
    // [NT2] release: publishes what is handed over; a swap, so that a second waker is caught. Pairs
    // with [NT1], [NT3]. Killed by: model note.
    const std::uint32_t before = word_.exchange_release(woken);
    world::require(before == cleared, "M7: note woken twice");
    world::futex_wake(word_, 1);
  }

 private:
  static constexpr std::uint32_t cleared = 0;
  static constexpr std::uint32_t woken = 1;
  friend struct inspector;  // reads for the checkers
  world::atomic<std::uint32_t> word_;
};

}  // namespace retake
