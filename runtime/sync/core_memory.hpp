// core_memory.hpp: what the public classes of this room keep behind their headers, in the world's memory.
#pragma once

#include <new>
#include <utility>

#include "world/memory.hpp"

namespace retake::detail {

template <class Core, class... Arguments>
[[nodiscard]] Core* make_core(Arguments&&... arguments) {
  void* const memory = world::allocate(sizeof(Core), alignof(Core));
  if (memory == nullptr) throw std::bad_alloc();
  try {
    return new (memory) Core(std::forward<Arguments>(arguments)...);
  } catch (...) {
    world::deallocate(memory, sizeof(Core));
    throw;
  }
}

template <class Core>
void release_core(Core* core) noexcept {
  core->~Core();
  world::deallocate(core, sizeof(Core));
}

}  // namespace retake::detail
