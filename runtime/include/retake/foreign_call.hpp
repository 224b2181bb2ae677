// foreign_call.hpp: calls of code that knows nothing of goroutines: other people's libraries, and
// back from them. errno belongs to the thread; any of these calls may move the goroutine to another
// (syscall.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "retake/needs_exceptions.hpp"

namespace retake {

// What became of a foreign call that did not return: its own exception, which is nested
// (std::rethrow_if_nested throws it again), or a fault.
class foreign_fault : public std::runtime_error, public std::nested_exception {
 public:
  // In the handler of the exception that is to be nested.
  explicit foreign_fault(char const* what) : std::runtime_error(what) {}
  foreign_fault(int signal, std::uintptr_t address);

  // The signal of a contained fault (SIGSEGV, SIGBUS, SIGFPE), 0 for an exception; and where the
  // processor tripped.
  [[nodiscard]] int signal() const noexcept { return signal_; }
  [[nodiscard]] std::uintptr_t address() const noexcept { return address_; }

 private:
  int signal_ = 0;
  std::uintptr_t address_ = 0;
};

// As the first argument of foreign_call(): faults of the foreign code become foreign_fault.
struct contain_faults_t {
  explicit contain_faults_t() = default;
};
inline constexpr contain_faults_t contain_faults{};

namespace detail {

[[noreturn]] void refuse_nothing() noexcept;
// What can be empty is: a null pointer, a std::function of nothing. Known at compile time of
// anything else.
template <class Fn>
[[nodiscard]] constexpr bool is_nothing(Fn const& fn) noexcept {
  if constexpr (std::is_pointer_v<Fn>) {
    return fn == nullptr;
  } else if constexpr (requires { fn.operator bool(); }) {
    return !fn;
  } else {
    return false;
  }
}

void foreign_call(void (*fn)(void*), void* argument) noexcept;
void foreign_call_contained(void (*fn)(void*), void* argument);  // throws foreign_fault after a fault
// In the handler of what foreign code threw: what its caller gets.
[[nodiscard]] std::exception_ptr foreign_failure() noexcept;

class callback_scope {
 public:
  callback_scope() noexcept;
  ~callback_scope();
  callback_scope(callback_scope const&) = delete;
  callback_scope& operator=(callback_scope const&) = delete;

 private:
  void* boundary_;
};

// Room for what a function returns, and for what it throws, on the way from one stack to another.
template <class Fn>
class carried_call {
 public:
  using result = std::invoke_result_t<Fn&>;

  explicit carried_call(Fn& fn) noexcept : fn_(fn) {}

  // Where the function shall run. `failure` says in a handler what is to be carried.
  template <std::exception_ptr (*Failure)() noexcept>
  static void run(void* self) noexcept {
    carried_call& call = *static_cast<carried_call*>(self);
    try {
      if constexpr (std::is_void_v<result>) {
        call.fn_();
      } else {
        std::construct_at(reinterpret_cast<stored*>(call.value_), call.fn_());
      }
    } catch (...) { call.failure_ = Failure(); }
  }

  // Where it was called from.
  result take() {
    if (failure_ != nullptr) std::rethrow_exception(std::move(failure_));
    if constexpr (!std::is_void_v<result>) {
      stored* const value = std::launder(reinterpret_cast<stored*>(value_));
      struct destroy {
        stored* value;
        ~destroy() { std::destroy_at(value); }
      } const after{value};
      return std::move(*value);
    }
  }

