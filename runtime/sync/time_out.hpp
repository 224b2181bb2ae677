// time_out.hpp: the end of a wait by the clock, as one of those who race for a goroutine
// (protocol/wait_queue.hpp).
#pragma once

#include "protocol/wait_queue.hpp"
#include "sched/scheduler.hpp"
#include "time/runtime_timer.hpp"

namespace retake {

// Lies on the stack of the goroutine that waits.
class time_out : runtime_timer {
 public:
  time_out(goroutine& who, wait_race& among, std::uint32_t number) noexcept
      : runtime_timer(over), g_(who), race_(among), number_(number) {}

  // Behind the parked goroutine, before anybody else can find it: afterwards it may go on, and this
  // is gone.
  void begin(std::int64_t due_ns) noexcept { start(due_ns); }

  // The goroutine, on again, when somebody else has won: until nobody touches this any more.
  void end() noexcept {
    if (stop()) return;
    sched::park([](goroutine&, void* race) noexcept { return static_cast<wait_race*>(race)->wait_until_left(); },
                &race_, wait_reason::sleep);
  }

 private:
  static void over(runtime_timer& t, std::int64_t) noexcept {
    auto& me = static_cast<time_out&>(t);
    goroutine& g = me.g_;
    if (me.race_.win(me.number_) || me.race_.left()) sched::ready(g);
  }

  goroutine& g_;
  wait_race& race_;
  std::uint32_t const number_;
};

}  // namespace retake
