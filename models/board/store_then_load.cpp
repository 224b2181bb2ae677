// Who completes a grace period stores that it has, seq_cst, and then looks with a relaxed load
// whether anybody sleeps. A seq_cst store orders nothing behind it that is weaker.
#include "board.hpp"

namespace retake::board {

namespace {

template <bool Fenced>
void completion_against_sleep() {
  model::atomic<int> done{0}, futex{0};
  model::jthread const waiter([&] {
    futex.store(-1, model::memory_order_relaxed);
    model::atomic_thread_fence(model::memory_order_seq_cst);
    if (done.load(model::memory_order_relaxed) == 0) futex.wait(-1, model::memory_order_relaxed);
  });
  done.store(1, model::memory_order_seq_cst);
  if constexpr (Fenced) model::atomic_thread_fence(model::memory_order_seq_cst);
  if (futex.load(model::memory_order_relaxed) == -1) {
    futex.store(0, model::memory_order_relaxed);
    futex.notify_one();
  }
}

}  // namespace

bug const store_then_load = {"store_then_load",
                             "urcu/userspace-rcu 9e6448d",
                             "who completes wakes who waits for it",
                             "deadlock",
                             &completion_against_sleep<false>,
                             &completion_against_sleep<true>};

}  // namespace retake::board
