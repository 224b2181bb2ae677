// slab_helpers.hpp: what the tests of slabs share: options by method, and the kernel's view of a
// slab.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>

#include "switch/stack.hpp"

namespace retake::floor {

inline stack_slab_options options_for(guard_method strongest, std::size_t count, std::size_t budget) {
  stack_slab_options o;
  o.count = count;
  o.stack_bytes = 64 * 1024;
  o.mapping_budget = budget;
  o.strongest = strongest;
  return o;
}

// How many of the process's mappings lie in the slab.
inline std::size_t mappings_of(const stack_slab& slab) {
  std::ifstream maps("/proc/self/maps");
  std::size_t lines = 0;
  for (std::string line; std::getline(maps, line);) {
    lines += slab.contains(reinterpret_cast<const void*>(std::stoull(line, nullptr, 16))).inside;
  }
  return lines;
}

}  // namespace retake::floor
