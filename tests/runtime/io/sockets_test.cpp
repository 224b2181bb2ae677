// TCP, UDP and local sockets on the real kernel: options, addresses, half closes, deadlines of
// connecting, want of descriptors, descriptors that pass.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "../program.hpp"
#include "bytes.hpp"
#include "retake/clock.hpp"
#include "retake/context.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t bytes = sizeof(value);
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &bytes), 0);
  return value;
}

struct tcp_pair {
  tcp_stream client, server;
};
tcp_pair tcp_ends(address const& where = ipv4(loopback_address, 0), tcp_options const& options = {}) {
  auto listener = tcp_listen(where, options);
  EXPECT_TRUE(listener) << listener.error().message();
  auto client = tcp_connect(*listener->local_address(), options);
  EXPECT_TRUE(client) << client.error().message();
  auto server = listener->accept();
  EXPECT_TRUE(server) << server.error().message();
  return {std::move(*client), std::move(*server)};
}

std::string const socket_path = "/tmp/retake_sockets_test_" + std::to_string(::getpid());

TEST(tcp_options, keep_alive_is_on_by_default_and_off_by_name) {
  run_on(2, [] {
    tcp_pair const usual = tcp_ends();
    for (int const fd : {usual.client.descriptor(), usual.server.descriptor()}) {
      EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
      EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 15);
      EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 15);
      EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 9);
      EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    }
    tcp_pair other = tcp_ends(ipv4(loopback_address, 0), {.probes = keep_alive::off(), .no_delay = false});
    for (int const fd : {other.client.descriptor(), other.server.descriptor()}) {
      EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
      EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    }
    EXPECT_FALSE(other.client.set_keep_alive({.idle = 3s, .interval = 2s, .count = 1}));
    EXPECT_EQ(option(other.client.descriptor(), IPPROTO_TCP, TCP_KEEPIDLE), 3);
    EXPECT_FALSE(other.client.set_no_delay(true));
    EXPECT_EQ(option(other.client.descriptor(), IPPROTO_TCP, TCP_NODELAY), 1);
  });
}

TEST(tcp_options, both_ends_know_each_other_in_both_families) {
  run_on(2, [] {
    for (char const* const text : {"127.0.0.1:0", "[::1]:0"}) {
      tcp_pair ends = tcp_ends(*parse_address(text));
      EXPECT_EQ(*ends.client.local_address(), *ends.server.peer_address());
      EXPECT_EQ(*ends.server.local_address(), *ends.client.peer_address());
      EXPECT_NE(ends.client.local_address()->port, 0);
      EXPECT_TRUE(ends.client.write(bytes_of("over the wire")));
      EXPECT_EQ(read_some(ends.server), "over the wire");
    }
    pipe_ends const no_socket = a_pipe();
    EXPECT_EQ(no_socket.reader.peer_address().error(), std::errc::not_a_socket);
  });
}

TEST(tcp_options, a_half_close_ends_one_direction_and_carries_the_answer_in_the_other) {
  run_on(2, [] {
    tcp_pair ends = tcp_ends();
    EXPECT_TRUE(ends.client.write(bytes_of("question")));
    EXPECT_FALSE(ends.client.close_write());
    EXPECT_EQ(read_all(ends.server), "question");
    EXPECT_TRUE(ends.server.write(bytes_of("answer")));
    EXPECT_EQ(read_some(ends.client), "answer");
    EXPECT_EQ(ends.client.write(bytes_of("late")).error(), std::errc::broken_pipe);
  });
}

TEST(tcp_options, a_reset_is_told_to_the_reader) {
  run_on(2, [] {
    tcp_pair ends = tcp_ends();
    EXPECT_FALSE(ends.server.set_linger(0s));
    ends.server = tcp_stream();
    std::byte one{};
    EXPECT_EQ(ends.client.read(std::span(&one, 1)).error(), std::errc::connection_reset);
  });
}

