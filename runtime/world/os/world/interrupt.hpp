// interrupt.hpp (os): holds another thread still for as long as somebody looks at it.
//
// Problem.   A goroutine that computes without end is a frame on another thread's stack, and only
//            that thread knows its registers.
// Rejected.  ptrace: a tracer is another process, and many sandboxes refuse it.
//            /proc/PID/task/TID/syscall: knows them only of a thread that sleeps.
// Recipe.    looker                                        handler, on the thread itself
//            asked; SIGURG to the thread; wait             held, with its registers; wake; wait
//            held: look; free; wake                        goes on
//            late: free, instead of asked                  it is not asked any more: goes on
//
//            SIGURG because it is ignored where nobody asked for it, and debuggers pass it on
//            without a word (Go preempts with it, for the same reasons).
//
// Fields.    one desk for the process: state, free or asked or held; the registers belong to
//            whoever last changed state.
// Checked by tests/runtime/observe/hog_test.cpp.
// Not promised: an answer by a thread that blocks the signal, or under ThreadSanitizer, which keeps
// signals back until the thread next comes through libc.
#pragma once

#include <cstdint>

namespace retake::world {

struct thread_registers {
  std::uintptr_t pc = 0, sp = 0, fp = 0;
  std::uintptr_t rbx = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;  // x86_64; else 0
};

// Calls look(registers, argument) while the thread `id` (thread_id()) stands still; it may be
// inside malloc: look may not allocate. False: it was not had within `patience_ns`, another looker
// is at work, or the program has a use of its own for SIGURG. Any thread but that one; blocks for
// as long as that takes.
[[nodiscard]] bool look_at_thread(std::uint64_t id,
                                  void (*look)(thread_registers const& where, void* argument) noexcept, void* argument,
                                  std::int64_t patience_ns) noexcept;

}  // namespace retake::world
