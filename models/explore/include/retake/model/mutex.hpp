// mutex.hpp: the standard's mutexes, condition variables and call_once on virtual threads. What the
// standard calls undefined is the finding `mutex`. std::lock_guard, unique_lock, scoped_lock and
// shared_lock take these as they are.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "retake/model/thread.hpp"
#include "world/atomic.hpp"
#include "world/futex.hpp"

namespace retake::model {

namespace detail {

inline constexpr std::uint32_t everybody = UINT32_MAX;

// The lock under every exclusive mutex: a word that is 1 while it is held, and its owner.
class exclusive {
 public:
  explicit exclusive(site where) noexcept : word_(0, where) {}
  ~exclusive() { require(owner_ == nobody, "mutex: it ends while it is held"); }

  bool lock(std::int64_t deadline_ns, site const& where) noexcept {
    require(owner_ != self(), "mutex: its owner locks it again");
    while (word_.exchange_acquire(1, where) != 0) {
      if (world::futex_wait_until(word_, 1, deadline_ns, where) == world::waited::timed_out) return false;
    }
    owner_ = self();
    return true;
  }
  bool try_lock(site const& where) noexcept {
    require(owner_ != self(), "mutex: its owner locks it again");
    if (!word_.compare_exchange_acquire(0, 1, where).won) return false;
    owner_ = self();
    return true;
  }
  void unlock(site const& where) noexcept {
    require(owner_ == self(), "mutex: a thread unlocks it that does not hold it");
    owner_ = nobody;
    word_.store_release(0, where);
    world::futex_wake(word_, 1, where);
  }
  [[nodiscard]] bool is_mine() const noexcept { return owner_ == self(); }

 private:
  static constexpr std::uint64_t nobody = UINT64_MAX;
  static std::uint64_t self() noexcept { return sim::thread_id(); }
  static void require(bool holds, char const* claim) noexcept {
    if (!holds) sim::fail(claim);
  }

  world::atomic<std::uint32_t> word_;
  std::uint64_t owner_ = nobody;
};

}  // namespace detail

class mutex {
 public:
  mutex(site where = site::current()) noexcept : lock_(where) {}
  mutex(mutex const&) = delete;
  mutex& operator=(mutex const&) = delete;
  void lock(site where = site::current()) { lock_.lock(sim::no_deadline, where); }
  [[nodiscard]] bool try_lock(site where = site::current()) { return lock_.try_lock(where); }
  void unlock(site where = site::current()) { lock_.unlock(where); }

 protected:
  detail::exclusive lock_;
};

class timed_mutex : public mutex {
 public:
  using mutex::mutex;
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> const& d, site where = site::current()) {
    return lock_.lock(detail::deadline_after(d), where);
  }
  template <class Duration>
  [[nodiscard]] bool try_lock_until(std::chrono::time_point<steady_clock, Duration> const& t,
                                    site where = site::current()) {
    return lock_.lock(detail::deadline_at(t), where);
  }
};

class recursive_mutex {
 public:
  recursive_mutex(site where = site::current()) noexcept : lock_(where) {}
  recursive_mutex(recursive_mutex const&) = delete;
  recursive_mutex& operator=(recursive_mutex const&) = delete;
  void lock(site where = site::current()) {
    if (!lock_.is_mine()) lock_.lock(sim::no_deadline, where);
    ++depth_;
  }
  [[nodiscard]] bool try_lock(site where = site::current()) {
    if (!lock_.is_mine() && !lock_.try_lock(where)) return false;
    ++depth_;
    return true;
  }
  void unlock(site where = site::current()) {
    if (lock_.is_mine() && --depth_ != 0) return;
    lock_.unlock(where);
  }

 private:
  detail::exclusive lock_;
  std::uint32_t depth_ = 0;  // of the owner
};

// The word counts readers; a writer is its highest bit.
class shared_mutex {
 public:
  shared_mutex(site where = site::current()) noexcept : word_(0, where) {}
  shared_mutex(shared_mutex const&) = delete;
  shared_mutex& operator=(shared_mutex const&) = delete;

  void lock(site where = site::current()) {
    while (!take(0, writer, where)) {}
  }
  [[nodiscard]] bool try_lock(site where = site::current()) {
    return word_.compare_exchange_acquire(0, writer, where).won;
  }
  void unlock(site where = site::current()) {
    if (word_.peek() != writer) sim::fail("mutex: a shared_mutex is unlocked that no writer holds", where);
    word_.store_release(0, where);
    world::futex_wake(word_, detail::everybody, where);
  }
  void lock_shared(site where = site::current()) {
    std::uint32_t readers = word_.load_relaxed(where);
    while (!take(readers & ~writer, (readers & ~writer) + 1, where)) readers = word_.load_relaxed(where);
  }
  [[nodiscard]] bool try_lock_shared(site where = site::current()) {
    std::uint32_t const now = word_.load_relaxed(where);
    return (now & writer) == 0 && word_.compare_exchange_acquire(now, now + 1, where).won;
  }
  void unlock_shared(site where = site::current()) {
    if (std::uint32_t const now = word_.peek(); now == 0 || now == writer) {
      sim::fail("mutex: a shared_mutex is unlocked that no reader holds", where);
    }
    word_.fetch_sub_release(1, where);
    world::futex_wake(word_, detail::everybody, where);
  }

