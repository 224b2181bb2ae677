// poll_waiter_model.cpp: readiness is never lost, a close is never slept through, and a parked
// goroutine is readied once and complete.
#include "protocol/poll_waiter.hpp"

#include "model_main.hpp"
#include "protocol/note.hpp"

namespace retake {
namespace {

struct goroutine {
  world::plain<std::uint32_t> frame{0};  // what the goroutine has on its stack when it parks; read by who readies it
  world::ghost<bool> parked{false};
  note park;
};

// One direction of a descriptor, the goroutine that waits for it, and the kernel's buffer behind
// it.
struct descriptor {
  poll_waiter<goroutine> reader;
  poll_closing closing;
  goroutine g;
  world::atomic<std::uint32_t> buffered{0};  // the kernel's: read by a swap, without any order of ours

  std::uint32_t read_kernel() { return buffered.exchange_relaxed(0); }
  void fill_kernel(std::uint32_t bytes) { buffered.fetch_add_relaxed(bytes); }

  // A wait of the goroutine. True: readiness came.
  bool wait(std::uint32_t round) {
    const auto how = reader.begin();
    world::require(how != poll_waiter<goroutine>::begun::busy, "N1: busy without a second waiter");
    if (how == poll_waiter<goroutine>::begun::ready) return true;
    if (closing.announced()) {
      static_cast<void>(reader.finish());
      return false;
    }
    g.park.clear();
    g.frame.set(round);
    if (reader.commit(g)) g.park.sleep();
    return reader.finish();
  }

  void ready(goroutine* found) {
    if (found == nullptr) return;
    found->parked.move(false, true, "G6: a goroutine is readied twice");
    const std::uint32_t frame = found->frame.get();
    world::require(frame != 0, "G5: a goroutine is found before it is complete");
    found->parked.move(true, false, "G6: a goroutine is readied twice");
    found->park.wake();
  }
};

struct close_against_wait : model::suite<close_against_wait, 2> {
  static constexpr char const* name = "close_against_wait";
  static constexpr char const* claim =
      "a goroutine that begins to wait while the descriptor is closed sees it, or is woken by it";
  static constexpr bool parks = true;
  static constexpr unsigned spurious = 1;

  descriptor d;

  void thread(unsigned index) {
    if (index == 0) {
      const bool ready = d.wait(1);
      world::require(!ready, "N2: a close looks like readiness");
    } else {
      d.closing.announce();
      d.ready(d.reader.unblock(false));
    }
  }
};

struct event_against_wait : model::suite<event_against_wait, 2> {
  static constexpr char const* name = "event_against_wait";
  static constexpr char const* claim = "an event that comes before, while or after a goroutine parks lets it read";
  static constexpr bool parks = true;
  static constexpr unsigned spurious = 1;

  descriptor d;

  void thread(unsigned index) {
    if (index == 0) {
      for (std::uint32_t round = 1;; ++round) {  // bound: one event
        const std::uint32_t bytes = d.read_kernel();
        if (bytes != 0) return;
        d.wait(round);
      }
    } else {
      d.fill_kernel(1);
      d.ready(d.reader.unblock(true));
    }
  }
};

// Two pollers: one has an event that nobody will read anything for (the other direction, a
// duplicate), the other two real ones. The goroutine parks again while the first poller still holds
// its first look at the word.
struct late_event : model::suite<late_event, 3> {
  static constexpr char const* name = "late_event";
  static constexpr char const* claim =
      "a poller that found an earlier park of the same goroutine and meets a later one sees that one complete";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  descriptor d;

  void thread(unsigned index) {
    if (index == 0) {
      std::uint32_t got = 0;
      for (std::uint32_t round = 1; got != 2; ++round) {  // bound: three events
        got += d.read_kernel();
        if (got != 2) d.wait(round);
      }
    } else if (index == 1) {
      d.ready(d.reader.unblock(true));
    } else {
      for (int event = 0; event < 2; ++event) {
        d.fill_kernel(1);
        d.ready(d.reader.unblock(true));
      }
    }
  }
};

// An event and a close at once: one of them readies.
struct event_against_close : model::suite<event_against_close, 3> {
  static constexpr char const* name = "event_against_close";
  static constexpr char const* claim = "a poller and a closer that find the same goroutine ready it once";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  descriptor d;

  void thread(unsigned index) {
    if (index == 0) {
      d.wait(1);
    } else if (index == 1) {
      d.ready(d.reader.unblock(true));
    } else {
      d.closing.announce();
      d.ready(d.reader.unblock(false));
    }
  }
};

// A deadline breaks the wait, nobody closes: the goroutine tries again, and an event that came with
// the break must not be lost.
struct event_against_deadline : model::suite<event_against_deadline, 3> {
  static constexpr char const* name = "event_against_deadline";
  static constexpr char const* claim = "an event beside a deadline that breaks the wait is there for the next wait";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  descriptor d;

