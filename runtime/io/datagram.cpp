#include "retake/datagram.hpp"

#include "io/local_name.hpp"
#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "retake/go.hpp"
#include "world/errors.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace kernel = world::kernel;

using detail::asked;
using detail::code_of;
using detail::error_of;
using detail::handle_for;
using detail::polled_file;

namespace {

constexpr std::chrono::milliseconds full_receiver_pause(1);

std::int64_t send_once(int fd, byte_view from, address* to) noexcept {
  kernel::io_slice const slice{const_cast<std::byte*>(from.data()), from.size()};
  kernel::socket_message m;
  m.slices = &slice;
  m.slice_count = 1;
  m.address = to;
  return kernel::send_message(fd, m);
}

// As polled_file's writing(), with the number.
template <class Call>
std::int64_t write_to(polled_file* file, Call call) noexcept {
  return asked(file, [&](polled_file& f) { return f.writing([&] { return call(f.fd()); }); });
}

}  // namespace

result<datagram> datagram_socket::receive(std::span<std::byte> into) {
  datagram got;
  const auto receive_from = [&](polled_file& f) {
    kernel::io_slice const slice{into.data(), into.size()};
    kernel::socket_message m;
    m.slices = &slice;
    m.slice_count = 1;
    m.address = &got.from;
    const std::int64_t done = kernel::receive_message(f.fd(), m);
    got.cut = m.cut;
    return done;
  };
  const std::int64_t bytes =
      asked(socket_.file_, [&](polled_file& f) { return f.reading([&] { return receive_from(f); }); });
  if (bytes < 0) return error_of(bytes);
  got.bytes = static_cast<std::size_t>(bytes);
  if (got.from.used == 0) got.from = {};
  return got;
}

result<std::size_t> datagram_socket::send(byte_view from) {
  return detail::bytes_or_error(write_to(socket_.file_, [&](int fd) { return send_once(fd, from, nullptr); }));
}

result<std::size_t> datagram_socket::send_to(byte_view from, address const& to) {
  address copy = to;
  if (to.family != address_family::local)
    return detail::bytes_or_error(write_to(socket_.file_, [&](int fd) { return send_once(fd, from, &copy); }));
  for (;;) {  // bound: the receiver reads or goes, a close or a deadline
    bool full = false;
    const std::int64_t done = write_to(socket_.file_, [&](int fd) {
      const std::int64_t sent = send_once(fd, from, &copy);
      full = sent == world::errors::would_block;  // epoll says that this socket is writable, and will not say so again
      return full ? 0 : sent;
    });
    if (!full) return detail::bytes_or_error(done);
    sleep_for(full_receiver_pause);
  }
}

std::error_code datagram_socket::connect(address const& to) {
  return code_of(
      asked(socket_.file_, [&](polled_file& f) { return f.at_once([&] { return kernel::connect(f.fd(), to); }); }));
}

void datagram_socket::forget_name() noexcept { detail::remove_local_name(name_); }

result<datagram_socket> datagram_open(address_family family) {
  const int fd = kernel::socket(family, kernel::socket_kind::datagram);
  if (fd < 0) return error_of(fd);
  return handle_for<datagram_socket>(fd);
}

result<datagram_socket> datagram_bind(address const& where) {
  result<datagram_socket> made = datagram_open(where.family);
  if (!made) return made;
  const int failed = kernel::bind(made->descriptor(), where);
  if (failed != 0) return error_of(failed);
  made->name_ = where;
  return made;
}

}  // namespace retake
