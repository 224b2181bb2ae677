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

// By a goroutine; blocks it until the direction is its own. But for `refused` it must leave().
[[nodiscard]] entered enter(descriptor_use<goroutine>& number, direction way) noexcept;
// By what is inside; readies the next. True: it was the last, and closes the number.
[[nodiscard]] bool leave(descriptor_use<goroutine>& number, direction way) noexcept;

}  // namespace retake::detail
