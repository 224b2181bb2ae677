// Bytes that go between descriptors. Goal: every operation does what it says for every pair of
// kinds, whether the poller takes them or not, in append mode or not.
// Method: one table of sources, one of targets, of the kernel's own descriptors; what arrived is
// read past the runtime.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "../program.hpp"
#include "bytes.hpp"
#include "retake/stream.hpp"

namespace retake::test {
namespace {

// Lines, so that a terminal gives them one after the other; less than any of the kinds holds.
std::string const& content() {
  static std::string const text = [] {
    std::string lines;
    for (int i = 0; i < 60; ++i) lines += "line " + std::to_string(1000 + i) + " of what is moved\n";
    return lines;
  }();
  return text;
}

class temporary_file {
 public:
  temporary_file() { ::close(::mkstemp(name_.data())); }
  ~temporary_file() { ::unlink(name_.c_str()); }
  temporary_file(temporary_file const&) = delete;
  temporary_file& operator=(temporary_file const&) = delete;
  char const* path() const { return name_.c_str(); }
  int open(int flags) const { return ::open(name_.c_str(), flags | O_CLOEXEC); }

 private:
  std::string name_ = "/tmp/retake_transfers_XXXXXX";
};

struct fd_pair {
  int ours = -1;  // becomes a stream
  int far = -1;
};

fd_pair pipe_pair(bool writes) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  return writes ? fd_pair{ends[1], ends[0]} : fd_pair{ends[0], ends[1]};
}
fd_pair socket_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {ends[0], ends[1]};
}
fd_pair tcp_pair() {
  connection ends = a_connection();
  return {::dup(ends.client.descriptor()), ::dup(ends.server.descriptor())};
}
// Bytes pass as they are; lines end reads, and ^D is the end.
fd_pair terminal_pair() {
  fd_pair ends;
  EXPECT_EQ(::openpty(&ends.far, &ends.ours, nullptr, nullptr, nullptr), 0);
  termios mode{};
  EXPECT_EQ(::tcgetattr(ends.ours, &mode), 0);
  mode.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  mode.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  EXPECT_EQ(::tcsetattr(ends.ours, TCSANOW, &mode), 0);
  return ends;
}
fd_pair appending(fd_pair ends) {
  EXPECT_EQ(::fcntl(ends.ours, F_SETFL, ::fcntl(ends.ours, F_GETFL) | O_APPEND), 0);
  return ends;
}

