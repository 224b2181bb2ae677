// register_probe.hpp: fills every callee-saved register with a pattern, calls, and reads them back.
//
// Problem.   No C++ code can say which register holds what.
// Rejected.  Inline assembly with clobbers: the compiler may then save the registers itself and
//            hide what the switch loses.
// Recipe.    A function in assembly: save, load from `in`, call fn(argument), store to `out`,
//            restore.
// Fields.    x86-64: rbx rbp r12 r13 r14 r15. aarch64: x19..x29, d8..d15.
// Not promised: unwinding through it.
#pragma once

#include <cstdint>

namespace retake::floor {

#if defined(__x86_64__)
inline constexpr int probed_registers = 6;
#else
inline constexpr int probed_registers = 19;
#endif

extern "C" void retake_test_probe_registers(const std::uint64_t* in, void (*fn)(void*), void* argument,
                                            std::uint64_t* out);

// True if all registers came back from fn(argument) as they went in.
inline bool registers_survive(std::uint64_t seed, void (*fn)(void*), void* argument) {
  std::uint64_t in[probed_registers];
  std::uint64_t out[probed_registers] = {};
  for (int i = 0; i < probed_registers; ++i)
    in[i] = seed * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(i) * 0x0101010101u;
  retake_test_probe_registers(in, fn, argument, out);
  bool same = true;
  for (int i = 0; i < probed_registers; ++i) same = same && in[i] == out[i];
  return same;
}

}  // namespace retake::floor
