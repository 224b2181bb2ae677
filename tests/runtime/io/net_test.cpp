// Pipes and TCP over the poller: bytes arrive, ends are told, a close ends every wait, and waiting
// holds no thread.
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../program.hpp"
#include "bytes.hpp"
#include "retake/channel.hpp"
#include "retake/net.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

TEST(pipe, bytes_arrive_and_the_end_is_told) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    run_on(processors, [] {
      pipe_ends ends = a_pipe();
      std::string sent(300'000, 0);  // more than a pipe holds: the writer waits too
      for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7 % 251);
      wait_group all;
      all.add(1);
      go([&] {
        auto const written = ends.writer.write(bytes_of(sent));
        EXPECT_TRUE(written && *written == sent.size());
        ends.writer = stream();
        all.done();
      });
      EXPECT_TRUE(read_all(ends.reader) == sent);
      all.wait();
      EXPECT_EQ(read_some(ends.reader), "");
    });
  }
}

TEST(pipe, close_ends_a_blocked_read) {
  run_on(2, [] {
    for (int i = 0; i < 200; ++i) {
      pipe_ends ends = a_pipe();
      channel<std::error_code> ended;
      go([&] {
        std::byte one{};
        ended.send(ends.reader.read(std::span(&one, 1)).error());
      });
      for (int k = 0; k < i % 5; ++k) yield();
      ends.reader.close();
      EXPECT_EQ(*ended.receive(), std::errc::operation_canceled);
      std::byte one{};
      EXPECT_EQ(ends.reader.read(std::span(&one, 1)).error(), std::errc::operation_canceled);
    }
  });
}

TEST(pipe, a_close_is_the_end_for_the_peer_although_the_object_lives) {
  run_on(2, [] {
    pipe_ends ends = a_pipe();
    channel<std::string> told;
    go([&] { told.send(read_some(ends.reader)); });
    for (int i = 0; i < 10; ++i) yield();  // it waits, most likely
    ends.writer.close();
    EXPECT_EQ(*told.receive(), "");
    EXPECT_TRUE(ends.writer.valid());
    EXPECT_EQ(ends.writer.descriptor(), -1);

    pipe_ends others = a_pipe();
    ends.reader.close();
    ends.writer.close();  // not the number, which is another's by now
    EXPECT_TRUE(others.writer.write(bytes_of("x")));
    EXPECT_EQ(read_some(others.reader), "x");
  });
}

// Readers stand anywhere between their wait and their next read(2) when the number is closed; what
// is opened next takes the lowest free number, and has bytes at once.
TEST(pipe, a_number_is_not_used_again_while_a_read_is_inside) {
  run_on(4, [] {
    const std::int64_t until_ns = now_ns() + 1'500'000'000;
    while (now_ns() < until_ns && !testing::Test::HasFailure()) {
      pipe_ends ends = a_pipe();
      wait_group all;
      all.add(4);
      go([&] {
        std::byte one{};
        auto const got = ends.reader.read(std::span(&one, 1));
        EXPECT_TRUE(!got && got.error() == std::errc::operation_canceled)
            << "N2: a read took somebody else's byte, or the number was closed under it";
        all.done();
      });
      go([&] {
        while (!ends.reader.set_deadline(no_deadline)) yield();
        all.done();
      });
      for (int i = 0; i < 2; ++i) {
        go([&] {
          yield();
          ends.reader.close();
          pipe_ends others = a_pipe();
          EXPECT_TRUE(others.writer.write(bytes_of("x")));
          EXPECT_EQ(read_some(others.reader), "x") << "N2: a byte of another pipe is gone";
          all.done();
        });
      }
      all.wait();
      EXPECT_EQ(ends.writer.write(bytes_of("y")).error(), std::errc::broken_pipe);
    }
  });
}

TEST(pipe, close_ends_a_blocked_write) {
  run_on(2, [] {
    pipe_ends ends = a_pipe();
    channel<std::error_code> ended;
    go([&] {
      const std::vector<std::byte> much(1 << 20);
      ended.send(ends.writer.write(much).error());
    });
    for (int k = 0; k < 20; ++k) yield();
    ends.writer.close();
    EXPECT_EQ(*ended.receive(), std::errc::operation_canceled);
  });
}

