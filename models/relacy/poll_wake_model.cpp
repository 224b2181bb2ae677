// poll_wake_model.cpp: one M blocks in the poller, a break or an earlier timer ends its wait, and
// what the breaker left is there.
#include "protocol/poll_wake.hpp"

#include "model_main.hpp"
#include "protocol/wake_gate.hpp"

namespace retake {
namespace {

// The wake-up descriptor: an eventfd in the kernel, without any order of ours.
struct event_descriptor {
  world::atomic<std::uint32_t> count{0};

  void make_readable() {
    count.exchange_relaxed(1);
    world::futex_wake(count, 1);
  }
  void block() {
    for (;;) {
      const std::uint32_t now = count.load_relaxed();
      if (now != 0) return;
      world::futex_wait(count, 0);
    }
  }
  bool drain() { return count.exchange_relaxed(0) != 0; }
};

struct poller {
  poll_wake wake{1};
  event_descriptor descriptor;

  void block_and_return() {
    descriptor.block();
    const bool drained = descriptor.drain();
    wake.returned(1, drained);
  }
  void break_poll() {
    if (wake.signal()) descriptor.make_readable();
  }
  void expect_signal_agrees() {
    const std::uint32_t readable = descriptor.count.load_relaxed();
    const bool was_clear = wake.signal();
    world::require(was_clear == (readable == 0), "N7: the signal and the descriptor do not agree");
  }
};

// A break is not lost, and what the breaker left is there.
struct break_against_block : model::suite<break_against_block, 2> {
  static constexpr char const* name = "break_against_block";
  static constexpr char const* claim = "a break ends the wait, and the poller reads what the breaker left before it";
  static constexpr bool parks = true;
  static constexpr unsigned spurious = 1;

  poller p;
  world::plain<std::uint32_t> left{0};

  void thread(unsigned index) {
    if (index == 0) {
      const bool mine = p.wake.claim(0);
      world::require(mine, "N6: nobody else polls");
      p.block_and_return();
      const std::uint32_t found = left.get();
      world::require(found == 7, "V7: the wait ends without what the breaker left");
    } else {
      left.set(7);
      p.break_poll();
    }
  }
  void after() { p.expect_signal_agrees(); }
};

// Several breakers share one system call; a break that finds the signal set relies on the poller's
// swap coming later.
struct two_breakers : model::suite<two_breakers, 3> {
  static constexpr char const* name = "two_breakers";
  static constexpr char const* claim = "a break that makes no system call because another did is seen as well";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  poller p;
  world::atomic<std::uint32_t> letters[2]{world::atomic<std::uint32_t>{0}, world::atomic<std::uint32_t>{0}};

  void thread(unsigned index) {
    if (index == 0) {
      for (;;) {  // bound: two breaks
        const bool mine = p.wake.claim(0);
        world::require(mine, "N6: nobody else polls");
        p.block_and_return();
        const std::uint32_t first = letters[0].load_relaxed();
        const std::uint32_t second = letters[1].load_relaxed();
        if (first != 0 && second != 0) return;
      }
    } else {
      letters[index - 1].store_relaxed(1);
      p.break_poll();
    }
  }
  void after() { p.expect_signal_agrees(); }
};

// One M is back from the poller and goes to sleep; a timer is added meanwhile.
struct timer_against_gone_poller : model::suite<timer_against_gone_poller, 2> {
  static constexpr char const* name = "timer_against_gone_poller";
  static constexpr char const* claim =
      "a timer that is added while the poller's M goes to sleep is seen by it, or wakes an M";

  poller p;
  wake_gate gate;
  world::atomic<std::int64_t> timer_ns{0};
  bool seen = false, woken = false, broken = false;  // host memory

  void before() {
    static_cast<void>(p.wake.claim(0));
    gate.start_spinning();
  }
  void thread(unsigned index) {
    if (index == 0) {
      p.wake.returned(5, false);
      gate.found_nothing(true);
      const std::int64_t due_ns = timer_ns.load_relaxed();
      seen = due_ns != 0;
    } else {
      timer_ns.store_relaxed(200);
      const poll_wake::need need = p.wake.for_timer(200);
      woken = need == poll_wake::need::wake_machine;
      broken = need == poll_wake::need::break_poll;
    }
  }
  void after() { world::require(seen || woken, "V7: a timer is left to a poller that has gone"); }
};

// The poller's M looks for work as soon as it is back, before it has anything to give up.
struct timer_against_return : model::suite<timer_against_return, 2> {
  static constexpr char const* name = "timer_against_return";
  static constexpr char const* claim =
      "a timer that was left to the poller because it still blocked is seen by its M when it is back";

  poller p;
  world::atomic<std::int64_t> timer_ns{0};
  bool seen = false, woken = false;  // host memory

  void before() { static_cast<void>(p.wake.claim(100)); }
  void thread(unsigned index) {
    if (index == 0) {
      p.wake.returned(5, false);
      const std::int64_t due_ns = timer_ns.load_relaxed();
      seen = due_ns != 0;
    } else {
      timer_ns.store_relaxed(200);
      woken = p.wake.for_timer(200) == poll_wake::need::wake_machine;
    }
  }
  void after() { world::require(seen || woken, "V7: a timer is left to a poller that has gone"); }
};

// One M is back from a wait with a short limit, another blocks with a long one: whose limit does a
// new timer meet?
struct timer_against_next_poller : model::suite<timer_against_next_poller, 3> {
  static constexpr char const* name = "timer_against_next_poller";
  static constexpr char const* claim = "the limit of the last poller is not taken for that of the next one";

