// fence.hpp: the two ways to order a store before a later load: a full fence, and an asymmetric
// pair.
//
// Problem.   "I publish work, then look for sleepers" against "I publish that I sleep, then look
//            for work" (Dekker) needs a store to be visible before a later load. Release and
//            acquire do not do that.
// Rejected.  Acquire and release fences: TSan does not understand stand-alone fences, so
//            happens-before never goes through one; they are not in the contract.
//            std::atomic_thread_fence under -fsanitize=thread: GCC 12 refuses it (-Wtsan) and TSan
//            ignores it.
// Recipe.    fence_seq_cst() on both sides. Or asymmetric_light() on the side that runs a million
//            times a second and asymmetric_heavy() on the side that runs rarely: membarrier(2) then
//            executes the fence in every thread of the process.
//
// States.    What light does is decided once, before main: membarrier registered => light only
//            keeps the compiler from moving accesses; refused (old kernel, seccomp) => light and
//            heavy are both full fences. Units that run before that decision get full fences, which
//            every partner understands.
//
// Under TSan a full fence is the read-modify-write of a dummy word on the own stack, written in
// assembly: it orders the hardware, and TSan gets neither a warning nor a happens-before that the
// protocol could lean on by mistake.
//
// Checked by tests/world (conformance_core: store_buffering), tests/world/os_world_test.cpp (a
// million rounds on real threads).
// Not promised: an order with accesses that are not atomic; a meaning of light without a heavy on
// the other side.
#pragma once

#include <atomic>

#include "world/site.hpp"

#if defined(__SANITIZE_THREAD__)
#define RETAKE_WORLD_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RETAKE_WORLD_TSAN 1
#endif
#endif

namespace retake::world {

namespace detail {

// True when membarrier(2) is registered for this process. Written once, before main.
extern bool asymmetric_by_membarrier;

// The rare side of the pair. Never called while the flag above is false.
void membarrier_all_threads() noexcept;

[[gnu::always_inline]] inline void full_fence() noexcept {
#if defined(RETAKE_WORLD_TSAN) && defined(__x86_64__)
  int dummy = 0;
  __asm__ __volatile__("lock orl $0, %0" : "+m"(dummy) : : "memory", "cc");
#elif defined(RETAKE_WORLD_TSAN) && defined(__aarch64__)
  __asm__ __volatile__("dmb ish" : : : "memory");
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace detail

// Full fence between atomics. Any thread. Does not block.
[[gnu::always_inline]] inline void fence_seq_cst(site = site::current()) noexcept { detail::full_fence(); }

// The cheap half: with heavy on the other side, as strong as a full fence here. Any thread. Does
// not block.
[[gnu::always_inline]] inline void asymmetric_light(site = site::current()) noexcept {
  if (detail::asymmetric_by_membarrier) [[likely]] {
    std::atomic_signal_fence(std::memory_order_seq_cst);
  } else {
    detail::full_fence();
  }
}

// The dear half: a full fence here and in every running thread of the process. Any thread. 0.6 to
// 20 us; the kernel interrupts other cores.
[[gnu::always_inline]] inline void asymmetric_heavy(site = site::current()) noexcept {
  detail::full_fence();
  if (detail::asymmetric_by_membarrier) detail::membarrier_all_threads();
}

}  // namespace retake::world

#undef RETAKE_WORLD_TSAN
