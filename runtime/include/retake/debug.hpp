// debug.hpp: what every goroutine is doing, where, and since when.
//
// All of these look from outside, as a debugger does: nothing is stopped. A goroutine that runs on
// another thread meanwhile has no stack here ("running"); one that moves on while it is looked at
// is shown in one of its states, never in a mixture of stack and state. Fatal errors ("all
// goroutines are asleep - deadlock!", an exception that leaves a goroutine) and SIGQUIT print the
// same dump; both end the process with status 2. Source: goroutineheader and traceback in Go's
// traceback.go, sighandler in signal_unix.go. errno belongs to the thread; any of these calls may
// move the goroutine to another (syscall.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "retake/needs_exceptions.hpp"

namespace retake {

// A function in a stack. Names need symbols, lines need debug information (-g); inlined functions
// are frames of their own.
struct stack_frame {
  std::string function;  // demangled; "" when unknown
  std::string file;      // "" when unknown
  std::uint32_t line = 0;
  std::uintptr_t address = 0;  // return address, or 0 for the caller of an inlined function
};

struct goroutine_info {
  std::uint64_t id = 0;
  std::string state;                  // "runnable", "running", "syscall", "waiting"
  std::string wait_reason;            // "chan receive", "sleep", "IO wait", ...; "foreign call" in one; else ""
  std::chrono::nanoseconds waited{};  // in that wait, system call or foreign call; about 10 ms coarse
  bool locked_to_thread = false;
  std::vector<stack_frame>
      stack;  // innermost first, without the runtime's own frames; empty while it runs elsewhere or has not begun
  std::uint64_t created_by = 0;         // the goroutine that started it; 0: the runtime
  std::vector<stack_frame> created_at;  // the line that started it
};

// Every goroutine that has begun and not ended, in the order of their ids. By a goroutine; hands
// its P over meanwhile, for it reads files (milliseconds, the first time tens of them). Throws
// std::bad_alloc.
[[nodiscard]] std::vector<goroutine_info> all_goroutines();

// The stack of one; empty when there is none of that id, or it has no stack now. As
// all_goroutines().
[[nodiscard]] std::vector<stack_frame> stack_of(std::uint64_t goroutine_id);

// The calling goroutine's id: unique while the process lives. By a goroutine; does not block.
[[nodiscard]] std::uint64_t goroutine_id() noexcept;

// Writes all of it as text, in Go's form, piece by piece. As all_goroutines().
void dump_goroutines(std::function<void(std::string_view)> const& to);
// To standard error.
void dump_goroutines();

// The scheduler in one line; detailed: and each P, M and G in one. The text that
// RETAKE_DEBUG=schedtrace=100,scheddetail=1 prints to standard error every 100 ms, with Go 1.22's
// fields. By a goroutine; takes the scheduler's lock for as long as that takes. Throws
// std::bad_alloc.
// Source: schedtrace in Go's proc.go.
[[nodiscard]] std::string sched_trace(bool detailed);

}  // namespace retake
