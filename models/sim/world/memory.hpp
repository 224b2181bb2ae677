// memory.hpp: memory and stacks of the simulated world.
//
// Memory comes from an arena that is reset for each execution by its high-water mark. Within one
// execution nothing is handed out twice: what was deallocated is overwritten, so that a late touch
// of an atomic or a plain in it is the finding `use_after_free`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/calls.hpp"
#include "world/site.hpp"

namespace retake::world {

// Contents are unspecified. The sim reports the finding `memory` instead of returning nullptr,
// unless the fault `enomem` is drawn.
inline void* allocate(std::size_t bytes, std::size_t alignment = 16, site where = site::current()) noexcept {
  return sim::allocate(bytes, alignment, where);
}
inline void deallocate(void* memory, std::size_t bytes, site where = site::current()) noexcept {
  sim::deallocate(memory, bytes, where);
}

// All of it, though it be less than a page.
inline void give_back_pages(void* low, std::size_t bytes, site where = site::current()) noexcept {
  sim::give_back(low, bytes, where);
}

struct stack {
  void* low;
  std::size_t bytes;
  std::uint32_t index;
};

// Calls are serialised by the caller. Destroying it gives everything back.
class stack_source {
 public:
  explicit stack_source(std::size_t bytes_per_stack) noexcept : bytes_(bytes_per_stack) {}
  ~stack_source() {
    for (std::uint32_t i = 0; i < count_; ++i) sim::put_stack(all_[i].low, bytes_);
  }
  stack_source(stack_source const&) = delete;
  stack_source& operator=(stack_source const&) = delete;

  // 0 or -ENOMEM (the fault `enomem`, or the named bound stacks_max).
  int get(stack& s, site where = site::current()) noexcept {
    if (free_count_ > 0) {
      s = all_[free_[--free_count_]];
      return 0;
    }
    if (count_ == stacks_max) return -12;
    void* const low = sim::get_stack(bytes_, where);
    if (low == nullptr) return -12;
    all_[count_] = {low, bytes_, count_};
    s = all_[count_++];
    return 0;
  }
  void put(stack s) noexcept {
    sim::reuse_stack(s.low, s.bytes);
    free_[free_count_++] = s.index;
  }
  char const* guard_method() const noexcept { return "page"; }
  bool overflowed(void const*, std::uint32_t&) const noexcept { return false; }  // the engine reports the crash

 private:
  static constexpr std::uint32_t stacks_max = 64;
  std::size_t bytes_;
  std::uint32_t count_ = 0;
  std::uint32_t free_count_ = 0;
  stack all_[stacks_max];
  std::uint32_t free_[stacks_max];
};

}  // namespace retake::world
