#include "sim/arena.hpp"

#include <sys/mman.h>

#include <cstring>
#include <new>

#include "switch/sanitizer.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RETAKE_ARENA_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define RETAKE_ARENA_ASAN 1
#endif
#if defined(RETAKE_ARENA_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace retake::sim {

namespace {

void poison([[maybe_unused]] void* low, [[maybe_unused]] std::size_t bytes) {
#if defined(RETAKE_ARENA_ASAN)
  __asan_poison_memory_region(low, bytes);
#endif
}

}  // namespace

reserved_memory::reserved_memory(std::size_t bytes) { reserve(bytes); }

void reserved_memory::reserve(std::size_t bytes) {
  void* const p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  base_ = p;
  bytes_ = bytes;
}

reserved_memory::~reserved_memory() {
  if (base_ == nullptr) return;
  floor::unpoison_stack(base_, bytes_);
  munmap(base_, bytes_);
}

arena::arena() : memory_(bytes_max) {}

void* arena::allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (alignment < alignof(block)) alignment = alignof(block);
  auto const base = reinterpret_cast<std::uintptr_t>(memory_.as<char>());
  if (bytes > bytes_max || alignment > bytes_max) return nullptr;
  std::uintptr_t const start = (base + used_ + sizeof(block) + alignment - 1) / alignment * alignment;
  if (start + bytes > base + bytes_max) return nullptr;
  used_ = start + bytes - base;
  *reinterpret_cast<block*>(start - sizeof(block)) = {bytes, live_mark};
  void* const p = reinterpret_cast<void*>(start);
  std::memset(p, fresh_byte, bytes);
  return p;
}

char const* arena::deallocate(void* memory, std::size_t bytes) noexcept {
  char* const p = static_cast<char*>(memory);
  if (p < memory_.as<char>() + sizeof(block) || p >= memory_.as<char>() + used_)
    return "deallocate of what allocate never gave";
  block& b = *(reinterpret_cast<block*>(p) - 1);
  if (b.mark == dead_mark) return "deallocated twice";
  if (b.mark != live_mark) return "deallocate of what allocate never gave";
  if (b.bytes != bytes) return "deallocate with another size than allocate";
  b.mark = dead_mark;
  std::memset(p, freed_byte, bytes);
  poison(p, bytes);
  return nullptr;
}

void arena::reset() noexcept {
  if (used_ == 0) return;
  floor::unpoison_stack(memory_.as<char>(), used_);
  used_ = 0;
}

}  // namespace retake::sim
