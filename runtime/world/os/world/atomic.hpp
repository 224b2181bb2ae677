// atomic.hpp: a word that several threads read and write, with operations named by their order.
//
// Problem.   `x = 1`, `x.load()` and `++x` compile with the strongest and dearest order and tell
//            the reader nothing; and an order that is a defaulted argument is the one that nobody
//            thought about.
// Rejected.  Operators, default orders, weak compare-exchange (its spurious failure is one more
//            outcome per site for every checker), `expected` by reference (a write to a caller's
//            variable that the checkers cannot see).
// Recipe.    load_acquire(), store_release(v), exchange_acq_rel(v), compare_exchange_acq_rel(e, d)
//            -> {won, seen}, fetch_add_relaxed(n). A compare-exchange that fails is an acquire load
//            (relaxed for _relaxed, seq_cst for _seq_cst).
//
// T is trivially copyable, of 1, 2, 4 or 8 bytes, without padding: a small struct is a state word.
// A struct travels as an integer of its size, because clang 14 otherwise emits library calls for
// one whose own alignment is smaller; a scalar stays what it is, so that an atomic pointer is
// constant-initialised.
//
// Every operation is one instruction at -O2; the site vanishes
// (tests/world/bare_instruction_test.sh reads the assembly).
//
// Checked by tests/world (conformance_core).
// Not promised: an order that is not in the name. Nothing here blocks; everything may be called on
// any thread and in a signal handler.
#pragma once

#include <atomic>
#include <bit>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "world/fence.hpp"
#include "world/plain.hpp"
#include "world/site.hpp"

namespace retake::world {

template <class T>
concept atomic_value = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T> &&
    (sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8);

template <class T>
concept atomic_integer = atomic_value<T> && std::integral<T> && !std::same_as<T, bool>;

// What a compare-exchange found: `seen` is the value before; `won` says that it was the expected
// one and has been replaced.
template <class T>
struct [[nodiscard]] exchanged {
  bool won;
  T seen;
};

namespace detail {

template <std::size_t bytes>
using unsigned_of = std::conditional_t<
    bytes == 8, std::uint64_t,
    std::conditional_t<bytes == 4, std::uint32_t, std::conditional_t<bytes == 2, std::uint16_t, std::uint8_t>>>;

template <class T>
using atomic_storage = std::conditional_t<std::is_class_v<T> || std::is_union_v<T>, unsigned_of<sizeof(T)>, T>;

}  // namespace detail

template <atomic_value T>
class atomic {
  using storage = detail::atomic_storage<T>;
  static_assert(std::atomic<storage>::is_always_lock_free);

 public:
  explicit constexpr atomic(T initial) noexcept : word_(in(initial)) {}
  atomic(atomic const&) = delete;
  atomic& operator=(atomic const&) = delete;

  [[nodiscard, gnu::always_inline]] T load_relaxed(site = site::current()) const noexcept {
    return out(word_.load(std::memory_order_relaxed));
  }
  [[nodiscard, gnu::always_inline]] T load_acquire(site = site::current()) const noexcept {
    return out(word_.load(std::memory_order_acquire));
  }
  [[nodiscard, gnu::always_inline]] T load_seq_cst(site = site::current()) const noexcept {
    return out(word_.load(std::memory_order_seq_cst));
  }

  [[gnu::always_inline]] void store_relaxed(T value, site = site::current()) noexcept {
    word_.store(in(value), std::memory_order_relaxed);
  }
  [[gnu::always_inline]] void store_release(T value, site = site::current()) noexcept {
    word_.store(in(value), std::memory_order_release);
  }
  [[gnu::always_inline]] void store_seq_cst(T value, site = site::current()) noexcept {
    word_.store(in(value), std::memory_order_seq_cst);
  }

  // Each returns the value before.
  [[gnu::always_inline]] T exchange_relaxed(T value, site = site::current()) noexcept {
    return out(word_.exchange(in(value), std::memory_order_relaxed));
  }
  [[gnu::always_inline]] T exchange_acquire(T value, site = site::current()) noexcept {
    return out(word_.exchange(in(value), std::memory_order_acquire));
  }
  [[gnu::always_inline]] T exchange_release(T value, site = site::current()) noexcept {
    return out(word_.exchange(in(value), std::memory_order_release));
  }
  [[gnu::always_inline]] T exchange_acq_rel(T value, site = site::current()) noexcept {
    return out(word_.exchange(in(value), std::memory_order_acq_rel));
  }
  [[gnu::always_inline]] T exchange_seq_cst(T value, site = site::current()) noexcept {
    return out(word_.exchange(in(value), std::memory_order_seq_cst));
  }

