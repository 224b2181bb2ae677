// saved_registers.hpp: the registers of a saved_frame by their names in a debugger, with their
// offsets.
//
// The pc of a suspended context is the address to which its switch returns; its stack pointer is
// the frame's end. Checked by tests/runtime/observe/gdb_test.sh.
#pragma once

#include <cstddef>

#include "switch/saved_frame.hpp"

namespace retake::floor {

struct saved_register {
  char const* name;
  std::size_t offset;  // each is of 8 bytes
};

#if defined(__x86_64__)

inline constexpr saved_register saved_registers[] = {
    {"r12", offsetof(saved_frame, r12)},
    {"r13", offsetof(saved_frame, r13)},
    {"r14", offsetof(saved_frame, r14)},
    {"r15", offsetof(saved_frame, r15)},
    {"rbx", offsetof(saved_frame, rbx)},
    {"rbp", offsetof(saved_frame, rbp)},
    {"rip", offsetof(saved_frame, return_address)},
};

#elif defined(__aarch64__)

inline constexpr std::size_t x19_offset = offsetof(saved_frame, x19_to_x28);
inline constexpr saved_register saved_registers[] = {
    {"x19", x19_offset},
    {"x20", x19_offset + 8},
    {"x21", x19_offset + 16},
    {"x22", x19_offset + 24},
    {"x23", x19_offset + 32},
    {"x24", x19_offset + 40},
    {"x25", x19_offset + 48},
    {"x26", x19_offset + 56},
    {"x27", x19_offset + 64},
    {"x28", x19_offset + 72},
    {"x29", offsetof(saved_frame, x29)},
    {"x30", offsetof(saved_frame, x30)},
    {"pc", offsetof(saved_frame, x30)},
};

#endif

}  // namespace retake::floor