  void thread(unsigned index) {
    if (index == 0) {
      for (std::uint32_t round = 1;; ++round) {  // bound: one event, one break
        const std::uint32_t bytes = d.read_kernel();
        if (bytes != 0) return;
        d.wait(round);
      }
    } else if (index == 1) {
      d.ready(d.reader.unblock(false));
    } else {
      d.fill_kernel(1);
      d.ready(d.reader.unblock(true));
    }
  }
};

// The goroutine does not park, because it saw the close or its deadline, while an event comes.
struct event_against_finish : model::suite<event_against_finish, 2> {
  static constexpr char const* name = "event_against_finish";
  static constexpr char const* claim =
      "an event beside a wait that ends without it is there for the next wait, or ends this one";

  descriptor d;
  bool came = false;  // host memory

  void before() { static_cast<void>(d.reader.begin()); }
  void thread(unsigned index) {
    if (index == 0) {
      came = d.reader.finish();
    } else {
      d.ready(d.reader.unblock(true));
    }
  }
  void after() {
    const bool kept = d.reader.begin() == poll_waiter<goroutine>::begun::ready;
    world::require(came != kept, "N8: readiness is lost, or told twice");
  }
};

// Two goroutines at one direction, which is a mistake of theirs: one of them is refused, or one
// comes after the other.
struct second_waiter : model::suite<second_waiter, 2> {
  static constexpr char const* name = "second_waiter";
  static constexpr char const* claim =
      "one readiness lets one of two goroutines go on, and of two that wait one is refused";

  descriptor d;
  std::uint32_t ready = 0, waiting = 0;  // host memory

  void before() { static_cast<void>(d.reader.unblock(true)); }
  void thread(unsigned) {
    const auto how = d.reader.begin();
    if (how == poll_waiter<goroutine>::begun::ready) ++ready;
    if (how == poll_waiter<goroutine>::begun::waiting) ++waiting;
  }
  void after() {
    world::require(ready == 1, "N8: one readiness let both goroutines go on, or none");
    world::require(waiting <= 1, "N1: two goroutines wait for one direction");
    static_cast<void>(d.reader.finish());
    d.reader.reset();
    d.closing.reset();
  }
};

// Two goroutines begin where nothing has happened yet.
struct two_begin : model::suite<two_begin, 2> {
  static constexpr char const* name = "two_begin";
  static constexpr char const* claim = "of two goroutines that begin to wait at once, one waits and one is refused";

  descriptor d;
  std::uint32_t waiting = 0, busy = 0;  // host memory

  void thread(unsigned) {
    const auto how = d.reader.begin();
    if (how == poll_waiter<goroutine>::begun::waiting) ++waiting;
    if (how == poll_waiter<goroutine>::begun::busy) ++busy;
  }
  void after() { world::require(waiting == 1 && busy == 1, "N1: two goroutines wait for one direction"); }
};

// Faulty twin (n43): no look at the close behind the published `wait`.
struct looks_before_it_waits : model::suite<looks_before_it_waits, 2> {
  static constexpr char const* name = "looks_before_it_waits";
  static constexpr char const* claim =
      "faulty twin: the goroutine looks for the close before it publishes `wait`, and sleeps through it";
  static constexpr char const* must_fail = "deadlock";
  static constexpr bool parks = true;

  descriptor d;

  void thread(unsigned index) {
    if (index == 0) {
      if (d.closing.announced()) return;
      static_cast<void>(d.reader.begin());
      d.g.frame.set(1);
      if (d.reader.commit(d.g)) d.g.park.sleep();
      static_cast<void>(d.reader.finish());
    } else {
      d.closing.announce();
      d.ready(d.reader.unblock(false));
    }
  }
};

// Faulty twin (n44): the goroutine is put into the word by a store.
struct commits_by_a_store : model::suite<commits_by_a_store, 2> {
  static constexpr char const* name = "commits_by_a_store";
  static constexpr char const* claim =
      "faulty twin: wait -> G is a store, and overwrites the readiness that came meanwhile";
  static constexpr char const* must_fail = "deadlock";
  static constexpr bool parks = true;

  world::atomic<std::uint32_t> word{0};  // 0 none, 1 ready, 2 wait, 3 the goroutine
  note park;

  void thread(unsigned index) {
    if (index == 0) {
      const bool waiting = word.compare_exchange_seq_cst(0, 2).won;
      if (!waiting) return;
      word.store_release(3);
      park.sleep();
    } else {
      const std::uint32_t before = word.exchange_seq_cst(1);
      if (before == 3) park.wake();
    }
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<close_against_wait, event_against_wait, late_event, event_against_close,
                           event_against_deadline, event_against_finish, second_waiter, two_begin,
                           looks_before_it_waits, commits_by_a_store>(argc, argv, "poll_waiter");
}
