// A segment of a queue is frozen when the next one takes over: a flag says so to those who take, a
// tail out of range keeps those out who put. The flag first: who takes sees an empty frozen segment
// and leaves it, and then a value is put into it.
#include "board.hpp"

namespace retake::board {

namespace {

constexpr int room = 4, out_of_range = 1'000;

class segment {
 public:
  bool put() {
    int tail = tail_.load();
    while (tail < room) {
      if (tail_.compare_exchange_weak(tail, tail + 1)) return true;
    }
    return false;
  }
  template <bool FlagFirst>
  void freeze() {
    if constexpr (FlagFirst) frozen_.store(true);
    tail_.fetch_add(out_of_range);
    if constexpr (!FlagFirst) frozen_.store(true);
  }
  // True: nothing is in it and nothing will be.
  bool is_drained() {
    bool const frozen = frozen_.load();  // the last word before the look at what is in it
    return frozen && tail_.load() % out_of_range == 0;
  }

 private:
  model::atomic<int> tail_{0};
  model::atomic<bool> frozen_{false};
};

template <bool FlagFirst>
void put_against_freeze() {
  segment s;
  bool was_put = false;
  model::thread putter([&] { was_put = s.put(); });
  model::thread freezer([&] { s.freeze<FlagFirst>(); });
  bool const left = s.is_drained();
  putter.join();
  freezer.join();
  require(!left || !was_put, "lost: a value was put into a segment that was left as drained");
}

}  // namespace

bug const freeze_before_tail = {"freeze_before_tail",
                                "dotnet/runtime 132736",
                                "a segment that is left holds nothing",
                                "lost",
                                &put_against_freeze<true>,
                                &put_against_freeze<false>};

}  // namespace retake::board
