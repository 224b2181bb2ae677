#include "io/turns.hpp"

#include "sched/scheduler.hpp"
#include "sync/waiters.hpp"

namespace retake::detail {

entered enter(descriptor_use<goroutine>& number, direction way) noexcept {
  using begun = descriptor_use<goroutine>::begun;
  begun now = number.begin(way);
  if (now == begun::taken) {
    waiter self(this_goroutine());
    now = number.begin_or_queue(way, self);
    if (now == begun::queued) {
      sched::park(unlock_behind, &number.lock, wait_reason::io_wait);
      return self.served.get() != 0 ? entered::inside : entered::sent_away;
    }
  }
  return now == begun::inside ? entered::inside : entered::refused;
}

bool leave(descriptor_use<goroutine>& number, direction way) noexcept {
  goroutine* next = nullptr;
  const bool last = number.end(way, [&next](goroutine& g) { next = &g; });
  if (next != nullptr) sched::ready(*next);
  return last;
}

}  // namespace retake::detail
