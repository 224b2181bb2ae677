// guarded_call.hpp: a call that can be given up from outside: by a signal handler, or by the
// simulator.
//
// Problem.   Foreign code that faults cannot be unwound: its frames may be anything, and the fault
//            may have come in any instruction.
// Rejected.  sigsetjmp and siglongjmp: saving the mask is a system call for each call, and the
//            handler would be left without a return, on the alternate stack. Exceptions out of a
//            handler: the unwinder needs tables for every instruction.
// Recipe.    The call leaves a frame as a switch does (saved_frame.hpp) and where it is in `guard`.
//            A handler puts landing_of(guard) into the program counter and the stack pointer of the
//            interrupted context and returns: the kernel restores the mask and leaves the alternate
//            stack as always.
//
// Fields.    stack_pointer  of the frame; meaningful while the call is running, to its own thread.
// Checked by tests/switch/guarded_call_test.cpp.
// Not promised: destructors of the frames that are given up, or anything that they held; the C++
// runtime's count of exceptions in flight.
#pragma once

#include <cstdint>

namespace retake::floor {

struct guard {
  void* stack_pointer = nullptr;
};

// Calls fn(argument); true when it has returned, false when the call was given up. An exception may
// pass.
[[nodiscard]] bool guarded_call(guard& g, void (*fn)(void*), void* argument);

struct landing {
  std::uintptr_t program_counter;
  std::uintptr_t stack_pointer;
};
// What a handler puts into the interrupted context, so that guarded_call(g, ...) returns false.
// Async-signal-safe.
[[nodiscard]] landing landing_of(guard const& g) noexcept;

// The same without a signal: by the function that is called, or one below it.
[[noreturn]] void give_up(guard const& g) noexcept;

}  // namespace retake::floor
