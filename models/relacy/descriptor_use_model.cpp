// descriptor_use_model.cpp: goroutines take turns in each direction of a number, which is closed
// once, by the last.
#include "protocol/descriptor_use.hpp"

#include "model_main.hpp"
#include "parking_goroutine.hpp"

namespace retake {
namespace {

// A descriptor that up to three goroutines use, as polled_file does.
struct file {
  using use = descriptor_use<goroutine>;

  use number;
  goroutine all[3];
  world::atomic<std::uint32_t> given_back{0};  // the kernel's: 1 when another open can be given the number
  world::plain<std::uint32_t> reader{0};       // what a call leaves for the next in its direction
  world::plain<std::uint32_t> entry{0};        // what calls leave for the one that closes the number
  std::uint32_t closed = 0, refused = 0;       // host memory

  void use_number() {
    const std::uint32_t gone = given_back.exchange_relaxed(0);
    world::require(gone == 0, "N2: a number is used that was closed");
  }

  bool enter(direction way, unsigned index) {
    const use::begun at_once = number.begin(way);
    if (at_once != use::begun::taken) return at_once == use::begun::inside;
    use::waiter self(all[index]);
    const use::begun now = number.begin_or_queue(way, self);
    if (now != use::begun::queued) return now == use::begun::inside;
    number.lock.unlock();
    all[index].park();
    const std::uint32_t served = self.served.get();
    if (served != 0) return true;
    leave(direction::none);
    return false;
  }

  void leave(direction way) {
    goroutine* next = nullptr;
    const bool last = number.end(way, [&next](goroutine& g) { next = &g; });
    if (last) {
      ++closed;
      static_cast<void>(reader.get());
      entry.set(0);
      given_back.exchange_relaxed(1);
    }
    if (next != nullptr) next->ready();
  }

  void read(unsigned index) {
    if (!enter(direction::reading, index)) {
      ++refused;
      return;
    }
    use_number();
    reader.set(reader.get() + 1);
    static_cast<void>(entry.get());
    leave(direction::reading);
  }

  void use_once(unsigned index) {
    if (!enter(direction::none, index)) {
      ++refused;
      return;
    }
    use_number();
    static_cast<void>(entry.get());
    leave(direction::none);
  }

  void close() {
    goroutine* sent_away[3] = {};
    unsigned count = 0;
    const bool first = number.close([&](goroutine& g) { sent_away[count++] = &g; });
    if (!first) return;
    for (unsigned i = 0; i < count; ++i) sent_away[i]->ready();
    use_number();
    static_cast<void>(entry.get());  // ends the waits
    leave(direction::none);
  }

  void expect_closed_once() {
    world::require(closed == 1 && number.closed(), "N2: a number is never closed, or twice");
  }
  void expect_reads(std::uint32_t count) {
    const std::uint32_t came = reader.get();
    world::require(came == count, "N1: a read is lost, or two had the direction at once");
  }
};

struct read_against_close : model::suite<read_against_close, 2> {
  static constexpr char const* name = "read_against_close";
  static constexpr char const* claim = "a read that begins during a close is refused or has the number until it leaves";

  file f;
  void thread(unsigned index) { index == 0 ? f.read(0) : f.close(); }
  void after() { f.expect_closed_once(); }
};

struct two_closers : model::suite<two_closers, 3> {
  static constexpr char const* name = "two_closers";
  static constexpr char const* claim = "of two closes of a number beside a use one closes it, or the use does";

  file f;
  void thread(unsigned index) { index == 0 ? f.use_once(0) : f.close(); }
  void after() { f.expect_closed_once(); }
};

struct two_readers : model::suite<two_readers, 2> {
  static constexpr char const* name = "two_readers";
  static constexpr char const* claim = "of two reads the second comes after the first and sees what that left";
  static constexpr bool parks = true;

