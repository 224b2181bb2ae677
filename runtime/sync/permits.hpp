// permits.hpp: protocol/semaphore_queue.hpp with goroutines that park: what mutex, rw_mutex and
// semaphore are.
#pragma once

#include "protocol/semaphore_queue.hpp"
#include "sync/waiters.hpp"

namespace retake::detail {

class channel_core;

class permits_core {
 public:
  explicit permits_core(std::uint32_t permits) noexcept : queue_(permits) {}

  [[nodiscard]] std::uint32_t permits() const noexcept { return queue_.permits(); }
  [[nodiscard]] bool none_left() const noexcept { return queue_.none_left(); }
  [[nodiscard]] bool waited_on() noexcept { return queue_.waited_on(); }
  [[nodiscard]] bool try_take(std::uint32_t n) noexcept { return queue_.try_take(n); }
  // A goroutine; blocks it.
  void take(std::uint32_t n, wait_reason reason) noexcept {
    if (!queue_.try_take(n)) take_or_wait(n, reason);
  }
  // The same until `ended` is closed (nullptr: never) or `wait_ns` are over (below 0: never).
  // False: in vain.
  [[nodiscard]] bool take_until(std::uint32_t n, channel_core* ended, std::int64_t wait_ns) noexcept;
  // A goroutine, or behind one that parks. False: there would be more permits than there are.
  [[nodiscard]] bool give(std::uint32_t n) noexcept {
    batch<goroutine> let_go;
    const bool right = queue_.give(n, [&let_go](goroutine& g) { let_go.push_back(&g); });
    if (let_go.count == 0) return right;
    if (machine* const m = this_machine(); m->home.mutex_profile_one_in.get() != 0) [[unlikely]]
      note_contention(*m, let_go);
    ready_all(let_go);
    return right;
  }

 private:
  struct permits_waiter;

  void take_or_wait(std::uint32_t n, wait_reason reason) noexcept;
  void withdraw(queue_waiter<goroutine>& w) noexcept;
  static void note_contention(machine& m, batch<goroutine> const& let_go) noexcept;

  semaphore_queue<goroutine> queue_;
};

}  // namespace retake::detail
