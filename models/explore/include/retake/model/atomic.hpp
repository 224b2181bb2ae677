// atomic.hpp: std::atomic, std::atomic_flag and fences as the simulator sees them.
//
// Each operation is a choice point; a load may return an older store that its order and
// happens-before allow. An operation written as a call is named by its own line; one written as an
// operator by a line of this file.
//
// Not promised: memory_order_consume is acquire. Values of more than eight bytes. A volatile
// atomic. Constant
// initialisation: an atomic is made in the body, never static.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "sim/calls.hpp"
#include "sim/exchange.hpp"
#include "world/atomic.hpp"
#include "world/site.hpp"

namespace retake::model {

using std::memory_order;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_consume;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;
using world::site;

namespace detail {

constexpr sim::order order_of(memory_order o) noexcept {
  switch (o) {
    case memory_order_relaxed: return sim::order::relaxed;
    case memory_order_release: return sim::order::release;
    case memory_order_acq_rel: return sim::order::acq_rel;
    case memory_order_seq_cst: return sim::order::seq_cst;
    default: return sim::order::acquire;
  }
}

// What a compare_exchange of one order is when it fails.
constexpr memory_order failure_of(memory_order o) noexcept {
  if (o == memory_order_acq_rel) return memory_order_acquire;
  return o == memory_order_release ? memory_order_relaxed : o;
}

template <class T>
using bits_of =
    std::conditional_t<sizeof(T) == 1, std::uint8_t,
                       std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                          std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;

// What every atomic has.
template <class T>
class atomic_word {
  static_assert(std::is_trivially_copyable_v<T>);
  static_assert(sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8);

 public:
  using value_type = T;
  static constexpr bool is_always_lock_free = true;

  atomic_word() noexcept : atomic_word(T{}) {}
  atomic_word(T initial, site where = site::current()) noexcept {
    number_ = sim::make_atomic(this, to_bits(initial), traits, where);
  }
  __attribute__((no_sanitize("address"))) ~atomic_word() { sim::end_atomic(this, number_); }
  atomic_word(atomic_word const&) = delete;
  atomic_word& operator=(atomic_word const&) = delete;

  [[nodiscard]] bool is_lock_free() const noexcept { return true; }
  T load(memory_order o = memory_order_seq_cst, site where = site::current()) const noexcept {
    return from_bits(sim::load(this, number_, order_of(o), where));
  }
  operator T() const noexcept { return load(); }
  void store(T v, memory_order o = memory_order_seq_cst, site where = site::current()) noexcept {
    sim::store(this, number_, to_bits(v), order_of(o), where);
  }
  T operator=(T v) noexcept {
    store(v);
    return v;
  }
  T exchange(T v, memory_order o = memory_order_seq_cst, site where = site::current()) noexcept {
    return modify(sim::rmw::exchange, to_bits(v), o, where);
  }

  bool compare_exchange_strong(T& expected, T v, memory_order won, memory_order lost,
                               site where = site::current()) noexcept {
    return compare(expected, v, won, lost, false, where);
  }
  bool compare_exchange_strong(T& expected, T v, memory_order o = memory_order_seq_cst,
                               site where = site::current()) noexcept {
    return compare(expected, v, o, failure_of(o), false, where);
  }
  bool compare_exchange_weak(T& expected, T v, memory_order won, memory_order lost,
                             site where = site::current()) noexcept {
    return compare(expected, v, won, lost, true, where);
  }
  bool compare_exchange_weak(T& expected, T v, memory_order o = memory_order_seq_cst,
                             site where = site::current()) noexcept {
    return compare(expected, v, o, failure_of(o), true, where);
  }

  // Returns once it has read another value; between two reads it sleeps until a notify.
  void wait(T old, memory_order o = memory_order_seq_cst, site where = site::current()) const noexcept {
    while (to_bits(load(o, where)) == to_bits(old)) {
      if (sim::peek_atomic(this, number_) != to_bits(old)) {
        sim::pause(where);  // it read an old value: it goes on as a spin loop does
        continue;
      }
      sim::op(sim::op_kind::futex_wait, number_, where);
      if (sim::peek_atomic(this, number_) != to_bits(old)) continue;
      sim::wait(waiters_, sim::no_deadline, sim::op_kind::futex_wait, number_, where);
    }
  }
  void notify_one(site where = site::current()) noexcept {
    sim::op(sim::op_kind::futex_wake, number_, where);
    sim::notify_one(waiters_);
  }
  void notify_all(site where = site::current()) noexcept {
    sim::op(sim::op_kind::futex_wake, number_, where);
    sim::notify_all(waiters_);
  }

 protected:
  static constexpr sim::value_traits traits{sizeof(T), std::is_pointer_v<T>};
  static constexpr std::uint64_t to_bits(T v) noexcept { return std::bit_cast<bits_of<T>>(v); }
  static constexpr T from_bits(std::uint64_t v) noexcept { return std::bit_cast<T>(static_cast<bits_of<T>>(v)); }
  T modify(sim::rmw how, std::uint64_t operand, memory_order o, site const& where) noexcept {
    return from_bits(sim::modify(this, number_, how, operand, order_of(o), where));
  }

 private:
  bool compare(T& expected, T v, memory_order won, memory_order lost, bool weak, site const& where) noexcept {
    auto const [stored, seen] =
        sim::compare_exchange(this, number_, to_bits(expected), to_bits(v), order_of(won), order_of(lost), weak, where);
    if (!stored) expected = from_bits(seen);
    return stored;
  }

