// thread.hpp: virtual threads of the simulated world.
//
// They end when `entry` returns. At most sim::threads_max of them live at one time (a named bound:
// one more is the finding `bound`). That creation fails with -EAGAIN is the fault `eagain_thread`.
#pragma once

#include <cerrno>
#include <cstdint>
#include <new>

#include "sim/calls.hpp"
#include "world/atomic.hpp"
#include "world/memory.hpp"
#include "world/site.hpp"

namespace retake::world {

// One opaque slot per thread. Out of line: the compiler cannot fold two calls into one.
inline void* this_thread() noexcept { return sim::this_thread(); }
inline void set_this_thread(void* value) noexcept { sim::set_this_thread(value); }

// 0, or -EAGAIN. Detached; starts with all signals blocked. The thread ends when `entry` returns.
inline int thread_start(void (*entry)(void*), void* argument, site where = site::current()) noexcept {
  return sim::thread_start(entry, argument, where);
}

// The very last act of a thread that is an M: stores 1 to `ended` and wakes its sleepers.
inline void announce_end(atomic<std::uint32_t>& ended) noexcept {
  ended.store_release(1);
  sim::futex_rouse(&ended, ended.number());  // one step with the store: nobody can have freed the word in between
}

namespace detail {
struct announced_start {
  void (*entry)(void*);
  void* argument;
  atomic<std::uint32_t>* ended;
};
inline void run_and_announce(void* opaque) {
  announced_start const what = *static_cast<announced_start*>(opaque);
  deallocate(opaque, sizeof(announced_start));
  what.entry(what.argument);
  announce_end(*what.ended);
}
}  // namespace detail

// The same; the thread's very last act stores 1 to `ended` and wakes its sleepers.
inline int thread_start(void (*entry)(void*), void* argument, atomic<std::uint32_t>& ended,
                        site where = site::current()) noexcept {
  void* const memory = allocate(sizeof(detail::announced_start));
  if (memory == nullptr) return -EAGAIN;
  int const failed =
      thread_start(detail::run_and_announce, new (memory) detail::announced_start{entry, argument, &ended}, where);
  if (failed != 0) deallocate(memory, sizeof(detail::announced_start));
  return failed;
}

inline std::uint64_t thread_id() noexcept { return sim::thread_id(); }

}  // namespace retake::world