// A listener whose queue is full: the kernel answers no more.
class full_listener {
 public:
  full_listener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof(name);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
    EXPECT_EQ(::listen(fd_, 0), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &bytes), 0);
    where_ = ipv4(loopback_address, ntohs(name.sin_port));
    for (int i = 0; i < 5; ++i) {
      auto one = tcp_connect(where_, {.deadline = deadline_in(100ms)});
      last_ = one.error();
      if (!one) break;
      waiting_.push_back(std::move(*one));
    }
  }
  ~full_listener() { ::close(fd_); }

  address const& where() const { return where_; }
  std::error_code last() const { return last_; }  // what the first was told that found it full

 private:
  int fd_;
  address where_;
  std::error_code last_;
  std::vector<tcp_stream> waiting_;
};

TEST(tcp_options, connecting_ends_at_its_deadline) {
  run_on(2, [] { EXPECT_EQ(full_listener().last(), std::errc::timed_out); });
}

TEST(tcp_options, connecting_ends_with_its_context) {
  run_on(2, [] {
    full_listener const full;
    cancellable cancelled = with_cancel(background());
    go([&] {
      sleep_for(20ms);
      cancelled.cancel.cancel();
    });
    time_point const began = monotonic_now();
    EXPECT_EQ(tcp_connect(cancelled.ctx, full.where()).error(), std::errc::operation_canceled);
    EXPECT_GE(monotonic_now() - began, 20ms);
    EXPECT_EQ(tcp_connect(cancelled.ctx, full.where()).error(), std::errc::operation_canceled)
        << "a context that is done connects nobody";
    EXPECT_EQ(tcp_connect(with_timeout(background(), 20ms).ctx, full.where()).error(), std::errc::timed_out);

    auto const listener = tcp_listen(loopback_address, 0);
    cancellable kept = with_cancel(background());
    auto client = tcp_connect(kept.ctx, *listener->local_address());
    ASSERT_TRUE(client);
    kept.cancel.cancel();
    std::byte const one{1};
    EXPECT_TRUE(client->write(std::span(&one, 1))) << "a connection that stands is not its context's any more";
  });
}