  // Strong: fails only when the word did not hold `expected`.
  [[gnu::always_inline]] exchanged<T> compare_exchange_relaxed(T expected, T desired, site = site::current()) noexcept {
    return swap<std::memory_order_relaxed, std::memory_order_relaxed>(expected, desired);
  }
  [[gnu::always_inline]] exchanged<T> compare_exchange_acquire(T expected, T desired, site = site::current()) noexcept {
    return swap<std::memory_order_acquire, std::memory_order_acquire>(expected, desired);
  }
  [[gnu::always_inline]] exchanged<T> compare_exchange_release(T expected, T desired, site = site::current()) noexcept {
    return swap<std::memory_order_release, std::memory_order_acquire>(expected, desired);
  }
  [[gnu::always_inline]] exchanged<T> compare_exchange_acq_rel(T expected, T desired, site = site::current()) noexcept {
    return swap<std::memory_order_acq_rel, std::memory_order_acquire>(expected, desired);
  }
  [[gnu::always_inline]] exchanged<T> compare_exchange_seq_cst(T expected, T desired, site = site::current()) noexcept {
    return swap<std::memory_order_seq_cst, std::memory_order_seq_cst>(expected, desired);
  }

  // Integers only; each returns the value before and wraps around.
  [[gnu::always_inline]] T fetch_add_relaxed(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_add(value, std::memory_order_relaxed);
  }
  [[gnu::always_inline]] T fetch_add_acquire(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_add(value, std::memory_order_acquire);
  }
  [[gnu::always_inline]] T fetch_add_release(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_add(value, std::memory_order_release);
  }
  [[gnu::always_inline]] T fetch_add_acq_rel(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_add(value, std::memory_order_acq_rel);
  }
  [[gnu::always_inline]] T fetch_add_seq_cst(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_add(value, std::memory_order_seq_cst);
  }

  [[gnu::always_inline]] T fetch_sub_relaxed(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_sub(value, std::memory_order_relaxed);
  }
  [[gnu::always_inline]] T fetch_sub_acquire(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_sub(value, std::memory_order_acquire);
  }
  [[gnu::always_inline]] T fetch_sub_release(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_sub(value, std::memory_order_release);
  }
  [[gnu::always_inline]] T fetch_sub_acq_rel(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_sub(value, std::memory_order_acq_rel);
  }
  [[gnu::always_inline]] T fetch_sub_seq_cst(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_sub(value, std::memory_order_seq_cst);
  }

  [[gnu::always_inline]] T fetch_or_relaxed(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_or(value, std::memory_order_relaxed);
  }
  [[gnu::always_inline]] T fetch_or_acquire(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_or(value, std::memory_order_acquire);
  }
  [[gnu::always_inline]] T fetch_or_release(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_or(value, std::memory_order_release);
  }
  [[gnu::always_inline]] T fetch_or_acq_rel(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_or(value, std::memory_order_acq_rel);
  }
  [[gnu::always_inline]] T fetch_or_seq_cst(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_or(value, std::memory_order_seq_cst);
  }

  [[gnu::always_inline]] T fetch_and_relaxed(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_and(value, std::memory_order_relaxed);
  }
  [[gnu::always_inline]] T fetch_and_acquire(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_and(value, std::memory_order_acquire);
  }
  [[gnu::always_inline]] T fetch_and_release(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_and(value, std::memory_order_release);
  }
  [[gnu::always_inline]] T fetch_and_acq_rel(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_and(value, std::memory_order_acq_rel);
  }
  [[gnu::always_inline]] T fetch_and_seq_cst(T value, site = site::current()) noexcept requires atomic_integer<T> {
    return word_.fetch_and(value, std::memory_order_seq_cst);
  }

  // The address for the futex system call, and for nothing else.
  [[nodiscard]] void* futex_address() noexcept { return &word_; }

 private:
  [[gnu::always_inline]] static constexpr storage in(T value) noexcept {
    if constexpr (std::is_same_v<T, storage>) {
      return value;
    } else {
      return std::bit_cast<storage>(value);
    }
  }
  [[gnu::always_inline]] static constexpr T out(storage value) noexcept {
    if constexpr (std::is_same_v<T, storage>) {
      return value;
    } else {
      return std::bit_cast<T>(value);
    }
  }

  template <std::memory_order success, std::memory_order failure>
  [[gnu::always_inline]] exchanged<T> swap(T expected, T desired) noexcept {
    storage seen = in(expected);
    bool const won = word_.compare_exchange_strong(seen, in(desired), success, failure);
    return {won, out(seen)};
  }

  std::atomic<storage> word_;
};

}  // namespace retake::world
