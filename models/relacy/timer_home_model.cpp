// timer_home_model.cpp: each start of a timer is answered by one run or one stop, whoever else
// starts and moves it, and then nobody touches it.
#include "protocol/timer_home.hpp"

#include "model_main.hpp"
#include "protocol/spin_lock.hpp"

namespace retake {
namespace {

// Room for the one timer there is: a heap as far as the protocol sees it.
struct heap {
  spin_lock lock;
  world::plain<std::uint32_t> holds{0};
};

struct timer {
  timer_home<heap> home;
  world::plain<std::uint32_t> place{0};   // what heaps write of it
  world::plain<std::uint32_t> memory{0};  // touched by whoever has it to itself
};

struct started {
  heap heaps[2];
  timer t;
  std::uint32_t starts = 0, runs = 0, stops = 0;  // host memory

  void put(heap& h) {
    const std::uint32_t held = h.holds.get();
    world::require(held == 0, "V3: a timer is in a heap twice");
    h.holds.set(1);
    t.place.set(t.place.get() + 1);
  }

  void take_out(heap& h) {
    const std::uint32_t held = h.holds.get();
    world::require(held == 1, "V3: a timer is taken out of a heap that has it not");
    h.holds.set(0);
    t.place.set(t.place.get() + 1);
    t.home.leave();
  }

  void start(heap& mine) {
    for (;;) {
      if (heap* const h = t.home.lock_home()) {
        t.place.set(t.place.get() + 1);
        h->lock.unlock();
        return;
      }
      locked const scope(mine.lock);
      if (!t.home.enter(mine)) continue;
      put(mine);
      ++starts;
      return;
    }
  }

  bool stop() {
    heap* const h = t.home.lock_home();
    if (h == nullptr) return false;
    take_out(*h);
    ++stops;
    h->lock.unlock();
    return true;
  }

  bool run(heap& h) {
    {
      locked const scope(h.lock);
      if (h.holds.get() == 0) return false;
      take_out(h);
      ++runs;
    }
    return true;
  }

  void expect_all() {
    for (heap& h : heaps) static_cast<void>(run(h));
    world::require(starts == runs + stops, "V3: a start is answered by neither a run nor a stop, or by both");
  }
};

// Who has the timer ends its memory: the runner's function, or the owner whom stop() told that it
// will not run.
struct stop_against_run : model::suite<stop_against_run, 2> {
  static constexpr char const* name = "stop_against_run";
  static constexpr char const* claim = "a timer that is due is stopped or run, and the memory is whose it is then";
  static constexpr bool parks = true;

  started s;

  void before() { s.start(s.heaps[0]); }
  void thread(unsigned index) {
    if (index == 0 ? s.stop() : s.run(s.heaps[0])) s.t.memory.set(index);
  }
  void after() { s.expect_all(); }
};

struct two_starts : model::suite<two_starts, 2> {
  static constexpr char const* name = "two_starts";
  static constexpr char const* claim = "a timer that two goroutines start is in one heap";
  static constexpr bool parks = true;

  started s;

  void thread(unsigned index) { s.start(s.heaps[index]); }
  void after() { s.expect_all(); }
};

struct start_against_run : model::suite<start_against_run, 2> {
  static constexpr char const* name = "start_against_run";
  static constexpr char const* claim =
      "a timer that leaves one heap while it is started on another P is written by one at a time";
  static constexpr bool parks = true;

  started s;

  void before() { s.start(s.heaps[0]); }
  void thread(unsigned index) {
    if (index == 0) {
      s.start(s.heaps[1]);
    } else {
      static_cast<void>(s.run(s.heaps[0]));
    }
  }
  void after() { s.expect_all(); }
};

struct start_stop_and_run : model::suite<start_stop_and_run, 3> {
  static constexpr char const* name = "start_stop_and_run";
  static constexpr char const* claim =
      "a timer that is run, stopped and started again elsewhere at once is answered for, start by start";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  started s;

  void before() { s.start(s.heaps[0]); }
  void thread(unsigned index) {
    if (index == 0) {
      s.start(s.heaps[1]);
    } else if (index == 1) {
      static_cast<void>(s.stop());
    } else {
      static_cast<void>(s.run(s.heaps[0]));
    }
  }
  void after() { s.expect_all(); }
};

// Faulty twin: the heap that home named is taken for the timer's when its lock is had.
struct looks_once : model::suite<looks_once, 2> {
  static constexpr char const* name = "looks_once";
  static constexpr char const* claim =
      "faulty twin: without the second look a stopped timer is taken out of a heap that has run it";
  static constexpr char const* must_fail = "V3";
  static constexpr bool parks = true;

  heap h;
  world::atomic<heap*> home{nullptr};

  void before() {
    h.holds.set(1);
    home.store_relaxed(&h);
  }
  void thread(unsigned) {
    heap* const seen = home.load_relaxed();
    if (seen == nullptr) return;
    locked const scope(seen->lock);
    const std::uint32_t held = seen->holds.get();
    world::require(held == 1, "V3: a timer is taken out of a heap that has it not");
    seen->holds.set(0);
    home.store_release(nullptr);
  }
};

// Faulty twin: home is written by a look and a store.
struct enters_by_a_store : model::suite<enters_by_a_store, 2> {
  static constexpr char const* name = "enters_by_a_store";
  static constexpr char const* claim = "faulty twin: entered by a look and a store, a timer is in two heaps";
  static constexpr char const* must_fail = "V3";
  static constexpr bool parks = true;

  heap heaps[2];
  world::atomic<heap*> home{nullptr};
  std::uint32_t in = 0;

  void thread(unsigned index) {
    heap& mine = heaps[index];
    locked const scope(mine.lock);
    if (home.load_relaxed() != nullptr) return;
    home.store_release(&mine);
    ++in;
  }
  void after() { world::require(in == 1, "V3: a timer is in two heaps"); }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<stop_against_run, two_starts, start_against_run, start_stop_and_run, looks_once,
                           enters_by_a_store>(argc, argv, "timer_home");
}
