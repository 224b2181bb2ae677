// The real kernel: each function is one call of the C library, its errno turned into a value. See world/kernel.hpp.
#include "world/kernel.hpp"

#include <cerrno>
#include <cstddef>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace retake::world::kernel {

static_assert(sizeof(poll_event) == sizeof(epoll_event) && alignof(poll_event) == alignof(epoll_event));
static_assert(offsetof(poll_event, events) == offsetof(epoll_event, events) && offsetof(poll_event, data) == offsetof(epoll_event, data));
static_assert(poll_in == EPOLLIN && poll_out == EPOLLOUT && poll_err == EPOLLERR && poll_hup == EPOLLHUP && poll_rdhup == EPOLLRDHUP);
static_assert(poll_edge == static_cast<std::uint32_t>(EPOLLET) && loopback_ipv4 == INADDR_LOOPBACK);
static_assert(static_cast<int>(shutdown_how::read) == SHUT_RD && static_cast<int>(shutdown_how::write) == SHUT_WR &&
              static_cast<int>(shutdown_how::both) == SHUT_RDWR);

namespace {

int or_error(int result) noexcept { return result < 0 ? -errno : result; }
std::int64_t or_error(ssize_t result) noexcept { return result < 0 ? -std::int64_t{errno} : std::int64_t{result}; }

sockaddr_in ipv4(std::uint32_t address, std::uint16_t port) noexcept {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_addr.s_addr = htonl(address);
  result.sin_port = htons(port);
  return result;
}

int set_int(int fd, int level, int name, int value) noexcept { return or_error(::setsockopt(fd, level, name, &value, sizeof(value))); }

int set_linger(int fd, int seconds) noexcept {
  linger const value{seconds >= 0 ? 1 : 0, seconds >= 0 ? seconds : 0};
  return or_error(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof(value)));
}

}  // namespace

std::int64_t read(int fd, void* buffer, std::size_t bytes, site) noexcept { return or_error(::read(fd, buffer, bytes)); }

std::int64_t write(int fd, void const* data, std::size_t bytes, site) noexcept { return or_error(::write(fd, data, bytes)); }

int close(int fd, site) noexcept { return or_error(::close(fd)); }

int pipe(int (&ends)[2], site) noexcept { return or_error(::pipe2(ends, O_NONBLOCK | O_CLOEXEC)); }

int pipe_blocking(int (&ends)[2], site) noexcept { return or_error(::pipe2(ends, O_CLOEXEC)); }

int eventfd(std::uint32_t initial, site) noexcept { return or_error(::eventfd(initial, EFD_NONBLOCK | EFD_CLOEXEC)); }

int epoll_create(site) noexcept { return or_error(::epoll_create1(EPOLL_CLOEXEC)); }

int epoll_add(int ep, int fd, std::uint32_t events, std::uint64_t data, site) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  return or_error(::epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
}

int epoll_del(int ep, int fd, site) noexcept {
  epoll_event unused{};
  return or_error(::epoll_ctl(ep, EPOLL_CTL_DEL, fd, &unused));
}

int epoll_wait(int ep, poll_event* events, int max, int timeout_ms, site) noexcept {
  // The layouts are equal (asserted above), and the kernel writes plain bytes.
  return or_error(::epoll_wait(ep, reinterpret_cast<epoll_event*>(events), max, timeout_ms));
}

int set_nonblocking(int fd, bool on, site) noexcept {
  int const flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  return or_error(::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

int socketpair(int (&ends)[2], site) noexcept {
  return or_error(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
}

int tcp_socket(site) noexcept { return or_error(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

int bind_ipv4(int fd, std::uint32_t address, std::uint16_t port, site) noexcept {
  sockaddr_in const name = ipv4(address, port);
  return or_error(::bind(fd, reinterpret_cast<sockaddr const*>(&name), sizeof(name)));
}

int listen(int fd, int backlog, site) noexcept { return or_error(::listen(fd, backlog)); }

int accept(int fd, site) noexcept { return or_error(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)); }

int connect_ipv4(int fd, std::uint32_t address, std::uint16_t port, site) noexcept {
  sockaddr_in const name = ipv4(address, port);
  return or_error(::connect(fd, reinterpret_cast<sockaddr const*>(&name), sizeof(name)));
}

int local_port(int fd, site) noexcept {
  sockaddr_in name{};
  socklen_t bytes = sizeof(name);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &bytes) < 0) return -errno;
  return name.sin_family == AF_INET ? ntohs(name.sin_port) : -EAFNOSUPPORT;
}

int socket_error(int fd, site) noexcept {
  int error = 0;
  socklen_t bytes = sizeof(error);
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0 ? -errno : error;
}

int shutdown(int fd, shutdown_how how, site) noexcept { return or_error(::shutdown(fd, static_cast<int>(how))); }

int set_option(int fd, socket_option option, int value, site) noexcept {
  switch (option) {
    case socket_option::reuse_address: return set_int(fd, SOL_SOCKET, SO_REUSEADDR, value);
    case socket_option::no_delay: return set_int(fd, IPPROTO_TCP, TCP_NODELAY, value);
    case socket_option::keep_alive: return set_int(fd, SOL_SOCKET, SO_KEEPALIVE, value);
    case socket_option::keep_alive_idle_s: return set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, value);
    case socket_option::keep_alive_every_s: return set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, value);
    case socket_option::keep_alive_count: return set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, value);
    case socket_option::send_buffer_bytes: return set_int(fd, SOL_SOCKET, SO_SNDBUF, value);
    case socket_option::receive_buffer_bytes: return set_int(fd, SOL_SOCKET, SO_RCVBUF, value);
    case socket_option::linger_s: return set_linger(fd, value);
  }
  return -ENOPROTOOPT;
}

}  // namespace retake::world::kernel
