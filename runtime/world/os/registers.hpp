// registers.hpp: what a signal handler's context says of the thread that it interrupted.
#pragma once

#include <ucontext.h>

#include "world/interrupt.hpp"

namespace retake::world::os {

inline thread_registers registers_in(void* context) noexcept {
  auto const& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
  thread_registers at;
#if defined(__x86_64__)
  auto const of = [&machine](int number) { return static_cast<std::uintptr_t>(machine.gregs[number]); };
  at = {of(REG_RIP), of(REG_RSP), of(REG_RBP), of(REG_RBX), of(REG_R12), of(REG_R13), of(REG_R14), of(REG_R15)};
#else
  at.pc = machine.pc;
  at.sp = machine.sp;
  at.fp = machine.regs[29];
#endif
  return at;
}

}  // namespace retake::world::os
