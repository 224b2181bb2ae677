// trace_text.hpp: a recording as Chrome's trace events, and as a table of how each goroutine spent
// its time.
#pragma once

#include "observe/tracer.hpp"
#include "retake/trace.hpp"

namespace retake::observe {

[[nodiscard]] trace_result render(tracer::recording const& what);

}  // namespace retake::observe
