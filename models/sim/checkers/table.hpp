// table.hpp: the invariants that are watched: each tag, the check that can object with it, and the
// moments at which it is asked.
//
// Problem.   A comment that says what is watched stays true when the check is gone.
// Recipe.    The watcher (watch.cpp) walks this table and calls nothing else. tests/alarm corrupts
//            the state for every tag at every moment of its row; tests/tidy holds the table against
//            models/README.md and against the runtime's tags.
//
// Moments    commit     an ownership change has just happened: the P concerned is judged exactly,
//                         other Ps are not
//            step       a visible operation is about to happen (--check step): every P and M,
//                       whatever they are doing.
//                       Protocols are between two commits then. What may differ from what holds
//                       at a commit:
//                       - a P in a hand that is being wired already has one M's link, and a
//                       Running P that is being unwired or taken into a system call has none
//                       any more (P3, P9)
//                       - a P on its way into a stopped world is GcStop while still in a hand
//                       (P8)
//                       - the idle list, its count and its mask, and the counts of Ms change one
//                       after the other under the scheduler's lock: they are judged while the
//                       lock is free (P4 P5 P8 P9 M12)
//            stillness  no thread can run, and the clock is about to jump: nothing is between two
//                       commits
//            rest       every thread has exited
#pragma once

#include <cstdint>
#include <string_view>

#include "sim/checkers/watch.hpp"

namespace retake::checkers {

enum moment : std::uint8_t { at_commit = 1, at_step = 2, at_stillness = 4, at_rest = 8 };

// For how long the same thing has waited while the world stood still. Jumps that the chooser makes
// while threads could run are not counted: the runtime had no chance in them.
class wait_clock {
 public:
  // The clock jumps by `by_ns`, and what waits now is `key` (0: nothing). Returns how long it waits
  // by then.
  std::int64_t add(std::uint64_t key, std::int64_t by_ns) noexcept {
    if (key != key_) waited_ns_ = 0;
    key_ = key;
    return key == 0 ? 0 : waited_ns_ += by_ns;
  }
  std::uint64_t key() const noexcept { return key_; }
  void forget() noexcept { key_ = 0; }

 private:
  std::uint64_t key_ = 0;
  std::int64_t waited_ns_ = 0;
};

// What the checks remember from one look to the next. The watcher forgets a wait at the commit that
// ends it.
struct memory {
  wait_clock work;                                    // V1: the first runnable goroutine, beside an idle P
  wait_clock poll;                                    // V7: since the last poll, while goroutines wait for descriptors
  wait_clock reader;                                  // N8: the first goroutine parked beside data
  wait_clock in_call[world::limits::processors_max];  // V6: a P with work, in one system call
  std::uint32_t most_records = 0;                     // V9: goroutine records that were in use at a time
  wait_clock overdue[world::limits::processors_max];  // V3: the first timer of a P, from the time at which it was due
};

struct look {
  scheduler const& s;
  moment when;
  processor const* changed;  // commit: the P whose owner changed, or nullptr
  std::int64_t until_ns;     // stillness: where the clock jumps to
  expectations const& what;
  memory& remembered;
};

using check = void (*)(look const&) noexcept;

void check_p3(look const&) noexcept;
void check_p4(look const&) noexcept;
void check_p5(look const&) noexcept;
void check_p8(look const&) noexcept;
void check_p9(look const&) noexcept;
void check_p11(look const&) noexcept;
void check_p12(look const&) noexcept;
void check_m5(look const&) noexcept;
void check_m6(look const&) noexcept;
void check_m7(look const&) noexcept;
void check_m12(look const&) noexcept;
void check_m13(look const&) noexcept;
void check_g2(look const&) noexcept;
void check_g3(look const&) noexcept;
void check_g6(look const&) noexcept;
void check_g9(look const&) noexcept;
void check_q2(look const&) noexcept;
void check_l1(look const&) noexcept;
void check_l2(look const&) noexcept;
void check_n5(look const&) noexcept;
void check_n6(look const&) noexcept;
void check_n8(look const&) noexcept;
void check_v1(look const&) noexcept;
void check_v3(look const&) noexcept;
void check_v6(look const&) noexcept;
void check_v7(look const&) noexcept;
void check_v9(look const&) noexcept;

// V9, at each edge of a goroutine.
void remember_records(scheduler const& s, memory& remembered) noexcept;

struct row {
  std::string_view tag;
  check ask;
  std::uint8_t moments;
};

// In this order: where two rows see the same, the first is the more exact.
inline constexpr row table[] = {
    {"P12", check_p12, at_commit | at_step},
    {"P3", check_p3, at_commit | at_step | at_stillness},
    {"P4", check_p4, at_commit | at_step | at_rest},
    {"P5", check_p5, at_commit | at_step | at_rest},
    {"P8", check_p8, at_commit | at_step},
    {"P9", check_p9, at_commit | at_step | at_stillness},
    {"P11", check_p11, at_commit | at_step},
    {"M5", check_m5, at_commit | at_step | at_stillness | at_rest},
    {"M7", check_m7, at_commit | at_step},
    {"M6", check_m6, at_commit | at_step},
    {"M12", check_m12, at_commit | at_step},
    {"M13", check_m13, at_commit | at_step},
    {"G2", check_g2, at_stillness | at_rest},
    {"G3", check_g3, at_commit | at_step | at_rest},
    {"G6", check_g6, at_step | at_stillness | at_rest},
    {"G9", check_g9, at_rest},
    {"Q2", check_q2, at_stillness | at_rest},
    {"L1", check_l1, at_commit | at_step},
    {"L2", check_l2, at_commit | at_step},
    {"N5", check_n5, at_step | at_stillness | at_rest},
    {"N6", check_n6, at_commit | at_step | at_rest},
    {"N8", check_n8, at_stillness},
    {"V1", check_v1, at_stillness},
    {"V3", check_v3, at_stillness},
    {"V6", check_v6, at_stillness},
    {"V7", check_v7, at_stillness},
    {"V9", check_v9, at_rest},
};

}  // namespace retake::checkers