// Waits for what is expected only; what came beyond that is there already.
std::string bytes_at(int fd, std::size_t expected) {
  std::string text(expected + 8, 0);
  std::size_t got = 0;
  while (got < text.size()) {
    pollfd one{fd, POLLIN, 0};
    if (::poll(&one, 1, got < expected ? 500 : 0) <= 0) break;
    ssize_t const n = ::read(fd, text.data() + got, text.size() - got);
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  text.resize(got);
  return text;
}

// A stream to write to, and what has arrived behind it.
struct target {
  stream to;
  std::function<std::string(std::size_t expected)> arrived;
};
struct target_kind {
  char const* name;
  bool polled;
  std::function<target(temporary_file const&)> make;
};

target far_target(fd_pair ends) {
  EXPECT_EQ(::fcntl(ends.far, F_SETFL, ::fcntl(ends.far, F_GETFL) & ~O_NONBLOCK), 0);
  return {std::move(*adopt(ends.ours)), [far = ends.far](std::size_t expected) {
            std::string const text = bytes_at(far, expected);
            ::close(far);
            return text;
          }};
}
target file_target(temporary_file const& f, int flags) {
  EXPECT_EQ(::truncate(f.path(), 0), 0);
  return {std::move(*adopt(f.open(flags))), [&f](std::size_t expected) {
            int const fd = f.open(O_RDONLY);
            std::string text = bytes_at(fd, expected);
            ::close(fd);
            return text;
          }};
}

std::vector<target_kind> target_kinds() {
  return {
      {"pipe", true, [](temporary_file const&) { return far_target(pipe_pair(true)); }},
      {"pipe in append mode", true, [](temporary_file const&) { return far_target(appending(pipe_pair(true))); }},
      {"local socket", true, [](temporary_file const&) { return far_target(socket_pair()); }},
      {"local socket in append mode", true, [](temporary_file const&) { return far_target(appending(socket_pair())); }},
      {"tcp", true, [](temporary_file const&) { return far_target(tcp_pair()); }},
      {"tcp in append mode", true, [](temporary_file const&) { return far_target(appending(tcp_pair())); }},
      {"terminal", true, [](temporary_file const&) { return far_target(terminal_pair()); }},
      {"terminal in append mode", true, [](temporary_file const&) { return far_target(appending(terminal_pair())); }},
      {"file", false, [](temporary_file const& f) { return file_target(f, O_WRONLY); }},
      {"file in append mode", false, [](temporary_file const& f) { return file_target(f, O_WRONLY | O_APPEND); }},
  };
}

struct source_kind {
  char const* name;
  bool polled;
  bool has_offsets;
  std::function<int(temporary_file const&)> make;  // a descriptor that gives content() and ends
};

int far_source(fd_pair ends, char const* end = "") {
  std::string const all = content() + end;
  EXPECT_EQ(::write(ends.far, all.data(), all.size()), static_cast<ssize_t>(all.size()));
  if (*end == 0) ::close(ends.far);  // a terminal's is left open: its end would take the lines with it
  return ends.ours;
}
int file_source(temporary_file const& f, int flags) {
  int const fd = f.open(O_WRONLY);
  EXPECT_EQ(::write(fd, content().data(), content().size()), static_cast<ssize_t>(content().size()));
  ::close(fd);
  return f.open(flags);
}

std::vector<source_kind> source_kinds() {
  return {
      {"pipe", true, false, [](temporary_file const&) { return far_source(pipe_pair(false)); }},
      {"pipe in append mode", true, false,
       [](temporary_file const&) { return far_source(appending(pipe_pair(false))); }},
      {"local socket", true, false, [](temporary_file const&) { return far_source(socket_pair()); }},
      {"tcp", true, false, [](temporary_file const&) { return far_source(tcp_pair()); }},
      {"terminal", true, false, [](temporary_file const&) { return far_source(terminal_pair(), "\x04"); }},
      {"file", false, true, [](temporary_file const& f) { return file_source(f, O_RDONLY); }},
      {"file in append mode", false, true, [](temporary_file const& f) { return file_source(f, O_RDWR | O_APPEND); }},
  };
}

struct pair_of_kinds {
  source_kind const& from;
  target_kind const& to;
  std::string name = std::string(from.name) + " to " + to.name;
};
void for_each_pair(std::function<void(pair_of_kinds)> each) {
  run_on(2, [&] {
    for (source_kind const& from : source_kinds()) {
      for (target_kind const& to : target_kinds()) { each({from, to}); }
    }
  });
}

TEST(transfers, a_copy_moves_every_byte_between_all_kinds) {
  for_each_pair([](pair_of_kinds kinds) {
    temporary_file const source_file, target_file;
    stream from = std::move(*adopt(kinds.from.make(source_file)));
    target end = kinds.to.make(target_file);
    EXPECT_EQ(from.polled(), kinds.from.polled) << kinds.name;
    EXPECT_EQ(end.to.polled(), kinds.to.polled) << kinds.name;
    auto const moved = copy(end.to, from);
    EXPECT_TRUE(moved) << kinds.name << ": " << moved.error().message();
    EXPECT_EQ(end.arrived(content().size()), content()) << kinds.name;
    if (moved) { EXPECT_EQ(*moved, content().size()) << kinds.name; }
  });
}

TEST(transfers, a_file_is_sent_to_all_kinds_and_what_has_no_offsets_says_so) {
  for_each_pair([](pair_of_kinds kinds) {
    temporary_file const source_file, target_file;
    int const from = kinds.from.make(source_file);
    target end = kinds.to.make(target_file);
    auto const sent = send_file(end.to, from, 5, content().size());
    if (kinds.from.has_offsets) {
      EXPECT_TRUE(sent) << kinds.name << ": " << sent.error().message();
      EXPECT_EQ(end.arrived(content().size() - 5), content().substr(5)) << kinds.name;
      if (sent) { EXPECT_EQ(*sent, content().size() - 5) << kinds.name; }
      EXPECT_EQ(::lseek(from, 0, SEEK_CUR), 0) << kinds.name;  // the position stays
    } else {
      EXPECT_EQ(sent.error(), std::errc::invalid_seek) << kinds.name;
      EXPECT_EQ(end.arrived(0), "") << kinds.name;
    }
    ::close(from);
  });
}

TEST(transfers, pieces_of_a_file_end_where_they_were_told_to) {
  run_on(2, [] {
    for (target_kind const& kind : target_kinds()) {
      temporary_file const source_file, target_file;
      int const from = file_source(source_file, O_RDONLY);
      target end = kind.make(target_file);
      EXPECT_EQ(*send_file(end.to, from, 10, 20), 20u) << kind.name;
      EXPECT_EQ(*send_file(end.to, from, 0, 0), 0u) << kind.name;
      EXPECT_EQ(end.arrived(20), content().substr(10, 20)) << kind.name;
      ::close(from);
    }
  });
}

TEST(transfers, bytes_written_and_read_pass_all_kinds) {
  for_each_pair([](pair_of_kinds kinds) {
    temporary_file const source_file, target_file;
    stream from = std::move(*adopt(kinds.from.make(source_file)));
    target end = kinds.to.make(target_file);
    std::string text(content().size() + 1, 0);
    std::span<std::byte> const room = std::as_writable_bytes(std::span(text.data(), text.size()));
    std::size_t got = 0;
    for (std::size_t n = 1; n != 0; got += n) {
      std::array<std::span<std::byte>, 2> const places{room.subspan(got, got < room.size() ? 1 : 0),
                                                       room.subspan(std::min(got + 1, room.size()))};
      auto const some = got % 2 == 0 ? from.readv(places) : from.read(room.subspan(got));
      ASSERT_TRUE(some) << kinds.name << ": " << some.error().message();
      n = *some;
    }
    text.resize(got);
    EXPECT_EQ(text, content()) << kinds.name;
    std::array<byte_view, 2> const halves{bytes_of(std::string_view(text).substr(0, 100)),
                                          bytes_of(std::string_view(text).substr(100, 100))};
    EXPECT_TRUE(end.to.writev(halves)) << kinds.name;
    EXPECT_TRUE(end.to.write(bytes_of(std::string_view(text).substr(200)))) << kinds.name;
    EXPECT_EQ(end.arrived(content().size()), content()) << kinds.name;
  });
}

}  // namespace
}  // namespace retake::test
