#include "retake/thread_lock.hpp"

#include "sched/scheduler.hpp"
#include "world/require.hpp"

namespace retake {

void lock_os_thread() noexcept {
  goroutine& g = this_goroutine();
  if (thread_lock::lock(*this_machine(), g) == lock_outcome::overflow) world::fatal("lock_os_thread: nested too deeply");
}

void unlock_os_thread() noexcept {
  goroutine& g = this_goroutine();
  if (thread_lock::unlock(*this_machine(), g) == lock_outcome::not_locked) world::fatal("unlock_os_thread: the goroutine is not locked to its thread");
}

}  // namespace retake
