// run.hpp: begins and ends a program of goroutines.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "retake/policy.hpp"

namespace retake {

// How a program runs. Zero and null stand for the default.
struct options {
  // GOMAXPROCS: Ps; 0: what affinity and cgroup quota allow, asked again each second while the
  // program runs, until set_processors() says otherwise (Go 1.25; 1.22 asks for the affinity once).
  // Clamped to the world's limit.
  std::uint32_t processors = 0;
  // Threads; 0: 10,000. For more, fatal: "thread exhaustion".
  std::uint32_t machines_max = 0;
  // Address space of each goroutine's stack; 0: 256 KiB. Pages are touched on demand.
  std::size_t stack_bytes = 0;
  // Runs first, as main's goroutine and on the thread that called run(). A lock_os_thread() in it
  // that is not undone keeps main on that thread, as some graphics libraries want it. Source:
  // runtime.main, "locked during initialization".
  void (*init)() = nullptr;
  // The scheduler's numbers; null: Go's.
  policy const* rules = nullptr;
};

// The defaults with GOMAXPROCS taken from the environment when it is set to a whole number above 0.
[[nodiscard]] options options_from_environment() noexcept;

// How many Ps there are (GOMAXPROCS): so many goroutines run at once. By a goroutine.
[[nodiscard]] std::uint32_t processors() noexcept;
// Changes that, for good, between 1 and the world's limit, to which larger numbers are clamped; 0
// changes nothing. Returns the number before. By a goroutine; it stops the world for a moment and
// so waits for the next call of the runtime of every goroutine that runs. Source: GOMAXPROCS and
// procresize in Go's proc.go.
std::uint32_t set_processors(std::uint32_t wanted) noexcept;
// Takes back what set_processors(), `options::processors` or the environment said: from now on
// there are as many Ps as affinity and cgroup quota allow, asked again each second. Returns the
// number before. As above; it reads the files of the cgroup. Source: runtime.SetDefaultGOMAXPROCS,
// Go 1.25.
std::uint32_t follow_processor_limit() noexcept;

namespace detail {
void run(options const& chosen, void (*main)(void*), void* argument);
}

// Runs `main` as the first goroutine and returns when it has ended and every thread of the runtime
// has gone home. Call it on a thread that is not a goroutine (fatal: "M10: run() is called on a
// thread of a runtime"); it blocks that thread, which becomes the main M. Goroutines that have not
// ended by then are abandoned, as in Go: their stacks are released without unwinding. The channels
// and locks that they wait on may outlive the program, and are as if they had not come; a lock that
// one of them holds stays held. Other objects of the program may outlive it too: each header says
// what they answer then, and all may be destroyed on any thread. A thread in a system call is
// waited for. Fatal errors (deadlock, panic) end the process. A deadlock is not reported, as in Go,
// while a thread polls for goroutines that a close or a deadline has let go since.
// Source: runtime.main in Go's proc.go.
template <class Main>
void run(options const& chosen, Main&& main) {
  auto* const pointer =
      std::addressof(main);  // of a function too, which no void* may hold: the pointer to it is what travels
  using held = decltype(pointer);
  detail::run(
      chosen, [](void* at) { (**static_cast<held*>(at))(); }, const_cast<void*>(static_cast<void const*>(&pointer)));
}

template <class Main>
void run(Main&& main) {
  run(options_from_environment(), std::forward<Main>(main));
}

}  // namespace retake
