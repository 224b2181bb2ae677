// handoff_case.hpp: what becomes of a P that no M has, in the order in which handoff() asks (Go:
// handoffp). The names are the label `case` of the metric retake_handoff_total, and what a trace
// shows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace retake {

enum class handoff_case : std::uint8_t {
  queue,         // its own queue or the global one has work: an M runs it
  trace_reader,  // a trace reader waits to be run
  background,    // background work waits
  last_spinner,  // no M spins and no P is idle: it goes to an M that looks for work
  stop,          // the world stops: the P is stopped
  safe_point,    // it owed a safe-point function, which was run; one of the cases below follows
  global_queue,  // work came to the global queue meanwhile
  last_poller,   // all other Ps are idle and no M blocks in the poller: an M has to poll
  idle,          // nothing to do: the idle list
};
inline constexpr std::array<char const*, 9> handoff_case_names = {"queue",        "trace_reader", "background",
                                                                  "last_spinner", "stop",         "safe_point",
                                                                  "global_queue", "last_poller",  "idle"};
inline constexpr char const* name_of(handoff_case which) noexcept {
  return handoff_case_names[static_cast<std::size_t>(which)];
}

}  // namespace retake
