// semaphore_queue_model.cpp: permits are neither lost nor made, what was written under them goes
// with them, and who waits is let go in turn.
#include "protocol/semaphore_queue.hpp"

#include "model_main.hpp"
#include "parking_goroutine.hpp"

namespace retake {
namespace {

template <unsigned Threads>
struct shared {
  explicit shared(std::uint32_t permits) : queue(permits) {}

  semaphore_queue<goroutine> queue;
  goroutine all[Threads];
  world::plain<std::uint32_t> data{0};

  void take(unsigned index, std::uint32_t n) {
    if (queue.try_take(n)) return;
    queue_waiter<goroutine> w(all[index], nullptr, n);
    if (queue.take_or_queue(w)) return;
    queue.lock.unlock();
    all[index].park();
  }

  void give(std::uint32_t n) {
    goroutine* let_go[Threads] = {};
    unsigned count = 0;
    const bool right = queue.give(n, [&](goroutine& g) { let_go[count++] = &g; });
    world::require(right, "G6: permits are made from nothing");
    for (unsigned i = 0; i < count; ++i) let_go[i]->ready();
  }

  void expect_all(std::uint32_t permits) {
    const bool there = queue.try_take(permits);
    world::require(there, "G6: a permit is lost, or a queue is left marked");
  }
};

// One permit: a mutex.
template <class Derived, unsigned Threads>
struct mutual : model::suite<Derived, Threads> {
  static constexpr bool parks = true;
  shared<Threads> s{1};

  void thread(unsigned index) {
    s.take(index, 1);
    s.data.set(s.data.get() + 1);
    s.give(1);
  }
  void after() {
    const std::uint32_t touches = s.data.get();
    world::require(touches == Threads, "G6: what was written under a permit is lost");
    s.expect_all(1);
  }
};

struct two_holders_in_turn : mutual<two_holders_in_turn, 2> {
  static constexpr char const* name = "two_holders_in_turn";
  static constexpr char const* claim = "one permit: two threads have it one after the other, whichever way";
};

struct three_holders_in_turn : mutual<three_holders_in_turn, 3> {
  static constexpr char const* name = "three_holders_in_turn";
  static constexpr char const* claim = "one permit: three threads have it one after the other, whichever way";
  static constexpr bool ends = false;
};

// A writer takes all, readers one each.
struct writer_and_readers : model::suite<writer_and_readers, 3> {
  static constexpr char const* name = "writer_and_readers";
  static constexpr char const* claim =
      "who takes all permits is alone, and those who take one each are not overtaken for ever";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  shared<3> s{2};

  void thread(unsigned index) {
    if (index == 0) {
      s.take(0, 2);
      s.data.set(s.data.get() + 1);
      s.give(2);
      return;
    }
    s.take(index, 1);
    static_cast<void>(s.data.get());
    s.give(1);
  }
  void after() { s.expect_all(2); }
};

// Who takes on the slow way stores the word: what others gave back before must go along.
struct passed_on : model::suite<passed_on, 3> {
  static constexpr char const* name = "passed_on";
  static constexpr char const* claim =
      "what was written before a permit was given back is read by whoever takes it, also behind another";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  shared<3> s{2};

  void before() {
    const bool taken = s.queue.try_take(2);
    world::require(taken, "G6: permits are not there at first");
  }
  void thread(unsigned index) {
    if (index == 0) {
      s.data.set(1);
      s.give(2);
      return;
    }
    s.take(index, 1);
    const std::uint32_t seen = s.data.get();
    world::require(seen == 1, "G6: a permit comes without what was written before");
  }
};

// One gives up while the permits it waits for come.
struct gives_up : model::suite<gives_up, 3> {
  static constexpr char const* name = "gives_up";
  static constexpr char const* claim =
      "permits come to who waits or stay, when it gives up at the same time, and those behind it do not wait for it";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  shared<3> s{2};
  wait_race race;

  void before() {
    const bool taken = s.queue.try_take(1);
    world::require(taken, "G6: permits are not there at first");
  }
  void thread(unsigned index) {
    if (index == 0) {
      s.give(1);
      return;
    }
    if (index == 1) {
      s.take(1, 1);
      s.give(1);
      return;
    }
    queue_waiter<goroutine> w(s.all[2], nullptr, race, 0, 2);
    if (s.queue.take_or_queue(w)) {
      s.give(2);
      return;
    }
    s.queue.lock.unlock();
    if (race.win(1)) {
      goroutine* let_go[3] = {};
      unsigned count = 0;
      s.queue.withdraw(w, [&](goroutine& g) { let_go[count++] = &g; });
      for (unsigned i = 0; i < count; ++i) let_go[i]->ready();
      return;
    }
    s.all[2].park();
    s.give(2);
  }
  void after() { s.expect_all(2); }
};

// Who gives back saw somebody wait who has gone by then: the permit is added under the lock, for
// those on the short way.
struct nobody_waits_any_more : model::suite<nobody_waits_any_more, 3> {
  static constexpr char const* name = "nobody_waits_any_more";
  static constexpr char const* claim =
      "a permit that is given back for who has given up meanwhile comes to the next, with what was written before";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  shared<3> s{1};
  wait_race race;

  void before() {
    const bool taken = s.queue.try_take(1);
    world::require(taken, "G6: permits are not there at first");
  }
  void use() {
    const std::uint32_t seen = s.data.get();
    world::require(seen == 1, "G6: a permit comes without what was written before");
    s.give(1);
  }
  void thread(unsigned index) {
    if (index == 0) {
      s.data.set(1);
      s.give(1);
      return;
    }
    if (index == 1) {
      if (s.queue.try_take(1)) use();
      return;
    }
    queue_waiter<goroutine> w(s.all[2], nullptr, race, 0, 1);
    if (!s.queue.take_or_queue(w)) {
      s.queue.lock.unlock();
      if (race.win(1)) {
        s.queue.withdraw(w, [](goroutine&) {});
        return;
      }
      s.all[2].park();
    }
    use();
  }
  void after() { s.expect_all(1); }
};

// Faulty twin: who gives back looks whether somebody waits, and then adds.
struct looks_then_adds : model::suite<looks_then_adds, 2> {
  static constexpr char const* name = "looks_then_adds";
  static constexpr char const* claim =
      "faulty twin: a permit that is added after the look misses who begins to wait between the two";
  static constexpr char const* must_fail = "deadlock";
  static constexpr bool parks = true;

  world::atomic<std::uint32_t> word{0};  // permits * 2 + queued
  goroutine g;

  void thread(unsigned index) {
    if (index == 0) {
      const std::uint32_t now = word.load_acquire();
      if ((now & 1) != 0) {
        g.ready();
      } else {
        word.fetch_add_release(2);
      }
      return;
    }
    const std::uint32_t before = word.fetch_or_acquire(1);
    if (before / 2 == 0) g.park();
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<two_holders_in_turn, three_holders_in_turn, writer_and_readers, passed_on, gives_up,
                           nobody_waits_any_more, looks_then_adds>(argc, argv, "semaphore_queue");
}
