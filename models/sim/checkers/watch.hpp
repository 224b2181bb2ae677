// watch.hpp: the invariants of the runtime, watched while a scenario runs.
//
// Problem.   A broken invariant shows long after the step that broke it, if at all. Looking at
//            everything after each step costs more than the steps.
// Recipe.    The runtime marks with ghosts where an ownership change commits. There, the P
//            concerned is looked at, and what can be counted cheaply. When the world stands still
//            (no thread can run, the clock is about to jump) what waits is looked at. When every
//            thread has exited, everything is. With --check step, owners and threads are looked at
//            before each step. table.hpp says which invariant is asked when; watch.cpp walks it.
//
// A scenario calls watch_runtime() first. Not promised: without --check step, what happens between
// two commits; that is the assertions' part.
#pragma once

#include <cstdint>

namespace retake {
struct scheduler;
struct processor;
}  // namespace retake

namespace retake::checkers {

struct expectations {
  bool everything_ends = true;  // no goroutine is left when main ends
};

// Within an execution, before run(). Kept in arena memory; gone with the execution.
void watch_runtime(expectations what = {}) noexcept;

}  // namespace retake::checkers
