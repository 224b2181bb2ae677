// channel_core.hpp: a ring of values, and the goroutines that wait to send or to receive, under one
// lock. A value goes straight to a goroutine that waits.
//
// A goroutine that waits in several places looks at each again when it goes on, also where it was
// passed over. By then the channel may be gone: what had it served, or told it of the end, does not
// wait until it has looked. So such a wait keeps the core.
#pragma once

#include "retake/channel.hpp"
#include "sync/waiters.hpp"
#include "world/atomic.hpp"

namespace retake::detail {

class channel_core;

// Of a goroutine that waits in several places.
struct joined_waiter : waiter {
  template <class... What>
  joined_waiter(goroutine& who, channel_core& where, bool sending, What&&... what) noexcept
      : waiter(who, what...), channel(where), sends(sending) {
    forget = leave_channel;
  }

  channel_core& channel;
  bool const sends;

 private:
  static void leave_channel(abandoned_wait& self) noexcept;
};

class channel_core {
 public:
  channel_core(element_operations const& how, std::size_t capacity, char* ring) noexcept
      : how_(how), capacity_(capacity), ring_(ring), id_(0), first_(0), count_(0), closed_(0), uses_(0), gone_(0) {}
  ~channel_core();
  channel_core(channel_core const&) = delete;
  channel_core& operator=(channel_core const&) = delete;

  [[nodiscard]] transfer send(void* element, bool block) noexcept;
  [[nodiscard]] transfer receive(void* element, bool block) noexcept;
  // Appends the goroutines that waited; the caller readies them when it holds no lock. False: it is
  // closed already.
  bool close(batch<goroutine>& sent_away) noexcept;
  [[nodiscard]] std::size_t size() noexcept;
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  // For waits in several places. Its place in the order of locks: (P, sequence), given when it is
  // first asked for.
  [[nodiscard]] std::uint64_t id() noexcept;

  spin_lock lock;
  // Under the lock. `woken`: a goroutine that was served, the caller's to ready behind the lock.
  [[nodiscard]] transfer send_here(void* element, goroutine*& woken) noexcept;
  [[nodiscard]] transfer receive_here(void* element, goroutine*& woken) noexcept;
  [[nodiscard]] bool closed_here() const noexcept { return closed_.get() != 0; }
  // One of several places that a goroutine waits in. Until leave() the core outlives its channel.
  void join(joined_waiter& w) noexcept {
    queue_of(w.sends).push_back(w);
    uses_.set(uses_.get() + 1);
  }

  // Without the lock: the goroutine that has joined goes on. The last to leave a channel that is
  // gone ends the core.
  void leave(joined_waiter& w) noexcept;
  // Without the lock: the channel ends. Fatal: "G6: a channel is destroyed while goroutines wait on
  // it".
  void abandon() noexcept;

 private:
  [[nodiscard]] waiter_queue& queue_of(bool senders) noexcept { return senders ? senders_ : receivers_; }
  [[nodiscard]] static bool only_passed_over(waiter_queue& queue) noexcept;
  void* slot(std::size_t i) noexcept { return ring_ + (first_.get() + i) % capacity_ * how_.bytes; }

  element_operations const& how_;
  std::size_t const capacity_;
  char* const ring_;
  world::atomic<std::uint64_t> id_;
  world::plain<std::size_t> first_;  // under the lock, as all below
  world::plain<std::size_t> count_;
  world::plain<std::uint32_t> closed_;
  world::plain<std::uint32_t> uses_;  // goroutines between join() and leave()
  world::plain<std::uint32_t> gone_;  // the channel has ended
  waiter_queue senders_;
  waiter_queue receivers_;
};

inline void joined_waiter::leave_channel(abandoned_wait& self) noexcept {
  auto& mine = static_cast<joined_waiter&>(self);
  mine.channel.leave(mine);
}

}  // namespace retake::detail
