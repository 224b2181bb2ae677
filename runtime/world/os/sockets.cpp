// The real kernel's sockets: each function is one call of the C library, its errno turned into a
// value. See world/kernel.hpp, world/sockets.hpp.
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "broken_pipe.hpp"
#include "world/kernel.hpp"

namespace retake::world::kernel {

static_assert(loopback_ipv4 == INADDR_LOOPBACK);
static_assert(static_cast<int>(shutdown_how::read) == SHUT_RD && static_cast<int>(shutdown_how::write) == SHUT_WR &&
              static_cast<int>(shutdown_how::both) == SHUT_RDWR);
static_assert(socket_address::name_bytes_max == sizeof(sockaddr_un::sun_path));

namespace {

int or_error(int result) noexcept { return result < 0 ? -errno : result; }

union any_address {
  sockaddr head;
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;
  sockaddr_un local;
};

struct encoded {
  encoded() noexcept { std::memset(&name, 0, sizeof(name)); }
  any_address name;
  socklen_t bytes = 0;
};

// The kernel takes what stands before the zero byte: another name than the one that was meant.
// Abstract names begin with one and may have more.
bool is_cut_path(socket_address const& a) noexcept {
  return a.family == address_family::local && a.used != 0 && a.bytes[0] != 0 &&
         std::memchr(a.bytes, 0, a.used) != nullptr;
}

encoded encode(socket_address const& a) noexcept {
  encoded result;
  switch (a.family) {
    case address_family::ipv4:
      result.name.ipv4.sin_family = AF_INET;
      result.name.ipv4.sin_port = htons(a.port);
      std::memcpy(&result.name.ipv4.sin_addr, a.bytes, 4);
      result.bytes = sizeof(sockaddr_in);
      break;
    case address_family::ipv6:
      result.name.ipv6.sin6_family = AF_INET6;
      result.name.ipv6.sin6_port = htons(a.port);
      result.name.ipv6.sin6_scope_id = a.scope;
      std::memcpy(&result.name.ipv6.sin6_addr, a.bytes, 16);
      result.bytes = sizeof(sockaddr_in6);
      break;
    case address_family::local:
      result.name.local.sun_family = AF_UNIX;
      std::memcpy(result.name.local.sun_path, a.bytes, a.used);
      // A path ends with a zero byte, if there is room for one; an abstract name ends where it
      // ends.
      result.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + a.used +
                                            (a.used != 0 && a.used < a.name_bytes_max && a.bytes[0] != 0 ? 1 : 0));
      break;
    case address_family::none: result.name.head.sa_family = AF_UNSPEC; break;
  }
  return result;
}

socket_address decode(encoded const& from) noexcept {
  socket_address a;
  switch (from.bytes < sizeof(sa_family_t) ? AF_UNSPEC : from.name.head.sa_family) {
    case AF_INET:
      a.family = address_family::ipv4;
      a.port = ntohs(from.name.ipv4.sin_port);
      a.used = 4;
      std::memcpy(a.bytes, &from.name.ipv4.sin_addr, 4);
      break;
    case AF_INET6:
      a.family = address_family::ipv6;
      a.port = ntohs(from.name.ipv6.sin6_port);
      a.scope = from.name.ipv6.sin6_scope_id;
      a.used = 16;
      std::memcpy(a.bytes, &from.name.ipv6.sin6_addr, 16);
      break;
    case AF_UNIX:
      a.family = address_family::local;
      a.used = from.bytes - offsetof(sockaddr_un, sun_path);
      if (a.used > 0 && from.name.local.sun_path[0] != 0) a.used = ::strnlen(from.name.local.sun_path, a.used);
      std::memcpy(a.bytes, from.name.local.sun_path, a.used);
      break;
    default: break;
  }
  return a;
}

int domain_of(address_family family) noexcept {
  return family == address_family::ipv4 ? AF_INET : family == address_family::ipv6 ? AF_INET6 : AF_UNIX;
}

msghdr header_of(socket_message const& m, encoded& name, char* control, std::size_t control_bytes) noexcept {
  msghdr h{};
  h.msg_iov = const_cast<iovec*>(reinterpret_cast<iovec const*>(m.slices));
  h.msg_iovlen = m.slice_count;
  if (m.address != nullptr) {
    h.msg_name = &name.name;
    h.msg_namelen = name.bytes;
  }
  if (m.descriptor_count != 0) {
    h.msg_control = control;
    h.msg_controllen = control_bytes;
  }
  return h;
}

constexpr std::size_t control_bytes_max = CMSG_SPACE(sizeof(int) * passed_descriptors_max);

int set_int(int fd, int level, int name, int value) noexcept {
  return or_error(::setsockopt(fd, level, name, &value, sizeof(value)));
}

int set_linger(int fd, int seconds) noexcept {
  linger const value{seconds >= 0 ? 1 : 0, seconds >= 0 ? seconds : 0};
  return or_error(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof(value)));
}

}  // namespace

