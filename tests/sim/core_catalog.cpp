// The core scenarios alone, so that the simulator's own suite needs no runtime.
#include "scenarios/catalog.hpp"

namespace retake::sim {

namespace {

using namespace retake::scenarios;

constexpr scenario const* core[] = {
    &core_handoff,
    &core_handoff_store,
    &core_store_buffering,
    &core_store_buffering_no_fence,
    &core_store_buffering_one_fence,
    &core_message_passing,
    &core_message_passing_relaxed,
    &core_iriw,
    &core_iriw_acquire,
    &core_futex_park,
    &core_futex_park_no_wake,
    &core_spin,
    &core_spin_forever,
};

}  // namespace

std::span<scenario const* const> catalog() noexcept { return core; }

}  // namespace retake::sim