  poller p;
  wake_gate gate;
  world::atomic<std::int64_t> timer_ns{0};
  bool first_sees = false, next_sees = false, next_polls = false;  // host memory
  poll_wake::need need = poll_wake::need::nothing;

  void before() {
    static_cast<void>(p.wake.claim(100));
    gate.start_spinning();
  }
  void thread(unsigned index) {
    if (index == 0) {
      p.wake.returned(5, false);
      const std::int64_t due_ns = timer_ns.load_relaxed();
      first_sees = due_ns != 0;
    } else if (index == 1) {
      gate.found_nothing(true);
      const std::int64_t due_ns = timer_ns.load_relaxed();
      next_sees = due_ns != 0;
      next_polls = p.wake.claim(next_sees ? due_ns : 300);
    } else {
      timer_ns.store_relaxed(200);
      need = p.wake.for_timer(200);
    }
  }
  void after() {
    const bool left_to_next = next_polls && !next_sees && !first_sees && need == poll_wake::need::nothing;
    world::require(!left_to_next, "V7: a timer earlier than the poller's limit does not end its wait");
  }
};

// One M looks for timers and then blocks until the next one; an earlier timer is added meanwhile.
struct timer_against_block : model::suite<timer_against_block, 2> {
  static constexpr char const* name = "timer_against_block";
  static constexpr char const* claim =
      "a timer earlier than the poller's limit is seen by its M, ends its wait, or wakes another M; a later one is "
      "none of these";

  poller p;
  wake_gate gate;
  world::atomic<std::int64_t> timer_ns{0};
  poll_wake::need need = poll_wake::need::nothing;  // host memory
  bool seen = false;

  void before() { gate.start_spinning(); }
  void thread(unsigned index) {
    if (index == 0) {
      gate.found_nothing(true);
      const std::int64_t due_ns = timer_ns.load_relaxed();
      seen = due_ns != 0;
      const bool mine = p.wake.claim(seen ? due_ns : 300);
      world::require(mine, "N6: nobody else polls");
    } else {
      timer_ns.store_relaxed(200);
      need = p.wake.for_timer(200);
    }
  }
  void after() {
    world::require(seen || need != poll_wake::need::nothing,
                   "V7: a timer earlier than the poller's limit does not end its wait");
  }
};

// sysmon takes an overdue poll while another M begins to block.
struct overdue_against_claim : model::suite<overdue_against_claim, 2> {
  static constexpr char const* name = "overdue_against_claim";
  static constexpr char const* claim = "sysmon's poll does not let a second M block beside the first";

  poller p;

  void thread(unsigned index) {
    if (index == 0) {
      const bool mine = p.wake.claim(0);
      if (!mine) return;
      world::require(p.wake.somebody_blocks(), "N6: who blocks is not seen to block");
      p.wake.returned(1000, false);
    } else {
      static_cast<void>(p.wake.claim_overdue(100, 10));
      const bool mine = p.wake.claim(0);
      if (!mine) return;
      p.wake.returned(1000, false);
    }
  }
};

// Faulty twin: the signal is cleared before the descriptor is drained.
struct clears_before_it_drains : model::suite<clears_before_it_drains, 3> {
  static constexpr char const* name = "clears_before_it_drains";
  static constexpr char const* claim =
      "faulty twin: the signal is cleared before the descriptor is drained, and a wake-up is eaten";
  static constexpr char const* must_fail = "deadlock";
  static constexpr bool parks = true;
  static constexpr bool ends = false;

  poller p;
  world::atomic<std::uint32_t> letters[2]{world::atomic<std::uint32_t>{0}, world::atomic<std::uint32_t>{0}};

  void thread(unsigned index) {
    if (index == 0) {
      for (;;) {
        const bool mine = p.wake.claim(0);
        world::require(mine, "N6: nobody else polls");
        p.descriptor.block();
        p.wake.returned(1, true);
        const std::uint32_t first = letters[0].load_relaxed();
        const std::uint32_t second = letters[1].load_relaxed();
        p.descriptor.drain();
        if (first != 0 && second != 0) return;
      }
    } else {
      letters[index - 1].store_relaxed(1);
      p.break_poll();
    }
  }
};

// Faulty twin (n51): an M blocks although another does.
struct polls_unasked : model::suite<polls_unasked, 2> {
  static constexpr char const* name = "polls_unasked";
  static constexpr char const* claim =
      "faulty twin: an M looks whether somebody polls, and then polls, without the swap";
  static constexpr char const* must_fail = "N6";

  poller p;
  world::ghost<bool> polled{false};

  void thread(unsigned) {
    if (p.wake.somebody_blocks()) return;
    static_cast<void>(p.wake.claim(0));
    polled.move(false, true, "N6: two Ms block in the poller");
  }
};

}  // namespace
}  // namespace retake

int main(int argc, char** argv) {
  using namespace retake;
  return model::model_main<break_against_block, two_breakers, timer_against_gone_poller, timer_against_return,
                           timer_against_next_poller, timer_against_block, overdue_against_claim,
                           clears_before_it_drains, polls_unasked>(argc, argv, "poll_wake");
}