  std::uint32_t number_ = 0;  // under which the engine knows it
  mutable sim::wait_list waiters_;
};

}  // namespace detail

template <class T>
class atomic : public detail::atomic_word<T> {
 public:
  using detail::atomic_word<T>::atomic_word;
  using detail::atomic_word<T>::operator=;
};

template <class T>
requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) class atomic<T> : public detail::atomic_word<T> {
 public:
  using difference_type = T;
  using detail::atomic_word<T>::atomic_word;
  using detail::atomic_word<T>::operator=;

  T fetch_add(T v, memory_order o = memory_order_seq_cst, site where = site::current()) noexcept {
    return this->modify(sim::rmw::add_, this->to_bits(v), o, where);
  }
  T fetch_sub(T v, memory_order o = memory_order_seq_cst, site where = site::current()) noexcept {
    return this->modify(sim::rmw::sub_, this->to_bits(v), o, where);
  }
  T fetch_and(T v, memory_order o = memory_order_seq_cst, site where = site::current()) noexcept {
    return this->modify(sim::rmw::and_, this->to_bits(v), o, where);
  }
  T fetch_or(T v, memory_order o = memory_order_seq_cst, site where = site::current()) noexcept {
    return this->modify(sim::rmw::or_, this->to_bits(v), o, where);
  }
  T fetch_xor(T v, memory_order o = memory_order_seq_cst, site where = site::current()) noexcept {
    T old = this->load(memory_order_relaxed, where);
    while (!this->compare_exchange_strong(old, static_cast<T>(old ^ v), o, memory_order_relaxed, where)) {
      sim::pause(where);
    }
    return old;
  }
  T operator++() noexcept { return plus(fetch_add(1), 1); }
  T operator++(int) noexcept { return fetch_add(1); }
  T operator--() noexcept { return minus(fetch_sub(1), 1); }
  T operator--(int) noexcept { return fetch_sub(1); }
  T operator+=(T v) noexcept { return plus(fetch_add(v), v); }
  T operator-=(T v) noexcept { return minus(fetch_sub(v), v); }
  T operator&=(T v) noexcept { return static_cast<T>(fetch_and(v) & v); }
  T operator|=(T v) noexcept { return static_cast<T>(fetch_or(v) | v); }
  T operator^=(T v) noexcept { return static_cast<T>(fetch_xor(v) ^ v); }

 private:
  // As the operations do: they wrap, signed or not.
  static T plus(T a, T b) noexcept { return atomic::from_bits(atomic::to_bits(a) + atomic::to_bits(b)); }
  static T minus(T a, T b) noexcept { return atomic::from_bits(atomic::to_bits(a) - atomic::to_bits(b)); }
};

template <class T>
class atomic<T*> : public detail::atomic_word<T*> {
 public:
  using difference_type = std::ptrdiff_t;
  using detail::atomic_word<T*>::atomic_word;
  using detail::atomic_word<T*>::operator=;

  T* fetch_add(std::ptrdiff_t n, memory_order o = memory_order_seq_cst, site where = site::current()) noexcept {
    return this->modify(sim::rmw::add_, bytes(n), o, where);
  }
  T* fetch_sub(std::ptrdiff_t n, memory_order o = memory_order_seq_cst, site where = site::current()) noexcept {
    return this->modify(sim::rmw::sub_, bytes(n), o, where);
  }
  T* operator++() noexcept { return fetch_add(1) + 1; }
  T* operator++(int) noexcept { return fetch_add(1); }
  T* operator--() noexcept { return fetch_sub(1) - 1; }
  T* operator--(int) noexcept { return fetch_sub(1); }
  T* operator+=(std::ptrdiff_t n) noexcept { return fetch_add(n) + n; }
  T* operator-=(std::ptrdiff_t n) noexcept { return fetch_sub(n) - n; }

 private:
  static std::uint64_t bytes(std::ptrdiff_t n) noexcept { return static_cast<std::uint64_t>(n) * sizeof(T); }
};

class atomic_flag {
 public:
  atomic_flag(site where = site::current()) noexcept : set_(false, where) {}
  [[nodiscard]] bool test(memory_order o = memory_order_seq_cst, site where = site::current()) const noexcept {
    return set_.load(o, where);
  }
  bool test_and_set(memory_order o = memory_order_seq_cst, site where = site::current()) noexcept {
    return set_.exchange(true, o, where);
  }
  void clear(memory_order o = memory_order_seq_cst, site where = site::current()) noexcept {
    set_.store(false, o, where);
  }
  void wait(bool old, memory_order o = memory_order_seq_cst, site where = site::current()) const noexcept {
    set_.wait(old, o, where);
  }
  void notify_one(site where = site::current()) noexcept { set_.notify_one(where); }
  void notify_all(site where = site::current()) noexcept { set_.notify_all(where); }

 private:
  atomic<bool> set_;
};

inline void atomic_thread_fence(memory_order o, site where = site::current()) noexcept {
  if (o != memory_order_relaxed) sim::fence(detail::order_of(o), where);
}
inline void atomic_signal_fence(memory_order) noexcept {}

// Data that no atomic guards: each touch is judged by happens-before. get() and set() are named by
// their own line.
template <class T>
class plain {
 public:
  plain(T initial = T{}, site where = site::current()) noexcept : value_(initial, where) {}
  T get(site where = site::current()) const noexcept { return value_.get(where); }
  void set(T v, site where = site::current()) noexcept { value_.set(v, where); }
  operator T() const noexcept { return get(); }
  plain& operator=(T v) noexcept {
    set(v);
    return *this;
  }
  plain(plain const& other) noexcept : plain(other.get()) {}
  plain& operator=(plain const& other) noexcept { return *this = other.get(); }

 private:
  world::plain<T> value_;
};

}  // namespace retake::model
