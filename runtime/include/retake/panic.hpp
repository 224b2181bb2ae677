// panic.hpp: exceptions as panics, and the end of a goroutine.
//
// A panic is a C++ exception. Go's recover() is a catch clause; one that leaves a goroutine ends
// the process: its text, the goroutine, all stacks, exit status 2, and, as nothing has caught it,
// without unwinding: the throwing stack is there to be seen. (Go runs deferred functions first.
// Here destructors that must run even then belong behind a catch clause in the goroutine's
// function.) errno belongs to the thread; any of these calls may move the goroutine to another
// (syscall.hpp).
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "retake/needs_exceptions.hpp"

namespace retake {

namespace detail {

struct goroutine_exit {};  // what exit_goroutine() throws

struct exit_hook {
  exit_hook* next;
  void (*run)(exit_hook* self);  // and destroys it
  void (*destroy)(exit_hook* self) noexcept;
};
[[nodiscard]] void* hook_memory(std::size_t bytes);
void free_hook_memory(void* memory, std::size_t bytes) noexcept;
void add_exit_hook(exit_hook& hook) noexcept;

}  // namespace detail

// Runs `fn`; the panic that left it, or nullptr. exit_goroutine() passes. Anywhere. Source:
// recover.
template <class Fn>
[[nodiscard]] std::exception_ptr recover(Fn&& fn) {
  try {
    std::forward<Fn>(fn)();
  } catch (detail::goroutine_exit const&) { throw; } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

// Ends the calling goroutine: destructors run, then its exit hooks. It unwinds as an exception
// does: who stops it by catch (...) without `throw;` goes on living, and through foreign code it
// passes as an exception. The program goes on when main ends so; when no goroutine is left, fatal:
// "no goroutines (main called exit_goroutine) - deadlock!". By a goroutine only. Source: Goexit.
[[noreturn]] void exit_goroutine();

// `fn` runs when this goroutine has ended, on it, the last one first; what they throw is a panic.
// Not when a panic or the end of the program ends it. By a goroutine only. Throws std::bad_alloc.
template <class Fn>
void at_goroutine_exit(Fn&& fn) {
  using stored = std::decay_t<Fn>;
  struct hook : detail::exit_hook {
    stored fn;
  };
  static_assert(alignof(hook) <= alignof(std::max_align_t), "a hook is kept in ordinary memory");
  constexpr auto drop = [](detail::exit_hook* self) noexcept {
    std::destroy_at(static_cast<hook*>(self));
    detail::free_hook_memory(self, sizeof(hook));
  };
  constexpr auto call = [](detail::exit_hook* self) {
    const std::unique_ptr<hook, void (*)(hook*)> after(static_cast<hook*>(self), [](hook* h) {
      std::destroy_at(h);
      detail::free_hook_memory(h, sizeof(hook));
    });
    after->fn();
  };
  struct memory {
    void* at = detail::hook_memory(sizeof(hook));
    ~memory() {
      if (at != nullptr) detail::free_hook_memory(at, sizeof(hook));
    }
  } room;
  detail::add_exit_hook(*new (room.at) hook{{nullptr, call, drop}, std::forward<Fn>(fn)});
  room.at = nullptr;
}

}  // namespace retake