TEST(pipe, write_without_a_reader_is_an_error_and_no_signal) {
  run_on(1, [] {
    pipe_ends ends = a_pipe();
    ends.reader = stream();
    auto const written = ends.writer.write(bytes_of("x"));
    EXPECT_FALSE(written);
    EXPECT_EQ(written.error(), std::errc::broken_pipe);
  });
}

TEST(pipe, a_second_reader_waits_its_turn) {
  run_on(1, [] {
    pipe_ends ends = a_pipe();
    std::string first, second;
    wait_group all;
    all.go([&] { first = read_some(ends.reader); });
    yield();  // it waits
    all.go([&] { second = read_some(ends.reader); });
    yield();
    EXPECT_TRUE(ends.writer.write(bytes_of("for the first")));
    while (first.empty()) yield();
    EXPECT_TRUE(ends.writer.write(bytes_of("for the second")));
    all.wait();
    EXPECT_EQ(first, "for the first");
    EXPECT_EQ(second, "for the second");
  });
}

TEST(pipe, of_two_readers_each_is_served_and_none_forgotten) {
  run_on(4, [] {
    const std::int64_t until_ns = now_ns() + 1'500'000'000;
    while (now_ns() < until_ns && !testing::Test::HasFailure()) {
      pipe_ends ends = a_pipe();
      std::atomic<int> back{0};
      wait_group all;
      for (int i = 0; i < 2; ++i) {
        all.add(1);
        go([&] {
          std::byte one{};
          auto const got = ends.reader.read(std::span(&one, 1));
          EXPECT_TRUE(got && *got == 0);
          back.fetch_add(1);
          all.done();
        });
      }
      ends.writer = stream();
      const std::int64_t patient_until_ns = now_ns() + 3'000'000'000;
      while (back.load() < 2 && now_ns() < patient_until_ns) sleep_for(50us);
      EXPECT_EQ(back.load(), 2) << "N8: a second reader waits although the stream has ended";
      if (back.load() < 2) ends.reader.close();
      all.wait();
    }
  });
}

TEST(pipe, waiting_holds_no_thread) {
  run_on(2, [] {
    constexpr int count = 200;
    std::vector<pipe_ends> pipes;
    for (int i = 0; i < count; ++i) pipes.push_back(a_pipe());
    std::atomic<int> served{0};
    wait_group all;
    for (pipe_ends& ends : pipes) {
      all.add(1);
      go([&] {
        if (read_some(ends.reader) == "x") served.fetch_add(1);
        all.done();
      });
    }
    for (int i = 0; i < 10; ++i) yield();
    for (pipe_ends& ends : pipes) EXPECT_TRUE(ends.writer.write(bytes_of("x")));
    all.wait();
    EXPECT_EQ(served.load(), count);
    EXPECT_LE(value(paths().threads_started), 6u);
  });
}

TEST(pipe, descriptors_are_given_back) {
  run_on(1, [] {
    for (int i = 0; i < 3'000; ++i) static_cast<void>(a_pipe());
    auto const made = make_pipe();
    EXPECT_TRUE(made);
  });
}

TEST(tcp, echo_over_many_connections) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    run_on(processors, [] {
      constexpr int clients = 20, messages = 20;
      auto listener = tcp_listen(loopback_address, 0);
      ASSERT_TRUE(listener);
      wait_group all;
      go([&] {
        for (;;) {
          auto server = listener->accept();
          if (!server) return;
          all.add(1);
          go([&all, peer = std::make_shared<stream>(std::move(*server))] {
            for (std::string text = read_some(*peer); !text.empty(); text = read_some(*peer))
              EXPECT_TRUE(peer->write(bytes_of(text)));
            all.done();
          });
        }
      });
      wait_group callers;
      for (int i = 0; i < clients; ++i) {
        callers.add(1);
        go([&, i] {
          auto client = tcp_connect(loopback_address, listener->port());
          ASSERT_TRUE(client);
          for (int k = 0; k < messages; ++k) {
            const std::string text = std::to_string(i * 1000 + k);
            EXPECT_TRUE(client->write(bytes_of(text)));
            EXPECT_EQ(read_some(*client), text);
          }
          callers.done();
        });
      }
      callers.wait();
      all.wait();
      listener->close();
      EXPECT_TRUE(yielding_until([] { return goroutine_count() == 1; }));
    });
  }
}

