// turns.hpp: how a goroutine goes into a descriptor's number, waits for its turn in a direction
// (protocol/descriptor_use.hpp), and leaves. What stands behind the number closes it.
#pragma once

#include "protocol/descriptor_use.hpp"
#include "sched/goroutine.hpp"

namespace retake::detail {

enum class entered {
  inside,
  refused,   // the number was closed before
  sent_away  // a close ended the wait for a turn: it leaves, for no direction
};

// Where the direction is taken: waits for the turn.
[[nodiscard, gnu::noinline]] entered enter_in_turn(descriptor_use<goroutine>& number, direction way) noexcept;
// Readies the goroutine that has the direction now.
[[gnu::noinline]] void hand_on(goroutine& next) noexcept;

// By a goroutine; blocks it until the direction is its own. But for `refused` it must leave().
[[nodiscard]] inline entered enter(descriptor_use<goroutine>& number, direction way) noexcept {
  using begun = descriptor_use<goroutine>::begun;
  const begun now = number.begin(way);
  if (now == begun::inside) [[likely]]
    return entered::inside;
  return now == begun::taken ? enter_in_turn(number, way) : entered::refused;
}

// By what is inside; readies the next. True: it was the last, and closes the number.
[[nodiscard]] inline bool leave(descriptor_use<goroutine>& number, direction way) noexcept {
  goroutine* next = nullptr;
  const bool last = number.end(way, [&next](goroutine& g) { next = &g; });
  if (next != nullptr) [[unlikely]]
    hand_on(*next);
  return last;
}

}  // namespace retake::detail
