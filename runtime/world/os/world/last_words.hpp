// last_words.hpp (os): what a process says before it ends: after a fatal text, and when SIGQUIT asks.
//
// Problem.   A deadlock report without the stacks helps nobody, and fatal() may be called anywhere, under any lock. SIGQUIT comes on any thread, in the
//            middle of malloc; a handler that walks stacks there hangs in the moment it is needed most.
// Rejected.  A thread that only waits for SIGQUIT: every program would have one more. Walking in a handler, of whatever thread it is: a report allocates.
// Recipe.    fatal(): the text, then the report, once, then exit. SIGQUIT: its handler passes the signal on to the one thread that said keep_quit(), and there
//            it marks that it was asked; when that thread sleeps between quit_open() and quit_shut(), where it holds nothing, the handler wakes it
//            as well. The thread reports at the next of the two. Both end with status 2, as in Go.
// Fields.    Words of this process, for it has one SIGQUIT and one end: the last runtime that came is the one that reports.
//
// Checked by tests/runtime/observe/quit_test.cpp.
// Not promised: a report when the keeper is stuck. A program that handles or ignores SIGQUIT itself before it starts a runtime keeps doing so.
#pragma once

namespace retake::world {

using last_report = void (*)(void* argument) noexcept;
using last_wake = void (*)(void* argument) noexcept;

// fatal() calls it after its text; nullptr: nobody. Any thread.
void on_fatal(last_report report, void* argument) noexcept;

// The calling thread reports for SIGQUIT from now on, until forget_quit() (by any thread, when the keeper has ended). Installs the handler, which
// calls `wake` on that thread, in its sleep: it may take locks, for the thread holds none, but not allocate.
void keep_quit(last_report report, last_wake wake, void* argument) noexcept;
void forget_quit() noexcept;
// The keeper, around its sleep: in between it holds no lock and has nothing half done. Each reports at once when a signal came before.
void quit_open() noexcept;
void quit_shut() noexcept;

}  // namespace retake::world
