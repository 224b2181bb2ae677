// global_queue_model.cpp: under the scheduler's lock the list loses nothing, keeps its order, and a
// hint is only a hint.
#include "protocol/global_queue.hpp"

#include "model_main.hpp"
#include "protocol/spin_lock.hpp"

namespace retake {
namespace {

enum class place : std::uint32_t { nowhere, queued, taken };

struct goroutine {
  world::plain<goroutine*> link{nullptr};
  world::plain<std::uint32_t> frame{0};
  world::ghost<place> where{place::nowhere};
};

struct shared_queue {
  spin_lock lock;
  global_queue<goroutine> queue;
  goroutine all[3];
  std::uint32_t last_taken[2] = {};  // per taker, host memory

  goroutine* make(std::uint32_t i) {
    all[i].frame.set(i + 1);
    all[i].where.move(place::nowhere, place::queued, "G2: made twice");
    return &all[i];
  }

  void take(std::uint32_t most) {
    batch<goroutine> got;
    {
      locked const scope(lock);
      got = queue.take(most);
    }
    world::require(got.count <= most, "Q2: more goroutines than asked for");
    std::uint32_t last = 0;
    for (goroutine* g = got.pop_front(); g != nullptr; g = got.pop_front()) {
      g->where.move(place::queued, place::taken, "G2: a goroutine is taken twice");
      const std::uint32_t frame = g->frame.get();
      world::require(frame > last, "Q5: goroutines overtake each other in the global queue");
      last = frame;
    }
  }

  void expect_all(std::uint32_t made) {
    const std::uint32_t left = queue.size_hint();
    take(3);
    std::uint32_t taken = 0;
    for (goroutine& g : all) taken += g.where.peek() == place::taken ? 1u : 0u;
    world::require(taken == made && left <= made, "G9: a goroutine is lost");
  }
};

struct overflow_and_takers : model::suite<overflow_and_takers, 2> {
  static constexpr char const* name = "overflow_and_takers";
  static constexpr char const* claim =
      "a batch goes in as one and comes out in order, beside another that puts and takes";
  static constexpr bool parks = true;

  shared_queue q;

  void thread(unsigned index) {
    if (index == 0) {
      batch<goroutine> over;
      over.push_back(q.make(0));
      over.push_back(q.make(1));
      {
        locked const scope(q.lock);
        q.queue.put(over);
      }
      q.take(1);
    } else {
      q.take(2);
      goroutine* const mine = q.make(2);
      locked const scope(q.lock);
      q.queue.put(mine);
    }
  }
  void after() { q.expect_all(3); }
};

// Who acts on a hint of zero looks again under the lock before it parks.
struct hint_then_lock : model::suite<hint_then_lock, 2> {
  static constexpr char const* name = "hint_then_lock";
  static constexpr char const* claim =
      "a hint of zero may be old; the look under the lock is not, once the other has unlocked";
  static constexpr bool parks = true;
  static constexpr unsigned spurious = 1;

  shared_queue q;
  bool put = false;  // host memory, in one step with the unlock before it

  void thread(unsigned index) {
    if (index == 0) {
      goroutine* const mine = q.make(0);
      locked const scope(q.lock);
      q.queue.put(mine);
      put = true;
    } else {
      const std::uint32_t hint = q.queue.size_hint();
      if (hint != 0) {
        q.take(1);
        return;
      }
      locked const scope(q.lock);
      const bool there = put;
      const std::uint32_t size = q.queue.size_hint();
      world::require(!there || size == 1, "Q2: under the lock the size is old");
    }
  }
  void after() { q.expect_all(1); }
};

// Faulty twin (h41): the overflow batch goes in without the lock.
struct without_the_lock : model::suite<without_the_lock, 2> {
  static constexpr char const* name = "without_the_lock";
  static constexpr char const* claim = "faulty twin: the overflow batch goes to the global queue without the lock";
  static constexpr char const* must_fail = "race";
  static constexpr bool parks = true;

  shared_queue q;

  void thread(unsigned index) {
    if (index == 0) {
      q.queue.put(q.make(0));
    } else {
      q.take(1);
    }
  }
};

// Faulty twin: a thread believes the hint.
struct believes_the_hint : model::suite<believes_the_hint, 2> {
  static constexpr char const* name = "believes_the_hint";
  static constexpr char const* claim = "faulty twin: a thread parks on a hint of zero that is old";
  static constexpr char const* must_fail = "V1";
  static constexpr bool parks = true;

  shared_queue q;
  bool put = false;

  void thread(unsigned index) {
    if (index == 0) {
      goroutine* const mine = q.make(0);
      locked const scope(q.lock);
      q.queue.put(mine);
      put = true;
    } else {
      const bool there = put;
      const std::uint32_t hint = q.queue.size_hint();
      world::require(!there || hint != 0, "V1: a thread parks beside a goroutine that waits");
    }
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<overflow_and_takers, hint_then_lock, without_the_lock, believes_the_hint>(argc, argv,
                                                                                                     "global_queue");
}
