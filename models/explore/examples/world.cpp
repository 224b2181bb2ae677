// A user's own protocol, written against the world contract as the runtime's are: the same source
// runs on real threads where world/ is the operating system's.
#include <retake/explore.hpp>
#include <retake/model.hpp>
#include <world/atomic.hpp>

namespace {

namespace world = retake::world;

// Holds one value; given once, taken once.
class box {
 public:
  void give(int value) {
    value_.set(value);
    full_.store_relaxed(1);  // the bug: what was written before is not published
  }
  bool take(int& value) {
    if (full_.exchange_acquire(0) == 0) return false;
    value = value_.get();
    return true;
  }

 private:
  world::plain<int> value_{0};
  world::atomic<unsigned> full_{0};
};

void give_and_take() {
  box b;
  retake::model::jthread const giver([&] { b.give(7); });
  int value = 7;
  static_cast<void>(b.take(value));
  retake::explore::require(value == 7, "torn: another value came out");
}

}  // namespace

int main(int argc, char** argv) {
  retake::explore::take_arguments(argc, argv);
  retake::explore::options chosen;
  chosen.claim = "what is taken is what was given";
  return retake::explore::finish(retake::explore::check(give_and_take, chosen));
}
