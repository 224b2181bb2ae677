// channel: a ring of values, and the goroutines that wait to send or to receive, under one lock. A value goes straight to a goroutine that waits.
#include "retake/channel.hpp"

#include "sync/waiters.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake::detail {

class channel_core {
 public:
  channel_core(element_operations const& how, std::size_t capacity, char* ring) noexcept
      : how_(how), capacity_(capacity), ring_(ring), first_(0), count_(0), closed_(0) {}

  ~channel_core() {
    world::require(senders_.empty() && receivers_.empty(), "G6: a channel is destroyed while goroutines wait on it");
    const std::size_t count = count_.get();
    for (std::size_t i = 0; i < count; ++i) how_.destroy(slot(i));
    if (ring_ != nullptr) world::deallocate(ring_, capacity_ * how_.bytes);
  }

  transfer send(void* element, bool block) noexcept {
    lock_.lock();
    if (closed_.get() != 0) {
      lock_.unlock();
      return transfer::closed;
    }
    if (waiter* const receiver = receivers_.pop_front()) {
      how_.move(receiver->element, element);
      serve(*receiver);
      return transfer::done;
    }
    const std::size_t count = count_.get();
    if (count < capacity_) {
      how_.move(slot(count), element);
      count_.set(count + 1);
      lock_.unlock();
      sched::preempt_point();
      return transfer::done;
    }
    if (!block) {
      lock_.unlock();
      return transfer::would_block;
    }
    waiter self(this_goroutine(), element);
    park_in(senders_, self, lock_, wait_reason::chan_send);
    return self.served.get() != 0 ? transfer::done : transfer::closed;
  }

  transfer receive(void* element, bool block) noexcept {
    lock_.lock();
    const std::size_t count = count_.get();
    if (count > 0) {
      void* const oldest = slot(0);
      how_.move(element, oldest);
      how_.destroy(oldest);
      first_.set((first_.get() + 1) % capacity_);
      waiter* const sender = senders_.pop_front();
      if (sender == nullptr) {
        count_.set(count - 1);
        lock_.unlock();
        sched::preempt_point();
        return transfer::done;
      }
      how_.move(slot(count - 1), sender->element);
      serve(*sender);
      return transfer::done;
    }
    if (waiter* const sender = senders_.pop_front()) {
      how_.move(element, sender->element);
      serve(*sender);
      return transfer::done;
    }
    if (closed_.get() != 0 || !block) {
      const bool closed = closed_.get() != 0;
      lock_.unlock();
      return closed ? transfer::closed : transfer::would_block;
    }
    waiter self(this_goroutine(), element);
    park_in(receivers_, self, lock_, wait_reason::chan_receive);
    return self.served.get() != 0 ? transfer::done : transfer::closed;
  }

  bool close() noexcept {
    batch<goroutine> sent_away;
    {
      const locked hold(lock_);
      if (closed_.get() != 0) return false;
      closed_.set(1);
      while (waiter* const w = receivers_.pop_front()) sent_away.push_back(&w->g);
      while (waiter* const w = senders_.pop_front()) sent_away.push_back(&w->g);
    }
    while (goroutine* const g = sent_away.pop_front()) sched::ready(*g);
    return true;
  }

  std::size_t size() noexcept {
    const locked hold(lock_);
    return count_.get();
  }

 private:
  // Under the lock, which it drops. The waiter lies on the goroutine's stack: not to be touched once that is ready.
  void serve(waiter& w) noexcept {
    goroutine& g = w.g;
    w.served.set(1);
    lock_.unlock();
    sched::ready(g);
    sched::preempt_point();
  }

  void* slot(std::size_t i) noexcept { return ring_ + (first_.get() + i) % capacity_ * how_.bytes; }

  element_operations const& how_;
  std::size_t const capacity_;
  char* const ring_;
  spin_lock lock_;
  world::plain<std::size_t> first_;   // under the lock, as all below
  world::plain<std::size_t> count_;
  world::plain<std::uint32_t> closed_;
  waiter_list senders_;
  waiter_list receivers_;
};

channel_core* make_channel(element_operations const& how, std::size_t capacity) {
  char* ring = nullptr;
  if (capacity > 0) {
    if (capacity > PTRDIFF_MAX / how.bytes) throw std::bad_alloc();
    ring = static_cast<char*>(world::allocate(capacity * how.bytes));
    if (ring == nullptr) throw std::bad_alloc();
  }
  void* const memory = world::allocate(sizeof(channel_core), alignof(channel_core));
  if (memory == nullptr) {
    if (ring != nullptr) world::deallocate(ring, capacity * how.bytes);
    throw std::bad_alloc();
  }
  return new (memory) channel_core(how, capacity, ring);
}

void free_channel(channel_core* core) noexcept {
  core->~channel_core();
  world::deallocate(core, sizeof(channel_core));
}

transfer channel_send(channel_core& core, void* element, bool block) noexcept { return core.send(element, block); }
transfer channel_receive(channel_core& core, void* element, bool block) noexcept { return core.receive(element, block); }
bool channel_close(channel_core& core) noexcept { return core.close(); }
std::size_t channel_size(channel_core& core) noexcept { return core.size(); }

}  // namespace retake::detail
