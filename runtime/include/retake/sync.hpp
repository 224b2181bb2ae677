// sync.hpp: mutex, rw_mutex, cond, semaphore, once and wait_group, which block goroutines and never
// threads.
//
// All may be made on any thread and used by goroutines only; each must outlive its calls; making
// one throws std::bad_alloc. Waiters are served first come, first served: none starves, and an
// unlock hands the lock to the longest waiter (Go lets newcomers in first until a waiter has waited
// for a millisecond). Misuse ends the program with the text that is named at each call: it is a
// mistake in the program, not something to recover from. What was written before an unlock, a
// release, a done() or a signal is read behind the lock, the acquire or the wait that it lets go
// on. errno belongs to the thread; any of these calls may move the goroutine to another
// (syscall.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/needs_exceptions.hpp"
#include "retake/panic.hpp"

namespace retake {

class context;
class wait_group;

namespace detail {
class permits_core;
class cond_core;
struct once_core;
class wait_group_core;
[[noreturn]] void once_value_did_not_return() noexcept;

// What wait_group::go() starts: its function's own objects end before it is done.
class done_at_end {
 public:
  explicit done_at_end(wait_group& announced_to) noexcept : to_(&announced_to) {}
  done_at_end(done_at_end&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
  done_at_end& operator=(done_at_end&&) = delete;
  ~done_at_end();

 private:
  wait_group* to_;
};
template <class Fn>
struct announced {
  done_at_end last;
  Fn fn;
  void operator()() { fn(); }
};
}  // namespace detail

// Mutual exclusion. Not recursive. Fits std::lock_guard and std::unique_lock. Source:
// sync/mutex.go.
class mutex {
 public:
  mutex();
  // Fatal: "G6: a mutex is destroyed while goroutines wait for it".
  ~mutex();
  mutex(mutex const&) = delete;
  mutex& operator=(mutex const&) = delete;

  // Blocks the goroutine until the lock is its own.
  void lock() noexcept;
  // By any goroutine. Does not block. Fatal: "unlock of unlocked mutex".
  void unlock() noexcept;
  // False also when it is free and somebody is about to get it.
  [[nodiscard]] bool try_lock() noexcept;

 private:
  detail::permits_core* core_;
};

// Many readers or one writer. A reader that comes while a writer waits waits behind it, so readers
// must not nest. Fits std::shared_lock.
// Source: sync/rwmutex.go.
class rw_mutex {
 public:
  rw_mutex();
  // Fatal: "G6: a rw_mutex is destroyed while goroutines wait for it".
  ~rw_mutex();
  rw_mutex(rw_mutex const&) = delete;
  rw_mutex& operator=(rw_mutex const&) = delete;

  // As a mutex's. Fatal: "unlock of unlocked rw_mutex", also while only readers have it.
  void lock() noexcept;
  void unlock() noexcept;
  [[nodiscard]] bool try_lock() noexcept;
  // For reading. Fatal: "unlock_shared of unlocked rw_mutex", also while a writer has it.
  void lock_shared() noexcept;
  void unlock_shared() noexcept;
  [[nodiscard]] bool try_lock_shared() noexcept;

 private:
  detail::permits_core* core_;
};

// So many permits. Source: golang.org/x/sync/semaphore.
class semaphore {
 public:
  // 1 to 2^30 - 1 permits. Fatal: "a semaphore of no permits, or of too many".
  explicit semaphore(std::uint32_t permits);
  // Fatal: "G6: a semaphore is destroyed while goroutines wait for it".
  ~semaphore();
  semaphore(semaphore const&) = delete;
  semaphore& operator=(semaphore const&) = delete;

  // Blocks the goroutine until `n` permits are its own; a large wish is not overtaken by small
  // ones. For more than there are at all, fatal: "a semaphore is asked for more permits than it
  // has".
  void acquire(std::uint32_t n = 1) noexcept;
  // False instead of blocking.
  [[nodiscard]] bool try_acquire(std::uint32_t n = 1) noexcept;
  // Waits no longer than `duration`; false: in vain.
  template <class Rep, class Period>
  [[nodiscard]] bool acquire_for(std::chrono::duration<Rep, Period> const& duration, std::uint32_t n = 1) noexcept {
    return acquire_for_ns(detail::nanoseconds_of(duration), n);
  }
  // Waits until `until` is done: then returns its error and takes no permit, also if some are free.
  [[nodiscard]] std::error_code acquire(context const& until, std::uint32_t n = 1) noexcept;
  // By any goroutine. Does not block. Fatal: "a semaphore gets back more permits than it gave".
  void release(std::uint32_t n = 1) noexcept;

