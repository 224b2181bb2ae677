// select.hpp: waits for the first of several channel operations, or for a time, or not at all.
//
//     select(on_receive(orders, [&](std::optional<order> o) { ... }),  // no order: it is closed
//            on_send(results, r, [&] { ... }),
//            after(50ms, [&] { ... }));
//
// Cases of which a program learns their number only while it runs are put into a case_list.
//
// Source: select.go, reflect.Select. A case whose channel is a null pointer never happens, as with
// Go's nil channel. errno belongs to the thread; any of these calls may move the goroutine to
// another (syscall.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "retake/channel.hpp"
#include "retake/clock.hpp"

namespace retake {

namespace detail {

struct select_case {
  channel_core* channel = nullptr;  // nullptr: never
  void* element = nullptr;          // where a value comes from or goes to
  bool sends = false;
  // select's own.
  std::uint32_t polled = 0, locked = 0;
  std::uint64_t order = 0;  // of its channel among those that are locked
  alignas(std::max_align_t) std::byte waiter_room[128];
};

struct selected {
  std::size_t index;  // the number of cases: none, the time is over
  transfer how;
};

inline constexpr std::int64_t wait_for_ever = -1;

// `wait_ns`: below 0 without end; 0: does not block.
[[nodiscard]] selected select_one(select_case* cases, std::size_t count, std::int64_t wait_ns) noexcept;

template <class T, class Fn>
class receiving {
 public:
  static constexpr bool is_channel = true;
  receiving(channel<T>* from, Fn&& fn) : from_(from), fn_(std::forward<Fn>(fn)) {}
  void prepare(select_case& c) noexcept {
    c.channel = channel_access::core(from_);
    c.element = room_;
  }
  void happen(transfer how) {
    if (how == transfer::closed) {
      fn_(std::optional<T>());
      return;
    }
    T* const value = std::launder(reinterpret_cast<T*>(room_));
    std::optional<T> received(std::move(*value));
    std::destroy_at(value);
    fn_(std::move(received));
  }

 private:
  channel<T>* from_;
  Fn fn_;
  alignas(T) std::byte room_[sizeof(T)];
};

template <class T, class Fn>
class sending {
 public:
  static constexpr bool is_channel = true;
  sending(channel<T>* to, T&& value, Fn&& fn) : to_(to), value_(std::move(value)), fn_(std::forward<Fn>(fn)) {}
  void prepare(select_case& c) noexcept {
    c.channel = channel_access::core(to_);
    c.element = &value_;
    c.sends = true;
  }
  void happen(transfer how) {
    if (how == transfer::closed) throw closed_channel("send on closed channel");
    fn_();
  }

 private:
  channel<T>* to_;
  T value_;
  Fn fn_;
};

template <class Fn>
class time_is_over {
 public:
  static constexpr bool is_channel = false;
  time_is_over(std::int64_t wait_ns, Fn&& fn) : wait_ns_(wait_ns), fn_(std::forward<Fn>(fn)) {}
  [[nodiscard]] std::int64_t wait_ns() const noexcept { return wait_ns_; }
  void happen(transfer) { fn_(); }

