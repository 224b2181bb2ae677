#include "retake/sync.hpp"

#include <limits>

#include "sync/core_memory.hpp"
#include "sync/waiters.hpp"
#include "world/require.hpp"

namespace retake {

namespace detail {

class wait_group_core {
 public:
  wait_group_core() noexcept : count_(0) {}

  void add(std::int32_t change) noexcept {
    batch<goroutine> let_go;
    {
      const locked hold(lock_);
      const std::int64_t count = std::int64_t{count_.get()} + change;
      if (count < 0) world::fatal("negative wait_group counter");
      if (count > std::numeric_limits<std::int32_t>::max()) world::fatal("wait_group counter overflow");
      count_.set(static_cast<std::int32_t>(count));
      if (count == 0) {
        while (queued* const w = waiting_.pop_winner()) let_go.push_back(&w->g);
      }
    }
    ready_all(let_go);
    sched::preempt_point();
  }

  void wait() noexcept {
    lock_.lock();
    if (count_.get() == 0) {
      lock_.unlock();
      return;
    }
    waiter self(this_goroutine());
    park_in(waiting_, self, lock_, wait_reason::sync_wait_group);
  }

  [[nodiscard]] bool waited_on() noexcept {
    const locked hold(lock_);
    return !waiting_.empty();
  }

 private:
  spin_lock lock_;
  world::plain<std::int32_t> count_;
  waiter_queue waiting_;
};

}  // namespace detail

detail::done_at_end::~done_at_end() {
  if (to_ != nullptr) to_->done();
}

wait_group::wait_group() : core_(detail::make_core<detail::wait_group_core>()) {}
wait_group::~wait_group() { detail::end_core(core_, "G6: a wait_group is destroyed while goroutines wait for it"); }
void wait_group::add(std::int32_t change) noexcept { core_->add(change); }
void wait_group::wait() noexcept { core_->wait(); }

}  // namespace retake
