#include "retake/sync.hpp"
#include "sync/core_memory.hpp"
#include "sync/waiters.hpp"

namespace retake {

namespace detail {

class cond_core {
 public:
  void wait(mutex& guard) noexcept {
    waiter self(this_goroutine());
    lock_.lock();
    waiting_.push_back(self);
    parking how{lock_, guard};
    // In this order: the waiter is in the queue before the mutex is free. It may go on before this
    // is over, and want the mutex.
    sched::park(
        [](goroutine&, void* argument) noexcept {
          const parking now = *static_cast<parking*>(argument);
          machine& m = *this_machine();
          now.lock.unlock();
          ++m.locks;  // no goroutine is here that could yield
          now.guard.unlock();
          --m.locks;
          return true;
        },
        &how, wait_reason::sync_cond);
    guard.lock();
  }

  void let_go(bool all) noexcept {
    batch<goroutine> gone;
    {
      const locked hold(lock_);
      while (queued* const w = waiting_.pop_winner()) {
        gone.push_back(&w->g);
        if (!all) break;
      }
    }
    ready_all(gone);
    sched::preempt_point();
  }

  [[nodiscard]] bool waited_on() noexcept {
    const locked hold(lock_);
    return !waiting_.empty();
  }

 private:
  struct parking {
    spin_lock& lock;
    mutex& guard;
  };

  spin_lock lock_;
  waiter_queue waiting_;
};

}  // namespace detail

cond::cond() : core_(detail::make_core<detail::cond_core>()) {}
cond::~cond() { detail::end_core(core_, "G6: a cond is destroyed while goroutines wait for it"); }
void cond::wait(mutex& guard) noexcept { core_->wait(guard); }
void cond::signal() noexcept { core_->let_go(false); }
void cond::broadcast() noexcept { core_->let_go(true); }

}  // namespace retake
