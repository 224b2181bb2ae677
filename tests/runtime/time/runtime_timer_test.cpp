// The runtime's timers on real threads: what stop() says is true, and a timer's memory ends with
// that word. Method: count answers; free what is answered for, so that a late touch is a finding of
// the sanitizers.
#include "time/runtime_timer.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "../program.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

struct counted : runtime_timer {
  explicit counted(std::atomic<int>& runs) : runtime_timer(ran), count(runs) {}
  static void ran(runtime_timer& t, std::int64_t) noexcept { ++static_cast<counted&>(t).count; }
  std::atomic<int>& count;
};

// Freed by whoever uses it last: its owner, or the run of it.
struct shared : runtime_timer {
  explicit shared(std::atomic<int>& answered) : runtime_timer(ran), answers(answered) {}
  static void ran(runtime_timer& t, std::int64_t) noexcept { static_cast<shared&>(t).answer(); }
  void answer() {
    ++answers;
    drop();
  }
  void drop() {
    if (--uses == 0) delete this;
  }
  std::atomic<int>& answers;
  std::atomic<int> uses{2};
};

TEST(runtime_timer, runs_once_and_not_early) {
  run_on(2, [] {
    std::atomic<int> runs{0};
    counted t(runs);
    const std::int64_t due_ns = due_after_ns(3'000'000);
    EXPECT_FALSE(t.start(due_ns));
    EXPECT_TRUE(yielding_until([&] { return runs.load() == 1; }));
    EXPECT_GE(now_ns(), due_ns);
    EXPECT_FALSE(t.stop());
    sleep_for(5ms);
    EXPECT_EQ(runs.load(), 1);
  });
}

TEST(runtime_timer, a_stopped_one_does_not_run) {
  run_on(2, [] {
    std::atomic<int> runs{0};
    counted t(runs);
    t.start(due_after_ns(50'000'000));
    EXPECT_TRUE(t.stop());
    EXPECT_FALSE(t.stop());
    sleep_for(60ms);
    EXPECT_EQ(runs.load(), 0);
  });
}

TEST(runtime_timer, a_moved_one_runs_at_its_new_time) {
  run_on(2, [] {
    std::atomic<int> runs{0};
    counted t(runs);
    EXPECT_FALSE(t.start(due_after_ns(3'600'000'000'000)));
    EXPECT_TRUE(t.start(due_after_ns(1'000'000)));
    EXPECT_TRUE(yielding_until([&] { return runs.load() == 1; }));
  });
}

TEST(runtime_timer, taken_out_anywhere_the_others_keep_their_order) {
  std::vector<std::int64_t> order;
  struct noted : runtime_timer {
    noted(std::vector<std::int64_t>& in, std::int64_t when) : runtime_timer(ran), into(in), due_ns(when) {}
    static void ran(runtime_timer& t, std::int64_t) noexcept {
      auto& me = static_cast<noted&>(t);
      me.into.push_back(me.due_ns);
    }
    std::vector<std::int64_t>& into;
    std::int64_t const due_ns;
  };
  run_on(1, [&] {
    constexpr std::int64_t count = 500;
    const std::int64_t begin_ns = due_after_ns(20'000'000);
    std::vector<std::unique_ptr<noted>> all;
    for (std::int64_t i = 0; i < count; ++i) {
      all.push_back(std::make_unique<noted>(order, begin_ns + i * 7919 % count * 1'000));
      all.back()->start(all.back()->due_ns);
    }
    for (std::int64_t i = 0; i < count; i += 3) EXPECT_TRUE(all[static_cast<std::size_t>(i)]->stop());
    sleep_for(25ms);
    EXPECT_EQ(order.size(), static_cast<std::size_t>(count - (count + 2) / 3));
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  });
}

TEST(runtime_timer, stopped_while_they_come_due_each_is_answered_once) {
  run_on(4, [] {
    constexpr int owners = 4;
    constexpr int rounds = under_sanitizer ? 300 : 2'000;
    std::atomic<int> answers{0};
    wait_group all;
    all.add(owners);
    for (int i = 0; i < owners; ++i) {
      go([&] {
        for (int k = 0; k < rounds; ++k) {
          auto* const t = new shared(answers);
          t->start(due_after_ns(k % 20 * 1'000));
          all.add(1);  // before its done(), or the wait could end with goroutines on their way
          go([&, t, yields = k % 7] {
            for (int n = 0; n < yields; ++n) yield();
            if (t->stop()) t->answer();
            t->drop();
            all.done();
          });
          yield();
        }
        all.done();
      });
    }
    all.wait();
    EXPECT_TRUE(yielding_until([&] { return answers.load() == owners * rounds; }));
  });
}

TEST(runtime_timer, two_goroutines_may_start_one_and_it_runs_for_each_start_that_was_not_a_move) {
  run_on(4, [] {
    constexpr int rounds = under_sanitizer ? 500 : 5'000;
    std::atomic<int> runs{0};
    std::atomic<int> started{0};
    counted t(runs);
    wait_group both;
    both.add(2);
    for (int i = 0; i < 2; ++i) {
      go([&, i] {
        for (int k = 0; k < rounds; ++k) {
          if (!t.start(due_after_ns((k + i) % 5 * 1'000))) ++started;
          if (k % 3 == 0) yield();
        }
        both.done();
      });
    }
    both.wait();
    EXPECT_TRUE(yielding_until([&] { return !t.waits() && runs.load() == started.load(); }));
  });
}

}  // namespace
}  // namespace retake::test
