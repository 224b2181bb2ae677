// descriptor_use_model.cpp: a number is closed once, when nobody is inside any more, and each direction has one goroutine at a time.
#include "protocol/descriptor_use.hpp"

#include "model_main.hpp"

namespace retake {
namespace {

struct file {
  descriptor_use number;
  world::atomic<std::uint32_t> given_back{0};  // the kernel's: 1 when the number may be anybody's
  world::plain<std::uint32_t> reader{0};       // what a call leaves for the next in its direction
  world::plain<std::uint32_t> entry{0};        // what calls leave for who closes
  std::uint32_t closed = 0, refused = 0, busy = 0;  // host memory

  void use_number() {
    const std::uint32_t gone = given_back.exchange_relaxed(0);
    world::require(gone == 0, "N2: a number is used that was closed");
  }

  void leave(direction way) {
    if (!number.end(way)) return;
    ++closed;
    static_cast<void>(reader.get());
    entry.set(0);
    given_back.exchange_relaxed(1);
  }

  void read() {
    switch (number.begin(direction::reading)) {
      case descriptor_use::begun::closed: ++refused; return;
      case descriptor_use::begun::busy: ++busy; return;
      case descriptor_use::begun::inside: break;
    }
    use_number();
    reader.set(reader.get() + 1);
    static_cast<void>(entry.get());
    leave(direction::reading);
  }

  void use() {
    if (number.begin(direction::none) != descriptor_use::begun::inside) {
      ++refused;
      return;
    }
    use_number();
    static_cast<void>(entry.get());
    leave(direction::none);
  }

  void close() {
    if (!number.close()) return;
    use_number();
    static_cast<void>(entry.get());  // ends the waits
    leave(direction::none);
  }

  void expect_closed_once() { world::require(closed == 1 && number.closed(), "N2: a number is never closed, or twice"); }
};

struct read_against_close : model::suite<read_against_close, 2> {
  static constexpr char const* name = "read_against_close";
  static constexpr char const* claim = "a read that begins while the number is closed is refused or has it until it leaves";

  file f;
  void thread(unsigned index) { index == 0 ? f.read() : f.close(); }
  void after() { f.expect_closed_once(); }
};

struct two_closers : model::suite<two_closers, 3> {
  static constexpr char const* name = "two_closers";
  static constexpr char const* claim = "of two who close a number beside a user, one closes it, or the user does";

  file f;
  void thread(unsigned index) { index == 0 ? f.use() : f.close(); }
  void after() { f.expect_closed_once(); }
};

struct two_readers : model::suite<two_readers, 2> {
  static constexpr char const* name = "two_readers";
  static constexpr char const* claim = "of two in one direction one is refused, or it comes behind the other and sees what that left";

  file f;
  void thread(unsigned) { f.read(); }
  void after() {
    const std::uint32_t came = f.reader.get();
    world::require(came + f.busy == 2 && came >= 1, "N1: a direction has two goroutines, or turns away both");
  }
};

struct all_at_once : model::suite<all_at_once, 3> {
  static constexpr char const* name = "all_at_once";
  static constexpr char const* claim = "a read, another use and a close: the number is closed once, behind whoever was inside last";
  static constexpr bool ends = false;

  file f;
  void thread(unsigned index) {
    if (index == 0) f.read();
    if (index == 1) f.use();
    if (index == 2) f.close();
  }
  void after() { f.expect_closed_once(); }
};

// Faulty twin (cl1): who closes does not wait for those inside.
struct closes_at_once : model::suite<closes_at_once, 2> {
  static constexpr char const* name = "closes_at_once";
  static constexpr char const* claim = "faulty twin: the number is closed while a read is inside";
  static constexpr char const* must_fail = "N2";

  file f;
  void thread(unsigned index) {
    if (index == 0) {
      f.read();
    } else if (f.number.close()) {
      f.given_back.exchange_relaxed(1);
    }
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

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<read_against_close, two_closers, two_readers, all_at_once, closes_at_once, looks_then_enters>(argc, argv, "descriptor_use");
}
