// conformance_core.hpp: what the core of the contract promises, as claims that run in every world.
//
// Goal.      An order that one world spells differently, a compare-exchange that fails for another
//            reason, a futex that returns early: any of these makes a proof in one world worthless
//            in the next. One source says what all of them must do.
// Method.    A claim is a struct. Each execution makes a new one, runs body(0) ... body(threads -
//            1) at the same time, and when all have returned, after(). os runs many executions on
//            real threads; the sim and Relacy explore the interleavings. Checks are world::require,
//            so that every world reports in its own way. Claims name nothing but world::.
//            core_findings is the other half: programs with a bug, which a world that explores must
//            find, else its silence above is worth nothing. Each names the tag of the finding it
//            must cause: that of a require, "race", or "deadlock". `parks` says that threads sleep
//            on futexes, for worlds to which that makes a difference.
//
// To add a world: an adapter that runs core_claims::each and, if it explores, core_findings::each.
// See conformance_os.cpp, conformance_sim.cpp and relacy_main.cpp.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/futex.hpp"
#include "world/ghost.hpp"
#include "world/require.hpp"

namespace retake::conformance {

template <class... Claim>
struct claims {
  // Calls visit.template operator()<Claim>() for each.
  template <class Visitor>
  static void each(Visitor&& visit) {
    (visit.template operator()<Claim>(), ...);
  }
};

// ------------------------------------------------------------------------------------------------
// values of one thread

struct word_pair {
  std::uint16_t low;
  std::uint16_t high;
  friend constexpr bool operator==(word_pair, word_pair) = default;
};
enum class color : std::uint8_t { red, green };

struct every_size_and_shape_comes_back_as_it_was_stored {
  static constexpr char const* name = "every_size_and_shape_comes_back_as_it_was_stored";
  static constexpr unsigned threads = 1;

  world::atomic<std::uint8_t> one{0xff};
  world::atomic<std::int16_t> two{-2};
  world::atomic<std::uint32_t> four{0};
  world::atomic<std::int64_t> eight{INT64_MIN};
  world::atomic<word_pair> pair{word_pair{1, 2}};
  world::atomic<color> hue{color::red};
  world::atomic<bool> flag{false};
  world::atomic<int*> pointer{nullptr};
  int target = 0;

