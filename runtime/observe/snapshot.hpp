// snapshot.hpp: what each goroutine is doing, read from outside while everything goes on.
//
// Recipe.    A goroutine's record and the used end of its stack are copied by the kernel
//            (world/peek.hpp), its record again behind that: when state and stack pointer are the
//            same the copy is of one moment; else it has moved on, and is looked at again.
//            Needs no lock: the list of all goroutines only grows at its head, and a goroutine's
//            record stays where it is while the program runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "observe/symbols.hpp"
#include "sched/scheduler.hpp"
#include "world/interrupt.hpp"

namespace retake::observe {

struct goroutine_view {
  std::uint64_t id = 0;
  goroutine_state state = goroutine_state::dead;
  wait_reason reason = wait_reason::none;
  std::int64_t waited_ns = 0;
  bool in_foreign = false;
  bool locked = false;
  std::uintptr_t made_at = 0;
  std::uint64_t made_by = 0;
  std::vector<std::uintptr_t> pcs;  // innermost first
};

// Where the caller stands: for the one goroutine that looks at itself.
[[gnu::always_inline]] inline registers registers_here() noexcept {
  registers r;
  r.pc = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  r.sp = reinterpret_cast<std::uintptr_t>(__builtin_dwarf_cfa());
  r.fp = *static_cast<std::uintptr_t*>(__builtin_frame_address(0));
  return r;
}

// Where another thread, or this one at a fault, stood.
[[nodiscard]] registers registers_of(world::thread_registers const& at) noexcept;

// One goroutine. Dead: it has no goroutine now. `here`: registers of the calling thread, whose
// running goroutine has its stack from there.
[[nodiscard]] goroutine_view view_of(goroutine const& g, symbols& names, registers const* here);

// All that live, by id; `most` of them at most.
[[nodiscard]] std::vector<goroutine_view> view_all(scheduler& s, symbols& names, registers const* here,
                                                   std::size_t most = SIZE_MAX);

// How many live whose id is above `newest`, the caller's goroutine not among them.
[[nodiscard]] std::size_t count_newer(scheduler& s, std::uint64_t newest) noexcept;

// The used end of a goroutine's stack, and from where to walk it. Empty: it runs, has not begun, or
// does not keep still.
struct still_stack {
  registers from;
  stack_bytes bytes;
};
[[nodiscard]] still_stack stack_of_goroutine(goroutine const& g);
// Of the goroutine that calls it, from there on. Empty: none calls it.
[[nodiscard]] still_stack stack_of_caller(registers const& here);

}  // namespace retake::observe
