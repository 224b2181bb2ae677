// sync.hpp: mutex and wait_group, which block goroutines and never threads.
#pragma once

#include <cstdint>

namespace retake {

namespace detail {
class mutex_core;
class wait_group_core;
}  // namespace detail

// Mutual exclusion among goroutines, first come first served: unlock() hands the lock to the longest waiter. Not recursive.
class mutex {
 public:
  mutex();  // throws std::bad_alloc
  ~mutex();
  mutex(mutex const&) = delete;
  mutex& operator=(mutex const&) = delete;

  // By a goroutine. Blocks it until the lock is its own.
  void lock() noexcept;
  // By any goroutine. Fatal when nobody holds it ("unlock of unlocked mutex").
  void unlock() noexcept;
  [[nodiscard]] bool try_lock() noexcept;

 private:
  detail::mutex_core* core_;
};

// Waits until as many things are done as were announced.
class wait_group {
 public:
  wait_group();  // throws std::bad_alloc
  ~wait_group();
  wait_group(wait_group const&) = delete;
  wait_group& operator=(wait_group const&) = delete;

  // By a goroutine; does not block. Fatal when the counter falls below 0.
  void add(std::int32_t change) noexcept;
  void done() noexcept { add(-1); }
  // By a goroutine. Blocks it until the counter is 0.
  void wait() noexcept;

 private:
  detail::wait_group_core* core_;
};

}  // namespace retake
