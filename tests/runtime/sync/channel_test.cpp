// Channels: every value arrives once, in order, and close ends every wait. Method: numbered values
// through every kind of channel.
#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

class channels : public testing::TestWithParam<std::tuple<std::uint32_t, std::size_t>> {
 protected:
  static std::uint32_t processors() { return std::get<0>(GetParam()); }
  static std::size_t capacity() { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(kinds, channels,
                         testing::Combine(testing::Values(1u, 2u, 4u), testing::Values(0u, 1u, 7u, 128u)),
                         [](auto const& one) {
                           return std::to_string(std::get<0>(one.param)) + "p_capacity_" +
                                  std::to_string(std::get<1>(one.param));
                         });

TEST_P(channels, one_sender_and_one_receiver_keep_the_order) {
  run_on(processors(), [] {
    channel<int> c(capacity());
    go([&] {
      for (int i = 0; i < 2'000; ++i) c.send(i);
      c.close();
    });
    int expected = 0;
    while (auto const value = c.receive()) EXPECT_EQ(*value, expected++);
    EXPECT_EQ(expected, 2'000);
  });
}

TEST_P(channels, each_value_of_many_senders_comes_to_one_of_many_receivers) {
  run_on(processors(), [] {
    constexpr int senders = 5, receivers = 4, each = 400;
    std::vector<std::atomic<int>> seen(senders * each);
    channel<int> c(capacity());
    wait_group sent, received;
    for (int s = 0; s < senders; ++s) {
      sent.add(1);
      go([&, s] {
        for (int i = 0; i < each; ++i) c.send(s * each + i);
        sent.done();
      });
    }
    for (int r = 0; r < receivers; ++r) {
      received.add(1);
      go([&] {
        while (auto const value = c.receive()) seen[static_cast<std::size_t>(*value)].fetch_add(1);
        received.done();
      });
    }
    sent.wait();
    c.close();
    received.wait();
    for (std::atomic<int> const& one : seen) EXPECT_EQ(one.load(), 1);
  });
}

TEST_P(channels, close_sends_receivers_away_and_wakes_blocked_senders_with_an_exception) {
  run_on(processors(), [] {
    channel<int> full(capacity()), empty(capacity());
    std::atomic<int> thrown{0}, sent_away{0};
    for (std::size_t i = 0; i < capacity(); ++i) full.send(1);
    wait_group all;
    for (int i = 0; i < 3; ++i) {
      all.add(2);
      go([&] {
        try {
          full.send(2);
        } catch (closed_channel const&) { thrown.fetch_add(1); }
        all.done();
      });
      go([&] {
        if (!empty.receive()) sent_away.fetch_add(1);
        all.done();
      });
    }
    for (int i = 0; i < 20; ++i) yield();
    full.close();
    empty.close();
    all.wait();
    EXPECT_EQ(thrown.load(), 3);
    EXPECT_EQ(sent_away.load(), 3);
    EXPECT_EQ(full.size(), capacity());
    for (std::size_t i = 0; i < capacity(); ++i) EXPECT_EQ(full.receive(), 1);
    EXPECT_EQ(full.receive(), std::nullopt);
  });
}

TEST(channel, send_and_close_on_a_closed_one_throw) {
  run_on(1, [] {
    channel<int> c(1);
    c.close();
    EXPECT_THROW(c.send(1), closed_channel);
    EXPECT_THROW(c.close(), closed_channel);
    int value = 1;
    EXPECT_THROW(static_cast<void>(c.try_send(value)), closed_channel);
    EXPECT_EQ(c.receive(), std::nullopt);
    EXPECT_EQ(c.try_receive(), std::nullopt);
  });
}

TEST(channel, try_does_not_block_and_leaves_the_value_alone) {
  run_on(1, [] {
    channel<std::unique_ptr<int>> c(1);
    auto first = std::make_unique<int>(1), second = std::make_unique<int>(2);
    EXPECT_EQ(c.try_receive(), std::nullopt);
    EXPECT_TRUE(c.try_send(first));
    EXPECT_EQ(first, nullptr);
    EXPECT_FALSE(c.try_send(second));
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(*second, 2);
    auto got = c.try_receive();
    ASSERT_TRUE(got);
    EXPECT_EQ(**got, 1);
  });
}

TEST(channel, unbuffered_send_returns_only_when_somebody_has_the_value) {
  run_on(2, [] {
    channel<int> c;
    std::atomic<bool> sent{false};
    go([&] {
      c.send(1);
      sent = true;
    });
    for (int i = 0; i < 50; ++i) {
      EXPECT_FALSE(sent.load());
      yield();
    }
    EXPECT_EQ(c.receive(), 1);
    EXPECT_TRUE(yielding_until([&] { return sent.load(); }));
  });
}

TEST(channel, values_may_be_move_only_and_large_and_are_all_destroyed) {
  static std::atomic<int> alive{0};
  struct value {
    explicit value(int n) : number(new int(n)) { alive.fetch_add(1); }
    value(value&& other) noexcept : number(std::move(other.number)), room(other.room) { alive.fetch_add(1); }
    value& operator=(value&&) = delete;
    ~value() { alive.fetch_sub(1); }
    std::unique_ptr<int> number;
    std::array<char, 300> room{};
  };
  run_on(2, [] {
    channel<value> c(3);
    go([&] {
      for (int i = 0; i < 500; ++i) c.send(value(i));
    });
    for (int i = 0; i < 497; ++i) {
      auto const got = c.receive();
      ASSERT_TRUE(got);
      EXPECT_EQ(*got->number, i);
    }
    EXPECT_TRUE(yielding_until([&] { return c.size() == 3 && goroutine_count() == 1; }));
  });  // three values go with the channel
  EXPECT_EQ(alive.load(), 0);
}

TEST(channel, a_value_is_visible_with_everything_written_before_it) {
  run_on(4, [] {
    channel<int*> c;
    go([&] {
      for (int i = 0; i < 2'000; ++i) c.send(new int(i));
      c.close();
    });
    int expected = 0;
    while (auto const p = c.receive()) {
      EXPECT_EQ(**p, expected++);
      delete *p;
    }
  });
}

}  // namespace
}  // namespace retake::test
