// atomic.hpp: atomics, checked plain data and fences under the Relacy model checker.
//
// Problem.   The protocol's own text, unchanged, has to run where every load may return an older
//            store and every plain access is checked for a race. Relacy's atomics take the order as
//            an argument, know integers only, and have no compare-exchange that releases on success
//            and acquires on failure.
// Recipe.    The order is in the operation's name and becomes a template argument; only at the
//            mutant's line it is looked up. Values travel as integers of their size.
//            Compare-exchange: the choice point first, then, without another one in between, a look
//            at the newest value decides which order Relacy is asked for.
//
// Orders.    As in the names. Limits of Relacy (README): a load returns one of the newest three
//            stores; a compare-exchange that fails reads the newest; between two seq_cst fences
//            happens-before goes along; no load sees a later store (load buffering).
// Checked by tests/world (conformance_core in this world).
#pragma once

#include "world/engine.hpp"
#include "world/one_world.hpp"
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
struct exchanged {
  bool won;
  T seen;
};

template <class T>
class atomic {
  static_assert(atomic_value<T>, "trivially copyable, 1, 2, 4 or 8 bytes, no padding");
  using bits = relacy::bits_of<T>;

 public:
  explicit atomic(T initial) noexcept : cell_(in(initial)) {}
  ~atomic() { life_.end(); }
  atomic(atomic const&) = delete;
  atomic& operator=(atomic const&) = delete;

  T load_relaxed(site where = site::current()) const noexcept { return load<rl::mo_relaxed>(where); }
  T load_acquire(site where = site::current()) const noexcept { return load<rl::mo_acquire>(where); }
  T load_seq_cst(site where = site::current()) const noexcept { return load<rl::mo_seq_cst>(where); }

  void store_relaxed(T value, site where = site::current()) noexcept { store<rl::mo_relaxed>(value, where); }
  void store_release(T value, site where = site::current()) noexcept { store<rl::mo_release>(value, where); }
  void store_seq_cst(T value, site where = site::current()) noexcept { store<rl::mo_seq_cst>(value, where); }

  T exchange_relaxed(T value, site where = site::current()) noexcept {
    return modify<rl::rmw_type_swap, rl::mo_relaxed>(value, where);
  }
  T exchange_acquire(T value, site where = site::current()) noexcept {
    return modify<rl::rmw_type_swap, rl::mo_acquire>(value, where);
  }
  T exchange_release(T value, site where = site::current()) noexcept {
    return modify<rl::rmw_type_swap, rl::mo_release>(value, where);
  }
  T exchange_acq_rel(T value, site where = site::current()) noexcept {
    return modify<rl::rmw_type_swap, rl::mo_acq_rel>(value, where);
  }
  T exchange_seq_cst(T value, site where = site::current()) noexcept {
    return modify<rl::rmw_type_swap, rl::mo_seq_cst>(value, where);
  }

  exchanged<T> compare_exchange_relaxed(T expected, T desired, site where = site::current()) noexcept {
    return compare<rl::mo_relaxed>(expected, desired, where);
  }
  exchanged<T> compare_exchange_acquire(T expected, T desired, site where = site::current()) noexcept {
    return compare<rl::mo_acquire>(expected, desired, where);
  }
  exchanged<T> compare_exchange_release(T expected, T desired, site where = site::current()) noexcept {
    return compare<rl::mo_release>(expected, desired, where);
  }
  exchanged<T> compare_exchange_acq_rel(T expected, T desired, site where = site::current()) noexcept {
    return compare<rl::mo_acq_rel>(expected, desired, where);
  }
  exchanged<T> compare_exchange_seq_cst(T expected, T desired, site where = site::current()) noexcept {
    return compare<rl::mo_seq_cst>(expected, desired, where);
  }

