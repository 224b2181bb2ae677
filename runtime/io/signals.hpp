// signals.hpp: which channels want which signals, and the goroutine that relays them. The service
// hangs off the scheduler from the first request on.
//
// Recipe.    The relay lives from the first subscriber to the last: while none is left, it neither
//            waits in the poller, where it would keep a deadlock from being found, nor is it there
//            for reports. A number that the last channel gives up is relayed once more, under the
//            same lock as its
//            removal: what a handler has caught before reaches the channels that wanted it then.
// Locks:     `lock_` is below a channel's. While it is held nothing parks or yields: sends do not
//            wait, and the M's lock count keeps preemption away.
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
  // No channel wants these any more; `action` is taken for each, wanted or not.
  [[nodiscard]] int forget(std::uint64_t numbers, int (*action)(int number) noexcept) noexcept;

  // The relay is the runtime's own: no goroutine that a program has left behind.
  [[nodiscard]] static bool is_relay(scheduler& s, std::uint64_t goroutine_id) noexcept;

 private:
  struct subscriber {
    channel<int>* to;
    std::uint64_t numbers;
    subscriber* next;
  };

  signal_service(poller& network, int fd, poll_descriptor& entry) noexcept
      : scheduler_service{end},
        network_(network),
        fd_(fd),
        entry_(entry),
        relay_(0),
        relaying_(false),
        first_(nullptr) {}
  static void end(scheduler_service* me) noexcept;
  void relay() noexcept;
  [[nodiscard]] bool relay_once() noexcept;
  void tell_recorded() noexcept;
  void withdraw(std::uint64_t numbers, channel<int> const* from) noexcept;
  [[nodiscard]] subscriber* find(channel<int> const& to) const noexcept;
  [[nodiscard]] std::uint64_t wanted() const noexcept;

  poller& network_;
  int const fd_;
  poll_descriptor& entry_;
  world::atomic<std::uint64_t> relay_;  // the goroutine's id; 0: none has begun
  spin_lock lock_;
  bool relaying_;      // under lock_: the relay has been started and has not decided to end
  subscriber* first_;  // under lock_
};

}  // namespace retake::detail
