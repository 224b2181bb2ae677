// report.hpp: what only reports read: dumps, traces, schedtrace. Nothing of the runtime is decided
// by it.
//
// Problem.   A report looks at what others are writing. As an atomic each such write would be one
//            more step for a search to try every order of, though nothing depends on the order; as
//            plain memory it would be a race.
// Recipe.    report_only: in os an atomic, in the sim bare memory and no choice point.
//            report_time_ns() and report_ticks(): clocks likewise, which stand still in the sim.
//
// Checked by tests/runtime/observe on real threads, under ThreadSanitizer.
// Not promised: that two of them fit together. Who decides anything by one has hidden that decision
// from every checker.
#pragma once

#include <atomic>
#include <cstdint>

#include "world/clock.hpp"
#include "world/one_world.hpp"

namespace retake::world {

template <class T>
class report_only {
 public:
  explicit constexpr report_only(T initial) noexcept : value_(initial) {}
  report_only(report_only const&) = delete;
  report_only& operator=(report_only const&) = delete;

  // Anybody. What the writer wrote before is visible (a ring that a pointer names).
  [[nodiscard]] T get() const noexcept { return value_.load(std::memory_order_acquire); }
  // One writer at a time.
  void set(T value) noexcept { value_.store(value, std::memory_order_release); }

 private:
  std::atomic<T> value_;
};

// The monotonic clock, nanoseconds.
[[nodiscard]] inline std::int64_t report_time_ns() noexcept { return nanotime(); }

// A counter that rises steadily on all processors alike, at a rate that whoever wants nanoseconds
// has to find out. A third of the clock's price.
[[nodiscard]] inline std::uint64_t report_ticks() noexcept {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  std::uint64_t ticks;
  asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#endif
}

}  // namespace retake::world