  file f;
  void thread(unsigned index) { f.read(index); }
  void after() {
    f.expect_reads(2);
    f.close();  // nothing is counted that has left
    f.expect_closed_once();
  }
};

struct three_readers : model::suite<three_readers, 3> {
  static constexpr char const* name = "three_readers";
  static constexpr char const* claim = "of three reads each has its turn, also one that joins during a hand-off";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  file f;
  void thread(unsigned index) { f.read(index); }
  void after() {
    f.expect_reads(3);
    f.close();
    f.expect_closed_once();
  }
};

struct close_against_queue : model::suite<close_against_queue, 3> {
  static constexpr char const* name = "close_against_queue";
  static constexpr char const* claim = "a close sends the queue away or it has its turns; the last closes the number";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  file f;
  void thread(unsigned index) { index == 2 ? f.close() : f.read(index); }
  void after() {
    f.expect_reads(2 - f.refused);
    f.expect_closed_once();
  }
};

struct all_at_once : model::suite<all_at_once, 3> {
  static constexpr char const* name = "all_at_once";
  static constexpr char const* claim = "a read, another use and a close: the last that was inside closes the number";
  static constexpr bool ends = false;

  file f;
  void thread(unsigned index) {
    if (index == 0) f.read(0);
    if (index == 1) f.use_once(1);
    if (index == 2) f.close();
  }
  void after() { f.expect_closed_once(); }
};

// Faulty twin (cl1): a close does not wait for those inside.
struct closes_at_once : model::suite<closes_at_once, 2> {
  static constexpr char const* name = "closes_at_once";
  static constexpr char const* claim = "faulty twin: the number is closed while a read is inside";
  static constexpr char const* must_fail = "N2";

  file f;
  void thread(unsigned index) {
    if (index == 0) {
      f.read(0);
      return;
    }
    const bool first = f.number.close([](goroutine&) {});
    if (first) f.given_back.exchange_relaxed(1);
  }
};

// Faulty twin: the look and the step inside are two operations.
struct looks_then_enters : model::suite<looks_then_enters, 2> {
  static constexpr char const* name = "looks_then_enters";
  static constexpr char const* claim = "faulty twin: a call looks for the close and counts itself in afterwards";
  static constexpr char const* must_fail = "N2";

  world::atomic<std::uint32_t> closed{0}, inside{1};
  file f;
  void leave() {
    const std::uint32_t before = inside.fetch_sub_acq_rel(1);
    if (before == 1) f.given_back.exchange_relaxed(1);
  }
  void thread(unsigned index) {
    if (index == 0) {
      const std::uint32_t over = closed.load_acquire();
      if (over != 0) return;
      inside.fetch_add_acq_rel(1);
      f.use_number();
      leave();
    } else {
      closed.store_release(1);
      leave();
    }
  }
};

// Faulty twin: what leaves keeps the direction for itself.
struct hands_nothing_on : model::suite<hands_nothing_on, 2> {
  static constexpr char const* name = "hands_nothing_on";
  static constexpr char const* claim = "faulty twin: a read leaves as a call without a direction";
  static constexpr char const* must_fail = "deadlock";
  static constexpr bool parks = true;

  file f;
  void thread(unsigned index) {
    if (!f.enter(direction::reading, index)) return;
    f.leave(direction::none);
  }
};

// Faulty twin: a close does not ready what it takes out of the queues.
struct forgets_the_queue : model::suite<forgets_the_queue, 3> {
  static constexpr char const* name = "forgets_the_queue";
  static constexpr char const* claim = "faulty twin: a close empties the queues and readies no goroutine";
  static constexpr char const* must_fail = "deadlock";
  static constexpr bool parks = true;

  file f;
  void thread(unsigned index) {
    if (index != 2) {
      f.read(index);
      return;
    }
    const bool first = f.number.close([](goroutine&) {});
    if (first) f.leave(direction::none);
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<read_against_close, two_closers, two_readers, three_readers, close_against_queue,
                           all_at_once, closes_at_once, looks_then_enters, hands_nothing_on,
                           forgets_the_queue>(argc, argv, "descriptor_use");
}