  void body(unsigned) {
    std::uint8_t const byte = one.load_relaxed();
    world::require(byte == 0xff, "C1: one byte");
    std::int16_t const half = two.load_acquire();
    world::require(half == -2, "C1: two bytes, signed");
    four.store_relaxed(0xffff'ffff);
    std::uint32_t const full = four.load_seq_cst();
    world::require(full == 0xffff'ffff, "C1: four bytes");
    std::int64_t const wide = eight.load_relaxed();
    world::require(wide == INT64_MIN, "C1: eight bytes, signed");
    pair.store_release(word_pair{3, 4});
    word_pair const both = pair.load_acquire();
    world::require(both == word_pair{3, 4}, "C1: a struct without padding");
    hue.store_seq_cst(color::green);
    color const seen = hue.load_acquire();
    world::require(seen == color::green, "C1: an enum");
    flag.store_relaxed(true);
    bool const set = flag.load_relaxed();
    world::require(set, "C1: a bool");
    pointer.store_release(&target);
    int* const at = pointer.load_acquire();
    world::require(at == &target, "C1: a pointer");
  }
  void after() {}
};

struct fetch_operations_return_the_old_value_and_wrap_around {
  static constexpr char const* name = "fetch_operations_return_the_old_value_and_wrap_around";
  static constexpr unsigned threads = 1;

  world::atomic<std::uint32_t> word{0xffff'ffff};
  world::atomic<std::uint8_t> byte{0};
  world::atomic<std::int64_t> wide{-1};

  void body(unsigned) {
    std::uint32_t const a = word.fetch_add_relaxed(2);
    std::uint32_t const b = word.fetch_sub_acquire(3);
    std::uint32_t const c = word.fetch_and_release(0xf0);
    std::uint32_t const d = word.fetch_or_acq_rel(0x0f);
    std::uint32_t const e = word.fetch_add_seq_cst(0);
    world::require(a == 0xffff'ffff && b == 1 && c == 0xffff'fffe && d == 0xf0 && e == 0xff, "C2: four bytes");
    std::uint8_t const f = byte.fetch_sub_acq_rel(1);
    std::uint8_t const g = byte.fetch_add_acquire(1);
    std::uint8_t const h = byte.load_relaxed();
    world::require(f == 0 && g == 0xff && h == 0, "C2: one byte wraps at one byte");
    std::int64_t const i = wide.fetch_add_release(5);
    std::int64_t const j = wide.fetch_and_seq_cst(6);
    std::int64_t const k = wide.fetch_or_relaxed(1);
    std::int64_t const l = wide.load_seq_cst();
    world::require(i == -1 && j == 4 && k == 4 && l == 5, "C2: eight bytes");
  }
  void after() {}
};

struct compare_exchange_says_what_it_saw_and_never_fails_for_no_reason {
  static constexpr char const* name = "compare_exchange_says_what_it_saw_and_never_fails_for_no_reason";
  static constexpr unsigned threads = 1;

  world::atomic<std::uint32_t> word{7};

  void body(unsigned) {
    auto const lost = word.compare_exchange_acq_rel(8, 9);
    world::require(!lost.won && lost.seen == 7, "C3: lost");
    auto const won = word.compare_exchange_relaxed(7, 8);
    world::require(won.won && won.seen == 7, "C3: won, relaxed");
    auto const again = word.compare_exchange_acquire(8, 9);
    world::require(again.won && again.seen == 8, "C3: won, acquire");
    auto const third = word.compare_exchange_release(9, 10);
    world::require(third.won && third.seen == 9, "C3: won, release");
    auto const fourth = word.compare_exchange_seq_cst(10, 11);
    world::require(fourth.won && fourth.seen == 10, "C3: won, seq_cst");
    std::uint32_t const before = word.exchange_relaxed(12);
    std::uint32_t const after_it = word.exchange_seq_cst(13);
    world::require(before == 11 && after_it == 12, "C3: exchange returns the old value");
  }
  void after() {}
};

struct plain_ghost_and_recheck_keep_their_hands_off_the_values {
  static constexpr char const* name = "plain_ghost_and_recheck_keep_their_hands_off_the_values";
  static constexpr unsigned threads = 1;

  world::plain<std::int64_t> number{-5};
  world::plain<color> hue{color::red};
  world::atomic<std::uint32_t> word{0};
  [[no_unique_address]] world::ghost<int> owner{0};

  void body(unsigned) {
    std::int64_t const before = number.get();
    number.set(before - 1);
    std::int64_t const behind = number.get();
    hue.set(color::green);
    color const seen = hue.get();
    world::require(before == -5 && behind == -6 && seen == color::green, "C4: plain");
    word.store_release(1);
    owner.move(0, 1, "C4: the owner was none");
    word.store_release(2);
    owner.set(5, "C4: the owner is five");
    word.store_release(3);
    owner.move(5, 0, "C4: the owner was five");
    bool const yes = world::recheck(before == -5);
    bool const no = world::recheck(before == -6);
    world::require(yes && !no, "C4: recheck returns its condition");
  }
  void after() {}
};

struct futex_wait_does_not_sleep_when_the_word_has_changed {
  static constexpr char const* name = "futex_wait_does_not_sleep_when_the_word_has_changed";
  static constexpr unsigned threads = 1;

  world::atomic<std::uint32_t> word{1};

  void body(unsigned) {
    world::waited const how = world::futex_wait(word, 0);
    world::require(how == world::waited::changed, "C5: another value: changed");
    world::futex_wake(word, 1);
  }
  void after() {}
};

// ------------------------------------------------------------------------------------------------
// publishing

struct a_release_store_publishes_to_an_acquire_load {
  static constexpr char const* name = "a_release_store_publishes_to_an_acquire_load";
  static constexpr unsigned threads = 2;

  world::plain<std::uint32_t> data{0};
  world::atomic<std::uint32_t> flag{0};

  void body(unsigned index) {
    if (index == 0) {
      data.set(42);
      flag.store_release(1);
      return;
    }
    std::uint32_t const seen = flag.load_acquire();
    if (seen == 0) return;
    std::uint32_t const found = data.get();
    world::require(found == 42, "C6: the data is there when the flag is");
  }
  void after() {
    std::uint32_t const found = data.get();
    world::require(found == 42, "C6: after() sees everything");
  }
};

struct a_failed_compare_exchange_is_an_acquire_load {
  static constexpr char const* name = "a_failed_compare_exchange_is_an_acquire_load";
  static constexpr unsigned threads = 2;

  world::plain<std::uint32_t> data{0};
  world::atomic<std::uint32_t> flag{0};

  void body(unsigned index) {
    if (index == 0) {
      data.set(42);
      flag.exchange_release(1);
      return;
    }
    auto const look = flag.compare_exchange_release(2, 3);
    world::require(!look.won, "C7: nobody stored a two");
    if (look.seen == 0) return;
    std::uint32_t const found = data.get();
    world::require(found == 42, "C7: the data is there when the flag is");
  }
  void after() {}
};

struct a_read_modify_write_continues_the_release_it_read {
  static constexpr char const* name = "a_read_modify_write_continues_the_release_it_read";
  static constexpr unsigned threads = 3;

  world::plain<std::uint32_t> data{0};
  world::atomic<std::uint32_t> flag{0};

  void body(unsigned index) {
    if (index == 0) {
      data.set(42);
      flag.store_release(1);
    } else if (index == 1) {
      flag.fetch_add_relaxed(2);
    } else {
      std::uint32_t const seen = flag.load_acquire();
      if (seen != 3) return;  // 3: the relaxed addition came behind the release
      std::uint32_t const found = data.get();
      world::require(found == 42, "C8: the release sequence goes through the addition");
    }
  }
  void after() {}
};

struct a_lock_of_one_word_guards_plain_data {
  static constexpr char const* name = "a_lock_of_one_word_guards_plain_data";
  static constexpr unsigned threads = 2;

  world::atomic<std::uint32_t> locked{0};
  world::plain<std::uint32_t> count{0};

  void body(unsigned) {
    for (;;) {  // bound: the holder leaves
      auto const taken = locked.compare_exchange_acquire(0, 1);
      if (taken.won) break;
      wait_until_free();
    }
    std::uint32_t const before = count.get();
    count.set(before + 1);
    locked.store_release(0);
  }
  void after() {
    std::uint32_t const sum = count.get();
    world::require(sum == threads, "C9: nobody's addition is lost");
  }

 private:
  void wait_until_free() {
    for (;;) {
      std::uint32_t const state = locked.load_relaxed();
      if (state == 0) return;
      world::pause();
    }
  }
};

// ------------------------------------------------------------------------------------------------
// atomicity

struct additions_of_all_threads_add_up {
  static constexpr char const* name = "additions_of_all_threads_add_up";
  static constexpr unsigned threads = 3;

  world::atomic<std::uint32_t> sum{0};

  void body(unsigned) {
    sum.fetch_add_relaxed(1);
    sum.fetch_add_acq_rel(1);
  }
  void after() {
    std::uint32_t const total = sum.load_relaxed();
    world::require(total == 2 * threads, "C10: an addition is lost");
  }
};

struct one_of_all_that_exchange_gets_the_first_value {
  static constexpr char const* name = "one_of_all_that_exchange_gets_the_first_value";
  static constexpr unsigned threads = 3;

  world::atomic<std::uint32_t> word{0};
  world::atomic<std::uint32_t> winners{0};

  void body(unsigned) {
    std::uint32_t const before = word.exchange_acq_rel(1);
    if (before == 0) winners.fetch_add_relaxed(1);
  }
  void after() {
    std::uint32_t const count = winners.load_relaxed();
    world::require(count == 1, "C11: one winner");
  }
};

struct one_of_all_that_compare_and_exchange_wins {
  static constexpr char const* name = "one_of_all_that_compare_and_exchange_wins";
  static constexpr unsigned threads = 3;

  world::atomic<std::uint32_t> word{0};
  world::atomic<std::uint32_t> winners{0};

  void body(unsigned index) {
    auto const mine = word.compare_exchange_acq_rel(0, index + 1);
    if (mine.won) winners.fetch_add_relaxed(1);
    world::require(mine.won == (mine.seen == 0), "C12: won exactly when it saw what it expected");
  }
  void after() {
    std::uint32_t const count = winners.load_relaxed();
    std::uint32_t const last = word.load_relaxed();
    world::require(count == 1 && last >= 1 && last <= threads, "C12: one winner, and its value stays");
  }
};

// ------------------------------------------------------------------------------------------------
// a store before a later load

// Dekker: each thread stores its word and then looks at the other's. At least one must see the
// other.
template <class Derived>
struct store_buffering {
  static constexpr unsigned threads = 2;

  world::atomic<std::uint32_t> x{0};
  world::atomic<std::uint32_t> y{0};
  world::atomic<std::uint32_t> saw_nothing{0};

  void body(unsigned index) {
    std::uint32_t const seen = index == 0 ? Derived::first(x, y) : Derived::second(y, x);
    if (seen == 0) saw_nothing.fetch_add_relaxed(1);
  }
  void after() {
    std::uint32_t const count = saw_nothing.load_relaxed();
    world::require(count < 2, "C13: both missed each other");
  }
};

using word = world::atomic<std::uint32_t>;

struct full_fences_on_both_sides_order_a_store_before_a_load
    : store_buffering<full_fences_on_both_sides_order_a_store_before_a_load> {
  static constexpr char const* name = "full_fences_on_both_sides_order_a_store_before_a_load";
  static std::uint32_t first(word& mine, word& other) {
    mine.store_relaxed(1);
    world::fence_seq_cst();
    std::uint32_t const seen = other.load_relaxed();
    return seen;
  }
  static std::uint32_t second(word& mine, word& other) { return first(mine, other); }
};

struct seq_cst_operations_order_a_store_before_a_load
    : store_buffering<seq_cst_operations_order_a_store_before_a_load> {
  static constexpr char const* name = "seq_cst_operations_order_a_store_before_a_load";
  static std::uint32_t first(word& mine, word& other) {
    mine.store_seq_cst(1);
    std::uint32_t const seen = other.load_seq_cst();
    return seen;
  }
  static std::uint32_t second(word& mine, word& other) {
    mine.exchange_seq_cst(1);
    std::uint32_t const seen = other.load_seq_cst();
    return seen;
  }
};

struct the_asymmetric_pair_orders_a_store_before_a_load
    : store_buffering<the_asymmetric_pair_orders_a_store_before_a_load> {
  static constexpr char const* name = "the_asymmetric_pair_orders_a_store_before_a_load";
  static std::uint32_t first(word& mine, word& other) {
    mine.store_relaxed(1);
    world::asymmetric_light();
    std::uint32_t const seen = other.load_relaxed();
    return seen;
  }
  static std::uint32_t second(word& mine, word& other) {
    mine.store_relaxed(1);
    world::asymmetric_heavy();
    std::uint32_t const seen = other.load_relaxed();
    return seen;
  }
};

// ------------------------------------------------------------------------------------------------
// sleeping and waking

struct a_sleeper_is_woken_and_sees_what_came_before {
  static constexpr char const* name = "a_sleeper_is_woken_and_sees_what_came_before";
  static constexpr bool parks = true;
  static constexpr unsigned threads = 2;

  world::plain<std::uint32_t> data{0};
  world::atomic<std::uint32_t> flag{0};

  void body(unsigned index) {
    if (index == 0) {
      data.set(42);
      flag.store_release(1);
      world::futex_wake(flag, 1);
      return;
    }
    for (;;) {  // bound: the flag is stored once
      std::uint32_t const seen = flag.load_acquire();
      if (seen != 0) break;
      world::waited const how = world::futex_wait(flag, 0);
      world::require(how != world::waited::timed_out, "C14: no deadline, no time-out");
    }
    std::uint32_t const found = data.get();
    world::require(found == 42, "C14: the data is there when the sleeper is awake");
  }
  void after() {}
};

struct one_wake_of_two_wakes_both_sleepers {
  static constexpr char const* name = "one_wake_of_two_wakes_both_sleepers";
  static constexpr bool parks = true;
  static constexpr unsigned threads = 3;

  world::atomic<std::uint32_t> flag{0};
  world::atomic<std::uint32_t> awake{0};

  void body(unsigned index) {
    if (index == 0) {
      flag.store_release(1);
      world::futex_wake(flag, 2);
      return;
    }
    for (;;) {
      std::uint32_t const seen = flag.load_acquire();
      if (seen != 0) break;
      world::futex_wait(flag, 0);
    }
    awake.fetch_add_relaxed(1);
  }
  void after() {
    std::uint32_t const count = awake.load_relaxed();
    world::require(count == 2, "C15: both are awake");
  }
};

struct a_spinner_that_pauses_goes_on_when_the_word_changes {
  static constexpr char const* name = "a_spinner_that_pauses_goes_on_when_the_word_changes";
  static constexpr unsigned threads = 2;

  world::plain<std::uint32_t> data{0};
  world::atomic<std::uint32_t> flag{0};

  void body(unsigned index) {
    if (index == 0) {
      data.set(42);
      flag.store_release(1);
      return;
    }
    for (;;) {
      std::uint32_t const seen = flag.load_acquire();
      if (seen != 0) break;
      world::pause();
    }
    std::uint32_t const found = data.get();
    world::require(found == 42, "C16: the data is there when the spinner is through");
  }
  void after() {}
};

using core_claims =
    claims<every_size_and_shape_comes_back_as_it_was_stored, fetch_operations_return_the_old_value_and_wrap_around,
           compare_exchange_says_what_it_saw_and_never_fails_for_no_reason,
           plain_ghost_and_recheck_keep_their_hands_off_the_values, futex_wait_does_not_sleep_when_the_word_has_changed,
           a_release_store_publishes_to_an_acquire_load, a_failed_compare_exchange_is_an_acquire_load,
           a_read_modify_write_continues_the_release_it_read, a_lock_of_one_word_guards_plain_data,
           additions_of_all_threads_add_up, one_of_all_that_exchange_gets_the_first_value,
           one_of_all_that_compare_and_exchange_wins, full_fences_on_both_sides_order_a_store_before_a_load,
           seq_cst_operations_order_a_store_before_a_load, the_asymmetric_pair_orders_a_store_before_a_load,
           a_sleeper_is_woken_and_sees_what_came_before, one_wake_of_two_wakes_both_sleepers,
           a_spinner_that_pauses_goes_on_when_the_word_changes>;

// ------------------------------------------------------------------- what a world that explores
// must find: each has a bug

struct two_writers_of_plain_data_race {
  static constexpr char const* name = "two_writers_of_plain_data_race";
  static constexpr char const* must_fail = "race";
  static constexpr unsigned threads = 2;

  world::plain<std::uint32_t> data{0};
  world::atomic<std::uint32_t> unrelated{0};

  void body(unsigned index) {
    unrelated.fetch_add_relaxed(1);
    data.set(index);
  }
  void after() {}
};

struct a_relaxed_flag_publishes_nothing {
  static constexpr char const* name = "a_relaxed_flag_publishes_nothing";
  static constexpr char const* must_fail = "race";
  static constexpr unsigned threads = 2;

  world::plain<std::uint32_t> data{0};
  world::atomic<std::uint32_t> flag{0};

  void body(unsigned index) {
    if (index == 0) {
      data.set(42);
      flag.store_relaxed(1);
      return;
    }
    std::uint32_t const seen = flag.load_acquire();
    if (seen == 0) return;
    static_cast<void>(data.get());
  }
  void after() {}
};

struct a_relaxed_compare_exchange_that_fails_is_no_acquire {
  static constexpr char const* name = "a_relaxed_compare_exchange_that_fails_is_no_acquire";
  static constexpr char const* must_fail = "race";
  static constexpr unsigned threads = 2;

  world::plain<std::uint32_t> data{0};
  world::atomic<std::uint32_t> flag{0};

  void body(unsigned index) {
    if (index == 0) {
      data.set(42);
      flag.store_release(1);
      return;
    }
    auto const look = flag.compare_exchange_relaxed(2, 3);
    if (look.seen == 0) return;
    static_cast<void>(data.get());
  }
  void after() {}
};

struct release_and_acquire_let_both_miss_each_other : store_buffering<release_and_acquire_let_both_miss_each_other> {
  static constexpr char const* name = "release_and_acquire_let_both_miss_each_other";
  static constexpr char const* must_fail = "C13";  // needs a memory with old values, see the sim's --memory=c11
  static std::uint32_t first(word& mine, word& other) {
    mine.store_release(1);
    std::uint32_t const seen = other.load_acquire();
    return seen;
  }
  static std::uint32_t second(word& mine, word& other) { return first(mine, other); }
};

struct light_on_both_sides_orders_nothing : store_buffering<light_on_both_sides_orders_nothing> {
  static constexpr char const* name = "light_on_both_sides_orders_nothing";
  static constexpr char const* must_fail = "C13";  // as above
  static std::uint32_t first(word& mine, word& other) {
    mine.store_relaxed(1);
    world::asymmetric_light();
    std::uint32_t const seen = other.load_relaxed();
    return seen;
  }
  static std::uint32_t second(word& mine, word& other) { return first(mine, other); }
};

struct load_and_store_are_not_an_addition {
  static constexpr char const* name = "load_and_store_are_not_an_addition";
  static constexpr char const* must_fail = "C17";
  static constexpr unsigned threads = 2;

  world::atomic<std::uint32_t> sum{0};

  void body(unsigned) {
    std::uint32_t const before = sum.load_seq_cst();
    sum.store_seq_cst(before + 1);
  }
  void after() {
    std::uint32_t const total = sum.load_relaxed();
    world::require(total == 2, "C17: an addition is lost");
  }
};

struct a_wake_before_the_store_is_lost {
  static constexpr char const* name = "a_wake_before_the_store_is_lost";
  static constexpr bool parks = true;
  static constexpr char const* must_fail = "deadlock";
  static constexpr unsigned threads = 2;

  world::atomic<std::uint32_t> flag{0};

  void body(unsigned index) {
    if (index == 0) {
      world::futex_wake(flag, 1);
      flag.store_release(1);
      return;
    }
    for (;;) {
      std::uint32_t const seen = flag.load_acquire();
      if (seen != 0) break;
      world::futex_wait(flag, 0);
    }
  }
  void after() {}
};

struct a_wake_for_one_leaves_the_second_asleep {
  static constexpr char const* name = "a_wake_for_one_leaves_the_second_asleep";
  static constexpr bool parks = true;
  static constexpr char const* must_fail = "deadlock";
  static constexpr unsigned threads = 3;

  world::atomic<std::uint32_t> flag{0};

  void body(unsigned index) {
    if (index == 0) {
      flag.store_release(1);
      world::futex_wake(flag, 1);
      return;
    }
    for (;;) {
      std::uint32_t const seen = flag.load_acquire();
      if (seen != 0) break;
      world::futex_wait(flag, 0);
    }
  }
  void after() {}
};

struct an_ownership_that_was_not_there_cannot_move {
  static constexpr char const* name = "an_ownership_that_was_not_there_cannot_move";
  static constexpr char const* must_fail = "C18";
  static constexpr unsigned threads = 2;

  world::atomic<std::uint32_t> taken{0};
  world::ghost<std::uint32_t> owner{0};

  // Both take what only one may have: an exchange whose answer nobody looks at.
  void body(unsigned index) {
    taken.exchange_acq_rel(1);
    owner.move(0, index + 1, "C18: taken twice");
  }
  void after() {}
};

using core_findings =
    claims<two_writers_of_plain_data_race, a_relaxed_flag_publishes_nothing,
           a_relaxed_compare_exchange_that_fails_is_no_acquire, release_and_acquire_let_both_miss_each_other,
           light_on_both_sides_orders_nothing, load_and_store_are_not_an_addition, a_wake_before_the_store_is_lost,
           a_wake_for_one_leaves_the_second_asleep, an_ownership_that_was_not_there_cannot_move>;

}  // namespace retake::conformance
