// futex.hpp: sleeping on a word, and the promise of a spin loop, in the simulated world.
//
// The look at the word and the decision to sleep are one step, as under the kernel's bucket lock:
// it reads the newest value, counts as a relaxed load of this thread for coherence, and orders
// nothing else. Waiters wake in the order they came (another order is the fault `futex_order`). A
// spurious return is the fault `spurious`. Not promised: requeue, bitsets, priority.
#pragma once

#include <cstdint>

#include "sim/calls.hpp"
#include "world/atomic.hpp"
#include "world/site.hpp"

namespace retake::world {

enum class waited { woken, changed, timed_out };

// Sleeps while the word holds `expected`, until woken. `woken` may be spurious.
inline waited futex_wait(atomic<std::uint32_t>& word, std::uint32_t expected, site where = site::current()) noexcept {
  return static_cast<waited>(sim::futex_wait(&word, word.number(), expected, sim::no_deadline, where));
}
// The deadline is on nanotime().
inline waited futex_wait_until(atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t deadline_ns,
                               site where = site::current()) noexcept {
  return static_cast<waited>(sim::futex_wait(&word, word.number(), expected, deadline_ns, where));
}
// Wakes up to `count` sleepers.
inline void futex_wake(atomic<std::uint32_t>& word, std::uint32_t count, site where = site::current()) noexcept {
  sim::futex_wake(&word, word.number(), count, where);
}
// In every spin loop: "I do nothing but read until what I read changes". The thread runs again when
// it did.
inline void pause(site where = site::current()) noexcept { sim::pause(where); }

}  // namespace retake::world
