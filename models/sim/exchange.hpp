// exchange.hpp: a compare_exchange whose failure has an order of its own, as the standard's, for
// retake::model. The runtime's have one order (calls.hpp).
#pragma once

#include <cstdint>

#include "sim/calls.hpp"

namespace retake::sim {

compared compare_exchange(void const* object, std::uint32_t number, std::uint64_t expected, std::uint64_t desired,
                          order o, order failure, bool weak, site const& where) noexcept;

}  // namespace retake::sim
