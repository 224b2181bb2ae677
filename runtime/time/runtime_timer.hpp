// runtime_timer.hpp: something to be done at a time of the monotonic clock: the one kind of timer
// that sleeps, deadlines, timeouts and tickers are made of.
//
// It is part of its owner's memory and is never copied or allocated by the heaps. start() and
// stop() cost O(log n) of the timers of one P.
//
// Memory.    While it waits, a heap holds it. stop() == true: it will not run and nobody will touch
//            it: free it. stop() == false: it does not wait: it was never started, it has been
//            stopped, or its function has run, runs or is about to run on some M, which then has
//            the memory (usual ways: the owner holds one use for each start that stop() did not
//            undo; or the function's last act is what lets the owner go on, as for a sleeper). The
//            end of the program stops every timer that waits, and calls its `let_go` in place of
//            the function.
// Source.    runtimeTimer in Go's time.go; Go keeps the period in it, here the function starts the
//            timer again.
#pragma once

#include <cstdint>

#include "protocol/timer_home.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

class timer_heap;

class runtime_timer {
 public:
  // Runs on the M that finds the timer due, on that M's stack, with its P: short, must not block or
  // throw. It may ready goroutines, start goroutines, send without blocking, start and stop timers,
  // this one too. The timer no longer waits, and its memory is the function's to give on.
  using function = void (*)(runtime_timer& t, std::int64_t now_ns) noexcept;

  // At the end of the program, on the only thread that is left: the timer no longer waits, and the
  // use that it had is given up here.
  using end_function = void (*)(runtime_timer& t) noexcept;

  explicit runtime_timer(
      function run, end_function let_go = [](runtime_timer&) noexcept {}) noexcept
      : run_(run), let_go_(let_go), place_(0) {}
  ~runtime_timer() { world::require(!home_.waits(), "V3: the memory of a timer ends while it waits"); }
  runtime_timer(runtime_timer const&) = delete;
  runtime_timer& operator=(runtime_timer const&) = delete;

  // By a goroutine, a park's commit or a timer's function; any number at once. Lets the function
  // run once, at `due_ns` or soon after; a timer that waits is moved to that time. True: it was
  // waiting. Does not block. When it returns the timer may have run already, and be gone.
  bool start(std::int64_t due_ns) noexcept;

  // By the same. True: it was waiting and will not run; false: see "Memory" above. Does not block.
  bool stop() noexcept;

  // A hint, unless nobody else can start it.
  [[nodiscard]] bool waits() const noexcept { return home_.waits(); }

 private:
  friend class timer_heap;

  function const run_;
  end_function const let_go_;
  timer_home<timer_heap> home_;
  world::plain<std::uint32_t> place_;  // in the heap, under its lock
};

// So much later (not below 0), without overflow.
[[nodiscard]] std::int64_t later_ns(std::int64_t at_ns, std::int64_t duration_ns) noexcept;
// `duration_ns` from now, without overflow; never 0.
[[nodiscard]] std::int64_t due_after_ns(std::int64_t duration_ns) noexcept;

}  // namespace retake
