// Offsets, sizes, counts and times at the edges of their types. Goal: each is refused or means what
// it says, never something else. Method: tables. A row is a call, made with each edge of its
// argument, and what it must answer there; the files, streams and clocks are the kernel's.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "../program.hpp"
#include "bytes.hpp"
#include "retake/buffered.hpp"
#include "retake/clock.hpp"
#include "retake/context.hpp"
#include "retake/dial.hpp"
#include "retake/file.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "retake/timer.hpp"
#include "time/runtime_timer.hpp"

namespace retake::test {
namespace {

constexpr std::uint64_t offset_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t time_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t time_min = std::numeric_limits<std::int64_t>::min();
constexpr std::uint64_t minus_one = std::numeric_limits<std::uint64_t>::max();
constexpr std::array<std::uint64_t, 3> beyond_offsets = {offset_max + 1, minus_one - 1, minus_one};

// "abc", removed at the end.
class small_file {
 public:
  small_file() {
    int const fd = ::mkstemp(path_.data());
    EXPECT_EQ(::write(fd, "abc", 3), 3);
    ::close(fd);
  }
  ~small_file() { ::unlink(path_.c_str()); }
  small_file(small_file const&) = delete;
  small_file& operator=(small_file const&) = delete;

  file open(open_mode mode) const { return std::move(*open_file(path_.c_str(), mode)); }
  int descriptor(int flags) const { return ::open(path_.c_str(), flags | O_CLOEXEC); }
  // Read past the runtime.
  std::string content() const {
    std::array<char, 16> room{};
    int const fd = descriptor(O_RDONLY);
    const ssize_t got = ::read(fd, room.data(), room.size());
    ::close(fd);
    return std::string(room.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  }

 private:
  std::string path_ = "/tmp/retake_edges_XXXXXX";
};

// What a call answered: an error, or how many bytes.
struct answered {
  std::error_code error;
  std::size_t bytes = 0;
};
answered of(result<std::size_t> const& r) { return r ? answered{{}, *r} : answered{r.error(), 0}; }
answered of(transfer_result const& t) { return {t.error(), t.bytes()}; }

struct file_call {
  char const* name;
  bool writes;
  std::function<answered(file&, std::uint64_t offset)> make;
};
std::vector<file_call> const& calls_at_an_offset() {
  static std::array<std::byte, 2> room{};
  static std::array<std::span<std::byte>, 1> into{room};
  static std::array<std::span<std::byte const>, 1> from{room};
  static std::vector<file_call> const calls = {
      {"read_at", false, [](file& f, std::uint64_t at) { return of(f.read_at(room, at)); }},
      {"read_at of nothing", false, [](file& f, std::uint64_t at) { return of(f.read_at({}, at)); }},
      {"readv_at", false, [](file& f, std::uint64_t at) { return of(f.readv_at(into, at)); }},
      {"write_at", true, [](file& f, std::uint64_t at) { return of(f.write_at(room, at)); }},
      {"write_at of nothing", true, [](file& f, std::uint64_t at) { return of(f.write_at({}, at)); }},
      {"writev_at", true, [](file& f, std::uint64_t at) { return of(f.writev_at(from, at)); }},
  };
  return calls;
}

TEST(edges, an_offset_that_no_file_has_is_refused_and_never_another_one) {
  small_file const where;
  run_on(1, [&] {
    file f = where.open(open_mode::read | open_mode::write);
    for (file_call const& c : calls_at_an_offset()) {
      for (const std::uint64_t at : beyond_offsets) {
        answered const a = c.make(f, at);
        EXPECT_EQ(a.error, std::errc::invalid_argument) << c.name << " at " << at;
        EXPECT_EQ(a.bytes, 0u) << c.name << " at " << at;
      }
      // Of the kernel's own limits: it may refuse them, and finds nothing there.
      for (const std::uint64_t at : {offset_max - 1, offset_max}) EXPECT_EQ(c.make(f, at).bytes, 0u) << c.name << at;
    }
    EXPECT_EQ(where.content(), "abc");
    std::array<std::byte, 8> room{};
    EXPECT_EQ(f.read(room).error(), std::error_code());  // the position has not moved
    for (const std::size_t at : {0u, 1u, 2u, 3u, 4u}) {
      EXPECT_EQ(f.read_at(room, at).bytes(), at < 3 ? 3 - at : 0) << at;
    }
  });
}

TEST(edges, the_position_is_left_alone_by_calls_at_an_offset) {
  small_file const where;
  run_on(1, [&] {
    file f = where.open(open_mode::read | open_mode::write);
    for (file_call const& c : calls_at_an_offset()) {
      if (!c.writes) static_cast<void>(c.make(f, 0));
      static_cast<void>(c.make(f, beyond_offsets[2]));
    }
    std::array<std::byte, 8> room{};
    EXPECT_EQ(*f.read(room), 3u);
  });
}

TEST(edges, a_size_that_no_file_has_is_refused) {
  small_file const where;
  run_on(1, [&] {
    file f = where.open(open_mode::write);
    for (const std::uint64_t bytes : beyond_offsets) EXPECT_EQ(f.truncate(bytes), std::errc::invalid_argument) << bytes;
    EXPECT_EQ(where.content(), "abc");
    EXPECT_FALSE(f.truncate(1));
    EXPECT_EQ(where.content(), "a");
    EXPECT_FALSE(f.truncate(0));
    EXPECT_EQ(where.content(), "");
  });
}

TEST(edges, a_write_at_an_offset_of_a_file_that_appends_is_refused) {
  small_file const where;
  run_on(1, [&] {
    std::array<file, 2> both = {where.open(open_mode::read | open_mode::write | open_mode::append),
                                std::move(*file_of(where.descriptor(O_RDWR | O_APPEND)))};
    for (file& f : both) {
      for (file_call const& c : calls_at_an_offset()) {
        for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{3}, offset_max}) {
          answered const a = c.make(f, at);
          if (!c.writes) continue;
          EXPECT_EQ(a.error, std::errc::invalid_argument) << c.name << " at " << at;
        }
      }
      std::byte one{};
      EXPECT_EQ(f.read_at(std::span(&one, 1), 1).bytes(), 1u);
    }
    EXPECT_EQ(where.content(), "abc");
    EXPECT_EQ(*both[0].write(bytes_of("d")), 1u);
    EXPECT_EQ(*both[1].write(bytes_of("e")), 1u);
    EXPECT_EQ(where.content(), "abcde");
  });
}

TEST(edges, so_many_pieces_and_no_more) {
  small_file const where;
  run_on(1, [&] {
    file f = where.open(open_mode::read | open_mode::write);
    std::byte one{};
    std::vector<std::span<std::byte>> const into(file::pieces_max + 1, std::span(&one, 1));
    std::vector<std::span<std::byte const>> const from(file::pieces_max + 1, std::span(&one, 1));
    EXPECT_EQ(*f.readv_at({}, 0), 0u);
    EXPECT_EQ(*f.readv_at(std::span(into).first(1), 0), 1u);
    EXPECT_EQ(*f.readv_at(std::span(into).first(file::pieces_max), 0), 3u);
    EXPECT_EQ(f.readv_at(into, 0).error(), std::errc::invalid_argument);
    EXPECT_EQ(f.writev_at(from, 0).error(), std::errc::invalid_argument);
    EXPECT_EQ(where.content(), "abc");
    EXPECT_EQ(*f.writev_at({}, 0), 0u);
  });
}

TEST(edges, a_write_that_the_system_ends_counts_what_was_written) {
  small_file const where;
  rlimit const limit{5, RLIM_INFINITY};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  ASSERT_NE(::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  run_on(1, [&] {
    file f = where.open(open_mode::write);
    transfer_result const at_once = f.write_at(bytes_of("ABCDEFGH"), 1);
    EXPECT_EQ(at_once.error(), std::errc::file_too_large);
    EXPECT_EQ(at_once.bytes(), 4u);
    EXPECT_EQ(where.content(), "aABCD");
    transfer_result const beyond = f.write_at(bytes_of("x"), 5);
    EXPECT_EQ(beyond.error(), std::errc::file_too_large);
    EXPECT_EQ(beyond.bytes(), 0u);
    EXPECT_EQ(f.write_at(bytes_of("x"), 4).bytes(), 1u);
  });
}

TEST(edges, a_number_that_is_no_descriptor_is_refused) {
  run_on(1, [] {
    using limits = std::numeric_limits<int>;
    for (const int fd : {limits::min(), -2, -1, limits::max() - 1, limits::max()}) {
      EXPECT_EQ(file_of(fd).error(), std::errc::bad_file_descriptor) << fd;
      EXPECT_EQ(adopt(fd).error(), std::errc::bad_file_descriptor) << fd;
    }
  });
}

TEST(edges, what_is_sent_of_a_file_begins_and_ends_in_it) {
  struct row {
    std::int64_t offset;
    std::size_t bytes;
    std::string sent;
    std::errc error = std::errc();
  };
  constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
  std::array const rows = {
      row{time_min, 1, "", std::errc::invalid_argument},
      row{-2, 1, "", std::errc::invalid_argument},
      row{-1, 1, "", std::errc::invalid_argument},
      row{-1, 0, "", std::errc::invalid_argument},
      row{0, 0, ""},
      row{0, 1, "a"},
      row{0, 3, "abc"},
      row{0, 4, "abc"},
      row{0, all, "abc"},
      row{1, static_cast<std::size_t>(time_max), "bc"},
      row{2, all, "c"},
      row{3, all, ""},
      row{time_max, 1, ""},
      row{time_max, all, ""},
  };
  small_file const where;
  run_on(1, [&] {
    int const fd = where.descriptor(O_RDONLY);
    for (row const& r : rows) {
      pipe_ends ends = a_pipe();
      transfer_result const sent = send_file(ends.writer, fd, r.offset, r.bytes);
      EXPECT_EQ(sent.error().value(), static_cast<int>(r.error)) << r.offset << ", " << r.bytes;
      EXPECT_EQ(sent.bytes(), r.sent.size()) << r.offset << ", " << r.bytes;
      ends.writer.close();
      EXPECT_EQ(read_all(ends.reader), r.sent) << r.offset << ", " << r.bytes;
    }
    pipe_ends ends = a_pipe();
    EXPECT_EQ(send_file(ends.writer, fd, time_max - 1, all).bytes(), 0u);  // a file system may refuse it
    ::close(fd);
  });
}

TEST(edges, buffers_of_any_size_carry_bytes) {
  run_on(1, [] {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{4096}}) {
      pipe_ends ends = a_pipe();
      buffered_writer to(ends.writer, bytes);
      EXPECT_FALSE(to.write("one\ntwo"));
      EXPECT_FALSE(to.write(""));
      EXPECT_FALSE(to.flush());
      ends.writer.close();
      buffered_reader from(ends.reader, bytes);
      EXPECT_EQ(from.read_until('\n', 0).error(), std::errc::value_too_large) << bytes;
      EXPECT_EQ(*from.read_until('\n'), "one\n") << bytes;
      EXPECT_EQ(from.peek()->front(), std::byte{'t'}) << bytes;
      std::array<std::byte, 8> room{};
      EXPECT_EQ(*from.read({}), 0u);
      EXPECT_EQ(*from.read_full(room), 3u) << bytes;
      EXPECT_EQ(from.peek()->size(), 0u) << bytes;
    }
  });
}

