// A lock's word has a bit that says whether anybody is parked. A waiter whose time is up takes
// itself out of the list and, if it was the last, clears the bit. Outside of the list's lock that
// clears the bit of whoever parked in between, and nobody wakes it.
#include "board.hpp"

namespace retake::board {

namespace {

template <bool Outside>
class timed_lock {
 public:
  void wait_for_release() {
    std::unique_lock hold(list_);
    if (!held_.load(model::memory_order_relaxed)) return;
    parked_.store(true, model::memory_order_relaxed);
    ++waiters_;
    released_.wait(hold, [&] { return !held_.load(model::memory_order_relaxed); });
    --waiters_;
  }
  void give_up_waiting() {  // of a waiter that was parked from the beginning
    std::unique_lock hold(list_);
    bool const last = --waiters_ == 0;
    if constexpr (Outside) hold.unlock();
    if (last) parked_.store(false, model::memory_order_relaxed);
  }
  void release() {
    std::unique_lock const hold(list_);
    held_.store(false, model::memory_order_relaxed);
    if (parked_.load(model::memory_order_relaxed)) released_.notify_all();
  }

 private:
  model::mutex list_;
  model::condition_variable released_;
  int waiters_ = 1;
  model::atomic<bool> held_{true}, parked_{true};
};

template <bool Outside>
void time_out_against_park() {
  timed_lock<Outside> lock;
  model::jthread const timed([&] { lock.give_up_waiting(); });
  model::jthread const waiter([&] { lock.wait_for_release(); });
  lock.release();
}

}  // namespace

bug const bit_cleared_outside = {"bit_cleared_outside",
                                 "Amanieu/parking_lot 465",
                                 "a release wakes whoever is parked",
                                 "deadlock",
                                 &time_out_against_park<true>,
                                 &time_out_against_park<false>};

}  // namespace retake::board
