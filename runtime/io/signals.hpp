// signals.hpp: who wants which signals, and the goroutine that tells them. One of these hangs off the scheduler once somebody has asked.
//
// Locks: `lock_` is below a channel's. While it is held nothing parks or yields: sends do not wait, and the M's lock count keeps preemption away.
#pragma once

#include <cstdint>

#include "poll/poller.hpp"
#include "protocol/spin_lock.hpp"
#include "sched/scheduler.hpp"
#include "world/signal.hpp"

namespace retake {
template <class T>
class channel;
}

namespace retake::detail {

class signal_service : public scheduler_service {
 public:
  // By a goroutine: the scheduler's own; made when it is not there. nullptr and -errno.
  [[nodiscard]] static signal_service* of(scheduler& s, int& failed) noexcept;

  [[nodiscard]] int add(channel<int>& to, std::uint64_t numbers) noexcept;
  void remove(channel<int>& to) noexcept;
  // Nobody wants these any more; `what` is done to each that was wanted or not.
  [[nodiscard]] int forget(std::uint64_t numbers, int (*what)(int number) noexcept) noexcept;

 private:
  struct subscriber {
    channel<int>* to;
    std::uint64_t numbers;
    subscriber* next;
  };

  signal_service(poller& network, int fd, poll_descriptor& entry) noexcept : scheduler_service{end}, network_(network), fd_(fd), entry_(entry), first_(nullptr) {}
  static void end(scheduler_service* me) noexcept;
  void serve() noexcept;
  void tell(world::recorded_signals came) noexcept;
  [[nodiscard]] std::uint64_t wanted() const noexcept;

  poller& network_;
  int const fd_;
  poll_descriptor& entry_;
  spin_lock lock_;
  subscriber* first_;  // under lock_
};

}  // namespace retake::detail
