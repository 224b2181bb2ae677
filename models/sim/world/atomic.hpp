// atomic.hpp: atomics and checked plain data of the simulated world.
//
// Problem.   In a model checker an atomic is not a word: it is the history of what was stored, who
//            may still read which entry, and what each entry publishes. And a plain word is a claim
//            ("nobody races on me") that must be checked at each touch.
// Rejected.  The history inside the object: a run queue's slots would be kilobytes each, an object
//            copied by mistake would carry a history along, and a freed one would take it into the
//            next life. A table keyed by address: a hash lookup per step.
// Recipe.    The object holds a number; the engine holds the history under it, with the address it
//            belongs to. Number and address must agree at every touch: freed memory is overwritten,
//            so a touch after the end never agrees (use_after_free).
//
// Fields.    number_  0: made outside of an execution (constant initialisation); refused at the
//            first operation.
//            value_   of a plain: the value, real memory. Of an atomic there is none: it is the
//                     newest entry of the history.
//
// Orders.    As written in the operation's name. A failed compare_exchange is an acquire load
//            (relaxed for _relaxed, seq_cst for _seq_cst) and may read an old entry that differs
//            from `expected`.
// Checked by tests/sim/litmus_*.cpp, tests/sim/race_test.cpp, tests/sim/lifetime_test.cpp.
// Not promised: see models/sim/memory.hpp (load buffering).
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "sim/calls.hpp"
#include "world/one_world.hpp"
#include "world/site.hpp"

namespace retake::world {

// What a strong compare_exchange saw, and whether it stored.
template <class T>
struct exchanged {
  bool won;
  T seen;
};

template <class T>
class atomic {
  static_assert(std::is_trivially_copyable_v<T>);
  static_assert(sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8);

 public:
  explicit constexpr atomic(T initial, site where = site::current()) noexcept {
    if (!std::is_constant_evaluated()) number_ = sim::make_atomic(this, to_bits(initial), traits, where);
  }
  __attribute__((no_sanitize("address"))) ~atomic() {
    sim::end_atomic(this, number_);
  }  // an end after its memory is told by the engine
  atomic(atomic const&) = delete;
  atomic& operator=(atomic const&) = delete;

  T load_relaxed(site where = site::current()) const noexcept { return load(sim::order::relaxed, where); }
  T load_acquire(site where = site::current()) const noexcept { return load(sim::order::acquire, where); }
  T load_seq_cst(site where = site::current()) const noexcept { return load(sim::order::seq_cst, where); }

  void store_relaxed(T v, site where = site::current()) noexcept { store(v, sim::order::relaxed, where); }
  void store_release(T v, site where = site::current()) noexcept { store(v, sim::order::release, where); }
  void store_seq_cst(T v, site where = site::current()) noexcept { store(v, sim::order::seq_cst, where); }

  T exchange_relaxed(T v, site where = site::current()) noexcept {
    return modify(sim::rmw::exchange, v, sim::order::relaxed, where);
  }
  T exchange_acquire(T v, site where = site::current()) noexcept {
    return modify(sim::rmw::exchange, v, sim::order::acquire, where);
  }
  T exchange_release(T v, site where = site::current()) noexcept {
    return modify(sim::rmw::exchange, v, sim::order::release, where);
  }
  T exchange_acq_rel(T v, site where = site::current()) noexcept {
    return modify(sim::rmw::exchange, v, sim::order::acq_rel, where);
  }
  T exchange_seq_cst(T v, site where = site::current()) noexcept {
    return modify(sim::rmw::exchange, v, sim::order::seq_cst, where);
  }

  exchanged<T> compare_exchange_relaxed(T expected, T desired, site where = site::current()) noexcept {
    return compare(expected, desired, sim::order::relaxed, where);
  }
  exchanged<T> compare_exchange_acquire(T expected, T desired, site where = site::current()) noexcept {
    return compare(expected, desired, sim::order::acquire, where);
  }
  exchanged<T> compare_exchange_release(T expected, T desired, site where = site::current()) noexcept {
    return compare(expected, desired, sim::order::release, where);
  }
  exchanged<T> compare_exchange_acq_rel(T expected, T desired, site where = site::current()) noexcept {
    return compare(expected, desired, sim::order::acq_rel, where);
  }
  exchanged<T> compare_exchange_seq_cst(T expected, T desired, site where = site::current()) noexcept {
    return compare(expected, desired, sim::order::seq_cst, where);
  }

