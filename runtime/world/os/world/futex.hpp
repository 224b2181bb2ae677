// futex.hpp: sleeping on a word, and what a loop does that only looks at one.
//
// Problem.   A thread that decides to sleep can miss the wake-up that arrives between its decision
//            and the sleep. The kernel therefore compares the word with what the thread saw, and
//            sleeps only if it is still that.
// Recipe.    sleeper: while (word.load_acquire() == expected) futex_wait(word, expected);
//            waker:   word.store_release(other); futex_wake(word, 1);
//
// The wake-up carries no happens-before: the order comes from the load after it. Deadlines are
// absolute, on nanotime(), so that a sleeper that is woken for nothing need not calculate again.
//
// Checked by tests/world (conformance_core, conformance_rest).
// Not promised: that `woken` means anybody woke: it may be spurious, and a signal looks the same.
// FIFO among sleepers.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/site.hpp"

namespace retake::world {

enum class waited {
  woken,      // by futex_wake, by a signal, or for no reason
  changed,    // the word did not hold `expected`: did not sleep
  timed_out,  // the deadline has passed
};

namespace detail {
waited futex_sleep(void* word, std::uint32_t expected) noexcept;
waited futex_sleep_until(void* word, std::uint32_t expected, std::int64_t deadline_ns) noexcept;
void futex_rouse(void* word, std::uint32_t count) noexcept;
}  // namespace detail

// Sleeps while the word holds `expected`, until woken. Any thread of the runtime, not in a signal
// handler. Blocks the thread, P and all.
[[gnu::always_inline]] inline waited futex_wait(atomic<std::uint32_t>& word, std::uint32_t expected,
                                                site = site::current()) noexcept {
  return detail::futex_sleep(word.futex_address(), expected);
}

// The same until `deadline_ns` on nanotime(); one that has passed (also a negative one) still
// reports `changed` first.
[[gnu::always_inline]] inline waited futex_wait_until(atomic<std::uint32_t>& word, std::uint32_t expected,
                                                      std::int64_t deadline_ns, site = site::current()) noexcept {
  return detail::futex_sleep_until(word.futex_address(), expected, deadline_ns);
}

// Wakes at most `count` sleepers. Any thread, also in a signal handler. Does not block. The memory
// of `word` may already belong to somebody else: then the wake-up is spurious there, which is
// legal.
[[gnu::always_inline]] inline void futex_wake(atomic<std::uint32_t>& word, std::uint32_t count,
                                              site = site::current()) noexcept {
  detail::futex_rouse(word.futex_address(), count);
}

// In every spin loop, and only in a loop that does nothing but read until what it read changes.
[[gnu::always_inline]] inline void pause(site = site::current()) noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("isb" : : : "memory");  // `yield` is a no-op on most cores; isb costs about what pause does
#else
#error "retake runs on x86-64 and aarch64"
#endif
}

}  // namespace retake::world
