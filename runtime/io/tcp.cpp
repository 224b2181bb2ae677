#include "retake/tcp.hpp"

#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace kernel = world::kernel;

using detail::error_of;
using detail::handle_for;

namespace {

constexpr int listen_backlog = 4096;
constexpr int keep_alive_s = 15;
constexpr int keep_alive_probes = 9;

// Go's defaults for connections. A socket that does not take them works all the same.
void set_defaults(int fd) noexcept {
  static_cast<void>(kernel::set_option(fd, kernel::socket_option::no_delay, 1));
  static_cast<void>(kernel::set_option(fd, kernel::socket_option::keep_alive, 1));
  static_cast<void>(kernel::set_option(fd, kernel::socket_option::keep_alive_idle_s, keep_alive_s));
  static_cast<void>(kernel::set_option(fd, kernel::socket_option::keep_alive_every_s, keep_alive_s));
  static_cast<void>(kernel::set_option(fd, kernel::socket_option::keep_alive_count, keep_alive_probes));
}

}  // namespace

result<stream> tcp_listener::accept() {
  const int fd = file_->accept();
  if (fd < 0) return error_of(fd);
  set_defaults(fd);
  return handle_for<stream>(fd);
}

std::uint16_t tcp_listener::port() const { return static_cast<std::uint16_t>(kernel::local_port(file_->fd())); }

result<tcp_listener> tcp_listen(std::uint32_t address, std::uint16_t port) {
  const int fd = kernel::tcp_socket();
  if (fd < 0) return error_of(fd);
  int failed = kernel::set_option(fd, kernel::socket_option::reuse_address, 1);
  if (failed == 0) failed = kernel::bind_ipv4(fd, address, port);
  if (failed == 0) failed = kernel::listen(fd, listen_backlog);
  if (failed != 0) {
    kernel::close(fd);
    return error_of(failed);
  }
  return handle_for<tcp_listener>(fd);
}

result<stream> tcp_connect(std::uint32_t address, std::uint16_t port) {
  const int fd = kernel::tcp_socket();
  if (fd < 0) return error_of(fd);
  set_defaults(fd);
  int failed = 0;
  detail::polled_file* const file = detail::polled_file::make(fd, failed);
  if (file == nullptr) return error_of(failed);
  failed = file->connect(address, port);
  if (failed != 0) {
    file->release();
    return error_of(failed);
  }
  return stream(file);
}

}  // namespace retake