 private:
  struct nothing {};
  using stored = std::conditional_t<std::is_void_v<result>, nothing, result>;
  Fn& fn_;
  std::exception_ptr failure_;
  alignas(stored) std::byte value_[sizeof(stored)];
};

}  // namespace detail

// Runs `fn`, foreign code that needs a real stack and may block, on the thread's own stack (1 MiB
// of it at least) and not on the goroutine's; returns what it returns. Bookkeeping as in syscall():
// the P goes to other work when the call is long. What leaves `fn` as an exception arrives as
// foreign_fault, with the exception nested in it; for a fault (SIGSEGV, SIGBUS, SIGFPE),
// fatal: "unexpected signal during foreign code execution". `fn` calls the runtime through
// callback() only. By a goroutine; it may continue on another thread afterwards unless it is
// locked; errno is lost, so `fn` returns its value (syscall.hpp).
// Fatal: "foreign_call nil" when `fn` is a null pointer or an empty std::function.
// Costs a system call's bookkeeping and two stack changes. Source: cgocall in Go's cgocall.go.
template <class Fn>
auto foreign_call(Fn&& fn) -> std::invoke_result_t<Fn&> {
  if (detail::is_nothing(fn)) [[unlikely]]
    detail::refuse_nothing();
  detail::carried_call<std::remove_reference_t<Fn>> call(fn);
  detail::foreign_call(call.template run<detail::foreign_failure>, &call);
  return call.take();
}

// The same for code that is not trusted: SIGSEGV, SIGBUS and SIGFPE in it, which end the process
// otherwise, arrive as foreign_fault. Nothing of `fn` is unwound then: no destructor runs, what it
// locked stays locked, what it allocated stays allocated (the C library's heap among it, when the
// fault struck there). The thread counts as damaged: no thread is cloned from it, and it ends as
// soon as no goroutine is locked to it, which for a goroutine that is not locked is now, and else
// with its unlock_os_thread() or its end. A worker that stays locked to its thread keeps it. Faults
// in callbacks are not contained. Costs a few nanoseconds more.
// Source: none; in Go a fault in foreign code ends the process.
template <class Fn>
auto foreign_call(contain_faults_t, Fn&& fn) -> std::invoke_result_t<Fn&> {
  if (detail::is_nothing(fn)) [[unlikely]]
    detail::refuse_nothing();
  detail::carried_call<std::remove_reference_t<Fn>> call(fn);
  detail::foreign_call_contained(call.template run<detail::foreign_failure>, &call);
  return call.take();
}

// The way back: runs `fn` as the goroutine that made the foreign call, and returns to the foreign
// code. By foreign code, on the thread of that call; elsewhere,
// fatal: "callback: the thread is in no foreign call" or "callback: the goroutine is in no foreign
// call". Within `fn` the goroutine may block, lock, make system and foreign calls, which may call
// back again, to any depth that the thread's stack has room
// for: it runs on the foreign code's stack. Until `fn` returns the goroutine is locked to its
// thread (unlock_os_thread() does not undo that). Waits for a P. An exception of `fn` passes
// through the frames of the foreign code, which must be able to bear that (C code: -fexceptions).
// Source: cgocallbackg in Go's cgocall.go.
template <class Fn>
auto callback(Fn&& fn) -> std::invoke_result_t<Fn&> {
  const detail::callback_scope scope;
  return fn();
}

struct foreign_call_count {
  std::uint64_t made;    // since the runtime began
  std::uint32_t inside;  // threads that are in foreign code now, and not in a callback
};
// By a goroutine; a snapshot. Costs a lock. Source: NumCgoCall.
[[nodiscard]] foreign_call_count count_foreign_calls() noexcept;

namespace detail {
class gate_core;
gate_core* open_gate();
void close_gate(gate_core& gate) noexcept;
// False: the program ended before `fn` did.
[[nodiscard]] bool call_through(gate_core& gate, void (*fn)(void*) noexcept, void* argument);
// In the handler of what a goroutine of a foreign thread threw: what that thread gets.
[[nodiscard]] std::exception_ptr gate_failure() noexcept;
[[noreturn]] void throw_gate_closed();
}  // namespace detail

// A way into this runtime for threads that it did not create, as libraries have them for their
// events. While one exists no deadlock is reported: such a thread may come and wake somebody.
class callback_gate {
 public:
  // By a goroutine. Throws std::bad_alloc.
  callback_gate() : core_(detail::open_gate()) {}
  // By a goroutine. Blocks it until all calls have returned; whoever has the object sees to it that
  // none begins meanwhile. After the end of its program (run()): by any thread, and it waits for
  // none; a call() of a foreign thread fails then as one does when the program ends.
  ~callback_gate() { detail::close_gate(*core_); }
  callback_gate(callback_gate const&) = delete;
  callback_gate& operator=(callback_gate const&) = delete;

  // Runs `fn` as a goroutine of its own, locked to the calling thread, and returns what it returns;
  // its exception passes to the caller. By any thread; in foreign code that a goroutine called it
  // is callback(), and a goroutine just runs `fn`. Any other thread is an M meanwhile and counts
  // for the maximum of threads. `fn` has a goroutine's stack; foreign calls in it run on the
  // thread's, which must have 1.1 MiB left for them. Blocks the thread. Throws std::system_error
  // (std::errc::operation_canceled) when the program ends before `fn` does, which is then
  // abandoned, or `fn` calls exit_goroutine(). Costs a lock or two, an M's memory, and a goroutine.
  // Source: needm and dropm in Go's proc.go.
  template <class Fn>
  auto call(Fn&& fn) -> std::invoke_result_t<Fn&> {
    detail::carried_call<std::remove_reference_t<Fn>> carried(fn);
    if (!detail::call_through(*core_, carried.template run<detail::gate_failure>, &carried))
      detail::throw_gate_closed();
    return carried.take();
  }

 private:
  detail::gate_core* core_;
};

}  // namespace retake