TEST(edges, a_linger_below_its_own_word_for_never_is_refused) {
  run_on(1, [] {
    auto listener = tcp_listen(ipv4(loopback_address, 0));
    auto made = tcp_connect(*listener->local_address());
    for (const std::int32_t seconds : {std::numeric_limits<std::int32_t>::min(), -2}) {
      EXPECT_EQ(made->set_linger(std::chrono::seconds(seconds)), std::errc::invalid_argument) << seconds;
    }
    for (const std::int32_t seconds : {std::numeric_limits<std::int32_t>::max(), 1, 0, -1}) {
      EXPECT_FALSE(made->set_linger(std::chrono::seconds(seconds))) << seconds;
      linger is{};
      socklen_t bytes = sizeof(is);
      EXPECT_EQ(::getsockopt(made->descriptor(), SOL_SOCKET, SO_LINGER, &is, &bytes), 0);
      EXPECT_EQ(is.l_onoff != 0, seconds >= 0);
      EXPECT_EQ(is.l_linger, seconds >= 0 ? seconds : 0);
    }
  });
}

constexpr std::array past_ns = {time_min, time_min + 1, std::int64_t{-1}};
constexpr std::array far_ns = {time_max / 2, time_max - 1, time_max};

TEST(edges, a_time_that_is_over_is_over_at_once) {
  run_on(1, [] {
    pipe_ends ends = a_pipe();
    std::byte one{};
    for (const std::int64_t ns : past_ns) {
      const std::chrono::nanoseconds length(ns);
      const time_point at(length);
      const time_point over = deadline_in(length);
      EXPECT_LE(over, monotonic_now()) << ns;
      sleep_for(length);
      timer t(length);
      EXPECT_TRUE(t.due().receive()) << ns;
      semaphore none(1);
      none.acquire();
      EXPECT_FALSE(none.acquire_for(length)) << ns;
      none.release();
      channel<int> silent;
      select(on_receive(silent, [](auto) { ADD_FAILURE(); }), after(length, [] {}));
      EXPECT_EQ(with_timeout(background(), length).ctx.error(), std::errc::timed_out) << ns;
      EXPECT_EQ(with_deadline(background(), at).ctx.error(), std::errc::timed_out) << ns;
      EXPECT_FALSE(ends.reader.set_read_deadline(at));
      EXPECT_EQ(ends.reader.read(std::span(&one, 1)).error(), std::errc::timed_out) << ns;
      dial_options options;
      options.connection.deadline = at;
      EXPECT_EQ(dial(background(), "127.0.0.1", 1, options).error(), std::errc::timed_out) << ns;
    }
  });
}

