// scenario.hpp: a claim about code, as a body that a simulated thread 0 runs.
//
// The body makes its objects (on its stack or by world::allocate; nothing static), starts threads,
// and says with world::require what must hold. Before objects on its stack end it calls
// sim::join_others(). The execution ends when the body returned and every thread ended, or with
// sim::end_execution(). A body whose execution fails is abandoned where it stands: no destructor
// runs, so it owns nothing but arena memory.
//
// A scenario names the kinds of faults that its body, as it is written, cannot bear, and why:
// `--faults all` withholds them, and so do hunt and nightly; a kind that is given by its name
// strikes in any case.
//
// A scenario that is there to fail (a variant with a fence missing) says so in must_fail: a finding
// with that tag is what it claims.
#pragma once

#include <cstdint>
#include <span>

#include "sim/faults.hpp"

namespace retake::sim {

struct scenario {
  char const* name;
  char const* claim;
  void (*body)();
  char const* must_fail = nullptr;       // tag of the finding that is expected, or none
  char const* expected_fatal = nullptr;  // world::fatal with exactly this text ends the execution well
  unbearable cannot_bear{};              // beside every_shortage
  std::uint32_t chaos_steps = 20'000;    // steps in which the chooser decides; then the world heals
  std::uint32_t heal_steps = 20'000;     // steps in which a healed world must end
  std::uint32_t steps_max = 0;           // 0: chaos + heal. Otherwise reaching it is the finding `steps`.
  bool fences_synchronize =
      false;  // fences make happens-before, as in C++20; the runtime's contract has none (fences.cpp)
  char const* must_fail_memory = nullptr;  // "c11": fails in that memory mode only, holds in the other
};

inline constexpr unbearable every_shortage =
    {mask_of({fault_kind::enomem, fault_kind::emfile}),
     "without memory or descriptors the runtime does not start, which is a fatal error by design, and a body does not "
     "go on without what it asked for"};

constexpr std::uint32_t bearable_faults(scenario const& s) noexcept {
  return every_fault & ~(every_shortage.mask | s.cannot_bear.mask);
}

// All scenarios linked in; defined in models/scenarios/catalog.cpp.
std::span<scenario const* const> catalog() noexcept;

}  // namespace retake::sim
