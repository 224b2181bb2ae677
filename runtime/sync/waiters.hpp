// waiters.hpp: goroutines that wait for something under somebody's lock, first come first served.
//
// A waiter lies on the stack of its goroutine, which is parked for as long as the waiter is in a list; whoever takes it out readies the
// goroutine, once, after it has dropped the lock.
#pragma once

#include "protocol/spin_lock.hpp"
#include "sched/scheduler.hpp"
#include "world/atomic.hpp"

namespace retake {

struct waiter {
  explicit waiter(goroutine& who, void* payload) noexcept : g(who), element(payload), next(nullptr), served(0) {}
  goroutine& g;
  void* const element;             // where a value goes to or comes from
  world::plain<waiter*> next;
  world::plain<std::uint32_t> served;  // 1: it got what it waited for; 0: it was sent away
};

class waiter_list {
 public:
  waiter_list() noexcept : first_(nullptr), last_(nullptr) {}

  void push_back(waiter& w) noexcept {
    waiter* const last = last_.get();
    if (last == nullptr) {
      first_.set(&w);
    } else {
      last->next.set(&w);
    }
    last_.set(&w);
  }

  [[nodiscard]] waiter* pop_front() noexcept {
    waiter* const w = first_.get();
    if (w == nullptr) return nullptr;
    waiter* const rest = w->next.get();
    first_.set(rest);
    if (rest == nullptr) last_.set(nullptr);
    return w;
  }

  [[nodiscard]] bool empty() const noexcept { return first_.get() == nullptr; }

 private:
  world::plain<waiter*> first_;
  world::plain<waiter*> last_;
};

// The lock that a goroutine parks under is dropped behind it: from then on its waiter can be found.
inline bool unlock_behind(goroutine&, void* lock) noexcept {
  static_cast<spin_lock*>(lock)->unlock();
  return true;
}

// The calling goroutine holds `lock`. Returns without it, when somebody has taken the waiter out.
inline void park_in(waiter_list& list, waiter& w, spin_lock& lock, wait_reason reason) noexcept {
  list.push_back(w);
  sched::park(unlock_behind, &lock, reason);
}

}  // namespace retake
