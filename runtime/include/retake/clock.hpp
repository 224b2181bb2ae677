// clock.hpp: the two clocks. Every interval, deadline and timeout of the runtime is of the first.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>
#include <type_traits>
#include <utility>

#include "retake/needs_exceptions.hpp"

namespace retake {

// A moment of the monotonic clock.
using time_point = std::chrono::steady_clock::time_point;

// No limit, for the deadlines of streams, sockets, lookups and connections (Go: the zero Time).
inline constexpr time_point no_deadline{};

namespace detail {

// A duration in the runtime's unit. What is beyond it (292 years) counts as the longest there is,
// a part of a nanosecond as a whole one, so that no wait is shorter than asked for; NaN is none.
template <class Rep, class Period>
[[nodiscard]] constexpr std::int64_t nanoseconds_of(std::chrono::duration<Rep, Period> const& d) noexcept {
  using limits = std::numeric_limits<std::int64_t>;
  using scale = std::ratio_divide<Period, std::nano>;
  if constexpr (std::is_integral_v<Rep> && scale::den == 1) {
    if (std::cmp_greater(d.count(), limits::max() / scale::num)) return limits::max();
    if (std::cmp_less(d.count(), limits::min() / scale::num)) return limits::min();
    return static_cast<std::int64_t>(d.count()) * scale::num;
  } else {
    const long double exact = static_cast<long double>(d.count()) * scale::num / scale::den;
    if (exact >= 0x1p63L) return limits::max();
    if (exact <= -0x1p63L) return limits::min();
    if (exact != exact) return 0;
    const std::int64_t whole = static_cast<std::int64_t>(exact);  // towards 0
    return static_cast<long double>(whole) < exact && whole != limits::max() ? whole + 1 : whole;
  }
}
[[nodiscard]] constexpr std::int64_t nanoseconds_of(time_point t) noexcept {
  return nanoseconds_of(t.time_since_epoch());
}
[[nodiscard]] constexpr time_point time_point_of(std::int64_t at_ns) noexcept {
  return time_point(std::chrono::nanoseconds(at_ns));
}

[[nodiscard]] time_point deadline_in_ns(std::int64_t duration_ns) noexcept;

}  // namespace detail

// The monotonic clock: never runs backwards, and setting the date does not touch it; it stands
// still while the machine is suspended (CLOCK_MONOTONIC). The same as std::chrono::steady_clock::
// now(), whose time points every deadline takes. Anywhere; does not block.
[[nodiscard]] time_point monotonic_now() noexcept;

// The moment `duration` from now, for a deadline. Below 0 counts as 0; never overflows. Anywhere.
template <class Rep, class Period>
[[nodiscard]] time_point deadline_in(std::chrono::duration<Rep, Period> const& duration) noexcept {
  return detail::deadline_in_ns(detail::nanoseconds_of(duration));
}

// The date, for people: it may jump in both directions (CLOCK_REALTIME). No timer follows it.
// Anywhere; does not block.
[[nodiscard]] std::chrono::sys_time<std::chrono::nanoseconds> wall_now() noexcept;

}  // namespace retake
