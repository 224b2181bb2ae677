// waiters.hpp: the wait queues of channels, semaphores and the like, with this runtime's goroutines
// in them.
//
// A waiter lies on the stack of its goroutine, which is parked for as long as the waiter is in a
// queue; whoever takes it out readies the goroutine, once, after it has dropped the lock.
#pragma once

#include "protocol/spin_lock.hpp"
#include "protocol/wait_queue.hpp"
#include "sched/scheduler.hpp"

namespace retake {

using queued = queue_waiter<goroutine>;  // as what serves the queue finds it
using waiter_queue = wait_queue<goroutine>;

// The goroutine's own, which is running; the last that it makes ends first.
struct waiter : queued, abandoned_wait {
  template <class... What>
  explicit waiter(goroutine& who, What&&... what) noexcept
      : queued(who, what...), abandoned_wait{who.waits, leave_queue} {
    who.waits = this;
  }
  ~waiter() { g.waits = older; }
  waiter(waiter const&) = delete;
  waiter& operator=(waiter const&) = delete;

 private:
  static void leave_queue(abandoned_wait& self) noexcept {
    auto& mine = static_cast<waiter&>(self);
    if (waiter_queue* const in = mine.in.get()) static_cast<void>(in->remove(mine));
  }
};

// The lock that a goroutine parks under is dropped behind it: from then on its waiter can be found.
inline bool unlock_behind(goroutine&, void* lock) noexcept {
  static_cast<spin_lock*>(lock)->unlock();
  return true;
}

// The calling goroutine holds `lock`. Returns without it, when somebody has taken the waiter out.
inline void park_in(waiter_queue& queue, queued& w, spin_lock& lock, wait_reason reason) noexcept {
  queue.push_back(w);
  sched::park(unlock_behind, &lock, reason);
}

// After the lock was dropped: those who were let go.
inline void ready_all(batch<goroutine>& let_go) noexcept {
  while (goroutine* const g = let_go.pop_front()) sched::ready(*g);
}

}  // namespace retake
