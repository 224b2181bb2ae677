#include <new>

#include "retake/sync.hpp"
#include "sync/waiters.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake {

namespace detail {

class mutex_core {
 public:
  mutex_core() noexcept : held_(0) {}

  bool try_lock() noexcept {
    const locked hold(lock_);
    if (held_.get() != 0) return false;
    held_.set(1);
    return true;
  }

  void lock() noexcept {
    lock_.lock();
    if (held_.get() == 0) {
      held_.set(1);
      lock_.unlock();
      return;
    }
    waiter self(this_goroutine(), nullptr);
    park_in(waiting_, self, lock_, wait_reason::sync_mutex);  // whoever takes the waiter out has given it the lock
  }

  void unlock() noexcept {
    waiter* next = nullptr;
    {
      const locked hold(lock_);
      if (held_.get() == 0) world::fatal("unlock of unlocked mutex");
      next = waiting_.pop_front();
      if (next == nullptr) held_.set(0);
    }
    if (next != nullptr) sched::ready(next->g);
    sched::preempt_point();
  }

 private:
  spin_lock lock_;
  world::plain<std::uint32_t> held_;  // under lock_, as the list
  waiter_list waiting_;
};

class wait_group_core {
 public:
  wait_group_core() noexcept : count_(0) {}

  void add(std::int32_t change) noexcept {
    batch<goroutine> free;
    {
      const locked hold(lock_);
      const std::int64_t count = std::int64_t{count_.get()} + change;
      if (count < 0) world::fatal("negative wait_group counter");
      count_.set(static_cast<std::int32_t>(count));
      if (count == 0) {
        while (waiter* const w = waiting_.pop_front()) free.push_back(&w->g);
      }
    }
    while (goroutine* const g = free.pop_front()) sched::ready(*g);
    sched::preempt_point();
  }

  void wait() noexcept {
    lock_.lock();
    if (count_.get() == 0) {
      lock_.unlock();
      return;
    }
    waiter self(this_goroutine(), nullptr);
    park_in(waiting_, self, lock_, wait_reason::sync_wait_group);
  }

 private:
  spin_lock lock_;
  world::plain<std::int32_t> count_;
  waiter_list waiting_;
};

namespace {

template <class Core>
Core* make() {
  void* const memory = world::allocate(sizeof(Core), alignof(Core));
  if (memory == nullptr) throw std::bad_alloc();
  return new (memory) Core();
}

template <class Core>
void release(Core* core) noexcept {
  core->~Core();
  world::deallocate(core, sizeof(Core));
}

}  // namespace

}  // namespace detail

mutex::mutex() : core_(detail::make<detail::mutex_core>()) {}
mutex::~mutex() { detail::release(core_); }
void mutex::lock() noexcept { core_->lock(); }
void mutex::unlock() noexcept { core_->unlock(); }
bool mutex::try_lock() noexcept { return core_->try_lock(); }

wait_group::wait_group() : core_(detail::make<detail::wait_group_core>()) {}
wait_group::~wait_group() { detail::release(core_); }
void wait_group::add(std::int32_t change) noexcept { core_->add(change); }
void wait_group::wait() noexcept { core_->wait(); }

}  // namespace retake
