// Timers and contexts that outlive their program. Goal: its end stops all timers, and leaves what
// may be destroyed anywhere and started in the next program.
// Method: one that is still to come of each kind, or is coming, at the end of a program; then its
//         end,
// or its use, after it, in the next program and in exit().
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "../end_with_the_process.hpp"
#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/net.hpp"
#include "retake/panic.hpp"
#include "retake/sync.hpp"
#include "retake/timer.hpp"

namespace retake::test {
namespace {

constexpr std::int64_t ms = 1'000'000;

struct timers {
  std::optional<timer> once;
  std::optional<ticker> again;
  std::optional<delayed_call> call;
  int calls = 0;

  void make(std::chrono::nanoseconds duration) {
    once.emplace(duration);
    again.emplace(duration);
    call.emplace(after_func(duration, [this] { ++calls; }));
  }
};

TEST(outliving_timers, are_stopped_and_end_after_the_program) {
  timers waiting, stopped;
  run_on(2, [&] {
    waiting.make(1h);
    stopped.make(1h);
  });
  EXPECT_TRUE(stopped.once->stop()) << "nobody has received its value";
  stopped.again->stop();
  EXPECT_FALSE(stopped.call->stop()) << "the end of the program has stopped it";
  EXPECT_EQ(waiting.calls, 0);
}

TEST(outliving_timers, may_be_started_in_the_next_program) {
  timers all;
  run_on(2, [&] { all.make(1h); });
  run_on(2, [&] {
    static_cast<void>(all.once->reset(1ns));
    EXPECT_TRUE(all.once->due().receive());
    all.again->reset(1ns);
    EXPECT_TRUE(all.again->due().receive());
    EXPECT_TRUE(all.again->due().receive());
    wait_group over;
    over.add(1);
    EXPECT_FALSE(all.call->reset(1h));
    EXPECT_TRUE(all.call->stop());
    delayed_call another = after_func(1ns, [&] { over.done(); });
    over.wait();
    all.again->stop();
  });
  EXPECT_EQ(all.calls, 0);
}

TEST(outliving_timers, that_nobody_has_let_go_of_their_function) {
  auto held = std::make_shared<int>(0);
  run_on(2, [&] {
    static_cast<void>(after_func(1h, [held] {}));
    EXPECT_EQ(held.use_count(), 2);
  });
  EXPECT_EQ(held.use_count(), 1);
}

// What the function of a timer or of an exit hook holds ends with it, and is what other abandoned
// goroutines wait on, or a timer that waits.
TEST(outliving_timers, and_hooks_may_hold_what_others_wait_on) {
  struct things {
    channel<int> values;
    pipe_ends ends = std::move(*make_pipe());
    delayed_call later = after_func(1h, [] {});
    ~things() { static_cast<void>(later.stop()); }
  };
  std::weak_ptr<things> ended;
  std::weak_ptr<things> ended_with_hook;
  channel<int> never;
  run_on(2, [&] {
    const auto wait_on = [](things& all) {
      go([&all] { static_cast<void>(all.values.receive()); });
      go([&all] {
        std::array<std::byte, 1> room{};
        static_cast<void>(all.ends.reader.read(room));
      });
    };
    auto all = std::make_shared<things>();
    ended = all;
    wait_on(*all);
    static_cast<void>(after_func(1h, [all] {}));
    auto hooked = std::make_shared<things>();
    ended_with_hook = hooked;
    wait_on(*hooked);
    go([held = std::move(hooked), &never]() mutable {
      at_goroutine_exit([mine = std::move(held)] {});
      static_cast<void>(never.receive());
    });
    sleep_for(2ms);
  });
  EXPECT_TRUE(ended.expired());
  EXPECT_TRUE(ended_with_hook.expired());
}

TEST(outliving_contexts, end_after_the_program) {
  bool called = false;
  std::optional<cancellable> plain, timed, below;
  std::optional<after_done_call> call;
  run_on(2, [&] {
    plain.emplace(with_cancel(background()));
    timed.emplace(with_timeout(plain->ctx, 1h));
    below.emplace(with_cancel(timed->ctx));
    call.emplace(after_done(below->ctx, [&] { called = true; }));
    go([&] { static_cast<void>(timed->ctx.done()->receive()); });
    sleep_for(1ms);
  });
  EXPECT_FALSE(timed->ctx.error());
  plain.reset();
  EXPECT_EQ(timed->ctx.error(), std::errc::operation_canceled);
  EXPECT_EQ(below->ctx.error(), std::errc::operation_canceled);
  timed.reset();
  below.reset();
  EXPECT_FALSE(call->stop());
  EXPECT_FALSE(called) << "there is no goroutine for it";
}

TEST(outliving_contexts, are_used_in_the_next_program) {
  std::optional<cancellable> timed;
  run_on(2, [&] { timed.emplace(with_timeout(background(), 20ms)); });
  nap_ns(30 * ms);
  run_on(2, [&] {
    sleep_for(1ms);
    EXPECT_FALSE(timed->ctx.error()) << "its deadline has ended with its program";
    wait_group over;
    over.add(1);
    const after_done_call call = after_done(timed->ctx, [&] { over.done(); });
    auto [below, stop] = with_cancel(timed->ctx);
    timed->cancel.cancel();
    over.wait();
    EXPECT_EQ(below.error(), std::errc::timed_out) << "it was done when it was derived";
    timed.reset();
  });
}

// A deadline that passes just as the program ends may leave its goroutine behind, with a use of the
// context.
[[noreturn]] void end_as_deadlines_pass() {
  for (int i = 0; i < 50; ++i) {
    std::vector<cancellable> all;
    run_on(2, [&] {
      for (int n = 0; n < 20; ++n) all.push_back(with_timeout(background(), 1ns + n * 20us));
      nap_ns(200'000);
    });
    if (i % 2 == 0) {
      run_on(2, [&] { all.clear(); });
    }
  }
  ::_exit(0);
}

TEST(outliving_timers_death, contexts_whose_deadline_passes_at_the_end_of_the_program_end) {
  EXPECT_EXIT(end_as_deadlines_pass(), testing::ExitedWithCode(0), "");
}

TEST(outliving_timers_death, statics_end_with_the_process) {
  const auto ends_well = testing::ExitedWithCode(0);
  EXPECT_EXIT(end_with_the_process([] {
                static timers all;
                all.make(1h);
              }),
              ends_well, "");
  EXPECT_EXIT(end_with_the_process([] { static cancellable plain = with_cancel(background()); }), ends_well, "");
  EXPECT_EXIT(end_with_the_process([] {
                static cancellable timed = with_timeout(background(), 1h);
                static after_done_call call = after_done(timed.ctx, [] {});
              }),
              ends_well, "");
}

}  // namespace
}  // namespace retake::test
