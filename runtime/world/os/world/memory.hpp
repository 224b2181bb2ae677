// memory.hpp: memory from the world, and stacks for goroutines.
//
// Problem.   The simulator resets a run by its arena's high-water mark and must see what is dead;
//            operator new hides from it. And a million parked goroutines need stacks that cost one
//            touched page each and notice an overflow.
// Rejected.  Replacing operator new globally: it would also catch what GoogleTest and the
//            sanitizers allocate. One mmap per stack: vm.max_map_count ends it at 32,000.
// Recipe.    allocate and deallocate (with the size that was asked for). stack_source hands out
//            stacks of one size from slabs of switch/stack.hpp, the one returned last first; what
//            comes back gives its pages to the system: caches belong above.
//
// Fields of stack_source: everything is touched by get and put alone, whose caller serialises them;
//            overflowed() reads what is published with count_ and may run in a SIGSEGV handler of
//            any thread.
// Checked by tests/world (conformance_rest), tests/world/os_world_test.cpp (many stacks, guards,
// reuse).
// Not promised: zeroed memory, in neither.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "world/site.hpp"

namespace retake::floor {
class stack_slab;
}

namespace retake::world {

// `bytes` >= 1; `alignment` a power of two. nullptr when there is no memory. Contents are
// unspecified. Any thread, not in a signal handler. May block for the allocator's lock.
[[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = 16, site = site::current()) noexcept;

// What allocate returned (or nullptr), with the same size. Any thread, not in a signal handler.
void deallocate(void* memory, std::size_t bytes, site = site::current()) noexcept;

// The whole pages within: they give their memory back and are all zero when they are touched next.
// Any thread; does not block.
void give_back_pages(void* low, std::size_t bytes, site = site::current()) noexcept;

struct stack {
  void* low;          // lowest usable byte; the guard lies below
  std::size_t bytes;  // usable bytes
  std::uint32_t index;
};

class stack_source {
 public:
  // `bytes_per_stack` is rounded up to whole pages. Reserves nothing yet.
  explicit stack_source(std::size_t bytes_per_stack) noexcept : bytes_per_stack_(bytes_per_stack) {}
  stack_source(stack_source const&) = delete;
  stack_source& operator=(stack_source const&) = delete;
  ~stack_source();  // unmaps everything; nobody may stand on any of the stacks

  // 0, or -ENOMEM. Calls of get and put are serialised by the caller. Does not block; maps a slab
  // every 256 stacks.
  [[nodiscard]] int get(stack& result, site = site::current()) noexcept;

  // Gives a stack back that get gave out; nobody stands on it. Its pages go back to the system.
  // Fatal when its canary is dead.
  void put(stack returned, site = site::current()) noexcept;

  // For reports: "madvise", "mprotect" or "canary", the weakest in use; "none" before the first
  // stack.
  [[nodiscard]] char const* guard_method() const noexcept;

  // True when `address` lies in the guard below stack `index`: that stack has overflowed.
  // Async-signal-safe.
  [[nodiscard]] bool overflowed(void const* address, std::uint32_t& index) const noexcept;

 private:
  [[nodiscard]] int add_slab() noexcept;

  std::size_t bytes_per_stack_;
  floor::stack_slab* slabs_ = nullptr;   // room for all that can ever exist; only what is used takes memory
  std::atomic<std::uint32_t> count_{0};  // slabs that exist
  std::uint32_t* free_ = nullptr;        // indices of the stacks that are here; the last is the next
  std::uint32_t free_count_ = 0;
  std::size_t mappings_used_ = 0;  // by mprotect's guards
};

}  // namespace retake::world
