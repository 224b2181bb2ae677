// spinning.hpp: what is remembered of each thread's spin loop, so that a bounded one can give up.
//
// Problem.   A thread that paused comes back when the others have made a step: a search in which
//            that is all a pause means never sees a bounded spin go through its last round in vain.
// Recipe.    At each pause a choice decides: 0, the thread waits as ever; 1, it gives up. Then it
//            goes through its rounds alone: no other thread runs, and its loads return the oldest
//            store that they may, which is the one that they returned before. The first operation
//            that is not one of its last round (by site and object) says that the loop has ended.
//            After rounds_alone_max rounds it was in vain: the thread waits as with 0, and what the
//            search could choose from there on it need not, as 0 has it too. An effect (a store, a
//            read-modify-write, a compare-exchange that won, a fence, a futex) ends what is known
//            of a loop: one that has effects gives up a round at a time.
//
// Checked by tests/relacy/litmus_test.cpp.
// Not promised: that a loop gives up which needs more rounds, has more than places_max different
//            operations, or comes after as many in the same execution as it may have (give_ups).
// Names nothing of Relacy.
#pragma once

#include <algorithm>
#include <utility>

namespace retake::world::relacy {

class spinning {
 public:
  static constexpr unsigned threads_max = 8;
  static constexpr unsigned places_max = 32;
  static constexpr unsigned rounds_alone_max = 128;

  struct place {
    char const* file;
    unsigned line;
    void const* object;
    bool operator==(place const&) const = default;
  };

  void begin_execution(unsigned give_ups) noexcept {
    for (loop& one : loops_) one.forget();
    alone_ = none;
    give_ups_left_ = give_ups;
    in_vain_ = false;
  }

  // An operation that may be one of a round.
  void touch(unsigned thread, place p) noexcept {
    if (thread >= threads_max) return;  // before and after the threads
    loop& mine = loops_[thread];
    if (std::find(mine.places, mine.places + mine.count, p) != mine.places + mine.count) return;
    if (is_alone(thread)) effect(thread);
    if (mine.count < places_max)
      mine.places[mine.count++] = p;
    else
      mine.too_long = true;
  }
  void effect(unsigned thread) noexcept {
    if (thread >= threads_max) return;
    if (is_alone(thread)) alone_ = none;
    loops_[thread].forget();
  }

  // At a pause. True: it is one of a thread that goes round alone.
  [[nodiscard]] bool goes_round(unsigned thread) noexcept {
    if (!is_alone(thread)) return false;
    if (++rounds_ < rounds_alone_max) return true;
    alone_ = none;
    in_vain_ = true;
    return false;
  }
  // Asked once behind a pause.
  [[nodiscard]] bool was_in_vain() noexcept { return std::exchange(in_vain_, false); }
  [[nodiscard]] bool may_give_up(unsigned thread) const noexcept {
    return give_ups_left_ != 0 && !loops_[thread].too_long;
  }
  void give_up(unsigned thread) noexcept {
    --give_ups_left_;
    alone_ = thread;
    rounds_ = 0;
  }
  void next_round(unsigned thread) noexcept { loops_[thread].forget(); }
  [[nodiscard]] bool is_alone(unsigned thread) const noexcept { return alone_ == thread; }

 private:
  static constexpr unsigned none = ~0U;
  struct loop {
    place places[places_max];
    unsigned count = 0;
    bool too_long = false;
    void forget() noexcept {
      count = 0;
      too_long = false;
    }
  };

  loop loops_[threads_max];
  unsigned alone_ = none;
  unsigned rounds_ = 0;
  unsigned give_ups_left_ = 0;
  bool in_vain_ = false;
};

}  // namespace retake::world::relacy
