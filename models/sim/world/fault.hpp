// fault.hpp: faults of the simulated processor.
//
// They come from sim::raise_fault(), which stands in foreign code where an instruction would fault.
// Outside of a boundary that is the finding `crash`: no report is asked, for a scenario's foreign
// code faults on purpose only.
#pragma once

#include <cstdint>

#include "sim/calls.hpp"
#include "world/site.hpp"

namespace retake::world {

using fault = sim::processor_fault;

// True when fn(argument) has returned, false when it faulted.
[[nodiscard]] inline bool fault_boundary(void (*fn)(void*), void* argument, fault& what) noexcept {
  return sim::fault_boundary(fn, argument, what);
}
[[nodiscard]] inline void* suspend_fault_boundary() noexcept { return sim::exchange_fault_boundary(nullptr); }
inline void resume_fault_boundary(void* suspended) noexcept { sim::exchange_fault_boundary(suspended); }

using fault_report = char const* (*)(fault const& what) noexcept;
inline void watch_faults(fault_report) noexcept {}

class fault_stack {
 public:
  fault_stack() noexcept {}
  ~fault_stack() {}
  fault_stack(fault_stack const&) = delete;
  fault_stack& operator=(fault_stack const&) = delete;
};

}  // namespace retake::world