  T fetch_add_relaxed(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_add, rl::mo_relaxed>(value, where);
  }
  T fetch_add_acquire(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_add, rl::mo_acquire>(value, where);
  }
  T fetch_add_release(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_add, rl::mo_release>(value, where);
  }
  T fetch_add_acq_rel(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_add, rl::mo_acq_rel>(value, where);
  }
  T fetch_add_seq_cst(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_add, rl::mo_seq_cst>(value, where);
  }

  T fetch_sub_relaxed(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_sub, rl::mo_relaxed>(value, where);
  }
  T fetch_sub_acquire(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_sub, rl::mo_acquire>(value, where);
  }
  T fetch_sub_release(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_sub, rl::mo_release>(value, where);
  }
  T fetch_sub_acq_rel(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_sub, rl::mo_acq_rel>(value, where);
  }
  T fetch_sub_seq_cst(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_sub, rl::mo_seq_cst>(value, where);
  }

  T fetch_or_relaxed(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_or, rl::mo_relaxed>(value, where);
  }
  T fetch_or_acquire(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_or, rl::mo_acquire>(value, where);
  }
  T fetch_or_release(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_or, rl::mo_release>(value, where);
  }
  T fetch_or_acq_rel(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_or, rl::mo_acq_rel>(value, where);
  }
  T fetch_or_seq_cst(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_or, rl::mo_seq_cst>(value, where);
  }

  T fetch_and_relaxed(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_and, rl::mo_relaxed>(value, where);
  }
  T fetch_and_acquire(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_and, rl::mo_acquire>(value, where);
  }
  T fetch_and_release(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_and, rl::mo_release>(value, where);
  }
  T fetch_and_acq_rel(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_and, rl::mo_acq_rel>(value, where);
  }
  T fetch_and_seq_cst(T value, site where = site::current()) noexcept requires atomic_integer<T> {
    return modify<rl::rmw_type_and, rl::mo_seq_cst>(value, where);
  }

  // For the futex alone, which looks at the newest value: the cell that it stands in.
  [[nodiscard]] rl::atomic<bits>& cell_to_look_at(site const& where) noexcept {
    life_.touch(where);
    return cell_;
  }

 private:
  static bits in(T value) noexcept { return std::bit_cast<bits>(value); }
  static T out(bits value) noexcept { return std::bit_cast<T>(value); }

  template <rl::memory_order Order>
  T load(site const& where) const {
    life_.touch(where);
    if (where.line == relacy::mutant.line) [[unlikely]] {
      return out(cell_.load(relacy::weakened(Order, relacy::operation::load, where), relacy::info_of(where)));
    }
    return out(cell_.load(Order, relacy::info_of(where)));
  }

  template <rl::memory_order Order>
  void store(T value, site const& where) {
    life_.touch(where);
    relacy::note_effect();
    if (where.line == relacy::mutant.line) [[unlikely]] {
      cell_.store(in(value), relacy::weakened(Order, relacy::operation::store, where), relacy::info_of(where));
    } else {
      cell_.store(in(value), Order, relacy::info_of(where));
    }
  }

  template <rl::rmw_type_e What, rl::memory_order Order>
  T modify(T value, site const& where) {
    life_.touch(where);
    relacy::note_effect();
    if (where.line == relacy::mutant.line) [[unlikely]] {
      rl::memory_order const order = relacy::weakened(Order, relacy::operation::modify, where);
      if (!relacy::is_split(where))
        return out(cell_.rmw(rl::rmw_type_t<What>(), in(value), order, relacy::info_of(where)));
      bits const before = cell_.load(load_half(order), relacy::info_of(where));
      cell_.store(static_cast<bits>(rl::perform_rmw(rl::rmw_type_t<What>(), before, in(value))), store_half(order),
                  relacy::info_of(where));
      return out(before);
    }
    return out(cell_.rmw(rl::rmw_type_t<What>(), in(value), Order, relacy::info_of(where)));
  }

