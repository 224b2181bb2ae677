// waiters.hpp: the wait queues of channels, semaphores and the like, with this runtime's goroutines in them.
//
// A waiter lies on the stack of its goroutine, which is parked for as long as the waiter is in a queue; whoever takes it out readies the
// goroutine, once, after it has dropped the lock.
#pragma once

#include "protocol/spin_lock.hpp"
#include "protocol/wait_queue.hpp"
#include "sched/scheduler.hpp"

namespace retake {

using waiter = queue_waiter<goroutine>;
using waiter_queue = wait_queue<goroutine>;

// The lock that a goroutine parks under is dropped behind it: from then on its waiter can be found.
inline bool unlock_behind(goroutine&, void* lock) noexcept {
  static_cast<spin_lock*>(lock)->unlock();
  return true;
}

// The calling goroutine holds `lock`. Returns without it, when somebody has taken the waiter out.
inline void park_in(waiter_queue& queue, waiter& w, spin_lock& lock, wait_reason reason) noexcept {
  queue.push_back(w);
  sched::park(unlock_behind, &lock, reason);
}

// After the lock was dropped: those who were let go.
inline void ready_all(batch<goroutine>& let_go) noexcept {
  while (goroutine* const g = let_go.pop_front()) sched::ready(*g);
}

}  // namespace retake
