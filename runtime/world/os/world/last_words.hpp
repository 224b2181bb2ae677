// last_words.hpp (os): what a process says before it ends: after a fatal text, and when SIGQUIT
// asks.
//
// Problem.   A deadlock report without the stacks helps nobody, and fatal() may be called anywhere,
//            under any lock. SIGQUIT comes on any thread, in the middle of malloc; a handler that
//            walks stacks there hangs in the moment it is needed most.
// Rejected.  A thread that only waits for SIGQUIT: every program would have one more. Walking in a
//            handler, of whatever thread it is: a report allocates.
// Recipe.    fatal(): the text, then the report, once, then exit. SIGQUIT: its handler marks that
//            it was asked, and passes the signal on to the one thread that said attend_quit(), if
//            there is one yet; when that thread sleeps between quit_open() and quit_shut(), where
//            it holds nothing, the handler wakes it as well. The thread reports at the next of the
//            two. Both end with status 2, as in Go.
// Fields.    Words of this process, for it has one SIGQUIT and one end: the last runtime that came
//            is the one that reports.
//
// Checked by tests/runtime/observe/quit_test.cpp.
// Not promised: a report when the keeper is stuck. A program that handles or ignores SIGQUIT itself
// before it starts a runtime keeps doing so.
#pragma once

#include <atomic>

namespace retake::world {

using last_report = void (*)(void* argument) noexcept;
using last_wake = void (*)(void* argument) noexcept;

struct last_reporter {
  std::atomic<last_report> report{nullptr};
  std::atomic<void*> argument{nullptr};
};
extern constinit last_reporter at_fatal;  // written by on_fatal(); a debugger follows its argument

// fatal() calls it after its text; nullptr: nobody. Any thread.
void on_fatal(last_report report, void* argument) noexcept;

// SIGQUIT asks for `report` from now on, until forget_quit(): installs the handler, unless the
// program has its own or ignores the signal. One that comes before its keeper is kept for it.
// `wake` is called on the keeper's thread, in its sleep: it may take locks, for the thread holds
// none, but not allocate.
void keep_quit(last_report report, last_wake wake, void* argument) noexcept;
// The calling thread is the keeper, of the keep_quit() with that argument, if that is still in
// force.
void attend_quit(void* argument) noexcept;
// The keeper, behind its last quit_shut(): no SIGQUIT comes to this thread any more. A handler that
// has read the keeper's id may still pass the signal on, when its action is the system's again: a
// thread that ends, and took it, would end the process without a report.
void leave_quit(void* argument) noexcept;
// Any thread, while there is a keeper: returns unless SIGQUIT has come; then the keeper ends the
// process.
void await_quit() noexcept;
// Any thread, when the keeper has left. Reports for a signal that has come since await_quit().
void forget_quit(void* argument) noexcept;
// The keeper, around its sleep: in between it holds no lock and has nothing half done. Each reports
// at once when a signal came before.
void quit_open() noexcept;
void quit_shut() noexcept;

}  // namespace retake::world
