// poll_deadline_model.cpp: a deadline that passes ends the wait, one that was replaced does not,
// and none is slept through.
#include "protocol/poll_deadline.hpp"

#include "model_main.hpp"
#include "protocol/note.hpp"
#include "protocol/poll_waiter.hpp"

namespace retake {
namespace {

struct goroutine {
  note park;
};

struct direction {
  poll_waiter<goroutine> reader;
  poll_deadline deadline;
  goroutine g;

  // As poller::wait(). True: readiness; false: the deadline is over.
  bool wait() {
    for (;;) {  // bound: each round is a break
      if (deadline.over()) return false;
      if (reader.begin() == poll_waiter<goroutine>::begun::ready) return true;
      if (!deadline.over()) {
        g.park.clear();
        if (reader.commit(g)) g.park.sleep();
      }
      if (reader.finish()) return true;
    }
  }

  void ready(goroutine* found) {
    if (found != nullptr) found->park.wake();
  }
  void fire(std::int64_t now_ns) {
    if (deadline.pass(now_ns)) ready(reader.unblock(false));
  }
};

struct deadline_against_wait : model::suite<deadline_against_wait, 2> {
  static constexpr char const* name = "deadline_against_wait";
  static constexpr char const* claim = "a deadline that passes before, while or after a goroutine parks ends its wait";
  static constexpr bool parks = true;
  static constexpr unsigned spurious = 1;

  direction d;

  void before() { d.deadline.set(5); }
  void thread(unsigned index) {
    if (index == 0) {
      const bool ready = d.wait();
      world::require(!ready, "N3: a deadline looks like readiness");
    } else {
      d.fire(10);
    }
  }
};

struct past_against_wait : model::suite<past_against_wait, 2> {
  static constexpr char const* name = "past_against_wait";
  static constexpr char const* claim = "a deadline that is set into the past ends a wait that is on its way";
  static constexpr bool parks = true;
  static constexpr unsigned spurious = 1;

  direction d;

  void thread(unsigned index) {
    if (index == 0) {
      static_cast<void>(d.wait());
    } else {
      d.deadline.set(poll_deadline::passed);
      d.ready(d.reader.unblock(false));
    }
  }
};

// The timer of the first deadline runs late, while the deadline is moved: it may end it or not, but
// not the second.
struct replaced_against_timer : model::suite<replaced_against_timer, 2> {
  static constexpr char const* name = "replaced_against_timer";
  static constexpr char const* claim = "the timer of a deadline that was replaced does not end the new one";

  direction d;

  void before() { d.deadline.set(5); }
  void thread(unsigned index) {
    if (index == 0) {
      d.deadline.set(20);
    } else {
      d.fire(10);
    }
  }
  void after() {
    world::require(!d.deadline.over(), "N3: a deadline that was replaced acts on the one that replaced it");
  }
};

// The first deadline passes and is replaced; its break comes late and meets a wait that has more
// time, and an event.
struct late_break : model::suite<late_break, 3> {
  static constexpr char const* name = "late_break";
  static constexpr char const* claim =
      "a break that comes late neither ends a wait that has more time nor loses its readiness";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  direction d;

  void before() { d.deadline.set(5); }
  void thread(unsigned index) {
    if (index == 0) {
      d.deadline.set(20);
      const bool ready = d.wait();
      world::require(ready, "N3: a deadline that was replaced ends a wait");
    } else if (index == 1) {
      d.fire(10);
    } else {
      d.ready(d.reader.unblock(true));
    }
  }
};

// Faulty twin (c67): the timer does not look whose deadline it ends.
struct passes_by_a_store : model::suite<passes_by_a_store, 2> {
  static constexpr char const* name = "passes_by_a_store";
  static constexpr char const* claim =
      "faulty twin: the timer stores `over` without a look, and ends the deadline that replaced its own";
  static constexpr char const* must_fail = "N3";

  direction d;

  void before() { d.deadline.set(5); }
  void thread(unsigned index) { d.deadline.set(index == 0 ? 20 : poll_deadline::passed); }
  void after() {
    world::require(!d.deadline.over(), "N3: a deadline that was replaced acts on the one that replaced it");
  }
};

// Faulty twin: no look at the deadline behind the published `wait`.
struct looks_before_it_waits : model::suite<looks_before_it_waits, 2> {
  static constexpr char const* name = "looks_before_it_waits";
  static constexpr char const* claim =
      "faulty twin: the goroutine looks at the deadline only before it publishes `wait`, and sleeps through it";
  static constexpr char const* must_fail = "deadlock";
  static constexpr bool parks = true;

  direction d;

  void before() { d.deadline.set(5); }
  void thread(unsigned index) {
    if (index != 0) return d.fire(10);
    if (d.deadline.over()) return;
    static_cast<void>(d.reader.begin());
    if (d.reader.commit(d.g)) d.g.park.sleep();
    static_cast<void>(d.reader.finish());
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<deadline_against_wait, past_against_wait, replaced_against_timer, late_break,
                           passes_by_a_store, looks_before_it_waits>(argc, argv, "poll_deadline");
}
