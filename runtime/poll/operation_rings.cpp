#include "poll/operation_rings.hpp"

#include <new>

#include "poll/operation_ring.hpp"
#include "sched/scheduler.hpp"
#include "world/errors.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake {

namespace {

void destroy(operation_ring& ring) noexcept {
  ring.~operation_ring();
  world::deallocate(&ring, sizeof(operation_ring));
}

}  // namespace

operation_ring* operation_rings::here(scheduler& s) noexcept {
  processor& p = this_machine()->processor_here();
  if (p.ring != nullptr || p.ring_refused) return p.ring;
  int failed = 0;
  p.ring = make(s, failed);
  if (p.ring != nullptr) return p.ring;
  if (failed == world::errors::out_of_memory || failed == world::errors::too_many_open ||
      failed == world::errors::too_many_in_system)
    return nullptr;  // perhaps next time
  p.ring_refused = true;
  s.paths.rings_refused.add();
  return nullptr;
}

operation_ring* operation_rings::make(scheduler& s, int& failed) noexcept {
  void* const memory = world::allocate(sizeof(operation_ring), alignof(operation_ring));
  if (memory == nullptr) {
    failed = world::errors::out_of_memory;
    return nullptr;
  }
  const locked hold(lock_);
  const std::uint32_t number = count_.load_relaxed();
  operation_ring* const made = new (memory) operation_ring(s.network);
  failed = made->open(s.rules.ring_entries);
  if (failed != 0) {
    destroy(*made);
    return nullptr;
  }
  rings_[number] = made;
  count_.store_release(number + 1);  // with at()
  failed = s.network.watch_ring(made->descriptor(), number);
  if (failed == 0) return made;
  count_.store_relaxed(number);  // nobody has heard of it
  destroy(*made);
  return nullptr;
}

operation_ring& operation_rings::at(std::uint32_t number) noexcept {
  const std::uint32_t count = count_.load_acquire();
  world::require(number < count, "N4: an event of a ring that is not there");
  return *rings_[number];
}

void operation_rings::close() noexcept {
  const std::uint32_t count = count_.load_relaxed();
  for (std::uint32_t i = 0; i < count; ++i) {
    rings_[i]->drain();
    destroy(*rings_[i]);
  }
}

int operation_rings::add_buffer(void* address, std::size_t bytes) noexcept {
  const locked hold(lock_);
  for (std::uint32_t i = 0; i < world::ring::buffers_max; ++i) {
    buffer& one = buffers_[i];
    if (one.address != nullptr) continue;
    one = {address, bytes, one.use + 1};
    return static_cast<int>(i);
  }
  return world::errors::no_buffer_space;
}

void operation_rings::remove_buffer(int number) noexcept {
  const auto index = static_cast<std::uint32_t>(number);
  std::uint32_t count = 0;
  {
    const locked hold(lock_);
    count = count_.load_relaxed();
  }
  for (std::uint32_t i = 0; i < count; ++i) rings_[i]->forget_buffer(index);
  const locked hold(lock_);
  buffers_[index].address = nullptr;
}

operation_rings::buffer operation_rings::buffer_at(int number) noexcept {
  const locked hold(lock_);
  return buffers_[number];
}

}  // namespace retake
