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

std::uint16_t tcp_listener::port() const {
  kernel::socket_address name;
  return kernel::local_address(file_->fd(), name) == 0 ? name.port : std::uint16_t{0};
}

result<tcp_listener> tcp_listen(std::uint32_t address, std::uint16_t port) {
  const int fd = kernel::socket(kernel::address_family::ipv4, kernel::socket_kind::stream);
  if (fd < 0) return error_of(fd);
  int failed = kernel::set_option(fd, kernel::socket_option::reuse_address, 1);
  if (failed == 0) failed = kernel::bind(fd, kernel::ipv4_address(address, port));
  if (failed == 0) failed = kernel::listen(fd, listen_backlog);
  if (failed != 0) {
    kernel::close(fd);
    return error_of(failed);
  }
  return handle_for<tcp_listener>(fd);
}

result<stream> tcp_connect(std::uint32_t address, std::uint16_t port) {
  const int fd = kernel::socket(kernel::address_family::ipv4, kernel::socket_kind::stream);
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
