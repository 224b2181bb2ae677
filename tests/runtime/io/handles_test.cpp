// A handle without a descriptor answers every call with an error. Goal: no method of one that was
// made by its default constructor, moved from, or made by a program that has ended, follows a
// pointer to what is not there.
// Method: one table: each handle in each of the three states, each method.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "../program.hpp"
#include "bytes.hpp"
#include "retake/buffered.hpp"
#include "retake/context.hpp"
#include "retake/file.hpp"
#include "retake/net.hpp"
#include "retake/pprof.hpp"
#include "retake/process.hpp"
#include "retake/timer.hpp"

namespace retake::test {
namespace {

constexpr auto none = std::errc::bad_file_descriptor;

class answers {
 public:
  explicit answers(std::string handle) : handle_(std::move(handle)) {}
  void operator()(char const* method, std::error_code answer) { EXPECT_EQ(answer, none) << handle_ << '.' << method; }
  template <class T>
  void operator()(char const* method, result<T> const& answer) {
    EXPECT_FALSE(answer) << handle_ << '.' << method;
    (*this)(method, answer.error());
  }

 private:
  std::string handle_;
};

std::array<std::byte, 4> room{};
byte_view const some(room);
std::array<std::byte, 0> nothing{};

void ask_stream(stream& s, answers say) {
  stream other;
  std::array<std::span<std::byte>, 1> const pieces{room};
  std::array<byte_view, 1> const from{some};
  say("read", s.read(room));
  say("read nothing", s.read(nothing));
  say("write", s.write(some));
  say("write nothing", s.write(nothing));
  say("readv", s.readv(pieces));
  say("readv nothing", s.readv({}));
  say("writev", s.writev(from));
  say("writev nothing", s.writev({}));
  say("close_write", s.close_write());
  say("close_read", s.close_read());
  say("local_address", s.local_address());
  say("peer_address", s.peer_address());
  say("set_deadline", s.set_deadline(time_point(1ns)));
  say("set_read_deadline", s.set_read_deadline(time_point(1ns)));
  say("set_write_deadline", s.set_write_deadline(time_point(1ns)));
  say("copy", copy(s, other));
  say("send_file", send_file(s, 0, 0, 1));
  say("send_file nothing", send_file(s, 0, 0, 0));
  say("buffered_reader", buffered_reader(s).read(room));
  buffered_writer writer(s);
  EXPECT_FALSE(writer.write("x"));
  say("buffered_writer", writer.flush());
  EXPECT_FALSE(s.valid());
  EXPECT_FALSE(s.polled());
  EXPECT_EQ(s.descriptor(), -1);
  s.close();
}

void ask_copies(stream& empty, stream& whole, answers say) {
  say("copy from it", copy(whole, empty));
  say("copy to it", copy(empty, whole));  // and nothing of `whole` is read
}

void ask_tcp(tcp_stream& s, answers say) {
  ask_stream(s, say);
  say("set_keep_alive", s.set_keep_alive({}));
  say("set_no_delay", s.set_no_delay(true));
  say("set_linger", s.set_linger(0s));
}

void ask_unix(unix_stream& s, answers say) {
  std::array<int, 1> descriptors{0};
  ask_stream(s, say);
  say("send", s.send(some, descriptors));
  say("receive", s.receive(room, descriptors));
}

void ask_listener(tcp_listener& l, answers say) {
  say("accept", l.accept());
  say("local_address", l.local_address());
  say("set_deadline", l.set_deadline(time_point(1ns)));
  EXPECT_EQ(l.port(), 0);
  l.close();
}

void ask_listener(unix_listener& l, answers say) {
  say("accept", l.accept());
  l.close();
}

void ask_datagrams(datagram_socket& s, answers say) {
  say("receive", s.receive(room));
  say("send", s.send(some));
  say("send_to", s.send_to(some, ipv4(loopback_address, 1)));
  say("send_to a name", s.send_to(some, *parse_address("@nobody")));
  say("connect", s.connect(ipv4(loopback_address, 1)));
  say("local_address", s.local_address());
  say("peer_address", s.peer_address());
  say("set_deadline", s.set_deadline(time_point(1ns)));
  say("set_read_deadline", s.set_read_deadline(time_point(1ns)));
  say("set_write_deadline", s.set_write_deadline(time_point(1ns)));
  EXPECT_EQ(s.descriptor(), -1);
  s.close();
}

void ask_file(file& f, answers say) {
  std::array<std::span<std::byte>, 1> const into{room};
  std::array<byte_view, 1> const from{some};
  result<registered_buffer> buffer = registered_buffer::make(room);
  say("read_at", f.read_at(room, 0));
  say("read_at nothing", f.read_at(nothing, 0));
  if (buffer) say("read_at a registered buffer", f.read_at(*buffer, 0, 1, 0));
  say("write_at", f.write_at(some, 0));
  say("write_at nothing", f.write_at(nothing, 0));
  say("read", f.read(room));
  say("write", f.write(some));
  say("write nothing", f.write(nothing));
  say("readv_at", f.readv_at(into, 0));
  say("writev_at", f.writev_at(from, 0));
  say("sync", f.sync());
  say("data_sync", f.data_sync());
  say("truncate", f.truncate(0));
  say("status", f.status());
  EXPECT_FALSE(f.valid());
  f.close();
}

void ask_process(process& p, answers say) {
  say("wait", p.wait());
  say("signal", p.signal(0));
  say("set_deadline", p.set_deadline(time_point(1ns)));
  ask_stream(p.input, say);
  ask_stream(p.output, say);
  ask_stream(p.error, say);
}

TEST(handles, without_a_descriptor_answer_that_they_have_none) {
  run_on(2, [] {
    stream s;
    ask_stream(s, answers("stream()"));
    tcp_stream t;
    ask_tcp(t, answers("tcp_stream()"));
    unix_stream u;
    ask_unix(u, answers("unix_stream()"));
    tcp_listener tl;
    ask_listener(tl, answers("tcp_listener()"));
    unix_listener ul;
    ask_listener(ul, answers("unix_listener()"));
    datagram_socket d;
    ask_datagrams(d, answers("datagram_socket()"));
    file f;
    ask_file(f, answers("file()"));
    process p(stream(), 0);
    ask_process(p, answers("process()"));
  });
}

template <class T>
T taken(T& from) {
  return std::move(from);
}

TEST(handles, moved_from_answer_that_they_have_none) {
  run_on(2, [] {
    auto pipe = make_pipe();
    ASSERT_TRUE(pipe);
    stream const reader = taken(pipe->reader);
    ask_stream(pipe->reader, answers("moved-from stream"));
    ask_copies(pipe->reader, pipe->writer, answers("moved-from stream"));
    auto ends = unix_pair();
    ASSERT_TRUE(ends);
    unix_stream const first = taken(ends->first);
    ask_unix(ends->first, answers("moved-from unix_stream"));
    auto listener = tcp_listen(loopback_address, 0);
    ASSERT_TRUE(listener);
    tcp_listener const kept = taken(*listener);
    ask_listener(*listener, answers("moved-from tcp_listener"));
    EXPECT_NE(kept.port(), 0);
    auto connection = tcp_connect(loopback_address, kept.port());
    ASSERT_TRUE(connection);
    tcp_stream const client = taken(*connection);
    ask_tcp(*connection, answers("moved-from tcp_stream"));
    auto local = unix_listen(*parse_address("@retake_handles_test"));
    ASSERT_TRUE(local);
    unix_listener const local_kept = taken(*local);
    ask_listener(*local, answers("moved-from unix_listener"));
    auto datagrams = datagram_bind(ipv4(loopback_address, 0));
    ASSERT_TRUE(datagrams);
    datagram_socket const datagrams_kept = taken(*datagrams);
    ask_datagrams(*datagrams, answers("moved-from datagram_socket"));
    auto opened = open_file("/dev/null", open_mode::read_write);
    ASSERT_TRUE(opened);
    file const opened_kept = taken(*opened);
    ask_file(*opened, answers("moved-from file"));
    auto child = spawn({.arguments = {"true"}, .environment = {}, .directory = {}, .files = {}});
    ASSERT_TRUE(child);
    process running = taken(*child);
    ask_process(*child, answers("moved-from process"));
    ask_stream(running.input, answers("a pipe that was not asked for"));
    EXPECT_TRUE(running.wait());
  });
}

TEST(handles, of_an_ended_program_answer_that_they_have_none) {
  std::optional<pipe_ends> pipe;
  std::optional<unix_pair_ends> ends;
  std::optional<tcp_listener> listener;
  std::optional<tcp_stream> connection;
  std::optional<unix_listener> local;
  std::optional<datagram_socket> datagrams;
  std::optional<file> opened;
  std::optional<process> child;
  run_on(2, [&] {
    pipe.emplace(taken(*make_pipe()));
    ends.emplace(taken(*unix_pair()));
    listener.emplace(taken(*tcp_listen(loopback_address, 0)));
    connection.emplace(taken(*tcp_connect(loopback_address, listener->port())));
    local.emplace(taken(*unix_listen(*parse_address("@retake_handles_test"))));
    datagrams.emplace(taken(*datagram_bind(ipv4(loopback_address, 0))));
    opened.emplace(taken(*open_file("/dev/null", open_mode::read_write)));
    child.emplace(taken(*spawn({.arguments = {"true"}, .environment = {}, .directory = {}, .files = {}})));
  });
  run_on(2, [&] {
    auto other = make_pipe();
    ASSERT_TRUE(other);
    ask_copies(pipe->reader, other->writer, answers("ended stream"));
    ask_stream(pipe->reader, answers("ended stream"));
    ask_unix(ends->first, answers("ended unix_stream"));
    ask_listener(*listener, answers("ended tcp_listener"));
    ask_tcp(*connection, answers("ended tcp_stream"));
    ask_listener(*local, answers("ended unix_listener"));
    ask_datagrams(*datagrams, answers("ended datagram_socket"));
    ask_file(*opened, answers("ended file"));
    ask_process(*child, answers("ended process"));
  });
  ask_stream(pipe->writer, answers("ended stream, outside of a program"));
  ask_unix(ends->second, answers("ended unix_stream, outside of a program"));
}

TEST(handles, of_calls_that_were_moved_from_are_of_no_call) {
  run_on(2, [] {
    delayed_call later = after_func(1h, [] {});
    delayed_call later_kept = taken(later);
    EXPECT_FALSE(later.stop());
    EXPECT_FALSE(later.reset(1ns));
    EXPECT_TRUE(later_kept.stop());
    auto [ctx, stop] = with_cancel(background());
    after_done_call done = after_done(ctx, [] {});
    after_done_call done_kept = taken(done);
    EXPECT_FALSE(done.stop());
    EXPECT_TRUE(done_kept.stop());
    canceller const stop_kept = taken(stop);
    stop.cancel();
    EXPECT_FALSE(ctx.error());
    auto server = serve_pprof(ipv4(loopback_address, 0));
    ASSERT_TRUE(server);
    pprof_server const server_kept = taken(*server);
    EXPECT_EQ(server->port(), 0);
  });
}

}  // namespace
}  // namespace retake::test
