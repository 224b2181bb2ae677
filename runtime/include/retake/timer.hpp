// timer.hpp: something that happens later: a value on a channel, once or again and again, or a
// call. On the monotonic clock: setting the wall clock moves nothing.
//
// All is for goroutines and does not block; a timer may be stopped and started by any number of
// them at once. To sleep: go.hpp. Source: time/sleep.go, tick.go. The end of a program (run())
// stops its timers: a call that has not begun is never made, and what outlives the program may be
// destroyed on any thread, or started anew in the next program. errno belongs to the thread; any of
// these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "retake/channel.hpp"
#include "retake/clock.hpp"

namespace retake {

namespace detail {

class timer_core;
struct timer_call {
  virtual ~timer_call() = default;
  virtual void call() = 0;
};
// Each holds one use of what it returns. `call`: nullptr for one that sends.
[[nodiscard]] timer_core* make_timer(std::unique_ptr<timer_call> call);
void release_timer(timer_core* core) noexcept;
bool start_timer(timer_core& core, std::int64_t duration_ns, std::int64_t period_ns) noexcept;
bool stop_timer(timer_core& core) noexcept;
[[nodiscard]] timer_core* make_ticker(std::int64_t period_ns);
void start_ticker(timer_core& core, std::int64_t period_ns) noexcept;
[[nodiscard]] channel<time_point>& channel_of(timer_core& core) noexcept;

}  // namespace detail

// Sends the time once, `duration` after it was made or started last; not above 0: at once. It stops
// when it is destroyed.
// A receive that begins behind a stop() gets nothing, and one behind a reset() nothing from before
// it: a value that nobody has received is taken back (Go 1.23). Other than there, one that waits
// counts in the channel's size().
class timer {
 public:
  // Throws std::bad_alloc.
  template <class Rep, class Period>
  explicit timer(std::chrono::duration<Rep, Period> const& duration) : core_(detail::make_timer(nullptr)) {
    reset(duration);
  }
  ~timer() {
    detail::stop_timer(*core_);
    detail::release_timer(core_);
  }
  timer(timer const&) = delete;
  timer& operator=(timer const&) = delete;

  // For receive and select.
  [[nodiscard]] channel<time_point>& due() noexcept { return detail::channel_of(*core_); }
  // True: no one has received its value, and no one will; false: it was received, or the timer was
  // stopped before.
  bool stop() noexcept { return detail::stop_timer(*core_); }
  // From now on again; true: no one had received its value of before.
  template <class Rep, class Period>
  bool reset(std::chrono::duration<Rep, Period> const& duration) noexcept {
    return detail::start_timer(*core_, detail::nanoseconds_of(duration), 0);
  }

 private:
  detail::timer_core* core_;
};

// Sends the time every `period`, without drift; a receiver that is late loses values, not time: one
// at most waits in the channel. Fatal: "a ticker's period is above 0". It stops when it is
// destroyed; its channel is never closed. stop() and reset() take back what was not received, as a
// timer's do.
class ticker {
 public:
  template <class Rep, class Period>
  explicit ticker(std::chrono::duration<Rep, Period> const& period)
      : core_(detail::make_ticker(detail::nanoseconds_of(period))) {}
  ~ticker() {
    detail::stop_timer(*core_);
    detail::release_timer(core_);
  }
  ticker(ticker const&) = delete;
  ticker& operator=(ticker const&) = delete;

  [[nodiscard]] channel<time_point>& due() noexcept { return detail::channel_of(*core_); }
  void stop() noexcept { detail::stop_timer(*core_); }
  // From now on with this period.
  template <class Rep, class Period>
  void reset(std::chrono::duration<Rep, Period> const& period) noexcept {
    detail::start_ticker(*core_, detail::nanoseconds_of(period));
  }

 private:
  detail::timer_core* core_;
};

// What after_func() returns. The call happens whether this is kept or not. Moved from, it is of no
// call: both answer false.
class delayed_call {
 public:
  delayed_call(delayed_call&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  delayed_call& operator=(delayed_call&& other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~delayed_call() {
    if (core_ != nullptr) detail::release_timer(core_);
  }

  // True: it will not be called; false: it has been, is being, or was stopped.
  bool stop() noexcept { return core_ != nullptr && detail::stop_timer(*core_); }
  // It is called `duration` from now, again if it has been; true: it was still to be called.
  template <class Rep, class Period>
  bool reset(std::chrono::duration<Rep, Period> const& duration) noexcept {
    return core_ != nullptr && detail::start_timer(*core_, detail::nanoseconds_of(duration), 0);
  }

 private:
  template <class Rep, class Period, class Fn>
  friend delayed_call after_func(std::chrono::duration<Rep, Period> const& duration, Fn&& fn);
  explicit delayed_call(detail::timer_core* core) noexcept : core_(core) {}
  detail::timer_core* core_;
};

// Calls `fn` on a goroutine of its own, `duration` from now. `fn` stays with the timer: after
// reset() two calls of it may overlap. Throws std::bad_alloc.
template <class Rep, class Period, class Fn>
delayed_call after_func(std::chrono::duration<Rep, Period> const& duration, Fn&& fn) {
  using stored = std::decay_t<Fn>;
  struct call_it final : detail::timer_call {
    explicit call_it(Fn&& f) : kept(std::forward<Fn>(f)) {}
    void call() override { kept(); }
    stored kept;
  };
  delayed_call made(detail::make_timer(std::make_unique<call_it>(std::forward<Fn>(fn))));
  made.reset(duration);
  return made;
}

}  // namespace retake