  template <rl::memory_order Order>
  exchanged<T> compare(T expected, T desired, site const& where) {
    life_.touch(where);
    exchanged<T> result;
    if (where.line == relacy::mutant.line) [[unlikely]] {
      rl::memory_order const order = relacy::weakened(Order, relacy::operation::modify, where);
      result = relacy::is_split(where) ? compare_split(expected, desired, order, where)
                                       : compare_by(expected, desired, order, where);
    } else {
      result = compare_by(expected, desired, Order, where);
    }
    if (result.won) relacy::note_effect();
    relacy::count_outcome(relacy::question::cas, result.won ? 0 : 1, where);
    return result;
  }

  exchanged<T> compare_by(T expected, T desired, rl::memory_order order, site const& where) {
    bits seen = in(expected);
    if (order != rl::mo_release) {
      rl::memory_order const failure = order == rl::mo_acq_rel ? rl::mo_acquire : order;
      bool const won =
          cell_.compare_exchange(rl::bool_t<false>(), seen, in(desired), order, failure, relacy::info_of(where));
      return {won, out(seen)};
    }
    rl::context& c = rl::ctx();
    c.sched();
    rl::preemption_disabler const one_step(c);
    bool const wins = cell_.debug_value() == seen;
    bool const won =
        cell_.compare_exchange(rl::bool_t<false>(), seen, in(desired), wins ? rl::mo_release : rl::mo_acquire,
                               wins ? rl::mo_relaxed : rl::mo_acquire, relacy::info_of(where));
    return {won, out(seen)};
  }

  // The mutant: a load and a store, with room between them.
  exchanged<T> compare_split(T expected, T desired, rl::memory_order order, site const& where) {
    bits const seen = cell_.load(load_half(order), relacy::info_of(where));
    if (seen != in(expected)) return {false, out(seen)};
    cell_.store(in(desired), store_half(order), relacy::info_of(where));
    return {true, out(seen)};
  }

  static rl::memory_order load_half(rl::memory_order order) noexcept {
    return order == rl::mo_seq_cst ? order : (relacy::strength(order) & 1) != 0 ? rl::mo_acquire : rl::mo_relaxed;
  }
  static rl::memory_order store_half(rl::memory_order order) noexcept {
    return order == rl::mo_seq_cst ? order : (relacy::strength(order) & 2) != 0 ? rl::mo_release : rl::mo_relaxed;
  }

  rl::atomic<bits> cell_;
  relacy::lifetime life_;
};

// Shared data that is not atomic: a read or write without a happens-before to the last write of
// another thread ends the execution. Its end is a write.
template <class T>
class plain {
  static_assert(std::is_trivially_copyable_v<T> &&
                    (sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8),
                "trivially copyable, 1, 2, 4 or 8 bytes");
  using bits = relacy::bits_of<T>;

 public:
  explicit plain(T initial) noexcept : cell_(std::bit_cast<bits>(initial)) {}
  ~plain() { cell_(relacy::info_of({"", 0, "the end of a plain"})).store(bits{}); }
  plain(plain const&) = delete;
  plain& operator=(plain const&) = delete;

  T get(site where = site::current()) const noexcept { return std::bit_cast<T>(cell_(relacy::info_of(where)).load()); }
  void set(T value, site where = site::current()) noexcept {
    cell_(relacy::info_of(where)).store(std::bit_cast<bits>(value));
  }

 private:
  rl::var<bits> cell_;
};

// Orders atomics (Dekker). Between two fences happens-before goes along, which the contract does
// not promise.
inline void fence_seq_cst(site where = site::current()) noexcept {
  if (relacy::is_dropped("fence", where)) return;
  relacy::full_fence(where);
}

// The cheap side is nothing: mapping it to a fence would hide bugs. The dear side is a fence in
// every thread, at this instant.
inline void asymmetric_light(site = site::current()) noexcept {}
inline void asymmetric_heavy(site where = site::current()) noexcept {
  if (relacy::is_dropped("fence", where)) return;
  relacy::note_effect();
  rl::ctx().sched();
  rl::systemwide_fence(relacy::info_of(where));
}

}  // namespace retake::world
