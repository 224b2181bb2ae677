// spin_lock.hpp: mutual exclusion for short sections of the runtime; spins a little, then sleeps in
// the kernel.
//
// Problem.   The scheduler's lists are touched for tens of nanoseconds at a time, from every
//            thread, also by threads without a P. Spinning alone wastes a whole time slice when the
//            holder was preempted; sleeping alone costs two switches for a few loads.
// Rejected.  A ticket lock: fair, but a preempted waiter in the middle of the line stops everybody
//            behind it. An MCS queue: needs a node per waiter, and a thread may hold two locks. The
//            C++ library's mutex: not part of the world, and its order is not ours to weaken.
// Recipe.    lock                       unlock
//            free -> held by CAS [SL1]  swap free in [SL3]; was it contended: wake one sleeper
//            else look `spin_rounds_max` times, CAS [SL1]
//            else swap `contended` in [SL2]; was it free: ours; else sleep while it is contended,
//            again
//
// States.    free: nobody. held: one holder, nobody sleeps. contended: one holder, somebody may
//            sleep (a sleeper that got the lock by
//            [SL2] leaves `contended` behind: one wake-up too many, never one too few).
// Fields.    word_: everybody, by the operations below only.
// Invariants Everything plain that the lock guards is race-free: the holder's writes are seen by
// the next holder.
// Orders     [SL1] to [SL5], below.
// Checked by models/relacy/spin_lock_model.cpp; every scenario that takes the scheduler's lock.
// Not promised: fairness; recursion; that the holder may park a goroutine while it holds the lock
// (it may not: G8).
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/futex.hpp"
#include "world/limits.hpp"

namespace retake {

class spin_lock {
 public:
  spin_lock() noexcept : word_(free) {}

  // Any thread that does not hold it. Blocks the thread, never hands a P over.
  void lock() noexcept {
    // [SL1] acquire: what the last holder wrote under the lock is read next. Pairs with [SL3].
    // Killed by: model spin_lock.
    if (word_.compare_exchange_acquire(free, held).won) return;
    lock_slowly();
  }

  // Any thread that may hold it itself. True: it is the caller's now. Does not block.
  [[nodiscard]] bool try_lock() noexcept {
    // [SL5] acquire: as [SL1]. Pairs with [SL3]. Killed by: model spin_lock.
    return word_.compare_exchange_acquire(free, held).won;
  }

  // The holder.
  void unlock() noexcept {
    // [SL3] release: publishes what was written under the lock. Pairs with [SL1], [SL2], [SL4],
    // [SL5]. Killed by: model spin_lock.
    const std::uint32_t before = word_.exchange_release(free);
    if (before == contended) world::futex_wake(word_, 1);
  }

 private:
  static constexpr std::uint32_t free = 0;
  static constexpr std::uint32_t held = 1;
  static constexpr std::uint32_t contended = 2;

  void lock_slowly() noexcept {
    for (std::uint32_t round = 0; round < world::limits::spin_rounds_max; ++round) {
      if (word_.load_relaxed() == free) {
        // [SL4] acquire: as [SL1]. Pairs with [SL3]. Killed by: model spin_lock.
        if (word_.compare_exchange_acquire(free, held).won) return;
      }
      world::pause();
    }
    for (;;) {
      // [SL2] acquire: as [SL1]; a swap, so that the sleeper's mark cannot be lost between look and
      // sleep. Pairs with [SL3]. Killed by: model spin_lock.
      const std::uint32_t before = word_.exchange_acquire(contended);
      if (before == free) return;
      world::futex_wait(word_, contended);
    }
  }

  friend struct inspector;  // reads for the checkers
  world::atomic<std::uint32_t> word_;
};

// Holds a lock for a scope.
class locked {
 public:
  explicit locked(spin_lock& lock) noexcept : lock_(lock) { lock_.lock(); }
  ~locked() { lock_.unlock(); }
  locked(locked const&) = delete;
  locked& operator=(locked const&) = delete;

 private:
  spin_lock& lock_;
};

}  // namespace retake