 private:
  static constexpr std::uint32_t writer = 1U << 31;

  // True: it was `from` and is `to`. False: it was another, and has been waited for while it may
  // not become `to`.
  bool take(std::uint32_t from, std::uint32_t to, site const& where) noexcept {
    auto const [won, seen] = word_.compare_exchange_acquire(from, to, where);
    if (won) return true;
    bool const blocks = to == writer || (seen & writer) != 0;
    if (!blocks || world::futex_wait(word_, seen, where) == world::waited::changed) world::pause(where);
    return false;
  }

  world::atomic<std::uint32_t> word_;
};

// A waiter sleeps on the count of notifications as it was when it held the mutex.
class condition_variable_any {
 public:
  condition_variable_any(site where = site::current()) noexcept : notified_(0, where) {}
  condition_variable_any(condition_variable_any const&) = delete;
  condition_variable_any& operator=(condition_variable_any const&) = delete;

  void notify_one(site where = site::current()) noexcept { notify(1, where); }
  void notify_all(site where = site::current()) noexcept { notify(detail::everybody, where); }

  template <class Lock>
  void wait(Lock& lock, site where = site::current()) {
    static_cast<void>(wait_for_deadline(lock, sim::no_deadline, where));
  }
  template <class Lock, class Predicate>
  requires requires(Predicate p) { static_cast<bool>(p()); }
  void wait(Lock& lock, Predicate holds, site where = site::current()) {
    while (!holds()) wait(lock, where);
  }
  template <class Lock, class Duration>
  std::cv_status wait_until(Lock& lock, std::chrono::time_point<steady_clock, Duration> const& t,
                            site where = site::current()) {
    return wait_for_deadline(lock, detail::deadline_at(t), where);
  }
  template <class Lock, class Duration, class Predicate>
  requires requires(Predicate p) { static_cast<bool>(p()); }
  bool wait_until(Lock& lock, std::chrono::time_point<steady_clock, Duration> const& t, Predicate holds,
                  site where = site::current()) {
    while (!holds()) {
      if (wait_until(lock, t, where) == std::cv_status::timeout) return holds();
    }
    return true;
  }
  template <class Lock, class Rep, class Period>
  std::cv_status wait_for(Lock& lock, std::chrono::duration<Rep, Period> const& d, site where = site::current()) {
    return wait_for_deadline(lock, detail::deadline_after(d), where);
  }
  template <class Lock, class Rep, class Period, class Predicate>
  requires requires(Predicate p) { static_cast<bool>(p()); }
  bool wait_for(Lock& lock, std::chrono::duration<Rep, Period> const& d, Predicate holds,
                site where = site::current()) {
    std::int64_t const deadline_ns = detail::deadline_after(d);
    while (!holds()) {
      if (wait_for_deadline(lock, deadline_ns, where) == std::cv_status::timeout) return holds();
    }
    return true;
  }

 private:
  void notify(std::uint32_t count, site const& where) noexcept {
    notified_.fetch_add_relaxed(1, where);
    world::futex_wake(notified_, count, where);
  }
  template <class Lock>
  std::cv_status wait_for_deadline(Lock& lock, std::int64_t deadline_ns, site const& where) {
    std::uint32_t const before = notified_.peek();  // one step with the unlock: what notifies later changes it
    lock.unlock();
    auto const ended = world::futex_wait_until(notified_, before, deadline_ns, where);
    lock.lock();
    return ended == world::waited::timed_out ? std::cv_status::timeout : std::cv_status::no_timeout;
  }

  world::atomic<std::uint32_t> notified_;
};

class condition_variable : public condition_variable_any {
 public:
  using condition_variable_any::condition_variable_any;
};

class once_flag {
 public:
  once_flag(site where = site::current()) noexcept : lock_(where) {}

 private:
  template <class F, class... Args>
  friend void call_once(once_flag& flag, F&& f, Args&&... args);
  mutex lock_;
  bool done_ = false;  // under the lock
};

// A call that throws leaves the flag as it was.
template <class F, class... Args>
void call_once(once_flag& flag, F&& f, Args&&... args) {
  std::lock_guard<mutex> const held(flag.lock_);
  if (flag.done_) return;
  std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
  flag.done_ = true;
}

}  // namespace retake::model
