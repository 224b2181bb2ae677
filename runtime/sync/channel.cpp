#include "sync/channel_core.hpp"

#include "sync/core_memory.hpp"
#include "world/memory.hpp"
#include "world/require.hpp"

namespace retake::detail {

namespace {

goroutine* serve(queued& w) noexcept {
  w.served.set(1);
  return &w.g;
}

void go_on(goroutine* woken) noexcept {
  if (woken != nullptr) sched::ready(*woken);
  sched::preempt_point();
}

}  // namespace

channel_core::~channel_core() {
  world::require(senders_.empty() && receivers_.empty(), "G6: a channel's memory ends while goroutines wait on it");
  const std::size_t count = count_.get();
  for (std::size_t i = 0; i < count; ++i) how_.destroy(slot(i));
  if (ring_ != nullptr) world::deallocate(ring_, capacity_ * how_.bytes);
}

transfer channel_core::send_here(void* element, goroutine*& woken) noexcept {
  if (closed_.get() != 0) return transfer::closed;
  if (queued* const receiver = receivers_.pop_winner()) {
    how_.move(receiver->element, element);
    woken = serve(*receiver);
    return transfer::done;
  }
  const std::size_t count = count_.get();
  if (count == capacity_) return transfer::would_block;
  how_.move(slot(count), element);
  count_.set(count + 1);
  return transfer::done;
}

transfer channel_core::receive_here(void* element, goroutine*& woken) noexcept {
  const std::size_t count = count_.get();
  if (count > 0) {
    void* const oldest = slot(0);
    how_.move(element, oldest);
    how_.destroy(oldest);
    const std::size_t second = first_.get() + 1;
    first_.set(second == capacity_ ? 0 : second);
    queued* const sender = senders_.pop_winner();
    if (sender == nullptr) {
      count_.set(count - 1);
      return transfer::done;
    }
    how_.move(slot(count - 1), sender->element);
    woken = serve(*sender);
    return transfer::done;
  }
  if (queued* const sender = senders_.pop_winner()) {
    how_.move(element, sender->element);
    woken = serve(*sender);
    return transfer::done;
  }
  return closed_.get() != 0 ? transfer::closed : transfer::would_block;
}

transfer channel_core::send(void* element, bool block) noexcept {
  goroutine* woken = nullptr;
  lock.lock();
  const transfer how = send_here(element, woken);
  if (how != transfer::would_block || !block) {
    lock.unlock();
    go_on(woken);
    return how;
  }
  waiter self(this_goroutine(), element);
  park_in(senders_, self, lock, wait_reason::chan_send);
  return self.served.get() != 0 ? transfer::done : transfer::closed;
}

transfer channel_core::receive(void* element, bool block) noexcept {
  goroutine* woken = nullptr;
  lock.lock();
  const transfer how = receive_here(element, woken);
  if (how != transfer::would_block || !block) {
    lock.unlock();
    go_on(woken);
    return how;
  }
  waiter self(this_goroutine(), element);
  park_in(receivers_, self, lock, wait_reason::chan_receive);
  return self.served.get() != 0 ? transfer::done : transfer::closed;
}

bool channel_core::close(batch<goroutine>& sent_away) noexcept {
  const locked hold(lock);
  if (closed_.get() != 0) return false;
  closed_.set(1);
  while (queued* const w = receivers_.pop_winner()) sent_away.push_back(&w->g);
  while (queued* const w = senders_.pop_winner()) sent_away.push_back(&w->g);
  return true;
}

void channel_core::leave(joined_waiter& w) noexcept {
  bool last = false;
  {
    const locked hold(lock);
    static_cast<void>(queue_of(w.sends).remove(w));
    const std::uint32_t uses = uses_.get() - 1;
    uses_.set(uses);
    last = uses == 0 && gone_.get() != 0;
  }
  if (last) release_core(this);
}

// Takes out those whose goroutines another place has won. False: one waits.
bool channel_core::only_passed_over(waiter_queue& queue) noexcept {
  while (queued* const w = queue.first()) {
    if (w->race == nullptr || !w->race->decided()) return false;
    static_cast<void>(queue.remove(*w));
  }
  return true;
}

void channel_core::abandon() noexcept {
  bool last = false;
  bool waited_on = false;
  {
    const locked hold(lock);
    waited_on = !only_passed_over(senders_) || !only_passed_over(receivers_);
    gone_.set(1);
    last = uses_.get() == 0;
  }
  if (waited_on) world::fatal("G6: a channel is destroyed while goroutines wait on it");
  if (last) release_core(this);
}

std::size_t channel_core::size() noexcept {
  const locked hold(lock);
  return count_.get();
}

std::uint64_t channel_core::id() noexcept {
  const std::uint64_t known = id_.load_relaxed();
  if (known != 0) return known;
  processor& p = running_machine().processor_here();
  const std::uint64_t fresh = (std::uint64_t{p.id} + 1) << 40 | ++p.ids_given;
  const world::exchanged<std::uint64_t> given = id_.compare_exchange_relaxed(0, fresh);
  return given.won ? fresh : given.seen;
}

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

void free_channel(channel_core* core) noexcept { core->abandon(); }

transfer channel_send(channel_core& core, void* element, bool block) noexcept { return core.send(element, block); }
transfer channel_receive(channel_core& core, void* element, bool block) noexcept {
  return core.receive(element, block);
}
bool channel_close(channel_core& core) noexcept {
  batch<goroutine> sent_away;
  const bool closed = core.close(sent_away);
  ready_all(sent_away);
  return closed;
}
std::size_t channel_size(channel_core& core) noexcept { return core.size(); }
std::size_t channel_capacity(channel_core& core) noexcept { return core.capacity(); }

}  // namespace retake::detail
