// run_queue.hpp: a P's own goroutines: a ring that one owner fills and everybody may empty, and one
// slot for the next to run.
//
// Problem.   Each P readies and runs goroutines millions of times a second; a shared queue would be
//            the hottest line of the machine. But a P that runs dry must be able to take work from
//            another without asking its owner.
// Rejected.  A lock per P: the owner pays for thieves that rarely come. A Chase-Lev deque: LIFO for
//            the owner starves old goroutines, and its owner's pop needs a full fence. A linked
//            queue: allocation, and no stealing of half.
// Recipe.    owner                                       thief
//            put: write the slot, then tail [RQ2]        read head, then tail [RQ3]; copy half of
//                                                          what is between
//            get: copy the slot, then head by CAS        head by CAS [RQ5]: won: the copies are
//                                                          mine; lost: forget them
//            put_next: swap `next` [RQ4], put the old    ring empty: `next` by CAS [RQ6]
//              one
//
// States.    head <= tail <= head + Capacity (counters that wrap; differences are exact). Slots
//            [head, tail) hold goroutines.
// Fields.    tail_: written by the owner alone. head_: by CAS, anybody. next_: owner swaps, anybody
//            CASes it to null.
//            slots_: written by the owner; atomic because a thief that is about to lose its CAS may
//            read one that is being reused.
// Invariants Q1 overflow only when exactly full, and a thief's ring never overflows; Q3 head by
//            CAS, torn snapshots are retried; Q4 empty is decided only after tail was read again;
//            Q5 FIFO but for `next`; G2.
// Orders     [RQ1]-[RQ8], below.
// Checked by models/relacy/run_queue_model.cpp, properties/run_queue_properties.cpp, every scenario
// with two Ps.
// Not promised: that `looks_empty` stays true; any order between thieves.
#pragma once

#include <cstdint>

#include "protocol/batch.hpp"
#include "world/atomic.hpp"
#include "world/futex.hpp"
#include "world/require.hpp"

namespace retake {

struct inspector;

template <class T, std::uint32_t Capacity>
class run_queue {
  static_assert(Capacity >= 2 && (Capacity & (Capacity - 1)) == 0,
                "a power of two, so that wrapped counters index right");

 public:
  struct no_back_off {
    void operator()() const noexcept {}
  };

  run_queue() noexcept : head_(0), tail_(0), next_(nullptr) {}

  // The owner. Appends `item`. When the ring is full, half of it and `item` come back: the caller
  // owes them a place elsewhere.
  [[nodiscard]] batch<T> put(T* item) noexcept {
    for (;;) {
      // [RQ1] acquire: the slot is overwritten only after the thief that freed it has read it.
      // Pairs with [RQ5]. Not killed: only a load that reads from the future could tell, and no
      // world models that.
      const std::uint32_t head = head_.load_acquire();
      const std::uint32_t tail = tail_.load_relaxed();
      world::require(tail - head <= Capacity, "Q1: ring holds more than its capacity");
      if (tail - head < Capacity) {
        slots_[tail % Capacity].store_relaxed(item);
        // [RQ2] release: the slot and the goroutine behind it come before the tail that shows them.
        // Pairs with [RQ3]. Killed by: model run_queue.
        tail_.store_release(tail + 1);
        return {};
      }
      batch<T> half;
      if (take_half_of_full(head, half)) {
        half.push_back(item);
        return half;
      }
    }
  }

  // The owner. `item` runs next; who was to run next moves to the ring (and from a full ring
  // elsewhere, see put).
  [[nodiscard]] batch<T> put_next(T* item) noexcept {
    // [RQ4] release: the goroutine comes before the pointer that a thief may take. Pairs with
    // [RQ6]. Killed by: model run_queue.
    T* const kicked = next_.exchange_release(item);
    if (kicked == nullptr) return {};
    return put(kicked);
  }

  struct got {
    T* item;        // nullptr: nothing here
    bool inherits;  // from `next`: it continues the time slice of whoever readied it
  };

  // The owner. Who was to run next; nullptr: nobody.
  [[nodiscard]] T* take_next() noexcept {
    T* const next = next_.load_relaxed();
    if (next == nullptr) return nullptr;
    // [RQ7] release: whoever sees the slot empty also sees the tail that put_next moved before.
    // Pairs with [RQ8]. Killed by: model run_queue.
    const world::exchanged<T*> taken = next_.compare_exchange_release(next, nullptr);
    return taken.won ? next : nullptr;
  }

