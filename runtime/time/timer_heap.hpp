// timer_heap.hpp: the timers of one P: a 4-ary heap under a lock of its own, and the first due time
// for all to see.
//
// Anybody may run the timers of any P (a P may be busy, or idle); the lock makes that safe, and
// `first_due_ns` makes the common look
// free: 0 means none. A thread that goes idle reads it after wake_gate's fence, a thread that adds
// one fences before it asks who polls.
//
// Who has which timer is decided by protocol/timer_home.hpp; a timer knows its place here, so that
// it can be taken out in O(log n).
#pragma once

#include <cstdint>

#include "protocol/spin_lock.hpp"
#include "time/runtime_timer.hpp"
#include "world/atomic.hpp"

namespace retake {

struct inspector;

class timer_heap {
 public:
  timer_heap() noexcept : first_due_ns_(0), entries_(nullptr), count_(0), capacity_(0), added_(0) {}
  ~timer_heap();
  timer_heap(timer_heap const&) = delete;
  timer_heap& operator=(timer_heap const&) = delete;

  // Anybody: when the first is due, 0 when there is none. A hint without the lock.
  [[nodiscard]] std::int64_t first_due_ns() const noexcept { return first_due_ns_.load_relaxed(); }

  // An M with a P: runs one timer that is due at `now_ns`. False: none is.
  [[nodiscard]] bool run_one(std::int64_t now_ns) noexcept;

  // The program has ended: stops all timers.
  void end() noexcept;

  // The world is stopped: this P goes, `heir` gets its timers.
  void move_all_to(timer_heap& heir) noexcept;

  spin_lock lock;  // rank: the highest

  // Under the lock. True: it is the first now, and earlier than the first before: somebody who
  // waits has to learn of it.
  [[nodiscard]] bool put(runtime_timer& t, std::int64_t due_ns) noexcept;
  [[nodiscard]] bool move(runtime_timer& t, std::int64_t due_ns) noexcept;
  // Under the lock.
  void take_out(runtime_timer& t) noexcept;

 private:
  friend struct inspector;  // reads for the checkers

  static constexpr std::uint32_t arity = 4;

  struct entry {
    std::int64_t due_ns;
    std::uint64_t order;  // ties are broken by age
    runtime_timer* timer;
  };

  static bool before(entry const& a, entry const& b) noexcept {
    return a.due_ns != b.due_ns ? a.due_ns < b.due_ns : a.order < b.order;
  }
  void set(std::uint32_t at, entry const& e) noexcept;
  void sift(std::uint32_t at, entry const& e) noexcept;
  [[nodiscard]] bool first_changed() noexcept;
  void grow() noexcept;

  world::atomic<std::int64_t> first_due_ns_;
  entry* entries_;  // under the lock, as all below
  std::uint32_t count_;
  std::uint32_t capacity_;
  std::uint64_t added_;
};

}  // namespace retake
