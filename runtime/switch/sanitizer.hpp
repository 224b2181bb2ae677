// sanitizer.hpp: tells ASan and TSan that the stack under their feet was changed on purpose.
//
// Problem.   ASan keeps bounds and a fake stack per OS thread: after a silent switch it calls a
//            live frame "stack overflow" and lets poison rot on stacks that are reused. TSan keeps
//            a shadow stack and a clock per OS thread: two contexts on one thread look like one
//            thread, and a context that moves looks like a race with itself.
// Rejected.  swapcontext, which both tools intercept: ASan's interception misses overflows, and it
//            costs two system calls. Looking thread bounds up with pthread_getattr_np: on arrival
//            ASan says what it left behind, be it a thread's stack, a context's or a visited one,
//            so the arriving side writes them into the context that left and no lookup can be
//            wrong.
// Recipe.    leaving                                     arriving, on the other stack
//            leave(from, to): save the fake stack (a     arrive(me, previous): restore my fake
//                                                          stack; the bounds ASan left go
//            dying context frees it), announce bounds    into `previous`, which the switch carried
//                                                          over in a register
//            TSan: become `to`'s fiber, signals blocked  -
//
// Fields.    ASan: fake_stack, low, bytes of the stack the context left last. TSan: fiber; owned:
//            ours to destroy, not a thread's. Written by the switch alone. In other builds the
//            struct is empty and every function is nothing.
// Checked by tests/switch/canary_*.cpp (must be reported), and all other tests under both tools
// (must be silent).
// Not promised: that TSan sees a race between two contexts which one OS thread ran in turn: a
//            switch orders them (it does, and code that keeps data per thread relies on it). That
//            LeakSanitizer looks for pointers on suspended stacks: it does not. More than about
//            8,000 TSan fibers with GCC 12's runtime (clang 14's has no such limit).
#pragma once

#include <cstddef>

#if defined(__has_feature)
#define RETAKE_FLOOR_HAS(feature) __has_feature(feature)
#else
#define RETAKE_FLOOR_HAS(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || RETAKE_FLOOR_HAS(address_sanitizer)
#define RETAKE_FLOOR_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__) || RETAKE_FLOOR_HAS(thread_sanitizer)
#define RETAKE_FLOOR_TSAN 1
#include <sanitizer/tsan_interface.h>
#include <csignal>
#endif

// An annotation is part of the jump: neither instrumented nor a function of its own. TSan would
// note the entry of an instrumented leave() on one fiber's shadow stack and its exit on the
// other's, which underflows when that one is new.
#define RETAKE_FLOOR_ANNOTATION __attribute__((always_inline, no_sanitize("address"), no_sanitize("thread"))) inline

namespace retake::floor {

#if defined(RETAKE_FLOOR_ASAN)

struct sanitizer_state {
  void* fake_stack = nullptr;
  const void* low = nullptr;
  std::size_t bytes = 0;
  bool own = false;  // made for this context: nobody's when it is gone. An adopted thread's stack stays its own

  RETAKE_FLOOR_ANNOTATION void make(const void* stack_low, std::size_t stack_bytes) noexcept {
    *this = {nullptr, stack_low, stack_bytes, true};
  }
  RETAKE_FLOOR_ANNOTATION void adopt() noexcept { *this = {}; }
  RETAKE_FLOOR_ANNOTATION static void leave(sanitizer_state& from, sanitizer_state& to, bool dying) noexcept {
    __sanitizer_start_switch_fiber(dying ? nullptr : &from.fake_stack, to.low, to.bytes);
    if (dying) from.fake_stack = nullptr;
  }
  RETAKE_FLOOR_ANNOTATION static void arrive(sanitizer_state& me, sanitizer_state& previous) noexcept {
    __sanitizer_finish_switch_fiber(me.fake_stack, &previous.low, &previous.bytes);
    me.fake_stack = nullptr;  // in use by the thread now
  }
  RETAKE_FLOOR_ANNOTATION void retire() noexcept {
    if (fake_stack != nullptr) {  // abandoned while suspended: wear its fake stack for a moment and "die" with it
      sanitizer_state mine;
      __sanitizer_start_switch_fiber(&mine.fake_stack, low, bytes);
      __sanitizer_finish_switch_fiber(fake_stack, &mine.low, &mine.bytes);
      __sanitizer_start_switch_fiber(nullptr, mine.low, mine.bytes);
      __sanitizer_finish_switch_fiber(mine.fake_stack, nullptr, nullptr);
    }
    if (own) __asan_unpoison_memory_region(low, bytes);
    *this = {};
  }
};
// A stack that is handed out again while frames of its last user still poison it (an abandoned
// run).
inline void unpoison_stack(const void* low, std::size_t bytes) noexcept { __asan_unpoison_memory_region(low, bytes); }

#elif defined(RETAKE_FLOOR_TSAN)

// TSan keeps a signal in the fiber that it found until that fiber's next call which TSan knows. A
// fiber that is left may make none, and one that is made or destroyed is the thread's own
// meanwhile: there the signal would be lost. pthread_sigmask is such a call: what came before it is
// handled in it.
class signals_blocked {
 public:
  RETAKE_FLOOR_ANNOTATION signals_blocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  RETAKE_FLOOR_ANNOTATION ~signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

 private:
  sigset_t before_;
};

struct sanitizer_state {
  void* fiber = nullptr;
  bool owned = false;

  RETAKE_FLOOR_ANNOTATION void make(const void*, std::size_t) noexcept {
    const signals_blocked meanwhile;
    *this = {__tsan_create_fiber(0), true};
  }
  RETAKE_FLOOR_ANNOTATION void adopt() noexcept { *this = {__tsan_get_current_fiber(), false}; }
  RETAKE_FLOOR_ANNOTATION static void leave(sanitizer_state&, sanitizer_state& to, bool) noexcept {
    const signals_blocked meanwhile;
    __tsan_switch_to_fiber(to.fiber, 0);
  }
  RETAKE_FLOOR_ANNOTATION static void arrive(sanitizer_state&, sanitizer_state&) noexcept {}
  RETAKE_FLOOR_ANNOTATION void retire() noexcept {
    if (owned) {
      const signals_blocked meanwhile;
      __tsan_destroy_fiber(fiber);
    }
    *this = {};
  }
};
inline void unpoison_stack(const void*, std::size_t) noexcept {}

#else

struct sanitizer_state {
  RETAKE_FLOOR_ANNOTATION void make(const void*, std::size_t) noexcept {}
  RETAKE_FLOOR_ANNOTATION void adopt() noexcept {}
  RETAKE_FLOOR_ANNOTATION static void leave(sanitizer_state&, sanitizer_state&, bool) noexcept {}
  RETAKE_FLOOR_ANNOTATION static void arrive(sanitizer_state&, sanitizer_state&) noexcept {}
  RETAKE_FLOOR_ANNOTATION void retire() noexcept {}
};
inline void unpoison_stack(const void*, std::size_t) noexcept {}

#endif

#undef RETAKE_FLOOR_HAS
#undef RETAKE_FLOOR_ANNOTATION

}  // namespace retake::floor