 private:
  [[nodiscard]] bool acquire_for_ns(std::int64_t duration_ns, std::uint32_t n) noexcept;
  detail::permits_core* core_;
};

// Waits for something that a mutex guards. Source: sync/cond.go.
class cond {
 public:
  cond();
  // Fatal: "G6: a cond is destroyed while goroutines wait for it".
  ~cond();
  cond(cond const&) = delete;
  cond& operator=(cond const&) = delete;

  // The holder of `guard`. Unlocks it and blocks in one step, so that no signal in between is lost;
  // locks it again before it returns. Does not wake by itself, but what was waited for may be gone
  // again: use the second form, or a loop.
  void wait(mutex& guard) noexcept;
  template <class Condition>
  void wait(mutex& guard, Condition condition) {
    while (!condition()) wait(guard);
  }
  // By any goroutine, with or without the mutex. Does not block. Lets the longest waiter go, or
  // all.
  void signal() noexcept;
  void broadcast() noexcept;

 private:
  detail::cond_core* core_;
};

// Something that is done by the first who asks for it. Source: sync/once.go.
class once {
 public:
  once();
  // Fatal: "G6: a once is destroyed while goroutines wait for it".
  ~once();
  once(once const&) = delete;
  once& operator=(once const&) = delete;

  // By goroutines. The first calls `fn`; the others wait until that has ended. It counts as done
  // also when it throws (to the first alone). Not recursive: a call from within `fn` deadlocks.
  template <class Fn>
  void call(Fn&& fn) {
    if (!begin()) return;
    struct ends {
      once& me;
      ~ends() { me.end(); }
    } const after{*this};
    std::forward<Fn>(fn)();
  }

 private:
  [[nodiscard]] bool begin() noexcept;
  void end() noexcept;
  detail::once_core* core_;
};

// Waits until as many things are done as were announced. Source: sync/waitgroup.go.
class wait_group {
 public:
  wait_group();
  // Fatal: "G6: a wait_group is destroyed while goroutines wait for it".
  ~wait_group();
  wait_group(wait_group const&) = delete;
  wait_group& operator=(wait_group const&) = delete;

  // By a goroutine; does not block. 0 to 2^31 - 1 things, else fatal: "negative wait_group
  // counter", "wait_group counter overflow".
  void add(std::int32_t change) noexcept;
  void done() noexcept { add(-1); }
  // Starts `fn` as a goroutine that is announced, and done however `fn` ends; otherwise as
  // retake::go(). Source: WaitGroup.Go.
  template <class Fn>
  void go(Fn&& fn) {
    add(1);
    retake::go(detail::announced<std::decay_t<Fn>>{detail::done_at_end(*this), std::forward<Fn>(fn)});
  }
  // Blocks the goroutine until the counter is 0. Something that is announced while it is 0 and
  // somebody begins to wait may be waited for or not.
  void wait() noexcept;

 private:
  detail::wait_group_core* core_;
};

// A value that the first who asks for it computes. Moves and copies are not of use: it is one
// value. Source: sync.OnceValue.
//
//     once_value limits([] { return read_limits(); });
//     limits().bytes;
//
// By goroutines. The first call runs `fn`; the others wait until that has ended. What left `fn` as
// an exception leaves each of the calls. Not recursive. Fatal, when exit_goroutine() ended `fn`:
// "the function of a once_value did not return".
template <class Fn>
class once_value {
 public:
  using value_type = std::decay_t<std::invoke_result_t<Fn&>>;
  static_assert(!std::is_void_v<value_type>, "a once_value has a value: once::call() is for a function without one");

  explicit once_value(Fn fn) : fn_(std::move(fn)) {}

  [[nodiscard]] value_type const& operator()() {
    first_.call([this] { failed_ = recover([this] { value_.emplace(fn_()); }); });
    if (value_) return *value_;
    if (failed_ == nullptr) detail::once_value_did_not_return();
    std::rethrow_exception(failed_);
  }

 private:
  Fn fn_;
  once first_;
  std::optional<value_type> value_;
  std::exception_ptr failed_;
};

}  // namespace retake
