// Foreign calls on threads of their own, and no more at a time than there is room for; callers that
// give up.
#include <system_error>

#include "retake/bounded.hpp"
#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/sync.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

bool is_cancelled(std::error_code why) { return why == std::errc::operation_canceled; }

// The one worker is held by a call until both callers have given up: the second call can have no
// worker then.
void pool_callers_give_up() {
  run_watched(2, [] {
    auto [work, stop] = with_cancel(background());
    world::atomic<std::uint32_t> first_ran(0), second_ran(0);
    {
      channel<int> begun, leave;
      wait_group callers;
      callers.add(2);
      foreign_pool pool(1);
      go([&, until = work] {
        const auto got = pool.call(until, [&] {
          callback([&] {
            begun.close();
            static_cast<void>(leave.receive());
          });
          first_ran.fetch_add_relaxed(1);
          return 1;
        });
        world::require(is_cancelled(got.error()), "G6: a call goes on although its caller was told to stop");
        callers.done();
      });
      static_cast<void>(begun.receive());
      go([&, until = work] {
        const std::error_code why = pool.call(until, [&] { second_ran.fetch_add_relaxed(1); });
        world::require(is_cancelled(why), "G6: a call that waits is not cancelled");
        callers.done();
      });
      yield();
      stop.cancel();
      callers.wait();
      leave.close();
    }
    world::require(first_ran.load_relaxed() == 1, "G9: the pool has ended before the call that a worker had");
    world::require(second_ran.load_relaxed() == 0, "G9: a call ran that was cancelled before a worker had it");
  });
}

// Cancelled as it ends: there is a value or a reason, and nothing of either is left behind. The
// worker serves on.
void pool_call_ends_as_it_is_cancelled() {
  run_watched(2, [] {
    auto [work, stop] = with_cancel(background());
    channel<int> begun;
    wait_group caller;
    caller.add(1);
    foreign_pool pool(1);
    go([&, until = work] {
      const auto got = pool.call(until, [&] {
        callback([&] { begun.close(); });
        return 3;
      });
      world::require(got ? *got == 3 : is_cancelled(got.error()),
                     "G6: a call that ends as it is cancelled has neither a value nor a reason");
      caller.done();
    });
    static_cast<void>(begun.receive());
    stop.cancel();
    caller.wait();
    bool thrown = false;
    try {
      static_cast<void>(pool.call(background(), []() -> int { throw 7; }));
    } catch (foreign_fault const&) { thrown = true; }
    world::require(thrown, "G7: an exception of a call on a worker is lost");
  });
}

// One at a time, and one that gives up its turn by the clock.
void calls_have_room() {
  run_watched(2, [] {
    bounded room(1);
    world::atomic<std::uint32_t> inside(0);
    const auto alone = [&inside] {
      world::require(inside.fetch_add_relaxed(1) == 0, "G6: more calls at a time than there is room for");
      sim::kernel::sleep_syscall(20 * us);
      inside.fetch_sub_relaxed(1);
    };
    wait_group others;
    others.add(2);
    go([&] {
      bool thrown = false;
      try {
        static_cast<void>(room.foreign_call(background(), [&] {
          alone();
          throw 7;
        }));
      } catch (foreign_fault const&) { thrown = true; }
      world::require(thrown, "G7: an exception of a bounded call is lost");
      others.done();
    });
    go([&] {
      auto [soon, stop] = with_timeout(background(), 10us);
      const std::error_code why = room.foreign_call(soon, alone);
      world::require(!why || why == std::errc::timed_out, "G6: a bounded call is turned away for no reason");
      others.done();
    });
    world::require(!room.syscall_blocking(background(), alone), "G6: a bounded call is turned away for no reason");
    others.wait();
    world::require(!room.foreign_call(background(), alone), "G6: a bounded call has not given its room back");
  });
}

}  // namespace

RETAKE_SCENARIO(pool_calls_cancelled,
                "a call of a pool that is cancelled while it waits never runs; one that a worker has runs to its end, "
                "without its caller, before the pool ends",
                pool_callers_give_up);
RETAKE_SCENARIO(
    pool_call_cancelled_at_end,
    "a call of a pool that is cancelled as it ends returns its value or the reason, and its worker serves on",
    pool_call_ends_as_it_is_cancelled);
RETAKE_SCENARIO(bounded_calls,
                "no more bounded calls run at a time than there is room for, and each gives its room back",
                calls_have_room);

}  // namespace retake::scenarios
