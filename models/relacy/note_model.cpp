// note_model.cpp: a sleeper reads what it was handed, is never left asleep, and a second wake-up is
// caught.
#include "protocol/note.hpp"

#include "model_main.hpp"

namespace retake {
namespace {

// One M goes idle and another hands it something.
struct hand_over : model::suite<hand_over, 2> {
  static constexpr char const* name = "hand_over";
  static constexpr char const* claim = "the sleeper wakes and reads what the waker left";
  static constexpr bool parks = true;
  static constexpr unsigned spurious = 2;

  note park;
  world::plain<std::uint32_t> handed{0};

  void thread(unsigned index) {
    if (index == 0) {
      park.sleep();
      const std::uint32_t got = handed.get();
      world::require(got == 7, "M6: woken without what was handed over");
    } else {
      handed.set(7);
      park.wake();
    }
  }
};

// The sleep may end at its deadline; the wake-up comes all the same, and only the note says whether
// it has come.
struct late_sleeper : model::suite<late_sleeper, 2> {
  static constexpr char const* name = "late_sleeper";
  static constexpr char const* claim =
      "true from sleep_until means woken, with what was left; after false the wake-up is still to come";
  static constexpr bool parks = true;
  static constexpr unsigned spurious = 1;
  static constexpr unsigned timeouts = 2;

  note park;
  world::plain<std::uint32_t> handed{0};

  void thread(unsigned index) {
    if (index == 0) {
      while (!park.sleep_until(1)) {}
      const std::uint32_t got = handed.get();
      world::require(got == 7, "M6: woken without what was handed over");
    } else {
      handed.set(7);
      park.wake();
    }
  }
};

// Two hand-overs in a row through one note: cleared by the sleeper before it can be found again.
struct sleeps_twice : model::suite<sleeps_twice, 2> {
  static constexpr char const* name = "sleeps_twice";
  static constexpr char const* claim =
      "a note that was cleared before its sleeper became findable serves a second sleep";
  static constexpr bool parks = true;
  static constexpr unsigned spurious = 1;

  note park;
  world::atomic<std::uint32_t> findable{1};
  world::plain<std::uint32_t> handed{0};

  void thread(unsigned index) {
    for (std::uint32_t round = 1; round <= 2; ++round) {
      if (index == 0) {
        park.sleep();
        const std::uint32_t got = handed.get();
        world::require(got == round, "M6: woken without what was handed over");
        park.clear();
        findable.store_release(round + 1);
      } else {
        wait_until_findable(round);
        handed.set(round);
        park.wake();
      }
    }
  }

  void wait_until_findable(std::uint32_t round) {
    for (;;) {
      const std::uint32_t now = findable.load_acquire();
      if (now >= round) return;
      world::pause();
    }
  }
};

// Faulty twin: two parties took the same sleeper.
struct two_wakers : model::suite<two_wakers, 3> {
  static constexpr char const* name = "two_wakers";
  static constexpr char const* claim = "faulty twin: two threads wake one sleeper, and the note says so";
  static constexpr char const* must_fail = "M7";
  static constexpr bool parks = true;

  note park;

  void thread(unsigned index) {
    if (index == 0) {
      park.sleep();
    } else {
      park.wake();
    }
  }
};

// Faulty twin: the note is cleared by the sleeper after it can be found: a wake-up in between is
// wiped out.
struct clears_too_late : model::suite<clears_too_late, 2> {
  static constexpr char const* name = "clears_too_late";
  static constexpr char const* claim =
      "faulty twin: the sleeper clears its note after it can be found, and a wake-up is lost";
  static constexpr char const* must_fail = "deadlock";
  static constexpr bool parks = true;

  note park;

  void thread(unsigned index) {
    if (index == 0) {
      park.clear();
      park.sleep();
    } else {
      park.wake();
    }
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<hand_over, late_sleeper, sleeps_twice, two_wakers, clears_too_late>(argc, argv, "note");
}