TEST(edges, a_time_that_never_comes_is_waited_for) {
  run_on(2, [] {
    auto listener = tcp_listen(ipv4(loopback_address, 0));
    for (const std::int64_t ns : far_ns) {
      const std::chrono::nanoseconds length(ns);
      const time_point at(length);
      EXPECT_GE(deadline_in(length), at) << ns;
      timer t(length);
      ticker k(length);
      delayed_call call = after_func(length, [] { ADD_FAILURE(); });
      cancellable const late = with_timeout(background(), length);
      cancellable const until = with_deadline(background(), at);
      channel<int> answer;
      pipe_ends ends = a_pipe();
      EXPECT_FALSE(ends.reader.set_read_deadline(at));
      go([&] { answer.send(static_cast<int>(read_some(ends.reader).size())); });
      semaphore one(1);
      EXPECT_TRUE(one.acquire_for(length));
      go([&] {
        sleep_for(1ms);
        one.release();
      });
      EXPECT_TRUE(one.acquire_for(length)) << ns;  // all of the above is being waited for meanwhile
      one.release();
      auto const fail = [](auto) { ADD_FAILURE(); };
      select(on_receive(t.due(), fail), on_receive(k.due(), fail), on_receive(answer, fail), after(1ms, [] {}));
      EXPECT_FALSE(late.ctx.error()) << ns;
      EXPECT_FALSE(until.ctx.error()) << ns;
      EXPECT_TRUE(t.stop()) << ns;
      EXPECT_TRUE(call.stop()) << ns;
      EXPECT_TRUE(ends.writer.write(bytes_of("xyz")));
      EXPECT_EQ(*answer.receive(), 3) << ns;
      dial_options options;
      options.connection.deadline = at;
      EXPECT_TRUE(dial(until.ctx, "127.0.0.1", listener->local_address()->port, options)) << ns;
    }
  });
}

