// thread.hpp: std::thread, std::jthread, this_thread and steady_clock on virtual threads and
// virtual time.
//
// Not promised: stop tokens; native handles; more than 16 threads that live at one time.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <new>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

#include "sim/calls.hpp"
#include "world/clock.hpp"
#include "world/futex.hpp"
#include "world/memory.hpp"
#include "world/thread.hpp"

namespace retake::model {

using world::site;

struct steady_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<steady_clock>;
  static constexpr bool is_steady = true;
  static time_point now(site where = site::current()) noexcept { return time_point(duration(world::nanotime(where))); }
};

namespace detail {

template <class Rep, class Period>
std::int64_t deadline_after(std::chrono::duration<Rep, Period> const& d) noexcept {
  return sim::now_ns() + std::chrono::ceil<std::chrono::nanoseconds>(d).count();
}
template <class Duration>
std::int64_t deadline_at(std::chrono::time_point<steady_clock, Duration> const& t) noexcept {
  return std::chrono::ceil<std::chrono::nanoseconds>(t.time_since_epoch()).count();
}

// Lives in the arena of the execution to its end. The word is 1 when the thread has ended.
struct thread_state {
  world::atomic<std::uint32_t> ended{0};
};

template <class Call>
struct thread_call : thread_state {
  explicit thread_call(Call&& c) : call(std::move(c)) {}
  Call call;

  static void run(void* opaque) {
    auto* const self = static_cast<thread_call*>(opaque);
    world::set_this_thread(static_cast<thread_state*>(self));
    try {
      Call mine(std::move(self->call));
      mine();
    } catch (...) { sim::fail("terminate: an exception leaves the function of a thread"); }
  }
};

}  // namespace detail

class thread {
 public:
  class id {
   public:
    id() noexcept = default;
    explicit id(void const* state) noexcept : state_(state) {}
    auto operator<=>(id const&) const = default;

   private:
    void const* state_ = nullptr;
  };

  thread() noexcept = default;
  template <class F, class... Args>
  requires(!std::is_same_v<std::remove_cvref_t<F>, thread>) explicit thread(F&& f, Args&&... args) {
    auto call = [fn = std::decay_t<F>(std::forward<F>(f)),
                 held = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)]() mutable {
      std::apply([&](auto&... each) { std::invoke(std::move(fn), std::move(each)...); }, held);
    };
    using state = detail::thread_call<decltype(call)>;
    auto* const made = new (world::allocate(sizeof(state), alignof(state))) state(std::move(call));
    if (world::thread_start(&state::run, made, made->ended) != 0) {
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    }
    state_ = made;
  }
  ~thread() {
    if (joinable()) sim::fail("terminate: a thread is destroyed that was neither joined nor detached");
  }
  thread(thread&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  thread& operator=(thread&& other) noexcept {
    if (joinable()) sim::fail("terminate: a thread is assigned to that was neither joined nor detached");
    state_ = std::exchange(other.state_, nullptr);
    return *this;
  }

  [[nodiscard]] bool joinable() const noexcept { return state_ != nullptr; }
  [[nodiscard]] id get_id() const noexcept { return id(state_); }
  void join(site where = site::current()) {
    if (state_ == nullptr) throw std::system_error(std::make_error_code(std::errc::invalid_argument));
    if (state_ == world::this_thread()) {
      throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur));
    }
    while (state_->ended.load_acquire(where) == 0) world::futex_wait(state_->ended, 0, where);
    state_ = nullptr;
  }
  void detach() {
    if (state_ == nullptr) throw std::system_error(std::make_error_code(std::errc::invalid_argument));
    state_ = nullptr;
  }
  void swap(thread& other) noexcept { std::swap(state_, other.state_); }
  static unsigned hardware_concurrency() noexcept { return 2; }

 private:
  detail::thread_state* state_ = nullptr;
};

class jthread : public thread {
 public:
  using thread::thread;
  jthread(jthread&&) noexcept = default;
  jthread& operator=(jthread&& other) noexcept {
    if (this != &other) {
      if (joinable()) join();
      thread::operator=(std::move(other));
    }
    return *this;
  }
  ~jthread() {
    if (joinable()) join();
  }
};

namespace this_thread {

inline thread::id get_id() noexcept {
  void const* const state = world::this_thread();
  static constexpr char the_first = 0;
  return thread::id(state != nullptr ? state : &the_first);
}
// In a loop that waits: the thread goes on when what it read has changed, or gives up (models/sim).
inline void yield(site where = site::current()) noexcept { world::pause(where); }
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> const& d, site where = site::current()) noexcept {
  world::sleep_until(detail::deadline_after(d), where);
}
template <class Duration>
void sleep_until(std::chrono::time_point<steady_clock, Duration> const& t, site where = site::current()) noexcept {
  world::sleep_until(detail::deadline_at(t), where);
}

}  // namespace this_thread

}  // namespace retake::model
