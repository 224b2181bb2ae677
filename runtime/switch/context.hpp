// context.hpp: one flow of control on its own stack, and the jump from one to another.
//
// Problem.   A goroutine, a scheduler stack and a simulated thread are all the same thing: a stack
//            that is not running. Changing over happens at every park, so it must cost nanoseconds,
//            and yet it must carry all that C++ believes to be its own: callee-saved registers,
//            floating-point control, exceptions in flight, the unwinder's idea of where a stack
//            ends.
// Rejected.  ucontext: a system call for a signal mask that we never change per context; ASan
//            misses overflows with it. Boost.Context in production: knows neither exception globals
//            nor fibers of the sanitizers in its bare form, and what we add around it is as long as
//            this file; it stays the cross-check of the tests. Compiler coroutines: no stack.
// Recipe.    leaving: switch_context(from, to)        arriving
//            exchange the thread's exception globals  (first time) entry(argument) on an empty
//                                                       stack
//            tell the sanitizers                      (else) switch_context returns to who called
//                                                       it with me as `from`,
//            push registers, from.stack_pointer = sp  possibly on another OS thread: no
//                                                       thread-local address read before
//            sp = to.stack_pointer, pop registers     the call may be used after it
//
// States.    state      who owns it                         may become
//            empty      whoever holds the memory            suspended (make_context), running
//                                                             (adopt_thread_context)
//            suspended  one party that will switch into it  running (switch into it), empty
//                                                             (retire_context: abandoned)
//            running    the OS thread on it                 suspended (switch_context away), dead
//                                                             (switch_final)
//            dead       the context that was switched to    empty (retire_context)
//
// Fields.    stack_pointer  meaningful while suspended: points to a saved_frame. Written by the
//            assembly, last before the jump.
//            exceptions     meaningful while suspended. sanitizer: see sanitizer.hpp. All: the
//                           switch alone.
//            thread_exceptions  meaningful while running: where this OS thread keeps its copy;
//            handed on from context to context.
// Invariants `from` is the running context, `to` is suspended, and they differ. A context does not
//            move in memory while not empty. `from` is suspended only when code of `to` runs:
//            whoever publishes it as resumable (a queue, an unlock) does so there, on the other
//            side of the switch; published before, another thread runs on half a stack. The
//            publication orders the fields for the thread that resumes.
// Checked by tests/switch/*, on x86-64 with and without sanitizers, switch_smoke.cpp on aarch64
// (qemu), Boost.Context alongside.
// Not promised: signal masks, errno, thread_local objects, x87 register contents, status (sticky)
//            flags of aarch64's fpsr; shadow stacks (CET) and GCS: link without them. Unwinding
//            across a switch: a stack ends at its first frame.
#pragma once

#include <cstddef>
#include <cstdint>

#include "switch/exception_globals.hpp"
#include "switch/sanitizer.hpp"
#include "switch/saved_frame.hpp"

namespace retake::floor {

struct context {
  context() = default;
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  void* stack_pointer = nullptr;
  exception_globals exceptions;
  exception_globals* thread_exceptions = nullptr;
  [[no_unique_address]] sanitizer_state sanitizer;
};

// Smallest stack make_context accepts: the forged frame, and room for a signal handler's frame with
// AVX-512 state.
inline constexpr std::size_t stack_bytes_min = 4096;

// An empty context becomes suspended; the first switch into it calls entry(argument) on [stack_low,
// stack_low + bytes), with the floating-point control of the caller of make_context. `entry` must
// leave by switch_final; returning traps. An exception that leaves `entry` ends in std::terminate
// with the throwing stack intact. Traps if bytes < stack_bytes_min.
void make_context(context& c, void* stack_low, std::size_t bytes, void (*entry)(void*), void* argument) noexcept;

// An empty context becomes the running one of this OS thread, on the thread's own stack. Once per
// thread, before its first switch.
void adopt_thread_context(context& c) noexcept;

// From the running context into a suspended one. Returns when somebody switches into `from`. Any
// thread; does not allocate.
void switch_context(context& from, context& to) noexcept;

// As switch_context, by a context that will never run again. The code of `to` (or who it tells)
// retires `from` and reuses the stack.
[[noreturn]] void switch_final(context& from, context& to) noexcept;

// A dead context, an abandoned suspended one, or an adopted one becomes empty. Not by itself
// (TSan): by another context, which may reuse the stack from then on. Destructors of an abandoned
// stack do not run.
void retire_context(context& c) noexcept;

// Calls fn(argument) on [stack_low, stack_low + bytes) and comes back: the same context, visiting a
// bigger stack (foreign code). Within fn the context may be switched away from and resumed, also on
// another thread. Backtraces run through both stacks. An exception must not leave fn:
// std::terminate. Does not change floating-point control or exception globals.
void call_on_stack(void* stack_low, std::size_t bytes, void (*fn)(void*), void* argument) noexcept;

// Where a suspended context stands: registers for a dump that unwinds it. Caller guarantees that it
// stays suspended meanwhile.
inline const saved_frame& suspended_frame(const context& c) noexcept {
  return *static_cast<const saved_frame*>(c.stack_pointer);
}
// The stack pointer that the suspended context will have when switch_context has returned into it.
inline std::uintptr_t suspended_stack_pointer(const context& c) noexcept {
  return reinterpret_cast<std::uintptr_t>(c.stack_pointer) + sizeof(saved_frame);
}

}  // namespace retake::floor
