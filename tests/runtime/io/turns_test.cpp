// Several goroutines at one descriptor: each has its turn, whole writes do not mix, and a close or
// a deadline ends the wait for a turn too. Method: the kernel's own pipes, sockets and files; one
// table of the ways to write a record, which is larger than the kernel holds.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../program.hpp"
#include "bytes.hpp"
#include "retake/clock.hpp"
#include "retake/datagram.hpp"
#include "retake/sync.hpp"
#include "retake/unix.hpp"

namespace retake::test {
namespace {

constexpr std::size_t record_bytes = 300'000;  // more than a pipe or a local socket holds

// Records of one character each, as many as there are writers, in any order.
void expect_whole(std::string const& came, std::size_t writers, char const* name) {
  ASSERT_EQ(came.size(), writers * record_bytes) << name;
  std::string marks;
  for (std::size_t i = 0; i < writers; ++i) {
    marks += came[i * record_bytes];
    const std::size_t end = i + 1 < writers ? (i + 1) * record_bytes : std::string::npos;
    EXPECT_EQ(came.find_first_not_of(marks.back(), i * record_bytes), end) << name << ": two records are mixed";
  }
}

struct way_to_write {
  char const* name;
  std::function<transfer_result(unix_stream& to, std::string const& record)> write;
};

int file_with(std::string const& text) {
  char name[] = "/tmp/retake_turns_XXXXXX";
  int const fd = ::mkstemp(name);
  ::unlink(name);
  EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return fd;
}

std::vector<way_to_write> const& ways() {
  static std::vector<way_to_write> const all = {
      {"write", [](unix_stream& to, std::string const& r) { return to.write(bytes_of(r)); }},
      {"writev",
       [](unix_stream& to, std::string const& r) {
         std::vector<byte_view> pieces;
         for (std::size_t at = 0; at < r.size(); at += 1'000) {
           pieces.push_back(bytes_of(std::string_view(r).substr(at, 1'000)));
         }
         return to.writev(pieces);
       }},
      {"send_file",
       [](unix_stream& to, std::string const& r) {
         int const fd = file_with(r);
         transfer_result const sent = send_file(to, fd, 0, r.size());
         ::close(fd);
         return sent;
       }},
      {"send", [](unix_stream& to, std::string const& r) { return to.send(bytes_of(r), {}); }},
  };
  return all;
}

TEST(turns, whole_writes_of_many_goroutines_do_not_mix) {
  constexpr std::size_t writers = 4;
  for (const std::uint32_t processors : {1u, 3u}) {
    for (way_to_write const& way : ways()) {
      run_on(processors, [&] {
        auto ends = unix_pair();
        wait_group all;
        for (std::size_t i = 0; i < writers; ++i) {
          all.go([&, i] {
            transfer_result const put = way.write(ends->first, std::string(record_bytes, static_cast<char>('a' + i)));
            EXPECT_TRUE(put) << way.name << ": " << put.error().message();
            EXPECT_EQ(put.bytes(), record_bytes) << way.name;
          });
        }
        go([&] {
          all.wait();
          ends->first.close();
        });
        expect_whole(read_all(ends->second), writers, way.name);
      });
    }
  }
}

TEST(turns, ways_to_write_do_not_mix_with_each_other) {
  run_on(2, [] {
    auto ends = unix_pair();
    wait_group all;
    for (std::size_t i = 0; i < ways().size(); ++i) {
      all.go(
          [&, i] { EXPECT_TRUE(ways()[i].write(ends->first, std::string(record_bytes, static_cast<char>('a' + i)))); });
    }
    go([&] {
      all.wait();
      ends->first.close();
    });
    expect_whole(read_all(ends->second), ways().size(), "all ways");
  });
}

TEST(turns, readers_are_served_in_the_order_in_which_they_came) {
  run_on(1, [] {
    pipe_ends ends = a_pipe();
    std::array<std::string, 4> came;
    wait_group all;
    for (std::string& text : came) {
      all.go([&] { text = read_some(ends.reader, 1); });
      yield();  // it waits, for bytes or for its turn
    }
    EXPECT_TRUE(ends.writer.write(bytes_of("abcd")));
    all.wait();
    EXPECT_EQ(came, (std::array<std::string, 4>{"a", "b", "c", "d"}));
  });
}

TEST(turns, of_many_readers_none_is_forgotten_and_no_byte_is_lost) {
  run_on(3, [] {
    pipe_ends ends = a_pipe();
    constexpr int readers = 8, each = 2'000;
    std::array<std::atomic<int>, 256> seen{};
    wait_group all;
    for (int i = 0; i < readers; ++i) {
      all.go([&] {
        for (int k = 0; k < each; ++k) {
          std::byte one{};
          auto const got = ends.reader.read(std::span(&one, 1));
          ASSERT_TRUE(got && *got == 1);
          ++seen[static_cast<std::size_t>(one)];
        }
      });
    }
    for (int k = 0; k < readers * each; ++k) {
      const auto one = static_cast<std::byte>(k % 250);
      ASSERT_TRUE(ends.writer.write(std::span(&one, 1)));
    }
    all.wait();
    for (std::size_t b = 0; b < 250; ++b) EXPECT_EQ(seen[b], readers * each / 250) << b;
  });
}

TEST(turns, one_direction_does_not_wait_for_the_other) {
  run_on(1, [] {
    auto ends = unix_pair();
    std::array<std::string, 2> came;
    wait_group all;
    for (std::string& text : came) all.go([&] { text = read_some(ends->first); });
    yield();
    EXPECT_TRUE(ends->first.write(bytes_of("out")));  // two read meanwhile
    EXPECT_EQ(read_some(ends->second), "out");
    EXPECT_TRUE(ends->second.write(bytes_of("in")));
    ends->second.close();
    all.wait();
    EXPECT_EQ(came[0] + came[1], "in");
  });
}

TEST(turns, a_close_ends_the_wait_for_a_turn) {
  for (const std::uint32_t processors : {1u, 3u}) {
    run_on(processors, [] {
      for (int round = 0; round < 50; ++round) {
        pipe_ends ends = a_pipe();
        std::atomic<std::size_t> went = 0;
        wait_group all;
        for (int i = 0; i < 4; ++i) {
          all.go([&] {
            transfer_result const put = ends.writer.write(bytes_of(std::string(record_bytes, 'x')));
            EXPECT_EQ(put.error(), std::errc::operation_canceled);
            went += put.bytes();
          });
          all.go([&] {
            std::byte one{};
            static_cast<void>(ends.writer.read(std::span(&one, 1)));  // refused by the kernel, in its own direction
          });
        }
        for (int k = 0; k < round; ++k) yield();
        ends.writer.close();
        all.wait();
        EXPECT_EQ(read_all(ends.reader).size(), went) << "a write that was ended says another count than went out";
      }
    });
  }
}

TEST(turns, a_close_ends_readers_in_the_queue) {
  run_on(2, [] {
    for (int round = 0; round < 100; ++round) {
      pipe_ends ends = a_pipe();
      wait_group all;
      for (int i = 0; i < 4; ++i) {
        all.go([&] {
          std::byte one{};
          EXPECT_EQ(ends.reader.read(std::span(&one, 1)).error(), std::errc::operation_canceled);
        });
      }
      for (int k = 0; k < round % 7; ++k) yield();
      ends.reader.close();
      all.wait();
    }
  });
}

TEST(turns, a_deadline_ends_the_turn_under_way_and_those_that_wait) {
  run_on(2, [] {
    pipe_ends ends = a_pipe();
    EXPECT_FALSE(ends.writer.set_write_deadline(deadline_in(20ms)));
    EXPECT_FALSE(ends.reader.set_read_deadline(deadline_in(20ms)));
    std::atomic<std::size_t> went = 0;
    wait_group all;
    for (int i = 0; i < 3; ++i) {
      all.go([&] {
        transfer_result const put = ends.writer.write(bytes_of(std::string(record_bytes, 'x')));
        EXPECT_EQ(put.error(), std::errc::timed_out);
        went += put.bytes();
      });
    }
    all.wait();
    EXPECT_GT(went, 0u);
    ends.writer.close();
    EXPECT_FALSE(ends.reader.set_read_deadline(no_deadline));
    EXPECT_EQ(read_all(ends.reader).size(), went);

    pipe_ends empty = a_pipe();
    wait_group readers;
    std::string const over = "error: " + std::make_error_code(std::errc::timed_out).message();
    for (int i = 0; i < 3; ++i) readers.go([&] { EXPECT_EQ(read_some(empty.reader), over); });
    yield();
    EXPECT_FALSE(empty.reader.set_read_deadline(deadline_in(5ms)));  // set while they wait
    readers.wait();
    EXPECT_FALSE(empty.reader.set_read_deadline(no_deadline));
    EXPECT_TRUE(empty.writer.write(bytes_of("again")));
    EXPECT_EQ(read_some(empty.reader), "again");
  });
}

TEST(turns, every_way_to_write_counts_what_went_before_its_end) {
  for (way_to_write const& way : ways()) {
    run_on(1, [&] {
      for (const bool by_deadline : {true, false}) {
        auto ends = unix_pair();
        EXPECT_FALSE(ends->first.set_write_deadline(by_deadline ? deadline_in(20ms) : no_deadline));
        std::size_t went = 0;
        wait_group done;
        done.go([&] {
          transfer_result const put = way.write(ends->first, std::string(record_bytes, 'x'));
          EXPECT_EQ(put.error(), by_deadline ? std::errc::timed_out : std::errc::operation_canceled) << way.name;
          went = put.bytes();
        });
        sleep_for(5ms);
        if (!by_deadline) ends->first.close();
        done.wait();
        ends->first.close();
        EXPECT_GT(went, 0u) << way.name;
        EXPECT_LT(went, record_bytes) << way.name;
        EXPECT_EQ(read_all(ends->second).size(), went) << way.name;
      }
    });
  }
}

TEST(turns, a_copy_counts_what_its_target_took) {
  run_on(2, [] {
    pipe_ends from = a_pipe(), to = a_pipe();
    wait_group all;
    all.go([&] {
      static_cast<void>(from.writer.write(bytes_of(std::string(record_bytes, 'x'))));
      from.writer.close();
    });
    EXPECT_FALSE(to.writer.set_write_deadline(deadline_in(20ms)));
    transfer_result const moved = copy(to.writer, from.reader);
    EXPECT_EQ(moved.error(), std::errc::timed_out);
    to.writer.close();
    EXPECT_GT(moved.bytes(), 0u);
    EXPECT_EQ(read_all(to.reader).size(), moved.bytes());
    from.reader.close();
    all.wait();
  });
}

TEST(turns, several_accept_and_several_receive) {
  run_on(2, [] {
    auto listener = tcp_listen(ipv4(loopback_address, 0));
    auto socket = udp_bind(loopback_address, 0);
    std::atomic<int> accepted = 0, received = 0;
    wait_group all;
    for (int i = 0; i < 3; ++i) {
      all.go([&] { accepted += listener->accept() ? 1 : 0; });
      all.go([&] {
        std::array<std::byte, 8> room{};
        auto const got = socket->receive(room);
        received += got && got->bytes == 3 ? 1 : 0;
      });
    }
    std::vector<tcp_stream> made;
    auto sender = udp_bind(loopback_address, 0);
    for (int i = 0; i < 3; ++i) {
      made.push_back(std::move(*tcp_connect(*listener->local_address())));
      EXPECT_TRUE(sender->send_to(bytes_of("abc"), *socket->local_address()));
    }
    all.wait();
    EXPECT_EQ(accepted, 3);
    EXPECT_EQ(received, 3);
  });
}

}  // namespace
}  // namespace retake::test
