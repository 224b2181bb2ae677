// A sleeper announces itself with a seq_cst read-modify-write and then looks for work with a weaker
// load. The read-modify-write orders its own location: what comes after it may be read before.
#include "board.hpp"

namespace retake::board {

namespace {

template <bool Fenced>
void work_against_sleep() {
  model::atomic<int> work{0}, asleep{0};
  model::jthread const worker([&] {
    asleep.fetch_add(1, model::memory_order_seq_cst);
    if constexpr (Fenced) model::atomic_thread_fence(model::memory_order_seq_cst);
    if (work.load(model::memory_order_relaxed) == 0) asleep.wait(1, model::memory_order_acquire);
  });
  work.store(1, model::memory_order_relaxed);
  model::atomic_thread_fence(model::memory_order_seq_cst);
  if (asleep.load(model::memory_order_relaxed) == 1) {
    asleep.store(2, model::memory_order_release);
    asleep.notify_one();
  }
}

}  // namespace

bug const read_modify_write_as_fence = {"read_modify_write_as_fence",
                                        "facebook/folly 2649",
                                        "work that is submitted finds the sleeper, or is found by it",
                                        "deadlock",
                                        &work_against_sleep<false>,
                                        &work_against_sleep<true>};

}  // namespace retake::board
