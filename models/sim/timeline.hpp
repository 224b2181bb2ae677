// timeline.hpp: an execution for people: a column per M, one step a line; and for Perfetto, as
// Chrome's JSON.
#pragma once

#include <cstdint>
#include <string>

#include "sim/engine.hpp"

namespace retake::sim {

// The last `steps_max` steps of the engine's last execution.
std::string timeline(engine const& e, std::uint32_t steps_max = 40);

// All steps on record: lanes per M, and per G, P or other letter for what note_lane said. One step
// is a microsecond wide.
std::string chrome_trace(engine const& e);

}  // namespace retake::sim