int socketpair(int (&ends)[2], site) noexcept {
  return or_error(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
}

int socket(address_family family, socket_kind kind, site) noexcept {
  int const type = kind == socket_kind::stream ? SOCK_STREAM : SOCK_DGRAM;
  return or_error(::socket(domain_of(family), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

int bind(int fd, socket_address const& name, site) noexcept {
  if (is_cut_path(name)) return -EINVAL;
  encoded const e = encode(name);
  return or_error(::bind(fd, &e.name.head, e.bytes));
}

int connect(int fd, socket_address const& name, site) noexcept {
  if (is_cut_path(name)) return -EINVAL;
  encoded const e = encode(name);
  return or_error(::connect(fd, &e.name.head, e.bytes));
}

int remove_name(char const* path, site) noexcept { return or_error(::unlink(path)); }

int local_address(int fd, socket_address& name, site) noexcept {
  encoded e;
  e.bytes = sizeof(e.name);
  int const failed = or_error(::getsockname(fd, &e.name.head, &e.bytes));
  if (failed == 0) name = decode(e);
  return failed;
}

int peer_address(int fd, socket_address& name, site) noexcept {
  encoded e;
  e.bytes = sizeof(e.name);
  int const failed = or_error(::getpeername(fd, &e.name.head, &e.bytes));
  if (failed == 0) name = decode(e);
  return failed;
}

std::int64_t send_message(int fd, socket_message const& m, site) noexcept {
  if (m.descriptor_count > passed_descriptors_max || (m.address != nullptr && is_cut_path(*m.address))) return -EINVAL;
  encoded name = m.address != nullptr ? encode(*m.address) : encoded();
  alignas(cmsghdr) char control[control_bytes_max] = {};
  msghdr const h = header_of(m, name, control, CMSG_SPACE(sizeof(int) * m.descriptor_count));
  if (m.descriptor_count != 0) {
    cmsghdr* const rights = CMSG_FIRSTHDR(&h);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * m.descriptor_count);
    std::memcpy(CMSG_DATA(rights), m.descriptors, sizeof(int) * m.descriptor_count);
  }
  std::int64_t const sent = ::sendmsg(fd, &h, os::is_standard_output(fd) ? 0 : MSG_NOSIGNAL);
  return sent < 0 ? -std::int64_t{errno} : sent;
}

std::int64_t receive_message(int fd, socket_message& m, site) noexcept {
  if (m.descriptor_count > passed_descriptors_max) return -EINVAL;
  encoded name;
  name.bytes = sizeof(name.name);
  alignas(cmsghdr) char control[control_bytes_max] = {};
  msghdr h = header_of(m, name, control, CMSG_SPACE(sizeof(int) * m.descriptor_count));
  std::int64_t const got = ::recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
  if (got < 0) return -std::int64_t{errno};
  name.bytes = h.msg_namelen;
  if (m.address != nullptr) *m.address = decode(name);
  std::uint32_t came = 0;
  for (cmsghdr* c = CMSG_FIRSTHDR(&h); c != nullptr && m.descriptor_count != 0; c = CMSG_NXTHDR(&h, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    came = static_cast<std::uint32_t>((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(m.descriptors, CMSG_DATA(c), sizeof(int) * came);
  }
  m.descriptor_count = came;
  m.cut = (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  return got;
}

int listen(int fd, int backlog, site) noexcept { return or_error(::listen(fd, backlog)); }

int accept(int fd, site) noexcept { return or_error(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)); }

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
