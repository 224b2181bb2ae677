// syscall.hpp: calls of the kernel that may block the thread.
//
// errno belongs to the thread. In any call of the runtime other goroutines may run on this thread,
// and the goroutine may continue on another thread: afterwards errno is another call's. The
// compiler takes the address of errno for constant within a function; so even if the runtime kept
// the value for each goroutine, the goroutine would read the errno of the thread it came from. One
// way works: the function that makes the call reads errno, before any call of the runtime, and
// returns its value.
//
//     const int failed = retake::syscall([&] { return ::fsync(fd) == 0 ? 0 : errno; });
//
// The runtime's own calls return their errors (result.hpp) and leave nothing in errno.
#pragma once

#include <type_traits>

#include "retake/needs_exceptions.hpp"

namespace retake {

namespace detail {

void enter_syscall() noexcept;
void enter_syscall_blocking() noexcept;
// By the frame that entered, or one below it.
// Fatal: "exit_syscall: syscall frame is no longer valid".
void exit_syscall() noexcept;

template <void (*Enter)() noexcept>
struct syscall_scope {
  [[gnu::always_inline]] syscall_scope() noexcept { Enter(); }
  [[gnu::always_inline]] ~syscall_scope() { exit_syscall(); }
  syscall_scope(syscall_scope const&) = delete;
  syscall_scope& operator=(syscall_scope const&) = delete;
};

}  // namespace detail

// Runs `fn`, which may block its thread in the kernel, and returns what it returns. The P stays
// with the thread for a short call; sysmon takes it away from a long one (after 20 us when there is
// work, else after 10 ms), and other goroutines go on. `fn` must not call the runtime. By a
// goroutine only. It may continue on another thread afterwards unless it is locked to its own;
// errno is lost, so `fn` returns its value (see above). An exception of `fn` passes through. Costs
// four locked operations.
// Source: entersyscall and exitsyscall in Go's proc.go.
template <class Fn>
auto syscall(Fn&& fn) -> std::invoke_result_t<Fn&> {
  const detail::syscall_scope<detail::enter_syscall> scope;
  return fn();
}

// As syscall(), for a call that is known to block for long: the P is handed to other work before
// `fn` runs, so that nothing waits for sysmon to notice; the way back always looks for a P anew.
// Costs a lock, and often the start of a thread: for waits, not for files. By a goroutine only;
// `fn` must not call the runtime, and returns the value of errno (see above). Source:
// entersyscallblock in Go's proc.go.
template <class Fn>
auto syscall_blocking(Fn&& fn) -> std::invoke_result_t<Fn&> {
  const detail::syscall_scope<detail::enter_syscall_blocking> scope;
  return fn();
}

// Runs `fn`, a system call that is known to be short, without any bookkeeping: thread and P are
// kept however long it takes, no other goroutine of this P runs meanwhile, and a stop of the world
// waits for it. errno is the call's until the next call of the runtime. Costs nothing. Anywhere.
// Source: RawSyscall in Go's package syscall.
template <class Fn>
auto raw_syscall(Fn&& fn) -> std::invoke_result_t<Fn&> {
  return fn();
}

}  // namespace retake
