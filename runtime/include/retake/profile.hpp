// profile.hpp: who made threads necessary, and where goroutines are: as lists, and as pprof reads them (go tool pprof FILE).
//
// A thread is charged to the goroutine whose call or lock took the P from its thread: without that call no other thread would have been needed. The
// stack is the one it called with, so its first line is the user's own: the line of the syscall(), foreign_call() or blocking call under
// lock_os_thread(). One in place of a thread whose goroutine ended locked is charged to the line where that had locked.
// Threads that nobody's call made necessary (main's, sysmon's, the first of each P) are the runtime's own.
// Source: the profiles threadcreate and goroutine of Go's runtime/pprof; Go charges a thread to whoever happened to start it.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retake/debug.hpp"

namespace retake {

struct thread_site {
  std::vector<stack_frame> stack;  // innermost first; empty: the runtime itself
  std::uint64_t created = 0;       // threads, since the program began
  std::uint64_t live = 0;          // of them alive
};

// By created, most first. Sites beyond the 512th are counted with the runtime's own. By a goroutine; hands its P over meanwhile, as all_goroutines().
[[nodiscard]] std::vector<thread_site> thread_profile();

// profile.proto, not compressed; samples are (created, live) threads. As above.
[[nodiscard]] std::string threadcreate_pprof();
// Likewise; goroutines, one sample for those with the same stack.
[[nodiscard]] std::string goroutine_pprof();

}  // namespace retake
