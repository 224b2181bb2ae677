// go.hpp: starts goroutines, lets others run, sleeps.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "retake/clock.hpp"

namespace retake {

namespace detail {

inline constexpr std::size_t closure_inline_bytes = 1024;

struct pending_goroutine;
// A goroutine that is not started yet and room for its closure. Without memory for a stack,
// fatal: "runtime: cannot allocate a goroutine's stack".
[[nodiscard]] pending_goroutine* begin_go(std::size_t closure_bytes, void*& closure) noexcept;
void end_go(pending_goroutine* pending, void (*invoke)(void*)) noexcept;
// Instead of end_go(): the closure could not be made.
void give_up_go(pending_goroutine* pending) noexcept;

// Unless it is kept.
struct gives_up_go {
  pending_goroutine* pending;
  ~gives_up_go() {
    if (pending != nullptr) give_up_go(pending);
  }
};
void sleep(std::int64_t duration_ns) noexcept;

}  // namespace detail

// Starts `fn` as a goroutine; it runs soon, on this P or another. By a goroutine only; does not
// block. A closure of more than 1 KiB is kept on the heap. For an exception that leaves `fn`,
// fatal: "panic: an exception left a goroutine". Source: newproc in Go's proc.go.
template <class Fn>
void go(Fn&& fn) {
  using stored = std::decay_t<Fn>;
  if constexpr (sizeof(stored) > detail::closure_inline_bytes || alignof(stored) > 64) {
    go([kept = std::make_unique<stored>(std::forward<Fn>(fn))] { (*kept)(); });
  } else {
    void* closure = nullptr;
    detail::pending_goroutine* const pending = detail::begin_go(sizeof(stored), closure);
    if constexpr (std::is_nothrow_constructible_v<stored, Fn&&>) {
      new (closure) stored(std::forward<Fn>(fn));
    } else {
      detail::gives_up_go unless{pending};
      new (closure) stored(std::forward<Fn>(fn));
      unless.pending = nullptr;
    }
    detail::end_go(pending, [](void* at) {
      stored* const f = std::launder(static_cast<stored*>(at));
      struct destroy {
        stored* f;
        ~destroy() { std::destroy_at(f); }
      } const after{f};
      (*f)();
    });
  }
}

// Lets others run: this goroutine goes to the end of the global queue. By a goroutine only. Source:
// Gosched.
void yield() noexcept;

// Yields if the scheduler has asked this P for it (10 ms are over, or the world stops). For loops
// that call nothing else. Costs two loads.
void preempt_point() noexcept;

// Sleeps at least so long; not above 0: yields. By a goroutine only; holds no thread.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> const& duration) noexcept {
  detail::sleep(detail::nanoseconds_of(duration));
}

// Number of goroutines that have been started and have not ended. Anywhere on a goroutine; a
// snapshot.
[[nodiscard]] std::uint64_t goroutine_count() noexcept;

// Brings every P to a halt, so that until start_the_world() this goroutine alone runs; goroutines
// in system calls stay there. Waits for running goroutines' next call of the runtime. Between the
// two only plain code may run, no call of the runtime. Stoppers queue.
void stop_the_world() noexcept;
void start_the_world() noexcept;

}  // namespace retake