TEST(tcp_options, a_listener_without_free_descriptors_waits_and_does_not_spin) {
  run_on(2, [] {
    auto listener = tcp_listen(loopback_address, 0);
    ASSERT_TRUE(listener);
    auto client = tcp_connect(loopback_address, listener->port());
    ASSERT_TRUE(client);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    int const probe = ::dup(0);
    ::close(probe);
    rlimit const tight{static_cast<rlim_t>(probe), before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    std::atomic<bool> accepted{false};
    wait_group all;
    all.add(1);
    go([&] {
      auto server = listener->accept();
      EXPECT_TRUE(server) << server.error().message();
      accepted = true;
      all.done();
    });
    EXPECT_TRUE(yielding_until([] { return value(paths().accepts_put_off) > 0; }));
    sleep_for(200ms);
    EXPECT_FALSE(accepted.load());
    EXPECT_LE(value(paths().accepts_put_off), 8u) << "5, 10, 20, 40, 80, 100 ms: not more than that";
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    all.wait();
  });
}

TEST(udp, datagrams_arrive_whole_and_say_from_whom) {
  run_on(2, [] {
    for (char const* const text : {"127.0.0.1:0", "[::1]:0"}) {
      auto mine = datagram_bind(*parse_address(text));
      auto theirs = datagram_bind(*parse_address(text));
      ASSERT_TRUE(mine && theirs);
      wait_group all;
      all.add(1);
      go([&] {
        std::array<std::byte, 16> room{};
        for (int i = 0; i < 2; ++i) {
          auto const got = theirs->receive(room);
          ASSERT_TRUE(got);
          EXPECT_TRUE(theirs->send_to(std::span(room).first(got->bytes), got->from));
        }
        all.done();
      });
      std::array<std::byte, 4> room{};
      EXPECT_TRUE(mine->send_to(bytes_of("four"), *theirs->local_address()));
      auto got = mine->receive(room);
      ASSERT_TRUE(got);
      EXPECT_TRUE(got->bytes == 4 && !got->cut && got->from == *theirs->local_address());
      EXPECT_TRUE(mine->send_to(bytes_of("longer"), *theirs->local_address()));
      got = mine->receive(room);
      ASSERT_TRUE(got);
      EXPECT_TRUE(got->bytes == 4 && got->cut);
      all.wait();
    }
  });
}

TEST(udp, a_connected_socket_learns_that_nobody_listens_and_a_deadline_ends_the_wait) {
  run_on(2, [] {
    auto socket = datagram_open(address_family::ipv4);
    address gone;
    {
      auto other = udp_bind(loopback_address, 0);
      ASSERT_TRUE(socket && other);
      gone = *other->local_address();
    }
    EXPECT_FALSE(socket->connect(gone));
    EXPECT_TRUE(socket->send(bytes_of("hello?")));
    std::array<std::byte, 4> room{};
    EXPECT_EQ(socket->receive(room).error(), std::errc::connection_refused);
    EXPECT_FALSE(socket->set_read_deadline(deadline_in(10ms)));
    EXPECT_EQ(socket->receive(room).error(), std::errc::timed_out);
  });
}

TEST(unix_socket, a_descriptor_passes_and_its_name_goes_with_the_listener) {
  run_on(2, [] {
    for (std::string const& name : {socket_path, "@retake_test_" + std::to_string(::getpid())}) {
      auto const where = parse_address(name);
      ASSERT_TRUE(where);
      auto listener = unix_listen(*where);
      ASSERT_TRUE(listener) << listener.error().message();
      wait_group all;
      all.add(1);
      go([&] {
        auto server = listener->accept();
        ASSERT_TRUE(server);
        std::array<std::byte, 16> room{};
        std::array<int, 4> came{};
        auto const got = server->receive(room, came);
        ASSERT_TRUE(got);
        EXPECT_EQ(got->bytes, 4u);
        ASSERT_EQ(got->descriptors, 1u);
        EXPECT_NE(::fcntl(came[0], F_GETFD) & FD_CLOEXEC, 0);
        auto reader = adopt(came[0]);
        ASSERT_TRUE(reader);
        EXPECT_EQ(read_some(*reader), "through what was passed");
        all.done();
      });
      auto client = unix_connect(*where);
      ASSERT_TRUE(client) << client.error().message();
      pipe_ends through = a_pipe();
      int const passed = through.reader.descriptor();
      EXPECT_TRUE(client->send(bytes_of("take"), std::span(&passed, 1)));
      through.reader = stream();
      EXPECT_TRUE(through.writer.write(bytes_of("through what was passed")));
      all.wait();
      listener->close();
      EXPECT_NE(::access(socket_path.c_str(), F_OK), 0);
    }
    EXPECT_EQ(unix_connect(*parse_address(socket_path)).error(), std::errc::no_such_file_or_directory);
  });
}

// A raw socket of a program before us, bound and perhaps listening.
int bound_socket(address_family family, int backlog) {
  int const fd = ::socket(family == address_family::local ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
  if (family == address_family::local) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strcpy(name.sun_path, socket_path.c_str());
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  } else {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  if (backlog >= 0) { EXPECT_EQ(::listen(fd, backlog), 0); }
  return fd;
}

TEST(tcp_options, are_applied_before_the_socket_is_bound_or_connected) {
  run_on(2, [] {
    tcp_options shared;
    shared.prepare = [](int fd) {
      int const on = 1;
      return ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0
                 ? std::error_code()
                 : std::make_error_code(std::errc::not_supported);
    };
    auto first = tcp_listen(*parse_address("127.0.0.1:0"), shared);
    ASSERT_TRUE(first);
    EXPECT_TRUE(tcp_listen(*first->local_address(), shared)) << "both have SO_REUSEPORT";
    EXPECT_EQ(tcp_listen(*first->local_address()).error(), std::errc::address_in_use);
    tcp_options refusing;
    int seen = -1;
    refusing.prepare = [&](int fd) {
      seen = fd;
      return std::make_error_code(std::errc::no_such_device);
    };
    EXPECT_EQ(tcp_listen(*parse_address("127.0.0.1:0"), refusing).error(), std::errc::no_such_device);
    EXPECT_EQ(::fcntl(seen, F_GETFD), -1) << "the socket is left open";
    EXPECT_EQ(tcp_connect(*first->local_address(), refusing).error(), std::errc::no_such_device);
    tcp_options from_two;
    from_two.local = *parse_address("127.0.0.2:0");
    auto client = tcp_connect(*first->local_address(), from_two);
    ASSERT_TRUE(client) << client.error().message();
    auto server = first->accept();
    ASSERT_TRUE(server);
    EXPECT_EQ(to_string(*server->peer_address()), to_string(*client->local_address()));
    EXPECT_TRUE(to_string(*client->local_address()).starts_with("127.0.0.2:"));
    from_two.local = *parse_address("192.0.2.1:0");  // nobody's
    EXPECT_EQ(tcp_connect(*first->local_address(), from_two).error(), std::errc::address_not_available);
  });
}

// A port of `host` at which no socket listens.
address unused(address const& host) {
  auto const once = tcp_listen(host);
  return once ? *once->local_address() : address{};
}

TEST(tcp, a_socket_that_is_connected_to_itself_is_refused) {
  run_on(2, [] {
    for (char const* const host : {"127.0.0.1:0", "[::1]:0"}) {
      for (int i = 0; i < 2; ++i) {  // a port each: the end of a connection keeps its port for a minute
        tcp_options same;
        same.local = unused(*parse_address(host));  // the kernel makes this choice in one connect of some ten thousand
        if (same.local->family == address_family::none) continue;  // a machine without IPv6
        auto const made = i == 0 ? tcp_connect(*same.local, same) : tcp_connect(background(), *same.local, same);
        EXPECT_EQ(made.error(), std::errc::connection_refused) << host;
      }
    }
  });
}

TEST(listener_of, a_socket_that_another_program_bound_accepts_and_what_is_no_listener_is_refused_and_closed) {
  run_on(2, [] {
    for (int const backlog : {-1, 5}) {
      auto tcp = tcp_listener_of(bound_socket(address_family::ipv4, backlog));
      ASSERT_TRUE(tcp) << tcp.error().message();
      auto again = tcp_listener_of(::dup(tcp->descriptor()));  // as a program that replaces this one
      ASSERT_TRUE(again);
      tcp->close();
      EXPECT_EQ(tcp->descriptor(), -1);
      EXPECT_TRUE(tcp_connect(*again->local_address()));
      EXPECT_TRUE(again->accept());
    }
    address const where = *parse_address(socket_path);
    auto local = unix_listen(where);
    ASSERT_TRUE(local);
    auto next = unix_listener_of(::dup(local->descriptor()));
    ASSERT_TRUE(next);
    local->keep_name();
    local = unix_listener();
    EXPECT_TRUE(unix_connect(where)) << "the name went with the first listener";
    EXPECT_TRUE(next->accept());
    EXPECT_FALSE(next->set_deadline(deadline_in(5ms)));
    EXPECT_EQ(next->accept().error(), std::errc::timed_out);
    next = unix_listener();
    EXPECT_EQ(::unlink(socket_path.c_str()), 0) << "a name that another has bound goes with the listener";

    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    EXPECT_EQ(tcp_listener_of(ends[0]).error(), std::errc::not_a_socket);
    EXPECT_EQ(unix_listener_of(ends[1]).error(), std::errc::not_a_socket);
    int const unbound = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(tcp_listener_of(unbound).error(), std::errc::invalid_argument);
    for (int const fd : {ends[0], ends[1], unbound}) EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "left open";
    EXPECT_EQ(tcp_listener_of(bound_socket(address_family::local, 1)).error(), std::errc::invalid_argument);
    EXPECT_EQ(::unlink(socket_path.c_str()), 0);
    EXPECT_EQ(unix_listener_of(bound_socket(address_family::ipv4, 1)).error(), std::errc::invalid_argument);
    EXPECT_EQ(tcp_listener_of(-1).error(), std::errc::bad_file_descriptor);
  });
}

TEST(unix_socket, a_connect_to_a_full_queue_ends_with_its_context) {
  run_on(2, [] {
    address const where = *parse_address(socket_path);
    int const listener = bound_socket(address_family::local, 0);
    std::vector<unix_stream> queued;
    for (;;) {
      auto [until, stop] = with_timeout(background(), 20ms);
      auto one = unix_connect(until, where);
      if (!one) {
        EXPECT_EQ(one.error(), std::errc::timed_out);
        break;
      }
      queued.push_back(std::move(*one));
      ASSERT_LT(queued.size(), 10u);
    }
    EXPECT_FALSE(queued.empty());
    auto [until, stop] = with_cancel(background());
    wait_group all;
    all.go([&, ctx = until] { EXPECT_EQ(unix_connect(ctx, where).error(), std::errc::operation_canceled); });
    sleep_for(2ms);
    stop.cancel();
    all.wait();
    EXPECT_EQ(unix_connect(until, where).error(), std::errc::operation_canceled);
    ::close(listener);
    EXPECT_EQ(::unlink(socket_path.c_str()), 0);
  });
}

TEST(unix_socket, datagrams_wait_for_a_full_receiver_connected_or_not) {
  run_on(2, [] {
    auto receiver = datagram_bind(*parse_address(socket_path));
    auto sender = datagram_open(address_family::local);
    ASSERT_TRUE(receiver && sender);
    for (bool const connected : {false, true}) {
      constexpr int count = 2'000;  // more than a receiver holds
      if (connected) { EXPECT_FALSE(sender->connect(*receiver->local_address())); }
      wait_group all;
      all.add(1);
      go([&] {
        for (int i = 0; i < count; ++i) {
          byte_view const one = std::as_bytes(std::span(&i, 1));
          EXPECT_FALSE((connected ? sender->send(one) : sender->send_to(one, *receiver->local_address())).error());
        }
        all.done();
      });
      for (int i = 0; i < count; ++i) {
        int got = -1;
        EXPECT_TRUE(receiver->receive(std::as_writable_bytes(std::span(&got, 1))));
        ASSERT_EQ(got, i);
      }
      all.wait();
    }
    *receiver = datagram_socket();
    EXPECT_NE(::access(socket_path.c_str(), F_OK), 0);
  });
}

TEST(copying, many_parts_go_out_in_one_call_and_none_twice) {
  run_on(2, [] {
    tcp_pair ends = tcp_ends();
    std::vector<std::string> texts;
    for (int i = 0; i < 100; ++i)
      texts.push_back(std::string(static_cast<std::size_t>(i * 501), static_cast<char>('a' + i % 26)));
    std::vector<byte_view> parts;
    for (std::string const& text : texts) parts.push_back(bytes_of(text));
    wait_group all;
    all.add(1);
    go([&] {
      auto const written = ends.client.writev(parts);
      EXPECT_TRUE(written);
      ends.client = tcp_stream();
      all.done();
    });
    EXPECT_TRUE(read_all(ends.server) == std::accumulate(texts.begin(), texts.end(), std::string()));
    all.wait();
    pipe_ends pipe = a_pipe();
    EXPECT_TRUE(pipe.writer.write(bytes_of("onetwo")));
    std::array<std::byte, 3> one{}, two{};
    std::array<std::span<std::byte>, 2> const places{std::span(one), std::span(two)};
    EXPECT_EQ(*pipe.reader.readv(places), 6u);
    EXPECT_EQ(two[2], std::byte{'o'});
  });
}

TEST(copying, a_stream_goes_through_the_kernel_and_a_file_by_sendfile) {
  run_on(2, [] {
    std::string content(3'000'000, 0);
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 % 253);
    FILE* const file = std::tmpfile();
    ASSERT_EQ(std::fwrite(content.data(), 1, content.size(), file), content.size());
    std::fflush(file);
    tcp_pair first = tcp_ends(), second = tcp_ends();
    wait_group all;
    all.add(2);
    go([&] {
      auto const sent = send_file(first.client, ::fileno(file), 1'000, content.size());
      EXPECT_TRUE(sent && *sent == content.size() - 1'000) << "the file ends before";
      first.client = tcp_stream();
      all.done();
    });
    go([&] {
      auto const moved = copy(second.client, first.server);
      EXPECT_TRUE(moved && *moved == content.size() - 1'000);
      second.client = tcp_stream();
      all.done();
    });
    EXPECT_TRUE(read_all(second.server) == content.substr(1'000));
    all.wait();
    // A file that is no stream: by hand.
    ASSERT_EQ(::lseek(::fileno(file), 2'999'990, SEEK_SET), 2'999'990);
    auto adopted = adopt(::dup(::fileno(file)));
    pipe_ends pipe = a_pipe();
    EXPECT_EQ(*copy(pipe.writer, *adopted), 10u);
    std::fclose(file);
  });
}

TEST(copying, a_file_that_memory_holds_is_sent_without_a_system_call_s_bookkeeping) {
  run_on(2, [] {
    std::string const content(300'000, 'x');
    FILE* const file = std::tmpfile();
    ASSERT_EQ(std::fwrite(content.data(), 1, content.size(), file), content.size());
    std::fflush(file);
    tcp_pair ends = tcp_ends();
    const auto exits = [] {
      return value(paths().exit_old) + value(paths().exit_old_aba) + value(paths().exit_idle) +
             value(paths().exit_slow);
    };
    std::uint64_t const before = exits();
    wait_group sender;
    sender.add(1);
    go([&] {
      auto const sent = send_file(ends.client, ::fileno(file), 0, content.size());
      EXPECT_TRUE(sent && *sent == content.size());
      ends.client = tcp_stream();
      sender.done();
    });
    EXPECT_TRUE(read_all(ends.server) == content);
    EXPECT_EQ(exits(), before);
    sender.wait();
    std::fclose(file);
  });
}

TEST(buffered, lines_come_whole_whatever_the_pieces_they_arrive_in) {
  run_on(2, [] {
    pipe_ends ends = a_pipe();
    wait_group all;
    all.add(1);
    go([&] {
      buffered_writer writer(ends.writer, 7);
      for (char const* const piece : {"first", " line\nsec", "ond line, longer than a buffer\n", "rest"})
        EXPECT_FALSE(writer.write(piece));
      EXPECT_GT(writer.buffered(), 0u);
      EXPECT_FALSE(writer.flush());
      ends.writer = stream();
      all.done();
    });
    buffered_reader reader(ends.reader, 4);
    EXPECT_EQ(*reader.read_until('\n'), "first line\n");
    EXPECT_EQ(reader.read_until('\n', 10).error(), std::errc::value_too_large);
    EXPECT_EQ(*reader.read_until('\n'), "second line, longer than a buffer\n");
    EXPECT_FALSE(reader.peek()->empty());
    EXPECT_EQ(*reader.read_until('\n'), "rest");
    EXPECT_TRUE(reader.read_until('\n')->empty());
    all.wait();
  });
}

TEST(buffered, an_error_of_the_stream_stays) {
  run_on(1, [] {
    pipe_ends ends = a_pipe();
    ends.reader = stream();
    buffered_writer writer(ends.writer);
    EXPECT_FALSE(writer.write("kept"));
    EXPECT_EQ(writer.flush(), std::errc::broken_pipe);
    EXPECT_EQ(writer.write("more"), std::errc::broken_pipe);
  });
}

TEST(addresses, are_read_and_written_in_one_form) {
  for (char const* const text :
       {"127.0.0.1:80", "0.0.0.0:0", "[::1]:65535", "[fe80::1%3]:1", "/run/a.socket", "@abstract"}) {
    auto const parsed = parse_address(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(to_string(*parsed), text);
  }
  for (char const* const text : {"", ":", "localhost:80", "127.0.0.1", "127.0.0.1:65536", "1.2.3:4", "[::1:80",
                                 "::1:80", "[::1%x]:80", "127.0.0.1:8o"}) {
    EXPECT_EQ(parse_address(text).error(), std::errc::invalid_argument) << text;
  }
  EXPECT_EQ(parse_address("/" + std::string(200, 'x')).error(), std::errc::filename_too_long);
}

}  // namespace
}  // namespace retake::test
