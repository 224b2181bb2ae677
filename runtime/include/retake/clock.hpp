// clock.hpp: the two clocks. Every interval, deadline and timeout of the runtime is of the first.
#pragma once

#include <cstdint>

#include "retake/needs_exceptions.hpp"

namespace retake {

// Nanoseconds since an unspecified moment: never runs backwards, and setting the date does not touch it; it stands still while the machine is suspended
// (CLOCK_MONOTONIC). Anywhere; does not block.
[[nodiscard]] std::int64_t monotonic_ns() noexcept;

// `duration_ns` from now on that clock: what set_deadline() and the like take. Below 0 counts as 0; never overflows. Anywhere.
[[nodiscard]] std::int64_t deadline_in_ns(std::int64_t duration_ns) noexcept;

// Nanoseconds since 1970-01-01 00:00 UTC, for people: it may jump in both directions (CLOCK_REALTIME). No timer follows it. Anywhere; does not block.
[[nodiscard]] std::int64_t wall_ns() noexcept;

}  // namespace retake
