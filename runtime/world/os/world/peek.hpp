// peek.hpp (os): looking at memory that others are writing, as a debugger does.
//
// Problem.   A dump copies the stack of a goroutine that may be resumed meanwhile, and words whose
//            owner does not publish them. Read by ordinary instructions that is a race, and an
//            address that has gone is the end of the process.
// Recipe.    The kernel copies (process_vm_readv on this process): no race in the language's sense,
//            and a bad address is an answer. Where a sandbox refuses the call nothing is read, and
//            the dump says less.
//
// Checked by tests/runtime/observe/dump_test.cpp.
// Not promised: that what was copied fits together: copy, then look whether the owner has moved on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace retake::world {

// Copies `bytes` from `from`; how many were read. Any thread, also in a signal handler. Leaves
// errno as it was.
[[nodiscard]] std::size_t peek(void* to, std::uintptr_t from, std::size_t bytes) noexcept;

// The word at `where`; `otherwise` when it cannot be read.
template <class T>
[[nodiscard]] T peek_word(void const* where, T otherwise) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  T seen;
  return peek(&seen, reinterpret_cast<std::uintptr_t>(where), sizeof(T)) == sizeof(T) ? seen : otherwise;
}

}  // namespace retake::world
