// exception_globals.hpp: the two words that the C++ runtime keeps per OS thread belong to the
// context that throws.
//
// Problem.   `catch (...) { block(); throw; }`: the exception being handled hangs off a per-thread
//            list, and uncaught_exceptions() is a per-thread count (Itanium C++ ABI 2.2.2). While
//            the context is parked inside the handler others throw and catch on the same thread,
//            and it may come back on another: without its own copy, one context rethrows another's
//            exception.
// Rejected.  Forbidding to block in a handler or in a destructor that runs during unwinding: nobody
//            can see, in a call deep below, that he stands in one. Asking __cxa_get_globals() in
//            every switch: with a shared libstdc++ the call and its thread-local access cost a
//            third of the switch. Keeping its answer in a thread_local of our own: the same access,
//            and a global.
// Recipe.    adopt_thread_context asks once per OS thread. From then on the address goes from hand
//            to hand: in a switch the thread stays the same, so `to` inherits the address from
//            `from`, whatever thread `to` ran on before. By induction a running context always
//            holds the address of the thread it runs on. Then: store the thread's copy into `from`,
//            load `to`'s. All of it happens before the jump. libstdc++ declares __cxa_get_globals
//            `const`; a compiler that sees it called on both sides of a jump calls it once and is
//            wrong, which cannot happen here, for nothing calls it in a switch.
//
// Fields.    caught    head of the stack of caught exceptions; the objects live on the heap, so the
//                        list moves freely
//            uncaught  what std::uncaught_exceptions() returns
//            Between switches only the C++ runtime touches the thread's copy. A context's copy: the
//            switch that leaves or enters it.
//
// Checked by tests/switch/exceptions_test.cpp.
// Not promised: errno. It is per thread and volatile across any call; whoever parks between a
//            system call and its look at errno reads a stranger's. The layers above keep it as a
//            value. The same holds for every other thread_local.
#pragma once

#include <cxxabi.h>

#include <cstddef>

namespace retake::floor {

struct exception_globals {
  void* caught = nullptr;
  unsigned uncaught = 0;
};
// The ABI gives __cxa_eh_globals these two members on all targets but 32-bit ARM. libstdc++ and
// libc++abi agree.
static_assert(sizeof(void*) == 8 && sizeof(exception_globals) == 16 && offsetof(exception_globals, uncaught) == 8);

// The running thread's own copy; valid as long as the thread. Never to be called where its answer
// could survive a switch.
inline exception_globals* this_thread_exception_globals() noexcept {
  return reinterpret_cast<exception_globals*>(abi::__cxa_get_globals());
}

}  // namespace retake::floor
