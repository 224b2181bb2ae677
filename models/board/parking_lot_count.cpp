// A parking lot counts who sleeps in it, so that a signal to nobody costs no system call. The word
// that a sleeper compares and that count are two locations: publishing one and looking at the other
// needs a fence on both sides.
#include "board.hpp"

namespace retake::board {

namespace {

template <bool Fenced>
class parking_lot {
 public:
  void signal() {
    pending_.fetch_add(1, model::memory_order_release);
    if constexpr (Fenced) model::atomic_thread_fence(model::memory_order_seq_cst);
    if (sleepers_.load(model::memory_order_relaxed) != 0) pending_.notify_one();
  }
  void wait() {
    sleepers_.fetch_add(1, model::memory_order_relaxed);
    if constexpr (Fenced) model::atomic_thread_fence(model::memory_order_seq_cst);
    pending_.wait(0, model::memory_order_acquire);
    sleepers_.fetch_sub(1, model::memory_order_relaxed);
  }

 private:
  model::atomic<int> pending_{0}, sleepers_{0};
};

template <bool Fenced>
void signal_against_wait() {
  parking_lot<Fenced> lot;
  model::jthread const worker([&] { lot.wait(); });
  lot.signal();
}

}  // namespace

bug const parking_lot_count = {"parking_lot_count", "apache/brpc 3539",          "a signal wakes whoever sleeps",
                               "deadlock",          &signal_against_wait<false>, &signal_against_wait<true>};

}  // namespace retake::board
