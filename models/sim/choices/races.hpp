// races.hpp: which two pending operations race: their order can change what either of them returns.
#pragma once

#include "sim/choices/chooser.hpp"

namespace retake::sim {

enum class effect_class : std::uint8_t { none, read, write, fence };

constexpr effect_class effect_of(op_kind kind) noexcept {
  switch (kind) {
    case op_kind::load: return effect_class::read;
    case op_kind::store:
    case op_kind::rmw:
    case op_kind::cas:
    case op_kind::split_store:
    case op_kind::futex_wait:
    case op_kind::futex_wake:
    case op_kind::kernel:
    case op_kind::kernel_wait: return effect_class::write;
    case op_kind::fence:
    case op_kind::heavy: return effect_class::fence;
    default: return effect_class::none;  // its object is no memory location
  }
}

constexpr bool is_access(op_kind kind) noexcept {
  return effect_of(kind) == effect_class::read || effect_of(kind) == effect_class::write;
}

// All calls of the simulated kernel are on one object; seq_cst fences are ordered among themselves.
constexpr bool race(pending_operation const& a, pending_operation const& b) noexcept {
  effect_class const of_a = effect_of(a.kind), of_b = effect_of(b.kind);
  if (of_a == effect_class::none || of_b == effect_class::none) return false;
  if (of_a == effect_class::fence || of_b == effect_class::fence) return of_a == of_b;
  return a.object == b.object && (of_a == effect_class::write || of_b == effect_class::write);
}

}  // namespace retake::sim
