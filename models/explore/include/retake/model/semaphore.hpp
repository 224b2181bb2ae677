// semaphore.hpp: std::counting_semaphore, std::latch and std::barrier on virtual threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "retake/model/mutex.hpp"
#include "world/atomic.hpp"
#include "world/futex.hpp"

namespace retake::model {

template <std::ptrdiff_t Most = INT32_MAX>
class counting_semaphore {
 public:
  explicit counting_semaphore(std::ptrdiff_t count, site where = site::current()) noexcept
      : count_(static_cast<std::uint32_t>(count), where) {}
  counting_semaphore(counting_semaphore const&) = delete;
  counting_semaphore& operator=(counting_semaphore const&) = delete;
  static constexpr std::ptrdiff_t max() noexcept { return Most; }

  void release(std::ptrdiff_t n = 1, site where = site::current()) {
    std::uint32_t const before = count_.fetch_add_release(static_cast<std::uint32_t>(n), where);
    if (before + n > Most) sim::fail("semaphore: it is released past its maximum", where);
    world::futex_wake(count_, static_cast<std::uint32_t>(n), where);
  }
  void acquire(site where = site::current()) { static_cast<void>(take(sim::no_deadline, where)); }
  [[nodiscard]] bool try_acquire(site where = site::current()) noexcept {
    std::uint32_t const now = count_.load_relaxed(where);
    return now != 0 && count_.compare_exchange_acquire(now, now - 1, where).won;
  }
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(std::chrono::duration<Rep, Period> const& d, site where = site::current()) {
    return take(detail::deadline_after(d), where);
  }

 private:
  bool take(std::int64_t deadline_ns, site const& where) noexcept {
    for (;;) {
      std::uint32_t const now = count_.load_relaxed(where);
      if (now != 0) {
        if (count_.compare_exchange_acquire(now, now - 1, where).won) return true;
        world::pause(where);
        continue;
      }
      auto const ended = world::futex_wait_until(count_, 0, deadline_ns, where);
      if (ended == world::waited::timed_out) return false;
      if (ended == world::waited::changed) world::pause(where);
    }
  }

  world::atomic<std::uint32_t> count_;
};
using binary_semaphore = counting_semaphore<1>;

class latch {
 public:
  explicit latch(std::ptrdiff_t expected, site where = site::current()) noexcept
      : left_(static_cast<std::uint32_t>(expected), where) {}
  latch(latch const&) = delete;
  latch& operator=(latch const&) = delete;

  void count_down(std::ptrdiff_t n = 1, site where = site::current()) {
    std::uint32_t const before = left_.fetch_sub_release(static_cast<std::uint32_t>(n), where);
    if (before < n) sim::fail("latch: it is counted down below 0", where);
    if (before == n) world::futex_wake(left_, detail::everybody, where);
  }
  [[nodiscard]] bool try_wait(site where = site::current()) const noexcept { return left_.load_acquire(where) == 0; }
  void wait(site where = site::current()) {
    while (std::uint32_t const now = left_.load_acquire(where)) {
      if (world::futex_wait(left_, now, where) == world::waited::changed) world::pause(where);
    }
  }
  void arrive_and_wait(std::ptrdiff_t n = 1, site where = site::current()) {
    count_down(n, where);
    wait(where);
  }

 private:
  world::atomic<std::uint32_t> left_;
};

struct no_completion {
  void operator()() const noexcept {}
};

template <class Completion = no_completion>
class barrier {
 public:
  explicit barrier(std::ptrdiff_t expected, Completion done = Completion(), site where = site::current())
      : lock_(where), ended_(where), done_(std::move(done)), expected_(expected), left_(expected) {}
  barrier(barrier const&) = delete;
  barrier& operator=(barrier const&) = delete;

  void arrive_and_wait(site where = site::current()) {
    std::unique_lock<mutex> held(lock_);
    std::uint64_t const mine = phase_;
    arrive(where);
    ended_.wait(
        held, [&] { return phase_ != mine; }, where);
  }
  void arrive_and_drop(site where = site::current()) {
    std::unique_lock<mutex> const held(lock_);
    --expected_;
    arrive(where);
  }

 private:
  void arrive(site const& where) {
    if (--left_ != 0) return;
    done_();
    left_ = expected_;
    ++phase_;
    ended_.notify_all(where);
  }

  mutex lock_;  // what follows is under it
  condition_variable ended_;
  Completion done_;
  std::ptrdiff_t expected_, left_;
  std::uint64_t phase_ = 0;
};

}  // namespace retake::model
