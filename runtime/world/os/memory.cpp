// Memory by the C library, stacks by switch/stack.hpp. See world/memory.hpp.
#include "world/memory.hpp"

#include <cerrno>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

#include "switch/stack.hpp"
#include "world/require.hpp"

namespace retake::world {

namespace {

constexpr std::uint32_t stacks_per_slab = 256;
constexpr std::uint32_t slabs_max = 16'384;  // 4,194,304 stacks
constexpr std::uint32_t stacks_max = stacks_per_slab * slabs_max;

// Address space for an array that may grow to its full size: pages come when they are touched.
void* reserve(std::size_t bytes) noexcept {
  void* const room = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return room == MAP_FAILED ? nullptr : room;
}

}  // namespace

void* allocate(std::size_t bytes, std::size_t alignment, site) noexcept {
  if (alignment <= alignof(std::max_align_t)) return std::malloc(bytes);
  std::size_t const rounded = (bytes + alignment - 1) / alignment * alignment;
  return std::aligned_alloc(alignment, rounded);
}

void deallocate(void* memory, std::size_t, site) noexcept { std::free(memory); }

void give_back_pages(void* low, std::size_t bytes, site) noexcept {
  auto const page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto const from = (reinterpret_cast<std::uintptr_t>(low) + page - 1) & ~(page - 1);
  auto const to = (reinterpret_cast<std::uintptr_t>(low) + bytes) & ~(page - 1);
  if (from >= to) return;
  static_cast<void>(::madvise(reinterpret_cast<void*>(from), to - from,
                              MADV_DONTNEED));  // refused for locked memory, which is as good
}

stack_source::~stack_source() {
  std::uint32_t const count = count_.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i != count; ++i) slabs_[i].~stack_slab();
  if (slabs_ != nullptr) ::munmap(slabs_, sizeof(floor::stack_slab) * slabs_max);
  if (free_ != nullptr) ::munmap(free_, sizeof(std::uint32_t) * stacks_max);
}

int stack_source::add_slab() noexcept {
  std::uint32_t const number = count_.load(std::memory_order_relaxed);
  if (number == slabs_max) return -ENOMEM;
  if (free_ == nullptr) free_ = static_cast<std::uint32_t*>(reserve(sizeof(std::uint32_t) * stacks_max));
  if (slabs_ == nullptr) slabs_ = static_cast<floor::stack_slab*>(reserve(sizeof(floor::stack_slab) * slabs_max));
  if (free_ == nullptr || slabs_ == nullptr) return -ENOMEM;

  std::size_t const budget = floor::system_mapping_limit() / 2;  // the other half belongs to the rest of the process
  floor::stack_slab_options options;
  options.count = stacks_per_slab;
  options.stack_bytes = bytes_per_stack_;
  options.mapping_budget = budget > mappings_used_ ? budget - mappings_used_ : 0;
  auto* const slab = new (&slabs_[number]) floor::stack_slab;
  if (slab->create(options) != 0) {
    slab->~stack_slab();
    return -ENOMEM;
  }
  for (std::uint32_t i = stacks_per_slab; i-- != 0;) {
    free_[free_count_++] = number * stacks_per_slab + i;
    if (slab->guard_of(i) == floor::guard_method::mprotect) mappings_used_ += 2;
  }
  count_.store(number + 1, std::memory_order_release);  // overflowed() looks only at slabs below count_
  return 0;
}

int stack_source::get(stack& result, site) noexcept {
  if (free_count_ == 0) {
    int const error = add_slab();
    if (error != 0) return error;
  }
  std::uint32_t const index = free_[--free_count_];
  floor::stack_bounds const bounds = slabs_[index / stacks_per_slab].stack(index % stacks_per_slab);
  result = {bounds.low, bounds.bytes, index};
  return 0;
}

void stack_source::put(stack returned, site) noexcept {
  require(returned.index < count_.load(std::memory_order_relaxed) * stacks_per_slab && free_count_ < stacks_max,
          "world: a stack came back to a source that did not give it out");
  floor::stack_slab const& slab = slabs_[returned.index / stacks_per_slab];
  floor::stack_bounds const bounds = slab.stack(returned.index % stacks_per_slab);
  require(bounds.low == returned.low && bounds.bytes == returned.bytes,
          "world: a stack came back with other bounds than it had");
  require(slab.check_canary(returned.index % stacks_per_slab), "world: stack overflow found by its canary");
  ::madvise(bounds.low, bounds.bytes, MADV_DONTNEED);  // a hint: on failure the pages stay
  free_[free_count_++] = returned.index;
}

char const* stack_source::guard_method() const noexcept {
  std::uint32_t const count = count_.load(std::memory_order_acquire);
  if (count == 0) return "none";
  auto weakest = slabs_[0].weakest_guard();
  for (std::uint32_t i = 1; i != count; ++i) {
    auto const one = slabs_[i].weakest_guard();
    if (one < weakest) weakest = one;
  }
  return floor::guard_method_name(weakest);
}

bool stack_source::overflowed(void const* address, std::uint32_t& index) const noexcept {
  std::uint32_t const count = count_.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i != count; ++i) {
    floor::stack_location const found = slabs_[i].contains(address);
    if (!found.inside) continue;
    index = i * stacks_per_slab + static_cast<std::uint32_t>(found.index);
    return found.in_guard;
  }
  return false;
}

}  // namespace retake::world
