// select: each case happens when it should, exactly one does, and nothing is left behind in the
// others. Method: say what is ready, look at what happened.
#include "retake/select.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "../program.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

TEST(select, takes_the_one_case_that_is_ready) {
  run_on(1, [] {
    channel<int> empty(1), full(1), closed;
    full.send(7);
    int got = 0;
    EXPECT_EQ(select(on_receive(empty, [&](auto) { got = -1; }),
                     on_receive(full, [&](std::optional<int> v) { got = *v; }), on_send(full, 1, [&] { got = -2; })),
              1u);
    EXPECT_EQ(got, 7);
    EXPECT_EQ(select(on_send(empty, 5, [&] { got = 5; }), on_receive(closed, [&](auto) {})), 0u);
    EXPECT_EQ(empty.receive(), 5);
    closed.close();
    EXPECT_EQ(select(on_receive(empty, [&](auto) {}),
                     on_receive(closed, [&](std::optional<int> v) { got = v ? 1 : 0; })),
              1u);
    EXPECT_EQ(got, 0);
  });
}

TEST(select_of_a_list, is_one_of_as_many_cases_as_were_added) {
  run_on(2, [] {
    constexpr std::size_t many = 300;
    std::vector<std::unique_ptr<channel<std::size_t>>> channels;
    case_list cases;
    std::vector<int> got(many);
    for (std::size_t i = 0; i < many; ++i) {
      channels.push_back(std::make_unique<channel<std::size_t>>());
      EXPECT_EQ(cases.add(on_receive(*channels[i],
                                     [&, i](std::optional<std::size_t> v) {
                                       if (!v) return cases.disable(i);
                                       EXPECT_EQ(*v, i);
                                       ++got[i];
                                     })),
                i);
    }
    bool late = false;
    const std::size_t hurried = cases.add(after(0ns, [&] { late = true; }));
    cases.add(after(1h, [] { FAIL(); }));
    EXPECT_EQ(select(cases), hurried);
    EXPECT_TRUE(late);
    cases.disable(hurried);
    wait_group all;
    for (std::size_t i = many; i-- > 0;) {  // so that ids and places differ
      all.go([&, i] {
        channels[i]->send(i);
        channels[i]->close();
      });
    }
    for (std::size_t n = 0; n < 2 * many; ++n) EXPECT_LT(select(cases), many);
    all.wait();
    EXPECT_EQ(got, std::vector<int>(many, 1));
    cases.replace(hurried, otherwise([] {}));
    EXPECT_EQ(select(cases), hurried) << "the disabled ones do not happen";
  });
}

TEST(select_of_a_list, sends_of_two_lists_meet_and_a_closed_channel_throws) {
  run_on(2, [] {
    constexpr int rounds = under_sanitizer ? 200 : 1'000;
    channel<int> a, b;
    wait_group both;
    std::atomic<int> sum{0};
    both.go([&] {  // in the one order
      for (int i = 0; i < rounds; ++i) {
        case_list to;
        to.add(on_send(a, i, [] {}));
        to.add(on_send(b, i, [] {}));
        to.add(on_send(a, i, [] {}));
        static_cast<void>(select(to));
      }
    });
    both.go([&] {  // and in the other
      case_list from;
      from.add(on_receive(b, [&](auto v) { sum += *v; }));
      from.add(on_receive(a, [&](auto v) { sum += *v; }));
      for (int i = 0; i < rounds; ++i) static_cast<void>(select(from));
    });
    both.wait();
    EXPECT_EQ(sum.load(), rounds * (rounds - 1) / 2);
    a.close();
    case_list closed;
    closed.add(on_send(a, 1, [] {}));
    EXPECT_THROW(select(closed), closed_channel);
    case_list none;
    none.add(after(1us, [] {}));
    EXPECT_EQ(select(none), 0u);
  });
}

TEST(select, takes_the_default_only_when_nothing_is_ready) {
  run_on(1, [] {
    channel<int> c(1), other;
    bool none = false;
    EXPECT_EQ(select(on_receive(c, [](auto) {}), on_receive(other, [](auto) {}), otherwise([&] { none = true; })), 2u);
    EXPECT_TRUE(none);
    c.send(1);
    EXPECT_EQ(select(otherwise([] {}), on_receive(c, [](auto) {}), on_receive(other, [](auto) {})), 1u);
    EXPECT_EQ(select(otherwise([] {})), 0u);
  });
}

TEST(select, of_a_null_channel_never_happens) {
  run_on(1, [] {
    channel<int>* const null = nullptr;
    channel<int> c(1);
    EXPECT_EQ(select(on_receive(null, [](auto) {}), on_send(null, 1, [] {}), on_send(c, 1, [] {})), 2u);
    EXPECT_EQ(select(on_receive(null, [](auto) {}), otherwise([] {})), 1u);
  });
}

