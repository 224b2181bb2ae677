// Contexts: done goes down the tree and never up, once, with its reason; nothing stays behind.
// Method: build trees, cancel, look; destroyed values are counted.
#include "retake/context.hpp"

#include <atomic>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "../program.hpp"
#include "retake/bounded.hpp"
#include "retake/clock.hpp"
#include "retake/dial.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "retake/tcp.hpp"

namespace retake::test {
namespace {

constexpr std::int64_t hour_ns = 3'600'000'000'000;

bool is_done(context const& c) {
  return select(on_receive(c.done(), [](auto) {}), otherwise([] {})) == 0;
}

TEST(context, the_background_is_never_done) {
  run_on(1, [] {
    EXPECT_EQ(background().done(), nullptr);
    EXPECT_FALSE(background().error());
    EXPECT_FALSE(background().deadline().has_value());
    EXPECT_FALSE(is_done(background()));
  });
}

TEST(context, cancelling_reaches_all_that_was_derived_and_nothing_else) {
  run_on(2, [] {
    auto [root, stop_root] = with_cancel(background());
    auto [child, stop_child] = with_cancel(root);
    auto [sibling, stop_sibling] = with_timeout(root, 1h);
    auto [grandchild, stop_grandchild] = with_cancel(child);
    stop_child.cancel(std::make_error_code(std::errc::broken_pipe));
    EXPECT_TRUE(is_done(child) && is_done(grandchild));
    EXPECT_FALSE(is_done(root) || is_done(sibling));
    EXPECT_EQ(grandchild.error(), std::errc::operation_canceled);
    EXPECT_EQ(grandchild.cause(), std::errc::broken_pipe);
    stop_root.cancel();
    EXPECT_TRUE(is_done(sibling));
    EXPECT_EQ(child.cause(), std::errc::broken_pipe);
    EXPECT_EQ(root.cause(), std::errc::operation_canceled);
    auto [late, stop_late] = with_cancel(child);
    EXPECT_EQ(late.cause(), std::errc::broken_pipe);
  });
}

TEST(context, a_deadline_makes_it_done_in_time_and_not_early) {
  run_on(2, [] {
    const std::int64_t before_ns = now_ns();
    auto [outer, stop_outer] = with_timeout(background(), 3ms);
    auto [inner, stop_inner] = with_timeout(outer, 1h);
    EXPECT_EQ(inner.deadline(), outer.deadline());
    static_cast<void>(inner.done()->receive());
    EXPECT_GE(now_ns() - before_ns, 3'000'000);
    EXPECT_EQ(inner.error(), std::errc::timed_out);
    EXPECT_EQ(outer.error(), std::errc::timed_out);
  });
}

TEST(context, a_deadline_that_is_over_makes_it_done) {
  run_on(1, [] {
    auto [ctx, stop] = with_timeout(background(), -1ns);
    static_cast<void>(ctx.done()->receive());
    EXPECT_EQ(ctx.error(), std::errc::timed_out);
  });
}

TEST(context, a_deadline_in_the_past_makes_it_done_before_it_is_returned) {
  run_on(1, [] {
    auto [live, stop_live] = with_timeout(background(), 1h);
    for (context const& parent : {background(), live}) {
      const auto expect_done = [&](cancellable made) {
        EXPECT_TRUE(is_done(made.ctx));
        EXPECT_EQ(made.ctx.error(), std::errc::timed_out);
        EXPECT_EQ(made.ctx.cause(), std::errc::timed_out);
        EXPECT_EQ(with_cancel(made.ctx).ctx.error(), std::errc::timed_out);
        EXPECT_EQ(with_timeout(made.ctx, 1h).ctx.error(), std::errc::timed_out);
      };
      expect_done(with_timeout(parent, 0ns));
      expect_done(with_timeout(parent, -1ns));
      expect_done(with_timeout(parent, std::chrono::nanoseconds::min()));
      expect_done(with_deadline(parent, monotonic_now()));
      for (const std::chrono::nanoseconds past : {std::chrono::nanoseconds::min(), -1ns, 0ns, 1ns}) {
        expect_done(with_deadline(parent, time_point(past)));
      }
    }
    EXPECT_FALSE(live.error());
  });
}

// One P and no preemption point: the parent's timer cannot have run.
TEST(context, an_inherited_deadline_in_the_past_makes_it_done_although_the_parent_s_timer_is_late) {
  run_on(1, [] {
    auto [parent, stop_parent] = with_timeout(background(), 1ms);
    while (monotonic_now() < *parent.deadline()) nap_ns(100'000);
    EXPECT_EQ(with_timeout(parent, 1h).ctx.error(), std::errc::timed_out);
    EXPECT_EQ(with_cancel(parent).ctx.error(), std::errc::timed_out);
  });
}

TEST(context, that_is_done_admits_nothing) {
  run_on(2, [] {
    auto [cancelled, stop] = with_cancel(background());
    stop.cancel();
    auto [late, stop_late] = with_timeout(background(), -1ns);
    bounded room(1);
    semaphore free(1);
    foreign_pool pool(1);
    auto const listener = tcp_listen(loopback_address, 0);
    ASSERT_TRUE(listener);
    const address there = *listener->local_address();
    int ran = 0;
    const auto refuses = [&](context const& ctx) {
      const std::error_code why = ctx.error();
      EXPECT_TRUE(why);
      for (int i = 0; i < 50; ++i) {  // no choice among what is ready
        EXPECT_EQ(free.acquire(ctx), why);
        EXPECT_EQ(room.foreign_call(ctx, [&] { ++ran; }), why);
        EXPECT_EQ(room.foreign_call(contain_faults, ctx, [&] { ++ran; }), why);
        EXPECT_EQ(room.syscall_blocking(ctx, [&] { ++ran; }), why);
        EXPECT_EQ(pool.call(ctx, [&] { ++ran; }), why);
        EXPECT_EQ(pool.call(contain_faults, ctx, [&] { ++ran; }), why);
      }
      EXPECT_EQ(tcp_connect(ctx, there).error(), why);
      EXPECT_EQ(dial(ctx, "127.0.0.1", there.port).error(), why);
    };
    refuses(cancelled);
    refuses(late);
    EXPECT_EQ(ran, 0);
    EXPECT_TRUE(free.try_acquire());
  });
}

TEST(context, the_end_of_its_canceller_makes_it_done) {
  run_on(1, [] {
    context kept;
    {
      auto made = with_timeout(background(), 1h);
      kept = made.ctx;
      EXPECT_FALSE(is_done(kept));
    }
    EXPECT_TRUE(is_done(kept));
  });
}

TEST(context, values_are_found_by_key_from_below) {
  run_on(1, [] {
    context_key<std::string> name;
    context_key<std::string> other;
    context_key<int> number;
    const context outer = with_value(with_value(background(), name, "a"), number, 7);
    auto [inner, stop] = with_cancel(with_value(outer, name, "b"));
    EXPECT_EQ(*inner.value(name), "b");
    EXPECT_EQ(*outer.value(name), "a");
    EXPECT_EQ(*inner.value(number), 7);
    EXPECT_EQ(inner.value(other), nullptr);
    EXPECT_EQ(with_value(background(), number, 1).done(), nullptr);
    EXPECT_NE(with_value(inner, number, 1).done(), nullptr);
  });
}

TEST(context, a_deadline_tells_its_own_cause_to_all_below_and_a_later_one_changes_nothing) {
  run_on(1, [] {
    const std::error_code slow = std::make_error_code(std::errc::stream_timeout);
    const std::error_code other = std::make_error_code(std::errc::broken_pipe);
    auto [parent, stop_parent] = with_timeout(background(), 1ms, slow);
    auto [later, stop_later] = with_timeout(parent, 1h, other);
    auto [early, stop_early] = with_cancel(later);
    context_key<int> number;
    const context carries = with_value(parent, number, 1);
    EXPECT_FALSE(parent.cause());
    while (monotonic_now() < *parent.deadline()) nap_ns(100'000);
    // One P and no preemption point: the timer of `parent` is late, and these are done by the clock
    // alone.
    for (context const& above : {parent, carries}) {
      auto [late, stop_late] = with_cancel(above);
      EXPECT_EQ(late.error(), std::errc::timed_out);
      EXPECT_EQ(late.cause(), slow);
      EXPECT_EQ(with_timeout(above, 1ns, other).ctx.cause(), slow) << "the parent's deadline was sooner";
    }
    EXPECT_TRUE(yielding_until([&below = early] { return is_done(below); }));
    for (context const* at : {&parent, &later, &early}) {
      EXPECT_EQ(at->error(), std::errc::timed_out);
      EXPECT_EQ(at->cause(), slow);
    }
    EXPECT_EQ(with_timeout(background(), 0ns, other).ctx.cause(), other) << "over when it was made";
    auto [given_up, stop_given_up] = with_timeout(background(), 1h, slow);
    stop_given_up.cancel();
    EXPECT_EQ(given_up.cause(), std::errc::operation_canceled) << "the deadline did not come";
  });
}

TEST(context, without_cancel_it_keeps_the_values_and_nothing_of_the_end) {
  run_on(2, [] {
    context_key<int> number;
    auto [parent, stop_parent] = with_timeout(with_value(background(), number, 7), 1h);
    const context free = without_cancel(parent);
    auto [child, stop_child] = with_timeout(free, 2h);
    std::atomic<bool> called{false};
    auto call = after_done(free, [&] { called = true; });
    stop_parent.cancel();
    EXPECT_EQ(free.done(), nullptr);
    EXPECT_FALSE(free.error() || free.cause() || free.deadline().has_value());
    EXPECT_FALSE(is_done(child));
    EXPECT_GT(*child.deadline(), *parent.deadline()) << "the parent's deadline counts no more";
    EXPECT_EQ(*child.value(number), 7);
    stop_child.cancel();
    EXPECT_TRUE(is_done(child));
    EXPECT_FALSE(free.error());
    EXPECT_TRUE(call.stop());
    EXPECT_FALSE(called);
    EXPECT_FALSE(without_cancel(background()).error());
    EXPECT_EQ(with_timeout(without_cancel(parent), 0ns).ctx.error(), std::errc::timed_out);
  });
}

TEST(context, its_text_says_how_it_was_derived) {
  run_on(1, [] {
    EXPECT_EQ(to_string(background()), "background");
    context_key<int> number;
    auto [one, stop_one] = with_cancel(with_value(background(), number, 7));
    EXPECT_EQ(to_string(one), "background.with_value.with_cancel");
    auto [two, stop_two] = with_timeout(without_cancel(one), 1h);
    const std::string text = to_string(two),
                      front = "background.with_value.with_cancel.without_cancel.with_deadline(in ";
    ASSERT_EQ(text.rfind(front, 0), 0U) << text;
    const std::int64_t left_ns = std::stoll(text.substr(front.size()));
    EXPECT_TRUE(left_ns > hour_ns - 60'000'000'000 && left_ns <= hour_ns) << text;
    EXPECT_EQ(text.substr(text.find(' ', front.size())), " ns)");
    EXPECT_EQ(to_string(with_timeout(two, 0ns).ctx).substr(text.size()), ".with_deadline(passed)");
    EXPECT_EQ(to_string(with_timeout(two, 2h).ctx).substr(text.size()), ".with_cancel") << "a later deadline";
  });
}

TEST(context, a_call_after_done_happens_once_unless_it_is_stopped) {
  run_on(2, [] {
    auto [ctx, stop] = with_cancel(background());
    std::atomic<int> calls{0};
    auto first = after_done(ctx, [&] { ++calls; });
    auto second = after_done(ctx, [&] { calls += 10; });
    EXPECT_TRUE(second.stop());
    EXPECT_FALSE(second.stop());
    stop.cancel();
    EXPECT_TRUE(yielding_until([&] { return calls.load() == 1; }));
    EXPECT_FALSE(first.stop());
    auto late = after_done(ctx, [&] { ++calls; });
    EXPECT_TRUE(yielding_until([&] { return calls.load() == 2; }));
    EXPECT_TRUE(after_done(background(), [] {}).stop());
  });
}

TEST(context, children_leave_a_parent_that_lives_on_and_everything_is_freed) {
  struct counted {
    explicit counted(std::atomic<int>& n) : live(&n) { ++*live; }
    counted(counted&& other) noexcept : live(other.live) { ++*live; }
    ~counted() { --*live; }
    std::atomic<int>* live;
  };
  std::atomic<int> live{0};
  run_on(4, [&] {
    context_key<counted> key;
    auto [root, stop] = with_cancel(background());
    wait_group all;
    for (int i = 0; i < 50; ++i) {
      all.add(1);
      go([&, i, from = root] {
        for (int k = 0; k < 20; ++k) {
          const context with = with_value(from, key, counted(live));
          auto [mine, end] = with_timeout(with, (i + k) % 7 * 20us);
          auto [below, end_below] = with_cancel(mine);
          after_done(below, [kept = with] {});
          if (k % 3 == 0) static_cast<void>(mine.done()->receive());
          if (k % 3 == 1) end.cancel();
        }
        all.done();
      });
    }
    for (int i = 0; i < 30; ++i) yield();
    stop.cancel();
    all.wait();
    EXPECT_TRUE(yielding_until([&] { return live.load() == 0; }));
  });
}

constexpr int long_chain = 100'000;

TEST(context, a_long_chain_is_cancelled_and_let_go_on_a_goroutine_s_stack) {
  run_on(1, [] {
    static context_key<int> key;
    std::vector<canceller> stops;
    context last;
    for (int i = 0; i < long_chain; ++i) {
      auto [next, stop] = with_cancel(with_value(last, key, i));
      last = next;
      stops.push_back(std::move(stop));
    }
    stops.front().cancel();
    EXPECT_TRUE(is_done(last));
    EXPECT_EQ(*last.value(key), long_chain - 1);
    stops.clear();
    last = context();
  });
}

TEST(context, contexts_that_values_and_functions_hold_end_one_after_the_other) {
  run_on(1, [] {
    static context_key<context> key;
    context last;
    for (int i = 0; i < long_chain; ++i) last = with_value(background(), key, last);
    last = context();

    auto [root, stop] = with_cancel(background());
    context held;
    for (int i = 0; i < long_chain; ++i) {
      after_done_call call = after_done(root, [held] {});
      static_cast<void>(call.stop());
      struct keeps {
        context of;
        std::shared_ptr<after_done_call> call;
      };
      static context_key<keeps> kept;
      held = with_value(background(), kept, {held, std::make_shared<after_done_call>(std::move(call))});
    }
    held = context();
  });
}

}  // namespace
}  // namespace retake::test
