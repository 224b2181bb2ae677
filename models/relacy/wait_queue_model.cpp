// wait_queue_model.cpp: a goroutine that waits in several places is readied once, and nobody
// touches its waiters when it has gone on.
#include "protocol/wait_queue.hpp"

#include "model_main.hpp"
#include "protocol/spin_lock.hpp"

namespace retake {
namespace {

struct goroutine {
  world::atomic<std::uint32_t> readied{0};

  void ready() {
    const std::uint32_t before = readied.fetch_add_release(1);
    static_cast<void>(before);
    world::futex_wake(readied, 1);
  }

  // Parks until it has been readied so many times in all.
  void wait_for(std::uint32_t times) {
    for (;;) {
      const std::uint32_t seen = readied.load_acquire();
      if (seen >= times) return;
      world::futex_wait(readied, seen);
    }
  }
};

struct place {
  spin_lock lock;
  wait_queue<goroutine> queue;
};

// One goroutine in two queues, as behind its park.
struct selecting {
  place places[2];
  goroutine g;
  wait_race race;
  world::plain<std::uint32_t> frame{0};  // what ends when it goes on
  queue_waiter<goroutine> waiters[2] = {{g, nullptr, race, 0}, {g, nullptr, race, 1}};

  void enqueue() {
    for (unsigned i = 0; i < 2; ++i) places[i].queue.push_back(waiters[i]);
  }

  bool serve(unsigned i) {
    {
      locked const hold(places[i].lock);
      queue_waiter<goroutine>* const w = places[i].queue.pop_winner();
      if (w == nullptr) return false;
      w->served.set(1);
      const std::uint32_t there = frame.get();
      world::require(there == 0, "G6: a waiter is served whose goroutine has gone on");
    }
    g.ready();
    return true;
  }

  void leave_queues() {
    for (unsigned i = 0; i < 2; ++i) {
      locked const hold(places[i].lock);
      static_cast<void>(places[i].queue.remove(waiters[i]));
    }
  }
};

struct two_places : model::suite<two_places, 3> {
  static constexpr char const* name = "two_places";
  static constexpr char const* claim =
      "of two who would serve a goroutine one does, and its memory ends after both have let go of it";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  selecting s;

  void before() { s.enqueue(); }
  void thread(unsigned index) {
    if (index < 2) {
      static_cast<void>(s.serve(index));
      return;
    }
    s.g.wait_for(1);
    const std::uint32_t won = s.race.winner();
    const std::uint32_t served = s.waiters[won].served.get();
    world::require(served == 1, "G6: a goroutine goes on without what it waited for");
    s.leave_queues();
    s.frame.set(1);
  }
  void after() {
    const std::uint32_t readied = s.g.readied.load_relaxed();
    world::require(readied == 1, "G6: a goroutine is readied twice");
    const bool empty = s.places[0].queue.empty() && s.places[1].queue.empty();
    world::require(empty, "G6: a waiter is left in a queue");
  }
};

// A time-out that comes up holds no lock; the goroutine that somebody else has readied waits until
// it has left.
struct late_time_out : model::suite<late_time_out, 3> {
  static constexpr char const* name = "late_time_out";
  static constexpr char const* claim =
      "a time-out that comes too late readies nobody, and the goroutine's memory ends after its last touch";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  selecting s;
  world::plain<std::uint32_t> parked{0};  // what who readies it finds

  void before() { s.enqueue(); }
  void thread(unsigned index) {
    if (index == 0) {
      static_cast<void>(s.serve(0));
    } else if (index == 1) {
      const std::uint32_t there = s.frame.get();
      world::require(there == 0, "G6: a time-out touches a goroutine that has gone on");
      if (s.race.win(2)) {
        s.g.ready();
      } else if (s.race.left()) {
        const std::uint32_t complete = parked.get();
        world::require(complete == 1, "G6: a goroutine is readied that does not wait");
        s.g.ready();
      }
    } else {
      s.g.wait_for(1);
      s.leave_queues();
      parked.set(1);
      if (s.race.winner() != 2 && s.race.wait_until_left()) s.g.wait_for(2);
      s.frame.set(1);
    }
  }
};

// Two wait in one queue, the first of them elsewhere too: who is passed over costs nobody a turn.
struct passed_over : model::suite<passed_over, 2> {
  static constexpr char const* name = "passed_over";
  static constexpr char const* claim = "behind a goroutine that another place has won the next one is served";
  static constexpr bool parks = true;

  selecting s;
  goroutine alone;
  queue_waiter<goroutine> last{alone};

  void before() {
    s.enqueue();
    s.places[0].queue.push_back(last);
  }
  void thread(unsigned index) {
    if (index == 1) {
      static_cast<void>(s.serve(1));
      return;
    }
    locked const hold(s.places[0].lock);
    queue_waiter<goroutine>* const w = s.places[0].queue.pop_winner();
    world::require(w != nullptr, "G6: a waiter is lost behind another");
    world::require(&w->g == &alone || s.race.winner() == 0, "G6: a goroutine is served that another place has won");
  }
};

// Faulty twin: who serves looks whether the race is open, and does not win it.
struct looks_only : model::suite<looks_only, 2> {
  static constexpr char const* name = "looks_only";
  static constexpr char const* claim = "faulty twin: by a look and a store two places win one goroutine";
  static constexpr char const* must_fail = "G6";

  world::atomic<std::uint32_t> winner{0};
  world::atomic<std::uint32_t> readied{0};

  void thread(unsigned index) {
    if (winner.load_relaxed() != 0) return;
    winner.store_relaxed(index + 1);
    const std::uint32_t before = readied.fetch_add_relaxed(1);
    world::require(before == 0, "G6: a goroutine is readied twice");
  }
};

// Faulty twin: the goroutine goes on without the time-out's leave.
struct does_not_wait : model::suite<does_not_wait, 3> {
  static constexpr char const* name = "does_not_wait";
  static constexpr char const* claim =
      "faulty twin: a goroutine that does not wait for the time-out takes its memory away under it";
  static constexpr char const* must_fail = "race";
  static constexpr bool parks = true;

  selecting s;

  void before() { s.enqueue(); }
  void thread(unsigned index) {
    if (index == 0) {
      static_cast<void>(s.serve(0));
    } else if (index == 1) {
      static_cast<void>(s.frame.get());
      const bool mine = s.race.win(2) || s.race.left();
      if (mine) s.g.ready();
    } else {
      s.g.wait_for(1);
      s.leave_queues();
      s.frame.set(1);
    }
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<two_places, late_time_out, passed_over, looks_only, does_not_wait>(argc, argv, "wait_queue");
}
