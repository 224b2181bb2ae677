// arena.hpp: memory of one execution: reserved once, handed out upwards, forgotten at once.
//
// Problem.   A million executions a second cannot each call malloc, and what an abandoned execution
//            allocated nobody will free.
// Rejected.  A heap that reuses within an execution: a touch after the end would hit a live object
//            and look healthy.
// Recipe.    bump upwards, each block filled with `fresh_byte`, so that every execution sees the
//            same content and nothing relies on memory that is zero; deallocate overwrites with
//            `freed_byte` and poisons (ASan), so that nothing in it looks like a live object;
//            reset() takes the pointer back. Each block carries its size, so that a wrong size or a
//            second deallocate is noticed.
// Not promised: that raw (non-world) reads of freed memory are noticed without ASan.
#pragma once

#include <cstddef>
#include <cstdint>

namespace retake::sim {

// Address space that costs what is touched.
class reserved_memory {
 public:
  reserved_memory() = default;
  explicit reserved_memory(std::size_t bytes);
  ~reserved_memory();
  reserved_memory(reserved_memory const&) = delete;
  reserved_memory& operator=(reserved_memory const&) = delete;
  void reserve(std::size_t bytes);

  template <class T>
  T* as() const noexcept {
    return static_cast<T*>(base_);
  }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  void* base_ = nullptr;
  std::size_t bytes_ = 0;
};

class arena {
 public:
  static constexpr std::size_t bytes_max = std::size_t{64} << 20;
  static constexpr unsigned char freed_byte = 0xDD;
  static constexpr unsigned char fresh_byte = 0xA5;

  arena();
  // nullptr when the bound is reached.
  void* allocate(std::size_t bytes, std::size_t alignment) noexcept;
  // nullptr, or a constant text that says what is wrong.
  char const* deallocate(void* memory, std::size_t bytes) noexcept;
  void reset() noexcept;
  std::size_t used() const noexcept { return used_; }
  bool contains(void const* p) const noexcept { return offset_of(p) < bytes_max; }
  // Of what lies in the arena, less than used().
  std::size_t offset_of(void const* p) const noexcept {
    return static_cast<std::size_t>(static_cast<char const*>(p) - memory_.as<char>());
  }

 private:
  struct block {
    std::uint64_t bytes;
    std::uint64_t mark;
  };
  static constexpr std::uint64_t live_mark = 0x6c697665'61726e61;
  static constexpr std::uint64_t dead_mark = 0x64656164'61726e61;

  reserved_memory memory_;
  std::size_t used_ = 0;
};

}  // namespace retake::sim
