// fault.hpp: faults of the processor (SIGSEGV, SIGBUS, SIGFPE): contained, or told to somebody
// before they end the process.
//
// Problem.   Foreign code may fault. Whoever asked for it wants the call back instead of the end of
//            the process; and a fault in the guard of a goroutine's stack must be told as what it
//            is, by a handler that does not stand on that stack.
// Rejected.  See switch/guarded_call.hpp. A handler per boundary: signal actions belong to the
//            process.
// Recipe.    fault_boundary() notes a guard in the thread; the one handler, on the thread's
//            alternate stack, sends a fault of the thread back to it. Without one it asks the
//            report. A text is that of a fatal error, which ends the process behind the handler,
//            where the fault came: a dump allocates, which no handler may. Without a text the fault
//            takes the way it had before: that of another handler (a sanitizer's), or a core dump.
//
// Only what the processor raised counts; a signal that somebody sent takes its old way.
// Checked by tests/world (conformance_rest), tests/runtime/syscall/contained_faults_test.cpp.
// Not promised: that a fault in a thread that blocks its signal is contained (the kernel ends the
// process), or one that comes on an overflown stack without fault_stack; that a dump of all
// goroutines comes to its end when foreign code faulted inside malloc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "world/site.hpp"

namespace retake::world {

struct fault {
  int signal = 0;
  std::uintptr_t address = 0;
};

// Calls fn(argument); true when it has returned, false when it faulted: then `what` says how, and
// none of its destructors have run. Nests. watch_faults() comes first.
[[nodiscard]] bool fault_boundary(void (*fn)(void*), void* argument, fault& what, site = site::current()) noexcept;

// Puts this thread's boundary out of force, and into force again: around what it does not stand
// for. nullptr: there was none.
[[nodiscard]] void* suspend_fault_boundary() noexcept;
void resume_fault_boundary(void* suspended) noexcept;

// Is asked about a fault outside of all boundaries, in a handler, on the alternate stack of the
// thread that faulted. The text of the fatal error that it is, which ends the process once the
// handler is left; nullptr: none.
using fault_report = char const* (*)(fault const& what) noexcept;
void watch_faults(fault_report report, site = site::current()) noexcept;

// Where this thread stood when the fault came that ends the process; nullptr: none has. Its stack
// is as it was then: the end of the process runs elsewhere when it is used up.
struct thread_registers;
[[nodiscard]] thread_registers const* fatal_fault() noexcept;

// Gives the thread an alternate stack for handlers, unless it has one as large; for the life of the
// object. Threads that thread_start made have one.
class fault_stack {
 public:
  fault_stack() noexcept;
  ~fault_stack();
  fault_stack(fault_stack const&) = delete;
  fault_stack& operator=(fault_stack const&) = delete;

 private:
  void* memory_ = nullptr;
  void* before_ = nullptr;
  std::size_t before_bytes_ = 0;
};

}  // namespace retake::world