TEST(edges, a_time_later_than_all_is_the_last_one) {
  struct row {
    std::int64_t at, duration, later;
  };
  constexpr std::array rows = {
      row{0, 0, 0},
      row{0, time_max, time_max},
      row{1, time_max - 1, time_max},
      row{1, time_max, time_max},
      row{time_max - 2, 1, time_max - 1},
      row{time_max - 1, 1, time_max},
      row{time_max - 1, 2, time_max},
      row{time_max, 0, time_max},
      row{time_max, time_max, time_max},
  };
  for (row const& r : rows) { EXPECT_EQ(later_ns(r.at, r.duration), r.later) << r.at << " and " << r.duration; }
}

TEST(edges, a_resolver_takes_time_outs_and_tries_of_any_size) {
  run_on(1, [] {
    for (const std::int64_t ns : {time_min, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, time_max}) {
      for (const std::uint32_t tries : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
        resolver_options options;
        options.kind = resolver_kind::cares;
        options.timeout = std::chrono::nanoseconds(ns);
        options.tries = tries;
        auto const found = resolver(options).lookup("localhost", 1);
        EXPECT_TRUE(found) << ns << ", " << tries << ": " << found.error().message();
      }
    }
  });
}

TEST(edges_death, a_foreign_pool_has_no_more_workers_than_it_can_count) {
  for (const std::uint32_t workers : {0x80000000u, 0xffffffffu}) {
    EXPECT_EXIT(run_on(1, [&] { const foreign_pool pool(workers); }), testing::ExitedWithCode(2),
                "a foreign_pool of too many workers");
  }
}

}  // namespace
}  // namespace retake::test
