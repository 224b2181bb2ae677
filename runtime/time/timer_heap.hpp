// timer_heap.hpp: the timers of one P: a 4-ary heap under a lock of its own, and the first due time for all to see.
//
// Anybody may run the timers of any P (a P may be busy, or idle); the lock makes that safe, and `first_due_ns` makes the common look
// free: 0 means none. A thread that goes idle reads it after wake_gate's fence, a thread that adds one fences before it asks who polls.
#pragma once

#include <cstdint>

#include "protocol/spin_lock.hpp"
#include "world/atomic.hpp"

namespace retake {

struct goroutine;
struct inspector;

struct timer {
  std::int64_t due_ns;
  std::uint64_t order;     // ties are broken by age
  goroutine* sleeper;
};

class timer_heap {
 public:
  timer_heap() noexcept : first_due_ns_(0), entries_(nullptr), count_(0), capacity_(0), added_(0) {}
  ~timer_heap();
  timer_heap(timer_heap const&) = delete;
  timer_heap& operator=(timer_heap const&) = delete;

  // Anybody. `sleeper` is parked; it becomes the property of whoever takes it out.
  void add(std::int64_t due_ns, goroutine& sleeper) noexcept;

  // Anybody. One goroutine that is due at `now_ns`, or nullptr.
  [[nodiscard]] goroutine* take_due(std::int64_t now_ns) noexcept;

  // Anybody: when the first is due, 0 when there is none. A hint without the lock.
  [[nodiscard]] std::int64_t first_due_ns() const noexcept { return first_due_ns_.load_relaxed(); }

 private:
  friend struct inspector;  // reads for the checkers

  static constexpr std::uint32_t arity = 4;

  static bool before(timer const& a, timer const& b) noexcept { return a.due_ns != b.due_ns ? a.due_ns < b.due_ns : a.order < b.order; }
  void sift_up(std::uint32_t at) noexcept;
  void sift_down(std::uint32_t at) noexcept;
  void grow() noexcept;

  spin_lock lock_;
  world::atomic<std::int64_t> first_due_ns_;
  timer* entries_;            // under the lock, as all below
  std::uint32_t count_;
  std::uint32_t capacity_;
  std::uint64_t added_;
};

}  // namespace retake
