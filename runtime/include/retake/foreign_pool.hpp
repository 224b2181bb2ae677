// foreign_pool.hpp: threads of their own for foreign code: for libraries that keep state in a
// thread, and for keeping slow ones off the others.
//
//     foreign_pool decoders(4);
//     result<image> i = decoders.call(request, [bytes = std::move(bytes)] { return decode(bytes);
//     }); if (!i) return i.error();  // the request was cancelled, or its deadline has passed
//
// Source: Go has none; a goroutine behind LockOSThread that receives functions from a channel is
// its idiom. errno belongs to the thread; any of these calls may move the goroutine to another
// (syscall.hpp).
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/foreign_call.hpp"
#include "retake/result.hpp"

namespace retake {

namespace detail {

class pool_core;

// A call on its way: its caller's until a worker has it, then of both; whoever is the second to be
// through with it destroys it.
struct pool_job {
  virtual ~pool_job() = default;
  virtual void run() noexcept = 0;
  channel<never_sent> over;  // closed when it has run
  bool has_run = false;      // of the pool's mutex, as the next
  bool abandoned = false;
};

// How: nothing, or contain_faults_t.
template <class Fn, class... How>
class pool_call final : public pool_job {
 public:
  using value = std::invoke_result_t<Fn&>;
  static_assert(!std::is_reference_v<value>, "a result may outlive what it refers to: return a value");

  explicit pool_call(Fn fn) : fn_(std::move(fn)) {}

  void run() noexcept override {
    try {
      if constexpr (std::is_void_v<value>) {
        retake::foreign_call(How()..., fn_);
      } else {
        value_.emplace(retake::foreign_call(How()..., fn_));
      }
    } catch (...) { failure_ = std::current_exception(); }
  }

  value_or_error<value> take() {
    if (failure_ != nullptr) std::rethrow_exception(std::move(failure_));
    if constexpr (std::is_void_v<value>) {
      return {};
    } else {
      return std::move(*value_);
    }
  }

 private:
  struct nothing {};
  Fn fn_;
  std::optional<std::conditional_t<std::is_void_v<value>, nothing, value>> value_;
  std::exception_ptr failure_;
};

[[nodiscard]] pool_core* open_pool(std::uint32_t workers, char const* file, unsigned line);
void close_pool(pool_core* pool) noexcept;
// Until a worker has run it; or why not, and then it is the caller's no more.
[[nodiscard]] result<std::unique_ptr<pool_job>> run_in_pool(pool_core& pool, std::unique_ptr<pool_job> job,
                                                            context const& until);

}  // namespace detail

// So many goroutines, each locked to a thread of its own, which make foreign calls for others: each
// call from beginning to end on one of these threads.
class foreign_pool {
 public:
  // By a goroutine; does not block. 1 to 2^31 - 1; fatal: "a foreign_pool without workers", "a
  // foreign_pool of too many workers". Each holds a thread from now on. Throws std::bad_alloc. The
  // place is what the profile of threads charges them to.
  explicit foreign_pool(std::uint32_t workers, char const* file = __builtin_FILE(), unsigned line = __builtin_LINE())
      : core_(detail::open_pool(workers, file, line)) {}
  // By a goroutine. Blocks it until the workers are through with the calls that they have, also
  // with those that nobody waits for any more, and have let go of their threads. Whoever has the
  // pool sees to it that no call() is under way. After the end of its program (run()): by any
  // thread, and it waits for none.
  ~foreign_pool() { detail::close_pool(core_); }
  foreign_pool(foreign_pool const&) = delete;
  foreign_pool& operator=(foreign_pool const&) = delete;

  // Runs `fn` on a worker as foreign_call() does, and returns what it returns: result<T>,
  // std::error_code where it returns nothing. What it throws arrives as foreign_call() would have
  // thrown it. By any number of goroutines at once; blocks them, no thread. First come, first
  // served. `fn` runs on another thread than its caller: it returns the value of errno
  // (syscall.hpp).
  //
  // Of a pool that outlives its program (run()) the calls fail with std::errc::operation_canceled.
  //
  // When `until` is done, the call returns at once with its error (std::errc::operation_canceled,
  // or std::errc::timed_out when its deadline has passed). A call that no worker has by then is out
  // of the queue and never runs. One that a worker has goes on without a caller: nothing can stop
  // foreign code. So `fn` is kept by value, and what it refers to must live until the pool has
  // ended; it and its result, or what it has thrown, are destroyed on the worker. Throws
  // std::bad_alloc.
  template <class Fn>
  auto call(context const& until, Fn&& fn) {
    return submit<std::decay_t<Fn>>(until, std::forward<Fn>(fn));
  }
  // The same for code that is not trusted: see foreign_call(contain_faults, ...). A worker whose
  // thread is damaged keeps it until the pool ends.
  template <class Fn>
  auto call(contain_faults_t, context const& until, Fn&& fn) {
    return submit<std::decay_t<Fn>, contain_faults_t>(until, std::forward<Fn>(fn));
  }

 private:
  template <class Stored, class... How, class Fn>
  auto submit(context const& until, Fn&& fn) -> detail::value_or_error<std::invoke_result_t<Stored&>> {
    using job = detail::pool_call<Stored, How...>;
    result<std::unique_ptr<detail::pool_job>> ran =
        detail::run_in_pool(*core_, std::make_unique<job>(std::forward<Fn>(fn)), until);
    if (!ran) return ran.error();
    return static_cast<job&>(**ran).take();
  }

  detail::pool_core* core_;
};

}  // namespace retake
