// timer_home.hpp: a timer is in at most one heap, and start, stop and the run of it agree who has
// it.
//
// Problem.   Each P has a heap of timers under a lock of its own. A timer may be started by any
//            goroutine, on whatever P it is then; stopped or moved by another, on another P; and
//            run by any M, which takes it out of the heap where it lies. Its owner wants to hear
//            from stop() whether the function will run, and frees the timer's memory on that word:
//            nobody else may touch it afterwards.
// Rejected.  Lazy removal (Go before 1.23): a stopped timer stays in its heap until it comes up, so
//            its memory cannot end with its owner's frame. One lock for each timer besides the
//            heap's (Go since 1.23): two locks for every run. A period kept by the heap: what
//            stop() says of a timer that runs and is pending at once is of no use to who wants to
//            free it; a function that wants to run again starts its timer again.
// Recipe.    start                        stop, or move to another     run
//                                           time
//            none: lock the own P's       read home; none: "it does    lock a heap, its first is
//              heap,                        not wait"                    due:
//            none -> heap by CAS [TH1]:   lock that heap, home still   take it out, heap -> none
//              put it in                    the same:                    [TH2],
//            lost: somebody else has      take it out, heap -> none    unlock, call the function
//              started it: unlock,          [TH2]
//            and do as "move"             else unlock, again
//
//            home changes only under the lock of the heap that it names before or after: who holds
//            that lock and reads the heap's name in home has the timer for as long as it holds the
//            lock.
//
// States.    none: it is its owner's, or that of the function that runs. A heap: it is in that
//            heap, its memory is held by it.
// Fields.    home_: by the operations below. What the heap keeps of the timer (its place) is
//            guarded by the heap's lock while home names it, and goes from one heap to the next
//            with [TH2] and [TH1].
// Invariants V3 each start is answered by exactly one run or one stop (or moved); a stopped timer
// is touched by nobody.
// Orders     [TH1] [TH2], below. The lock orders all else; home is read without it as a hint, and a
//            heap outlives every timer.
// Checked by models/relacy/timer_home_model.cpp, scenarios timers_stop_or_run, timer_started_twice,
// patch tm1.
// Not promised: that a function which has begun ends before stop() returns false: whoever frees on
// that word gives the memory to the function.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

// Heap has a `lock` that lock() and unlock().
template <class Heap>
class timer_home {
 public:
  timer_home() noexcept : home_(nullptr) {}

  // Anybody. The heap that has the timer, its lock held by the caller; nullptr: none has.
  [[nodiscard]] Heap* lock_home() noexcept {
    for (;;) {
      Heap* const heap = home_.load_relaxed();
      if (heap == nullptr) return nullptr;
      heap->lock.lock();
      if (world::recheck(home_.load_relaxed() == heap)) return heap;
      heap->lock.unlock();
    }
  }

  // Under the lock of `heap`. True: the timer is the heap's, and the caller puts it in before it
  // unlocks; false: another heap has it by now.
  [[nodiscard]] bool enter(Heap& heap) noexcept {
    // [TH1] acquire: what the heap before has written of the timer is over. Pairs with [TH2].
    // Killed by: model timer_home.
    return home_.compare_exchange_acquire(nullptr, &heap).won;
  }

  // Under the lock of the heap that has it, which has taken it out.
  void leave() noexcept {
    // [TH2] release: the heap's last touch comes before the next heap's first. Pairs with [TH1].
    // Killed by: model timer_home.
    home_.store_release(nullptr);
  }

  // Anybody: a hint. The owner, when nobody else starts it: whether its memory may end.
  [[nodiscard]] bool waits() const noexcept { return home_.load_relaxed() != nullptr; }

 private:
  world::atomic<Heap*> home_;
};

}  // namespace retake