  // The owner. `next` first, then the oldest of the ring.
  [[nodiscard]] got get() noexcept {
    if (T* const next = take_next()) return {next, true};
    for (;;) {
      const std::uint32_t head = head_.load_relaxed();
      const std::uint32_t tail = tail_.load_relaxed();
      if (head == tail) return {nullptr, false};
      T* const item = slots_[head % Capacity].load_relaxed();
      const world::exchanged<std::uint32_t> moved = head_.compare_exchange_relaxed(head, head + 1);
      if (moved.won) return {item, false};
    }
  }

  // The owner of this queue, as a thief of `victim`. Takes half of the victim's ring, rounded up;
  // its `next` only when the ring is empty and `take_next` says so, and after `back_off()`. Returns
  // one of them to run; the others are in this ring. This ring must be empty.
  template <class BackOff = no_back_off>
  [[nodiscard]] T* steal(run_queue& victim, bool take_next, BackOff back_off = {}) noexcept {
    const std::uint32_t my_tail = tail_.load_relaxed();
    for (;;) {
      const std::uint32_t head = victim.head_.load_relaxed();
      // [RQ3] acquire: the slots below the tail, and the goroutines in them, are as the victim
      // wrote them. Pairs with [RQ2], [RQ9]. Killed by: model run_queue.
      const std::uint32_t tail = victim.tail_.load_acquire();
      const std::uint32_t count = (tail - head) - (tail - head) / 2;
      if (count == 0) {
        if (!take_next) return nullptr;
        return victim.steal_next(back_off);
      }
      if (world::recheck(count > Capacity / 2)) {  // Q3: head and tail are of different times
        world::pause();
        continue;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        T* const item = victim.slots_[(head + i) % Capacity].load_relaxed();
        slots_[(my_tail + i) % Capacity].store_relaxed(item);
      }
      // [RQ5] release: the copies above are made before the slots are free for the victim. Pairs
      // with [RQ1]. Not killed: as [RQ1].
      const world::exchanged<std::uint32_t> moved = victim.head_.compare_exchange_release(head, head + count);
      if (!moved.won) continue;
      const std::uint32_t kept = count - 1;
      T* const item = slots_[(my_tail + kept) % Capacity].load_relaxed();
      if (kept == 0) return item;
      const std::uint32_t my_head = head_.load_relaxed();
      world::require(my_tail - my_head + kept < Capacity, "Q1: stealing overflows the thief's ring");
      // [RQ9] release: as [RQ2], for what was stolen. Pairs with [RQ3]. Killed by: model run_queue.
      tail_.store_release(my_tail + kept);
      return item;
    }
  }

  // Anybody. False may be outdated at once; true means that at one instant during the call there
  // was nothing here.
  [[nodiscard]] bool looks_empty() const noexcept {
    for (;;) {
      const std::uint32_t head = head_.load_relaxed();
      const std::uint32_t tail = tail_.load_relaxed();
      // [RQ8] acquire: an empty `next` shows the tail that moved before it was emptied, so Q4's
      // second look finds it. Pairs with [RQ7]. Killed by: model run_queue.
      T* const next = next_.load_acquire();
      const std::uint32_t again = tail_.load_relaxed();
      if (world::recheck(tail == again)) return head == tail && next == nullptr;
    }
  }

  // Anybody. A hint for reports.
  [[nodiscard]] std::uint32_t size_hint() const noexcept {
    const std::uint32_t head = head_.load_relaxed();
    const std::uint32_t tail = tail_.load_relaxed();
    return tail - head <= Capacity ? tail - head : Capacity;
  }

 private:
  friend struct inspector;  // reads for the checkers

  [[nodiscard]] bool take_half_of_full(std::uint32_t head, batch<T>& half) noexcept {
    T* taken[Capacity / 2];
    for (std::uint32_t i = 0; i < Capacity / 2; ++i) { taken[i] = slots_[(head + i) % Capacity].load_relaxed(); }
    const world::exchanged<std::uint32_t> moved = head_.compare_exchange_relaxed(head, head + Capacity / 2);
    if (!moved.won) return false;  // a thief made room
    for (T* const item : taken) half.push_back(item);
    return true;
  }

  template <class BackOff>
  [[nodiscard]] T* steal_next(BackOff back_off) noexcept {
    T* const next = next_.load_relaxed();
    if (next == nullptr) return nullptr;
    back_off();
    // [RQ6] acquire: the goroutine behind the pointer is as the owner wrote it. Pairs with [RQ4].
    // Killed by: model run_queue.
    const world::exchanged<T*> taken = next_.compare_exchange_acquire(next, nullptr);
    return taken.won ? next : nullptr;
  }

  struct slot : world::atomic<T*> {
    slot() noexcept : world::atomic<T*>(nullptr) {}
  };

  world::atomic<std::uint32_t> head_;
  world::atomic<std::uint32_t> tail_;
  world::atomic<T*> next_;
  slot slots_[Capacity];
};

}  // namespace retake
