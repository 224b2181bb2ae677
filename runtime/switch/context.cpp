// context.cpp: the C++ half of a switch. The other half is switch_<architecture>.S.
//
// Problem.   What surrounds the jump must not be inlined into callers, who would then be free to
//            keep thread-local addresses of their own across it. And the annotations must see each
//            side of the jump exactly once.
// Rejected.  All of it in assembly: the sanitizers' calls differ per build, and C++ says the rest
//            more clearly at the same speed.
// Recipe.    Everything before the jump, nothing after it but `arrive`, which is empty without
//            ASan: then the jump is a tail call. The assembly carries one pointer over, the context
//            that left, for `arrive` (see sanitizer.hpp).
// Fields.    none
// Not promised: see context.hpp.
#include "switch/context.hpp"

#define RETAKE_FLOOR_JUMPS __attribute__((noinline, no_sanitize("address"), no_sanitize("thread")))

namespace retake::floor {

extern "C" {
// switch_<architecture>.S
[[gnu::visibility("hidden")]] context* retake_floor_switch(void** save, void* load, context* leaving) noexcept;
[[gnu::visibility("hidden")]] void retake_floor_start() noexcept;
[[gnu::visibility("hidden")]] void retake_floor_call(void* top, void (*fn)(void*),
                                                     void* argument);  // lets unwinders pass
// Called by retake_floor_start, the first frame of every stack. Not noexcept: the unwinder must run
// into the end of the stack in its search phase, for then std::terminate is called on top of the
// throwing frame and not after everything was unwound.
[[gnu::visibility("hidden")]] void retake_floor_begin(context* previous, context* self, void (*entry)(void*),
                                                      void* argument);
}

namespace {

std::uintptr_t aligned_top(void* low, std::size_t bytes) noexcept {
  return (reinterpret_cast<std::uintptr_t>(low) + bytes) & ~std::uintptr_t{15};
}

// The thread stays, its exceptions change (exception_globals.hpp).
void exchange_exceptions(context& from, context& to) noexcept {
  exception_globals* const mine = from.thread_exceptions;
  from.exceptions = *mine;
  *mine = to.exceptions;
  to.thread_exceptions = mine;
}

}  // namespace

RETAKE_FLOOR_JUMPS void retake_floor_begin(context* previous, context* self, void (*entry)(void*), void* argument) {
  sanitizer_state::arrive(self->sanitizer, previous->sanitizer);
  entry(argument);
  __builtin_trap();  // entry returned: there is no frame to return to
}

RETAKE_FLOOR_JUMPS void make_context(context& c, void* stack_low, std::size_t bytes, void (*entry)(void*),
                                     void* argument) noexcept {
  if (bytes < stack_bytes_min || entry == nullptr) __builtin_trap();
  auto* frame = reinterpret_cast<saved_frame*>(aligned_top(stack_low, bytes) - sizeof(saved_frame));
  *frame = saved_frame{};
  frame->take_float_control();
  // retake_floor_start finds these in its registers and passes them on. The pc points behind its
  // first instruction, a nop, so that an unwinder, which looks one byte before a return address,
  // still finds the function.
  const auto start = reinterpret_cast<std::uintptr_t>(&retake_floor_start);
#if defined(__x86_64__)
  frame->r12 = reinterpret_cast<std::uintptr_t>(&c);
  frame->r13 = reinterpret_cast<std::uintptr_t>(entry);
  frame->r14 = reinterpret_cast<std::uintptr_t>(argument);
  frame->return_address = start + 1;
#else
  frame->x19_to_x28[0] = reinterpret_cast<std::uintptr_t>(&c);
  frame->x19_to_x28[1] = reinterpret_cast<std::uintptr_t>(entry);
  frame->x19_to_x28[2] = reinterpret_cast<std::uintptr_t>(argument);
  frame->x30 = start + 4;
#endif
  c.stack_pointer = frame;
  c.exceptions = {};
  c.thread_exceptions = nullptr;
  c.sanitizer.make(stack_low, bytes);
}

RETAKE_FLOOR_JUMPS void adopt_thread_context(context& c) noexcept {
  c.stack_pointer = nullptr;
  c.exceptions = {};
  c.thread_exceptions = this_thread_exception_globals();
  c.sanitizer.adopt();
}

// A context that runs has no stack pointer: a report that looks at it before it is saved again
// finds none, not that of before.
RETAKE_FLOOR_JUMPS void switch_context(context& from, context& to) noexcept {
  void* const target = to.stack_pointer;
  to.stack_pointer = nullptr;
  exchange_exceptions(from, to);
  sanitizer_state::leave(from.sanitizer, to.sanitizer, false);
  [[maybe_unused]] context* const previous = retake_floor_switch(&from.stack_pointer, target, &from);
  sanitizer_state::arrive(from.sanitizer, previous->sanitizer);
}

RETAKE_FLOOR_JUMPS void switch_final(context& from, context& to) noexcept {
  void* const target = to.stack_pointer;
  to.stack_pointer = nullptr;
  exchange_exceptions(from, to);
  sanitizer_state::leave(from.sanitizer, to.sanitizer, true);
  retake_floor_switch(&from.stack_pointer, target, &from);
  __builtin_trap();  // somebody resumed the dead
}

RETAKE_FLOOR_JUMPS void retire_context(context& c) noexcept {
  c.sanitizer.retire();
  c.stack_pointer = nullptr;  // a switch into it faults at once
  c.exceptions = {};
  c.thread_exceptions = nullptr;
}

#if defined(RETAKE_FLOOR_ASAN)

namespace {

// The visitor's way in and out as ASan sees it: two more switches, between the same context's two
// stacks.
struct visit {
  void (*fn)(void*);
  void* argument;
  sanitizer_state home;
};

RETAKE_FLOOR_JUMPS void run_visit(void* raw) noexcept {
  auto& v = *static_cast<visit*>(raw);
  __sanitizer_finish_switch_fiber(nullptr, &v.home.low, &v.home.bytes);
  v.fn(v.argument);
  __sanitizer_start_switch_fiber(nullptr, v.home.low, v.home.bytes);
}

}  // namespace

RETAKE_FLOOR_JUMPS void call_on_stack(void* stack_low, std::size_t bytes, void (*fn)(void*), void* argument) noexcept {
  visit v{fn, argument, {}};
  __sanitizer_start_switch_fiber(&v.home.fake_stack, stack_low, bytes);
  retake_floor_call(reinterpret_cast<void*>(aligned_top(stack_low, bytes)), run_visit, &v);
  __sanitizer_finish_switch_fiber(v.home.fake_stack, nullptr, nullptr);
}

#else

RETAKE_FLOOR_JUMPS void call_on_stack(void* stack_low, std::size_t bytes, void (*fn)(void*), void* argument) noexcept {
  retake_floor_call(reinterpret_cast<void*>(aligned_top(stack_low, bytes)), fn, argument);
}

#endif

}  // namespace retake::floor
