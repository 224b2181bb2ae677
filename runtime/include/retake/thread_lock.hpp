// thread_lock.hpp: binds a goroutine to the thread it runs on; how many threads there may be.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "retake/needs_exceptions.hpp"

namespace retake {

// From now on this goroutine runs on this thread only, and no other goroutine does. Nests: as many
// unlocks as locks. A goroutine that ends locked ends its thread (that is counted, by the place
// given here). By a goroutine only; does not block. The first call starts a thread, from which
// others are cloned from then on instead of from locked ones; the others cost no system call. A
// locked goroutine that blocks costs two thread switches.
// Source: LockOSThread in Go's proc.go.
void lock_os_thread(char const* file = __builtin_FILE(), unsigned line = __builtin_LINE()) noexcept;

// Fatal: "unlock_os_thread: the goroutine is not locked to its thread". Source: UnlockOSThread
// (which ignores that; here it is a bug that is told).
void unlock_os_thread() noexcept;

// Holds the lock for a scope.
class os_thread_lock {
 public:
  explicit os_thread_lock(char const* file = __builtin_FILE(), unsigned line = __builtin_LINE()) noexcept {
    lock_os_thread(file, line);
  }
  ~os_thread_lock() { unlock_os_thread(); }
  os_thread_lock(os_thread_lock const&) = delete;
  os_thread_lock& operator=(os_thread_lock const&) = delete;
};

struct unreleased_lock {
  char const* file;  // of the lock
  unsigned line;
  std::uint64_t times;
};
// Which locks were never undone by goroutines that have ended: the first 16 places. Returns how
// many there are, of which as many as fit are stored.
// By a goroutine. Costs a lock.
std::size_t threads_ended_locked(std::span<unreleased_lock> into) noexcept;

// How many threads the runtime may have; returns the number before. For more, also at once when it
// has more already, fatal: "thread exhaustion".
// By a goroutine. Source: debug.SetMaxThreads.
std::uint32_t set_max_threads(std::uint32_t most) noexcept;
// Threads of the runtime now: Ms, the monitor's, the template thread's. By a goroutine; a snapshot.
[[nodiscard]] std::uint32_t thread_count() noexcept;

}  // namespace retake
