// core_memory.hpp: what the public classes of this room keep behind their headers, in the world's
// memory.
#pragma once

#include <new>
#include <utility>

#include "world/memory.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

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

// The end of an object that goroutines wait for by mistake is fatal, with the text `waited_on`.
// They are looked for on a thread of a runtime only: a program that has ended has taken its
// goroutines along, waiting or not.
template <class Core>
void end_core(Core* core, char const* waited_on) noexcept {
  if (world::this_thread() != nullptr && core->waited_on()) world::fatal(waited_on);
  release_core(core);
}

}  // namespace retake::detail
