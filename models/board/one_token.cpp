// A thread has one token: unpark() gives it, park() takes it or sleeps. Who looks at its condition,
// then waits for something else that parks as well, and then parks for the first, sleeps for ever
// when the inner wait took the token.
#include "board.hpp"

namespace retake::board {

namespace {

class parker {
 public:
  void park() {
    std::unique_lock hold(lock_);
    given_.wait(hold, [&] { return token_; });
    token_ = false;
  }
  void unpark() {
    std::unique_lock const hold(lock_);
    token_ = true;
    given_.notify_one();
  }

 private:
  model::mutex lock_;
  model::condition_variable given_;
  bool token_ = false;
};

template <bool LooksAgain>
void nested_park() {
  parker mine;
  model::atomic<bool> outer{false}, inner{false};
  model::jthread const waiter([&] {
    bool ready = outer.load();
    while (!inner.load()) mine.park();
    if constexpr (LooksAgain) ready = outer.load();
    while (!ready) {
      mine.park();
      ready = outer.load();
    }
  });
  outer.store(true);
  mine.unpark();
  inner.store(true);
  mine.unpark();
}

}  // namespace

bug const one_token = {"one_token", "rust-lang/rust 145816", "who is told goes on",
                       "deadlock",  &nested_park<false>,     &nested_park<true>};

}  // namespace retake::board
