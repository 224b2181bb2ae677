#include "echo.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/tcp.hpp"

namespace retake::bench {

namespace {

constexpr std::size_t message_bytes = 64;
constexpr std::size_t room_bytes = 4'096;
constexpr int backlog = 4'096;

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// As many descriptors as the system lets us have.
void raise_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

void say_port(std::uint16_t port) {
  std::printf("%u\n", unsigned{port});
  std::fflush(stdout);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

void at_once(int socket) {
  const int on = 1;
  static_cast<void>(::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
}

}  // namespace

void serve_with_retake(std::uint32_t processors) {
  raise_descriptors();
  options chosen;
  chosen.processors = processors;
  run(chosen, [] {
    result<tcp_listener> listener = tcp_listen(INADDR_LOOPBACK, 0);
    if (!listener) std::exit(1);
    say_port(listener->port());
    while (result<tcp_stream> next = listener->accept()) {
      go([connection = std::make_shared<tcp_stream>(std::move(*next))] {
        std::array<std::byte, room_bytes> room;
        for (;;) {
          const result<std::size_t> n = connection->read(room);
          if (!n || *n == 0 || !connection->write(std::span(room).first(*n))) return;
        }
      });
    }
  });
  std::exit(0);
}

void serve_with_epoll() {
  raise_descriptors();
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in at = loopback(0);
  socklen_t length = sizeof(at);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof(at)) != 0 || ::listen(listener, backlog) != 0)
    std::exit(1);
  if (::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &length) != 0) std::exit(1);
  say_port(ntohs(at.sin_port));
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event one{};
  one.events = EPOLLIN;
  one.data.fd = listener;
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &one);
  std::array<epoll_event, 128> ready;
  std::array<char, room_bytes> room;
  for (;;) {
    const int count = ::epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        const int made = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (made < 0) continue;
        at_once(made);
        one.data.fd = made;
        ::epoll_ctl(poll, EPOLL_CTL_ADD, made, &one);
        continue;
      }
      const ssize_t n = ::read(fd, room.data(), room.size());
      if (n <= 0 || ::write(fd, room.data(), static_cast<std::size_t>(n)) != n) ::close(fd);
    }
  }
}

echo_server::echo_server(std::vector<std::string> const& words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::vector<char*> arguments;
  for (std::string const& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  if (::posix_spawnp(&child_, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) child_ = -1;
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string line;
  for (char c = 0; child_ > 0 && ::read(ends[0], &c, 1) == 1 && c != '\n';) line += c;
  ::close(ends[0]);
  port_ = static_cast<std::uint16_t>(std::strtoul(line.c_str(), nullptr, 10));
}

echo_server::~echo_server() {
  if (child_ <= 0) return;
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
}

std::uint64_t echo_server::of_status(std::string const& key) const {
  std::ifstream in("/proc/" + std::to_string(child_) + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10);
  }
  return 0;
}
std::uint64_t echo_server::threads() const { return of_status("Threads:"); }
std::uint64_t echo_server::resident_bytes() const { return of_status("VmRSS:") * 1'024; }

namespace {

struct client {
  int socket = -1;
  std::size_t got = 0;
};

std::vector<client> connect_all(std::uint16_t port, std::uint32_t count) {
  std::vector<client> all;
  const sockaddr_in at = loopback(port);
  while (all.size() < count) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) break;
    if (::connect(fd, reinterpret_cast<sockaddr const*>(&at), sizeof(at)) != 0) {
      ::close(fd);
      break;
    }
    at_once(fd);
    all.push_back({fd, 0});
  }
  return all;
}

}  // namespace

echo_result load(echo_server const& server, std::uint32_t connections, double seconds) {
  raise_descriptors();
  constexpr double warm_s = 0.3;
  constexpr int look_again_ms = 100;
  echo_result seen;
  const auto bytes_before = static_cast<double>(server.resident_bytes());
  std::vector<client> all = connect_all(server.port(), connections);
  seen.connections = static_cast<std::uint32_t>(all.size());
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  const std::array<char, message_bytes> message{};
  std::array<char, message_bytes> room;
  for (client& one : all) {
    epoll_event want{};
    want.events = EPOLLIN;
    want.data.ptr = &one;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, one.socket, &want);
    if (::write(one.socket, message.data(), message.size()) != static_cast<ssize_t>(message.size()))
      seen.connections = 0;
  }
  std::array<epoll_event, 128> ready;
  std::uint64_t echoes = 0, counted_from = 0;
  const double begin = now_s();
  double from = 0, now = begin;
  for (; now < begin + warm_s + seconds; now = now_s()) {
    if (from == 0 && now >= begin + warm_s) {
      from = now;
      counted_from = echoes;
    }
    const int count = ::epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), look_again_ms);
    for (int i = 0; i < count; ++i) {
      client& one = *static_cast<client*>(ready[static_cast<std::size_t>(i)].data.ptr);
      const ssize_t n = ::read(one.socket, room.data(), message.size() - one.got);
      if (n <= 0) continue;
      one.got += static_cast<std::size_t>(n);
      if (one.got < message.size()) continue;
      one.got = 0;
      ++echoes;
      if (::write(one.socket, message.data(), message.size()) != static_cast<ssize_t>(message.size()))
        seen.connections = 0;
    }
  }
  seen.per_second = static_cast<double>(echoes - counted_from) / (now - from);
  seen.threads = server.threads();
  seen.bytes_per_connection =
      seen.connections != 0 ? (static_cast<double>(server.resident_bytes()) - bytes_before) / seen.connections : 0;
  for (client const& one : all) ::close(one.socket);
  ::close(poll);
  return seen;
}

}  // namespace retake::bench
