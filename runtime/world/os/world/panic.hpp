// panic.hpp: an exception that nobody catches, told where it was thrown.
//
// Problem.   Who catches an uncaught exception at a goroutine's first frame to report it has
//            unwound the stack that the report is about.
// Rejected.  A noexcept first frame: the unwinder runs the destructors between before it gives up.
// Recipe.    Catch nothing: the search for a handler ends at the end of the stack with nothing
//            unwound, and the C++ runtime calls std::terminate there. Its handler asks the report,
//            which may end the process; else the handler before it is called. So a noexcept
//            function that throws is told too.
//
// Checked by tests/runtime/sched/panic_test.cpp.
// Not promised: that a handler which the program installs later asks this one.
#pragma once

namespace retake::world {

// On the thread and the stack of the throw. `what`: the text of a std::exception, the value of a
// string or an int, else the name of the type.
using panic_report = void (*)(char const* what) noexcept;
void watch_panics(panic_report report) noexcept;

// Calls entry(argument), which lets no exception out that the report returns from.
inline void call_to_end(void (*entry)(void*), void* argument, panic_report) { entry(argument); }

}  // namespace retake::world
