// bounded.hpp: at most so many calls at a time that each hold a thread, however many goroutines
// want one.
//
//     bounded thumbnails(32);
//     auto [request, stop] = with_timeout(background(), 2s);
//     result<image> i = thumbnails.foreign_call(request, [&] { return scale(picture); });
//     if (!i) return i.error();  // no turn within two seconds
//
// Source: Go has none; a buffered channel, or golang.org/x/sync/semaphore, around the call is its
// idiom. errno belongs to the thread; any of these calls may move the goroutine to another
// (syscall.hpp).
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "retake/context.hpp"
#include "retake/foreign_call.hpp"
#include "retake/result.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"

namespace retake {

// All calls: by any number of goroutines at once. Who finds no room waits, first come, first
// served, and holds no thread; when `until` is done first, it returns with its error
// (std::errc::operation_canceled, or std::errc::timed_out when its deadline has passed) and `fn`
// does not run. A context that is done already admits nothing. A call that runs is not interrupted:
// it runs on the calling goroutine to its end. They return what `fn` returns: result<T>,
// std::error_code where it returns nothing. An exception passes as the call named passes it, and
// gives the room back.
class bounded {
 public:
  // At most so many calls at a time: 1 to 2^30 - 1, as a semaphore's permits. Throws
  // std::bad_alloc.
  explicit bounded(std::uint32_t most) : room_(most) {}

  // foreign_call.hpp.
  template <class Fn>
  auto foreign_call(context const& until, Fn&& fn) {
    return admit<std::invoke_result_t<Fn&>>(until, [&]() -> decltype(auto) { return retake::foreign_call(fn); });
  }
  template <class Fn>
  auto foreign_call(contain_faults_t how, context const& until, Fn&& fn) {
    return admit<std::invoke_result_t<Fn&>>(until, [&]() -> decltype(auto) { return retake::foreign_call(how, fn); });
  }

  // syscall.hpp: a call of the kernel that blocks for long.
  template <class Fn>
  auto syscall_blocking(context const& until, Fn&& fn) {
    return admit<std::invoke_result_t<Fn&>>(until, [&]() -> decltype(auto) { return retake::syscall_blocking(fn); });
  }

 private:
  template <class Value, class Call>
  detail::value_or_error<Value> admit(context const& until, Call call) {
    if (const std::error_code why = room_.acquire(until)) return why;
    struct give_back {
      semaphore& room;
      ~give_back() { room.release(); }
    } const after{room_};
    if constexpr (std::is_void_v<Value>) {
      call();
      return {};
    } else {
      return call();
    }
  }

  semaphore room_;
};

}  // namespace retake
