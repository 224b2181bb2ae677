// trace.hpp: the hooks of the execution trace: one load and one branch when nobody traces. By the
// thread `m`.
#pragma once

#include "sched/machine.hpp"
#include "sched/trace_ring.hpp"

namespace retake::trace {

inline void add(machine& m, trace_kind kind, std::uint64_t subject, std::uint32_t argument = 0) noexcept {
  if (trace_ring* const ring = m.ring.get()) [[unlikely]]
    ring->add(kind, subject, 0, argument);
}

// At the subject's present move, which the caller does not change.
inline void mark(machine& m, trace_kind kind, std::uint64_t subject,
                 world::report_only<std::uint32_t>& moves) noexcept {
  if (trace_ring* const ring = m.ring.get()) [[unlikely]]
    ring->add(kind, subject, moves.get(), 0);
}

// `moves`: the subject's, which its owner alone raises.
inline void move(machine& m, trace_kind kind, std::uint64_t subject, world::report_only<std::uint32_t>& moves,
                 std::uint32_t argument = 0) noexcept {
  trace_ring* const ring = m.ring.get();
  if (ring == nullptr) [[likely]]
    return;
  const std::uint32_t number = moves.get() + 1;
  moves.set(number);
  ring->add(kind, subject, number, argument);
}

}  // namespace retake::trace
