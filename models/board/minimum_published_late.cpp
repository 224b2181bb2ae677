// Timers lie in shards, each under its lock. Who is about to sleep looks at all of them for the
// first, and publishes it as the time at which it wakes. A timer that is put into a shard behind
// that look is compared with the time published before, and nobody interrupts the sleep.
#include <climits>

#include "board.hpp"

namespace retake::board {

namespace {

constexpr int never = INT_MAX;

template <bool LooksAgain>
class sharded_timers {
 public:
  void add(int due) {
    {
      std::unique_lock const hold(shard_);
      if (due < first_) first_ = due;
    }
    if (due < wakes_at_.load()) kicked_.fetch_add(1), kicked_.notify_one();
  }
  void sleep() {
    int const seen = kicked_.load();
    int const first = look();
    wakes_at_.store(first);
    if constexpr (LooksAgain) {
      if (look() != first) return;
    }
    if (first == never) kicked_.wait(seen);
  }

 private:
  int look() {
    std::unique_lock const hold(shard_);
    return first_;
  }
  model::mutex shard_;
  int first_ = never;
  model::atomic<int> wakes_at_{1}, kicked_{0};  // it woke early last time
};

template <bool LooksAgain>
void add_against_sleep() {
  sharded_timers<LooksAgain> timers;
  model::jthread const sleeper([&] { timers.sleep(); });
  timers.add(5);
}

}  // namespace

bug const minimum_published_late = {"minimum_published_late",
                                    "tokio-rs/tokio 6682",
                                    "who sleeps wakes for the first timer",
                                    "deadlock",
                                    &add_against_sleep<false>,
                                    &add_against_sleep<true>};

}  // namespace retake::board
