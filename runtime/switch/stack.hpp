// stack.hpp: many stacks in one mapping, each with something below it that notices an overflow.
//
// Problem.   A stack that grows too far must not quietly write into its neighbour. The classic
//            answer, a page made inaccessible by mprotect, cuts the mapping in two for every stack;
//            with the default vm.max_map_count of 65,530 a process ends at about 32,000 goroutines.
//            A million of them is a supported case.
// Rejected.  One mmap per stack: as many mappings, more calls. Segmented or copied stacks: C++ has
//            pointers into frames. A non-zero canary word: writing it touches a page per stack, 4
//            GiB for a million parked goroutines.
// Recipe.    [guard 0][stack 0][guard 1][stack 1] ... in one mapping. Every guard gets the best
//            method that works from there on:
//            madvise    MADV_GUARD_INSTALL (Linux 6.13): a page-table mark, no new mapping; SIGSEGV
//                       on touch. Tried and tested
//                       on the first guard: emulators accept advice that they ignore
//            mprotect   as long as two mappings per guard fit the caller's budget; SIGSEGV on touch
//            canary     the guard stays accessible, untouched and so all zero; check_canary() asks
//                       whether it still is. Reading a
//                       never-written page costs no memory: the kernel maps its one zero page.
//
// Fields.    written by create and destroy, read by anyone in between; the slab has no state per
//            stack: which stack is free, locks and caches belong to the runtime above.
// Invariants madvised_ <= protected_ <= count_: stack i is guarded by madvise if i < madvised_,
//            else by mprotect if i < protected_, else by its canary.
// Checked by tests/switch/{stack,overflow,stack_cost}_test.cpp.
// Not promised: that a frame larger than the guard cannot step over it (compile with
//            -fstack-clash-protection); that a canary is looked at in time; that an overflow which
//            writes only zeros shows in a canary. Under ASan, contexts on these stacks must be
//            retired before destroy(): the shadow of an unmapped stack outlives it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace retake::floor {

enum class guard_method : unsigned char { canary, mprotect, madvise };  // weakest first

// For reports; constant text.
const char* guard_method_name(guard_method method) noexcept;

struct stack_bounds {
  void* low = nullptr;
  std::size_t bytes = 0;
};

struct stack_location {
  bool inside = false;    // the address belongs to the slab; else the others mean nothing
  bool in_guard = false;  // it is in the guard below stack `index`: that stack overflowed
  std::size_t index = 0;
};

struct stack_slab_options {
  std::size_t count = 0;                           // 1 or more
  std::size_t stack_bytes = 0;                     // usable bytes of each; rounded up to whole pages
  std::size_t guard_bytes = 1;                     // below each; rounded up to whole pages
  std::size_t mapping_budget = 0;                  // how many of the process's mappings mprotect may use up, see below
  guard_method strongest = guard_method::madvise;  // tests try the weaker ones with it
};

// vm.max_map_count, or the kernel's default where /proc does not say. A budget is some share of it.
std::size_t system_mapping_limit() noexcept;

class stack_slab {
 public:
  stack_slab() = default;
  stack_slab(const stack_slab&) = delete;
  stack_slab& operator=(const stack_slab&) = delete;
  ~stack_slab() { destroy(); }

  // 0, or -EINVAL for impossible numbers or a slab that exists already, or mmap's -errno (-ENOMEM).
  // A guard that cannot be had is no error but a weaker method. Memory is reserved without
  // commitment and never in huge pages: a stack costs what it touches.
  [[nodiscard]] int create(const stack_slab_options& options) noexcept;
  // Gives the mapping back. No context may stand on any of the stacks. May be repeated.
  void destroy() noexcept;

  std::size_t count() const noexcept { return count_; }
  // The usable part of stack i, without its guard. Traps if there is no such stack.
  stack_bounds stack(std::size_t i) const noexcept;
  guard_method guard_of(std::size_t i) const noexcept;
  guard_method weakest_guard() const noexcept { return guard_of(count_ - 1); }

  // False if stack i ran into its guard. Always true where the kernel stands guard. Reads a page: 1
  // us the first time.
  [[nodiscard]] bool check_canary(std::size_t i) const noexcept;
  // Whose stack or guard is this? For the SIGSEGV handler: async-signal-safe.
  stack_location contains(const void* address) const noexcept;

 private:
  char* guard(std::size_t i) const noexcept { return base_ + i * (guard_bytes_ + stack_bytes_); }

  char* base_ = nullptr;
  std::size_t count_ = 0;
  std::size_t stack_bytes_ = 0;
  std::size_t guard_bytes_ = 0;
  std::size_t madvised_ = 0;
  std::size_t protected_ = 0;
};

}  // namespace retake::floor