TEST(select, waits_for_a_sender_a_receiver_or_a_close) {
  run_on(2, [] {
    channel<int> a, b, stop;
    go([&] { b.send(3); });
    std::atomic<int> got{0};
    EXPECT_EQ(select(on_receive(a, [](auto) {}), on_receive(b, [&](auto v) { got = *v; })), 1u);
    EXPECT_EQ(got.load(), 3);
    go([&] { got = *a.receive(); });
    EXPECT_EQ(select(on_send(a, 4, [] {}), on_receive(stop, [](auto) {})), 0u);
    EXPECT_TRUE(yielding_until([&] { return got.load() == 4; }));
    go([&] { stop.close(); });
    EXPECT_EQ(select(on_send(a, 4, [] {}), on_receive(stop, [](auto v) { EXPECT_FALSE(v.has_value()); })), 1u);
  });
}

TEST(select, a_waiting_send_on_a_channel_that_is_closed_throws) {
  run_on(2, [] {
    channel<int> a, b;
    go([&] { a.close(); });
    EXPECT_THROW(static_cast<void>(select(on_send(a, 1, [] {}), on_receive(b, [](auto) {}))), closed_channel);
    EXPECT_THROW(static_cast<void>(select(on_send(a, 1, [] {}), otherwise([] {}))), closed_channel);
  });
}

TEST(select, ends_by_the_clock_and_not_early) {
  run_on(2, [] {
    channel<int> a, b;
    const std::int64_t before_ns = now_ns();
    EXPECT_EQ(select(on_receive(a, [](auto) {}), after(2ms, [] {}), on_receive(b, [](auto) {})), 1u);
    EXPECT_GE(now_ns() - before_ns, 2'000'000);
    EXPECT_EQ(select(after(1ms, [] {})), 0u);
    go([&] { a.send(1); });
    EXPECT_EQ(select(on_receive(a, [](auto) {}), after(1h, [] {})), 0u);
    EXPECT_EQ(select(on_receive(a, [](auto) {}), after(-1ns, [] {})), 1u);
  });
}

TEST(select, carries_values_that_only_move) {
  run_on(2, [] {
    channel<std::unique_ptr<int>> c, other;
    wait_group chosen;  // a select that was served leaves its other channels a moment later
    chosen.add(1);
    go([&] {
      select(on_send(c, std::make_unique<int>(5), [] {}), on_receive(other, [](auto) {}));
      chosen.done();
    });
    select(on_receive(c, [](std::optional<std::unique_ptr<int>> v) { EXPECT_EQ(*v.value(), 5); }),
           on_send(other, nullptr, [] {}));
    chosen.wait();
  });
}

TEST(select, a_channel_may_stand_in_several_cases) {
  run_on(2, [] {
    channel<int> c;
    go([&] { EXPECT_EQ(c.receive(), 2); });
    EXPECT_EQ(select(on_receive(c, [](auto) {}), on_send(c, 2, [] {}), on_receive(c, [](auto) {})), 1u);
  });
}

TEST(select, of_ready_cases_each_is_chosen_about_as_often) {
  run_on(1, [] {
    constexpr int rounds = 8'000;
    std::array<channel<int>, 4> c;
    for (auto& one : c) one.close();
    std::array<int, 4> chosen{};
    for (int i = 0; i < rounds; ++i) {
      ++chosen[select(on_receive(c[0], [](auto) {}), on_receive(c[1], [](auto) {}), on_receive(c[2], [](auto) {}),
                      on_receive(c[3], [](auto) {}))];
    }
    for (const int n : chosen) EXPECT_NEAR(n, rounds / 4, rounds / 20);
  });
}

TEST(select, values_between_many_selects_arrive_once_each) {
  run_on(4, [] {
    constexpr int senders = 4, receivers = 4, each = under_sanitizer ? 500 : 3'000;
    channel<int> a, b(2), stop;
    std::atomic<long> sum{0};
    std::atomic<int> got{0};
    wait_group sent, done;
    sent.add(senders);
    done.add(receivers);
    for (int i = 0; i < senders; ++i) {
      go([&] {
        for (int k = 1; k <= each; ++k) select(on_send(a, k, [] {}), on_send(b, k, [] {}));
        sent.done();
      });
    }
    for (int i = 0; i < receivers; ++i) {
      go([&, i] {
        const auto take = [&](std::optional<int> v) {
          sum += *v;
          ++got;
        };
        for (bool on = true; on;) {
          // Some with a time-out that often comes at the same time.
          const std::chrono::nanoseconds limit = i % 2 == 0 ? 1h : 3us;
          select(on_receive(a, take), on_receive(b, take), on_receive(stop, [&](auto) { on = false; }),
                 after(limit, [] {}));
        }
        done.done();
      });
    }
    sent.wait();
    EXPECT_TRUE(yielding_until([&] { return got.load() == senders * each; }));
    stop.close();
    done.wait();
    EXPECT_EQ(sum.load(), static_cast<long>(senders) * each * (each + 1) / 2);
  });
}

TEST(channel_range, gives_what_is_sent_until_it_is_closed) {
  run_on(2, [] {
    channel<std::unique_ptr<int>> c(3);
    go([&] {
      for (int i = 1; i <= 10; ++i) c.send(std::make_unique<int>(i));
      c.close();
    });
    int sum = 0;
    for (std::unique_ptr<int>& value : c) sum += *value;
    EXPECT_EQ(sum, 55);
    EXPECT_EQ(c.capacity(), 3u);
  });
}

}  // namespace
}  // namespace retake::test
