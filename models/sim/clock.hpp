// clock.hpp: vector clocks of fixed width.
//
// Component u of a clock is an epoch of thread slot u: how many visible operations it had
// completed. An operation belongs to the epoch in which it happens and the epoch ends with it, so
// plain touches between two operations carry the epoch of the operation that
// follows: a release publishes what came before it and nothing after. Loops run over the slots that
// the execution uses (`width`).
#pragma once

#include <cstdint>

#include "sim/operations.hpp"

namespace retake::sim {

using epoch = std::uint32_t;
inline constexpr epoch never = UINT32_MAX;

struct vector_clock {
  epoch at[threads_max];

  void clear() noexcept {
    for (epoch& e : at) e = 0;
  }
  void join(vector_clock const& other, std::uint32_t width) noexcept {
    for (std::uint32_t u = 0; u < width; ++u) at[u] = at[u] < other.at[u] ? other.at[u] : at[u];
  }
};

// Adds what a clock knows to one that may know nothing yet.
template <class Clock>
void join_known(Clock& to, bool& known, Clock const& from, std::uint32_t width) noexcept {
  if (known) {
    to.join(from, width);
  } else {
    to = from;
  }
  known = true;
}

}  // namespace retake::sim
