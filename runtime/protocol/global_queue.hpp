// global_queue.hpp: the goroutines that belong to no P: overflow, yielders, returned system calls
// without a P.
//
// Problem.   A ring is bounded and belongs to a P; some goroutines have neither room nor a P. They
//            wait here, first in first out.
// Rejected.  A lock-free list: every taker goes on to touch the idle lists under the scheduler's
//            lock anyway, and "no work is here and I park" must be one atomic decision: with both
//            sides under one lock there is nothing to get wrong.
// Recipe.    Every call but size_hint() under the scheduler's lock. Who parks looks here once more
//            under that lock.
//
// States.    A list; size_ counts it.
// Fields.    first_, last_: under the lock. size_: written under the lock, read by anybody as a
//            hint.
// Invariants Q2 empty <=> size 0; G2; Q5 FIFO.
// Orders     None: the lock orders everything, and a hint promises nothing.
// Checked by models/relacy/global_queue_model.cpp, every scenario that yields.
// Not promised: that size_hint() is current: whoever acts on zero must look again under the lock
// before it sleeps.
#pragma once

#include <cstdint>

#include "protocol/batch.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

template <class T>
class global_queue {
 public:
  global_queue() noexcept : first_(nullptr), last_(nullptr), size_(0) {}

  // Under the scheduler's lock. Takes over the whole list.
  void put(batch<T> items) noexcept {
    if (items.count == 0) return;
    T* const last = last_.get();
    if (last == nullptr) {
      first_.set(items.first);
    } else {
      last->link.set(items.first);
    }
    last_.set(items.last);
    const std::uint32_t size = size_.load_relaxed();
    world::require((last == nullptr) == (size == 0), "Q2: the global queue is empty exactly when its size is 0");
    size_.store_relaxed(size + items.count);
  }

  void put(T* item) noexcept {
    batch<T> one;
    one.push_back(item);
    put(one);
  }

  // Under the scheduler's lock. Up to `most` from the front, as a list in the caller's hands.
  [[nodiscard]] batch<T> take(std::uint32_t most) noexcept {
    const std::uint32_t size = size_.load_relaxed();
    batch<T> rest{first_.get(), last_.get(), size};
    world::require((rest.first == nullptr) == (size == 0), "Q2: the global queue is empty exactly when its size is 0");
    batch<T> taken;
    while (taken.count < most) {
      T* const item = rest.pop_front();
      if (item == nullptr) break;
      taken.push_back(item);
    }
    first_.set(rest.first);
    last_.set(rest.last);
    size_.store_relaxed(rest.count);
    return taken;
  }

  // Anybody, without the lock: a hint.
  [[nodiscard]] std::uint32_t size_hint() const noexcept { return size_.load_relaxed(); }

 private:
  friend struct inspector;  // reads for the checkers

  world::plain<T*> first_;
  world::plain<T*> last_;
  world::atomic<std::uint32_t> size_;
};

}  // namespace retake
