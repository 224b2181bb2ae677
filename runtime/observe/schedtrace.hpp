// schedtrace.hpp: the scheduler's state in one line, or in one for each P, M and G: the text of Go
// 1.22's schedtrace, field by field.
#pragma once

#include <string>

#include "sched/scheduler.hpp"

namespace retake::observe {

// Takes the scheduler's lock. Numbers of states are Go's. mallocing, throwing, preemptoff and dying
// have no counterpart here and are 0 and empty.
[[nodiscard]] std::string schedtrace_text(scheduler& s, std::int64_t began_ns, bool detailed);

}  // namespace retake::observe
