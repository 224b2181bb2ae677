// syscall.hpp: calls that may block the thread: the kernel's and other people's.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace retake {

namespace detail {

void enter_syscall() noexcept;
void exit_syscall() noexcept;
void foreign_call(void (*fn)(void*), void* argument) noexcept;

// Below the M's suspended scheduler on its own stack; far less than the thread's stack has (8 MiB, in the simulator 256 KiB).
inline constexpr std::size_t foreign_stack_bytes = 128 * 1024;
inline constexpr std::size_t foreign_red_zone_bytes = 256;

struct syscall_scope {
  syscall_scope() noexcept { enter_syscall(); }
  ~syscall_scope() { exit_syscall(); }
  syscall_scope(syscall_scope const&) = delete;
  syscall_scope& operator=(syscall_scope const&) = delete;
};

}  // namespace detail

// Runs `fn`, which may block its thread in the kernel, and returns what it returns. The P stays with the thread for a short call; sysmon takes it away
// from a long one (after 20 us when there is work, else after 10 ms), and other goroutines go on. `fn` must not call the runtime.
// By a goroutine only. It may continue on another thread afterwards unless it is locked to its own. An exception of `fn` passes through.
// Costs four locked operations. Source: entersyscall and exitsyscall in Go's proc.go.
template <class Fn>
auto syscall(Fn&& fn) -> std::invoke_result_t<Fn&> {
  const detail::syscall_scope scope;
  return fn();
}

// The same for foreign code that needs a real stack: `fn` runs on the thread's own stack (128 KiB of it), not on the goroutine's. An exception of `fn` is carried
// to the caller. By a goroutine only; `fn` must not call the runtime. Source: cgocall in Go's cgocall.go.
template <class Fn>
auto foreign_call(Fn&& fn) -> std::invoke_result_t<Fn&> {
  using result = std::invoke_result_t<Fn&>;
  struct nothing {};
  using stored = std::conditional_t<std::is_void_v<result>, nothing, result>;
  struct frame {
    std::remove_reference_t<Fn>* fn;
    std::exception_ptr failure;
    alignas(stored) std::byte value[sizeof(stored)];
  } call{&fn, nullptr, {}};
  detail::foreign_call(
      [](void* argument) {
        frame& f = *static_cast<frame*>(argument);
        try {
          if constexpr (std::is_void_v<result>) {
            (*f.fn)();
          } else {
            std::construct_at(reinterpret_cast<stored*>(f.value), (*f.fn)());
          }
        } catch (...) {
          f.failure = std::current_exception();
        }
      },
      &call);
  if (call.failure != nullptr) std::rethrow_exception(std::move(call.failure));
  if constexpr (!std::is_void_v<result>) {
    stored* const value = reinterpret_cast<stored*>(call.value);
    struct destroy {
      stored* value;
      ~destroy() { std::destroy_at(value); }
    } const after{value};
    return std::move(*value);
  }
}

}  // namespace retake