  // The simulator alone has these: it may fail although the value is the expected one. Failure is
  // as above.
  exchanged<T> compare_exchange_weak_relaxed(T expected, T desired, site where = site::current()) noexcept {
    return compare(expected, desired, sim::order::relaxed, where, true);
  }
  exchanged<T> compare_exchange_weak_acquire(T expected, T desired, site where = site::current()) noexcept {
    return compare(expected, desired, sim::order::acquire, where, true);
  }
  exchanged<T> compare_exchange_weak_release(T expected, T desired, site where = site::current()) noexcept {
    return compare(expected, desired, sim::order::release, where, true);
  }
  exchanged<T> compare_exchange_weak_acq_rel(T expected, T desired, site where = site::current()) noexcept {
    return compare(expected, desired, sim::order::acq_rel, where, true);
  }
  exchanged<T> compare_exchange_weak_seq_cst(T expected, T desired, site where = site::current()) noexcept {
    return compare(expected, desired, sim::order::seq_cst, where, true);
  }

#define RETAKE_SIM_FETCH(name)                                                                     \
  T fetch_##name##_relaxed(T v, site where = site::current()) noexcept requires std::integral<T> { \
    return modify(sim::rmw::name##_, v, sim::order::relaxed, where);                               \
  }                                                                                                \
  T fetch_##name##_acquire(T v, site where = site::current()) noexcept requires std::integral<T> { \
    return modify(sim::rmw::name##_, v, sim::order::acquire, where);                               \
  }                                                                                                \
  T fetch_##name##_release(T v, site where = site::current()) noexcept requires std::integral<T> { \
    return modify(sim::rmw::name##_, v, sim::order::release, where);                               \
  }                                                                                                \
  T fetch_##name##_acq_rel(T v, site where = site::current()) noexcept requires std::integral<T> { \
    return modify(sim::rmw::name##_, v, sim::order::acq_rel, where);                               \
  }                                                                                                \
  T fetch_##name##_seq_cst(T v, site where = site::current()) noexcept requires std::integral<T> { \
    return modify(sim::rmw::name##_, v, sim::order::seq_cst, where);                               \
  }
  RETAKE_SIM_FETCH(add)
  RETAKE_SIM_FETCH(sub)
  RETAKE_SIM_FETCH(or)
  RETAKE_SIM_FETCH(and)
#undef RETAKE_SIM_FETCH

  // For checkers and tests of the sim alone: the newest value, without a choice point, a race check
  // or a trace.
  T peek() const noexcept { return from_bits(sim::peek_atomic(this, number_)); }

  // For the futex alone: the number under which the engine knows this word.
  std::uint32_t number() const noexcept { return number_; }

 private:
  using bits_type =
      std::conditional_t<sizeof(T) == 1, std::uint8_t,
                         std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                            std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
  static constexpr sim::value_traits traits{sizeof(T), std::is_pointer_v<T>};

  static constexpr std::uint64_t to_bits(T v) noexcept { return std::bit_cast<bits_type>(v); }
  static constexpr T from_bits(std::uint64_t v) noexcept { return std::bit_cast<T>(static_cast<bits_type>(v)); }

  T load(sim::order o, site const& where) const noexcept { return from_bits(sim::load(this, number_, o, where)); }
  void store(T v, sim::order o, site const& where) noexcept { sim::store(this, number_, to_bits(v), o, where); }
  T modify(sim::rmw what, T v, sim::order o, site const& where) noexcept {
    return from_bits(sim::modify(this, number_, what, to_bits(v), o, where));
  }
  exchanged<T> compare(T expected, T desired, sim::order o, site const& where, bool weak = false) noexcept {
    auto const [won, seen] = sim::compare_exchange(this, number_, to_bits(expected), to_bits(desired), o, weak, where);
    return {won, from_bits(seen)};
  }

  std::uint32_t number_ = 0;
};

// Shared data that is not atomic: every touch is checked against what happened before it.
template <class T>
class plain {
 public:
  explicit plain(T initial, site where = site::current()) noexcept
      : value_(initial), number_(sim::make_plain(this, where)) {}
  __attribute__((no_sanitize("address"))) ~plain() { sim::end_plain(this, number_); }
  plain(plain const&) = delete;
  plain& operator=(plain const&) = delete;

  T get(site where = site::current()) const noexcept {
    sim::plain_read(this, number_, where);
    return value_;
  }
  void set(T v, site where = site::current()) noexcept {
    sim::plain_write(this, number_, where);
    value_ = v;
  }

  // For checkers and tests of the sim alone: no race check.
  T const& peek() const noexcept { return value_; }

 private:
  T value_;
  std::uint32_t number_;
};

// Orders atomics only (Dekker): happens-before never goes through it, but in scenarios with
// fences_synchronize.
inline void fence_seq_cst(site where = site::current()) noexcept { sim::fence(sim::order::seq_cst, where); }
// The simulator alone has these, and in such scenarios alone.
inline void fence_acquire(site where = site::current()) noexcept { sim::fence(sim::order::acquire, where); }
inline void fence_release(site where = site::current()) noexcept { sim::fence(sim::order::release, where); }
inline void fence_acq_rel(site where = site::current()) noexcept { sim::fence(sim::order::acq_rel, where); }
// A compiler barrier: the cheap side of the asymmetric fence.
inline void asymmetric_light(site where = site::current()) noexcept { sim::asymmetric_light(where); }
// A full fence in every thread: the dear side (membarrier).
inline void asymmetric_heavy(site where = site::current()) noexcept { sim::asymmetric_heavy(where); }

}  // namespace retake::world