 private:
  std::int64_t wait_ns_;
  Fn fn_;
};

}  // namespace detail

// The cases of select(), each with what is done then, on the goroutine that selects, after the
// choice is made and no lock is held. `from` and `to` may be null pointers. on_receive:
// `fn(std::optional<T>)`, nothing when the channel is closed and drained. on_send: `fn()`; the
// value is moved when the case is chosen; a closed channel counts as ready and makes select() throw
// closed_channel.
template <class T, class Fn>
[[nodiscard]] auto on_receive(channel<T>* from, Fn&& fn) {
  return detail::receiving<T, Fn>(from, std::forward<Fn>(fn));
}
template <class T, class Fn>
[[nodiscard]] auto on_receive(channel<T>& from, Fn&& fn) {
  return detail::receiving<T, Fn>(&from, std::forward<Fn>(fn));
}
template <class T, class Fn>
[[nodiscard]] auto on_send(channel<T>* to, std::type_identity_t<T> value, Fn&& fn) {
  return detail::sending<T, Fn>(to, std::move(value), std::forward<Fn>(fn));
}
template <class T, class Fn>
[[nodiscard]] auto on_send(channel<T>& to, std::type_identity_t<T> value, Fn&& fn) {
  return detail::sending<T, Fn>(&to, std::move(value), std::forward<Fn>(fn));
}
// When no other case has become ready for so long; not above 0: as otherwise().
template <class Rep, class Period, class Fn>
[[nodiscard]] auto after(std::chrono::duration<Rep, Period> const& duration, Fn&& fn) {
  return detail::time_is_over<Fn>(std::max(detail::nanoseconds_of(duration), std::int64_t{0}), std::forward<Fn>(fn));
}
// Go's default: when no case is ready at once, all looked at in one instant.
template <class Fn>
[[nodiscard]] auto otherwise(Fn&& fn) {
  return detail::time_is_over<Fn>(0, std::forward<Fn>(fn));
}

// Goroutine context only. Blocks it until one case can happen, does that one, and returns its place
// among the arguments, from 0. Of several that are ready one is chosen at random, each with the
// same chance. At most one of after() and otherwise(). Without a case that can happen it blocks for
// ever. Throws closed_channel for a send on a closed channel, and what the case's function throws.
template <class... Cases>
std::size_t select(Cases&&... cases) {
  constexpr std::size_t channels = (std::size_t{0} + ... + (std::remove_reference_t<Cases>::is_channel ? 1 : 0));
  static_assert(sizeof...(Cases) - channels <= 1, "one of after() and otherwise(), at most");
  std::array<detail::select_case, channels> room;
  auto wait_ns = detail::wait_for_ever;
  std::size_t at = 0;
  const auto prepare = [&](auto& one) {
    if constexpr (std::remove_reference_t<decltype(one)>::is_channel) {
      one.prepare(room[at++]);
    } else {
      wait_ns = one.wait_ns();
    }
  };
  (prepare(cases), ...);
  const detail::selected chosen = detail::select_one(room.data(), channels, wait_ns);
  std::size_t place = 0, channel_place = 0, result = 0;
  const auto happen = [&](auto& one) {
    const bool mine =
        std::remove_reference_t<decltype(one)>::is_channel ? channel_place++ == chosen.index : chosen.index == channels;
    const std::size_t mine_at = place++;
    if (!mine) return;
    result = mine_at;
    one.happen(chosen.how);
  };
  (happen(cases), ...);
  return result;
}

namespace detail {

// A case of a list, of whatever type.
class listed_case {
 public:
  virtual ~listed_case() = default;
  // Of a channel; else for how long to wait for the others.
  virtual std::optional<std::int64_t> prepare(select_case& c) noexcept = 0;
  virtual void happen(transfer how) = 0;
};

template <class Case>
class listed final : public listed_case {
 public:
  explicit listed(Case&& c) : case_(std::move(c)) {}
  std::optional<std::int64_t> prepare([[maybe_unused]] select_case& c) noexcept override {
    if constexpr (Case::is_channel) {
      case_.prepare(c);
      return std::nullopt;
    } else {
      return case_.wait_ns();
    }
  }
  void happen(transfer how) override { case_.happen(how); }

 private:
  Case case_;
};

}  // namespace detail

// Any number of cases, of any types, for select(). Belongs to one goroutine at a time. Functions
// are kept by value when they are given as one, so what a case's function refers to, and its
// channel, live as long as the case.
class case_list {
 public:
  // What on_receive(), on_send(), after() or otherwise() made. Returns its place: the number of
  // cases before. Throws std::bad_alloc.
  template <class Case>
  std::size_t add(Case one) {
    cases_.push_back(std::make_unique<detail::listed<Case>>(std::move(one)));
    return cases_.size() - 1;
  }
  // Another one at a place below size(). A case that has sent has given its value away: it is
  // replaced before it sends again.
  template <class Case>
  void replace(std::size_t place, Case one) {
    cases_[place] = std::make_unique<detail::listed<Case>>(std::move(one));
  }
  // That case, at a place below size(), does not happen until it is replaced; the places of the
  // others stay.
  void disable(std::size_t place) noexcept { cases_[place] = nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return cases_.size(); }

 private:
  friend std::size_t select(case_list& cases);
  std::vector<std::unique_ptr<detail::listed_case>> cases_;
  std::vector<detail::select_case> room_;  // kept for the next select
};

// As select(cases...). Of several times the one that is over first counts. Between two calls the
// list may change; a function that is called by one may change it too, but for its own case. Throws
// also std::bad_alloc, before it waits.
std::size_t select(case_list& cases);

}  // namespace retake
