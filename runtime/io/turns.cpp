#include "io/turns.hpp"

#include "sched/scheduler.hpp"
#include "sync/waiters.hpp"

namespace retake::detail {

entered enter_in_turn(descriptor_use<goroutine>& number, direction way) noexcept {
  using begun = descriptor_use<goroutine>::begun;
  waiter self(this_goroutine());
  const begun now = number.begin_or_queue(way, self);
  if (now != begun::queued) return now == begun::inside ? entered::inside : entered::refused;
  sched::park(unlock_behind, &number.lock, wait_reason::io_wait);
  return self.served.get() != 0 ? entered::inside : entered::sent_away;
}

void hand_on(goroutine& next) noexcept { sched::ready(next); }

}  // namespace retake::detail
