// saved_frame.hpp: what the assembly leaves at the stack pointer of a suspended context, as a
// struct.
//
// Problem.   Three parties must agree on this layout: the assembly, make_context (which forges such
//            a frame for the first switch) and a goroutine dump (which starts unwinding from the
//            registers of somebody who is not running).
// Rejected.  A jmp_buf-like area in the context: a second cache line per switch. Offsets written by
//            hand in three places.
// Recipe.    The assembly pushes exactly this; the offsets are asserted here and named at each push
//            there.
//
// Fields.    Only the callee-saved registers (System V psABI 3.2.1, AAPCS64 6.1): the compiler
//            saved the others around the call. The floating-point control words are callee-saved
//            too. In a forged frame the registers named in make_context carry context, entry and
//            argument, and the frame pointer is zero: the end for those who walk frame pointers.
// Checked by tests/switch/registers_test.cpp, tests/switch/unwind_test.cpp (dump of a suspended
// context).
// Not promised: that the frame of a *running* context means anything.
#pragma once

#include <cstddef>
#include <cstdint>

namespace retake::floor {

#if defined(__x86_64__)

struct saved_frame {
  std::uint32_t mxcsr;
  std::uint16_t x87_control;
  std::uint16_t unused;
  std::uint64_t r12, r13, r14, r15, rbx, rbp;
  std::uint64_t return_address;

  std::uint64_t program_counter() const noexcept { return return_address; }
  std::uint64_t frame_pointer() const noexcept { return rbp; }
  // The control words of the caller: a new context inherits them, as a thread does ([cfenv.syn]).
  void take_float_control() noexcept {
    asm volatile("stmxcsr %0" : "=m"(mxcsr));
    asm volatile("fnstcw %0" : "=m"(x87_control));
  }
};
static_assert(offsetof(saved_frame, x87_control) == 4 && offsetof(saved_frame, r12) == 8);
static_assert(offsetof(saved_frame, rbp) == 48 && offsetof(saved_frame, return_address) == 56 &&
              sizeof(saved_frame) == 64);

#elif defined(__aarch64__)

struct saved_frame {
  std::uint64_t x19_to_x28[10];
  std::uint64_t x29, x30;
  std::uint64_t d8_to_d15[8];
  std::uint64_t fpcr;
  std::uint64_t unused;

  std::uint64_t program_counter() const noexcept { return x30; }
  std::uint64_t frame_pointer() const noexcept { return x29; }
  void take_float_control() noexcept { asm volatile("mrs %0, fpcr" : "=r"(fpcr)); }
};
static_assert(offsetof(saved_frame, x29) == 80 && offsetof(saved_frame, d8_to_d15) == 96);
static_assert(offsetof(saved_frame, fpcr) == 160 && sizeof(saved_frame) == 176);

#else
#error "retake runs on x86-64 and aarch64"
#endif

}  // namespace retake::floor
