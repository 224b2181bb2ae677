// watch.hpp: the invariants of the runtime, watched while a scenario runs.
//
// Problem.   A broken invariant shows long after the step that broke it, if at all. Looking at everything after each step costs more than the
//            steps.
// Recipe.    The runtime marks with ghosts where an ownership change commits. There, the P concerned is looked at, and what can be counted cheaply.
//            When the world stands still (nobody can run, the clock is about to jump) what waits is looked at. When every thread has gone
//            home, everything is.
//
//            family         where                           tags
//            ownership.cpp  each commit                     P3 P5 P9 P11 P12
//            threads.cpp    each commit                     G3 L1 L2 M5 M6 M12
//            liveness.cpp   stillness                       V1 V6
//            rest.cpp       when all have gone home         G2 G6 G9 M5 N5 N6 P4 Q2
//
// A scenario calls watch_runtime() first. Not promised: what happens inside a critical section, between two commits; that is the
// assertions' part.
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

// One family each. `p`: the P whose owner changed, or nullptr when another ghost did or a step is checked.
void check_ownership(scheduler const& s, processor const* p) noexcept;
void check_threads(scheduler const& s) noexcept;
void check_stillness(scheduler const& s, std::int64_t now_ns, std::int64_t until_ns) noexcept;
void check_rest(scheduler const& s, expectations const& what) noexcept;

}  // namespace retake::checkers
