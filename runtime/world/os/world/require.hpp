// require.hpp: what the runtime claims about itself, and the two ways in which it ends a process.
//
// Problem.   A broken invariant must stop the process at the first sight of it, in release builds
//            too, without memory, locks or
//            unwinding: it may be noticed on a scheduler stack, under a lock, in a signal handler.
// Recipe.    require(condition, "M7: note woken twice"): one compare and one branch that is never
//            taken; the failing side is cold code elsewhere, which writes tag and place with one
//            system call and aborts. fatal("all goroutines are asleep - deadlock!"): a documented
//            end of the process, not a bug of the runtime. recheck(queue.empty()): the second look
//            behind a published flag; scenarios must drive it both ways. Nothing here.
//
// Checked by tests/world/os_world_test.cpp (the texts, and that abort and exit status 2 are what
// the parent sees).
// Not promised: that buffers of the C library are flushed, or that destructors run.
#pragma once

#include "world/site.hpp"

namespace retake::world {

namespace detail {
[[noreturn, gnu::cold, gnu::noinline]] void require_failed(char const* tag_and_claim, char const* file, unsigned line,
                                                           char const* function) noexcept;
}

// Any thread, any stack, also in a signal handler. Returns only when `condition` holds. Aborts with
// `retake: broken invariant: <tag_and_claim> (<file>:<line>, <function>)` on standard error.
[[gnu::always_inline]] constexpr void require(bool condition, char const* tag_and_claim,
                                              site where = site::current()) noexcept {
  if (!condition) [[unlikely]] { detail::require_failed(tag_and_claim, where.file, where.line, where.function); }
}

// Marks a second look. Returns `condition`.
[[nodiscard, gnu::always_inline]] constexpr bool recheck(bool condition, site = site::current()) noexcept {
  return condition;
}

// A documented fatal error of the process: `fatal error: <text>` on standard error, exit status 2.
// Any thread.
[[noreturn, gnu::cold, gnu::noinline]] void fatal(char const* text, site = site::current()) noexcept;

}  // namespace retake::world
