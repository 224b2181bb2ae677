// Faults that nobody contains: what is said before the process ends. Runs in a signal handler, on
// the thread's alternate stack.
//
// A fault in the guard of a goroutine's stack and one in foreign code are fatal errors with a text,
// as in Go. Any other is the program's own: it is told whose it was, and then takes its usual way
// (a core dump, a sanitizer's report): Go's panic for it cannot be had, C++ does not unwind out of
// any instruction.
#include "sched/scheduler.hpp"
#include "thread/say.hpp"

namespace retake::sched {

char const* report_fault(world::fault const& what) noexcept {
  machine* const m = this_machine();
  if (m == nullptr) return nullptr;
  goroutine* const g = m->current.get();
  const std::uint64_t id = g != nullptr ? g->id : 0;
  std::uint32_t index = 0;
  if (g != nullptr && m->home.stacks.overflowed(reinterpret_cast<void const*>(what.address), index) &&
      index == g->stack.index) {
    say("runtime: goroutine ", id, " exceeds its stack of ", g->stack.bytes, " bytes\n");
    return "stack overflow";
  }
  say("[signal ", static_cast<std::uint64_t>(what.signal), ": address ", hexadecimal{what.address},
      m->in_foreign != 0 ? ", in foreign code of goroutine " : ", in goroutine ", id, "]\n");
  return m->in_foreign != 0 ? "unexpected signal during foreign code execution" : nullptr;
}

}  // namespace retake::sched
