#include "retake/net.hpp"

#include "io/polled_file.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace kernel = world::kernel;

namespace {

constexpr int listen_backlog = 4096;
constexpr int keep_alive_s = 15;
constexpr int keep_alive_probes = 9;

std::error_code error_of(std::int64_t negative) { return {static_cast<int>(-negative), std::generic_category()}; }

result<std::size_t> bytes_or_error(std::int64_t done) {
  if (done < 0) return error_of(done);
  return static_cast<std::size_t>(done);
}

// Go's defaults for connections. A socket that does not take them works all the same.
void set_defaults(int fd) noexcept {
  static_cast<void>(kernel::set_option(fd, kernel::socket_option::no_delay, 1));
  static_cast<void>(kernel::set_option(fd, kernel::socket_option::keep_alive, 1));
  static_cast<void>(kernel::set_option(fd, kernel::socket_option::keep_alive_idle_s, keep_alive_s));
  static_cast<void>(kernel::set_option(fd, kernel::socket_option::keep_alive_every_s, keep_alive_s));
  static_cast<void>(kernel::set_option(fd, kernel::socket_option::keep_alive_count, keep_alive_probes));
}

template <class Handle>
result<Handle> adopt(int fd) {
  int failed = 0;
  detail::polled_file* const file = detail::polled_file::make(fd, failed);
  if (file == nullptr) return error_of(failed);
  return Handle(file);
}

}  // namespace

result<std::size_t> stream::read(std::span<std::byte> into) { return bytes_or_error(file_->read(into.data(), into.size())); }
result<std::size_t> stream::write(std::span<std::byte const> from) { return bytes_or_error(file_->write(from.data(), from.size())); }

void stream::close() {
  if (file_ != nullptr) file_->close();
}

void stream::reset() noexcept {
  if (file_ != nullptr) std::exchange(file_, nullptr)->release();
}

result<pipe_ends> make_pipe() {
  int ends[2];
  const int failed = kernel::pipe(ends);
  if (failed < 0) return error_of(failed);
  result<stream> reader = adopt<stream>(ends[0]);
  if (!reader) {
    kernel::close(ends[1]);
    return reader.error();
  }
  result<stream> writer = adopt<stream>(ends[1]);
  if (!writer) return writer.error();
  return pipe_ends{std::move(*reader), std::move(*writer)};
}

result<stream> tcp_listener::accept() {
  const int fd = file_->accept();
  if (fd < 0) return error_of(fd);
  set_defaults(fd);
  return adopt<stream>(fd);
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
  return adopt<tcp_listener>(fd);
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