TEST(tcp, a_connection_that_nobody_accepts_on_is_refused) {
  run_on(2, [] {
    std::uint16_t port = 0;
    {
      auto listener = tcp_listen(loopback_address, 0);
      ASSERT_TRUE(listener);
      port = listener->port();
    }
    auto const client = tcp_connect(loopback_address, port);
    EXPECT_FALSE(client);
    EXPECT_EQ(client.error(), std::errc::connection_refused);
  });
}

TEST(tcp, close_ends_a_blocked_accept) {
  run_on(2, [] {
    auto listener = tcp_listen(loopback_address, 0);
    ASSERT_TRUE(listener);
    channel<std::error_code> ended;
    go([&] { ended.send(listener->accept().error()); });
    for (int i = 0; i < 10; ++i) yield();
    listener->close();
    EXPECT_EQ(*ended.receive(), std::errc::operation_canceled);
  });
}

TEST(tcp, a_closed_listener_frees_its_port_and_a_closed_connection_is_refused_everything_although_the_objects_live) {
  run_on(2, [] {
    auto listener = tcp_listen(loopback_address, 0);
    ASSERT_TRUE(listener);
    std::uint16_t const port = listener->port();
    auto client = tcp_connect(loopback_address, port);
    auto server = listener->accept();
    ASSERT_TRUE(client && server);
    listener->close();
    EXPECT_EQ(listener->port(), 0);
    EXPECT_EQ(listener->accept().error(), std::errc::operation_canceled);
    auto const late = tcp_connect(loopback_address, port);
    EXPECT_EQ(late.error(), std::errc::connection_refused);

    client->close();
    EXPECT_EQ(read_some(*server), "");
    for (std::error_code const said :
         {client->close_write(), client->set_no_delay(false), client->set_keep_alive({}), client->set_linger(0s),
          client->set_deadline(no_deadline), client->local_address().error(), client->peer_address().error()}) {
      EXPECT_EQ(said, std::errc::operation_canceled);
    }
  });
}

TEST(tcp, the_end_of_the_peer_is_told_and_a_late_write_is_an_error) {
  run_on(2, [] {
    connection c = a_connection();
    EXPECT_TRUE(c.client.write(bytes_of("last words")));
    c.client = stream();
    EXPECT_EQ(read_all(c.server), "last words");
    std::error_code error;
    for (int i = 0; i < 100 && !error; ++i) {
      error = c.server.write(bytes_of("anybody there?")).error();
      sleep_for(1ms);
    }
    EXPECT_TRUE(error == std::errc::broken_pipe || error == std::errc::connection_reset) << error.message();
  });
}

TEST(tcp, both_directions_at_once) {
  run_on(2, [] {
    connection c = a_connection();
    const std::string much(2'000'000, 'y');
    wait_group all;
    all.add(2);
    const auto fill = [&](stream& to) {
      EXPECT_TRUE(to.write(bytes_of(much)));
      all.done();
    };
    const auto drain = [&](stream& from) {
      std::size_t got = 0;
      while (got < much.size()) {
        const std::string part = read_some(from, 65'536);
        if (part.empty() || part.starts_with("error")) break;
        got += part.size();
      }
      EXPECT_EQ(got, much.size());
      all.done();
    };
    all.add(2);
    go([&] { fill(c.client); });
    go([&] { fill(c.server); });
    go([&] { drain(c.client); });
    go([&] { drain(c.server); });
    all.wait();
  });
}

}  // namespace
}  // namespace retake::test
