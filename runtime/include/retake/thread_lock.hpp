// thread_lock.hpp: binds a goroutine to the thread it runs on.
#pragma once

namespace retake {

// From now on this goroutine runs on this thread only, and no other goroutine does. Nests: as many unlocks as locks. A goroutine that ends locked ends its
// thread. By a goroutine only; does not block. Costs no system call; a locked goroutine that blocks costs two thread switches.
// Source: LockOSThread in Go's proc.go.
void lock_os_thread() noexcept;

// Fatal when the goroutine is not locked. Source: UnlockOSThread (which ignores that; here it is a bug that is told).
void unlock_os_thread() noexcept;

// Holds the lock for a scope.
class os_thread_locked {
 public:
  os_thread_locked() noexcept { lock_os_thread(); }
  ~os_thread_locked() { unlock_os_thread(); }
  os_thread_locked(os_thread_locked const&) = delete;
  os_thread_locked& operator=(os_thread_locked const&) = delete;
};

}  // namespace retake
