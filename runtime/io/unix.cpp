#include "retake/unix.hpp"

#include <algorithm>

#include "io/listening.hpp"
#include "io/local_name.hpp"
#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "retake/context.hpp"
#include "retake/select.hpp"
#include "world/errors.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace kernel = world::kernel;

using detail::asked;
using detail::error_of;
using detail::handle_for;
using detail::polled_file;

namespace {

constexpr std::chrono::milliseconds full_queue_pause(1);
static_assert(passed_descriptors_max == kernel::passed_descriptors_max);

}  // namespace

transfer_result unix_stream::send(byte_view from, std::span<int const> descriptors) {
  if (from.empty() || descriptors.size() > passed_descriptors_max)
    return std::make_error_code(std::errc::invalid_argument);
  int passed[passed_descriptors_max];
  std::copy(descriptors.begin(), descriptors.end(), passed);
  kernel::io_slice const slice{const_cast<std::byte*>(from.data()), from.size()};
  kernel::socket_message m;
  m.slices = &slice;
  m.slice_count = 1;
  m.descriptors = passed;
  m.descriptor_count = static_cast<std::uint32_t>(descriptors.size());
  return detail::moved_by(file_, [&](polled_file& f, std::size_t& done) {
    polled_file::turn mine(f, direction::writing);
    const std::int64_t sent = mine.make([&] { return kernel::send_message(f.fd(), m); });
    if (sent < 0) return sent;
    done = static_cast<std::size_t>(sent);
    const byte_view rest = from.subspan(done);  // the descriptors went with the first part
    return polled_file::write(mine, rest.data(), rest.size(), done);
  });
}

result<unix_stream::message> unix_stream::receive(std::span<std::byte> into, std::span<int> descriptors) {
  message got;
  const auto receive_from = [&](polled_file& f) {
    kernel::io_slice const slice{into.data(), into.size()};
    kernel::socket_message m;
    m.slices = &slice;
    m.slice_count = 1;
    m.descriptors = descriptors.data();
    m.descriptor_count = static_cast<std::uint32_t>(
        descriptors.size() < passed_descriptors_max ? descriptors.size() : passed_descriptors_max);
    const std::int64_t done = kernel::receive_message(f.fd(), m);
    got.descriptors = done >= 0 ? m.descriptor_count : 0;
    got.cut = m.cut;
    return done;
  };
  const std::int64_t bytes = asked(file_, [&](polled_file& f) { return f.reading([&] { return receive_from(f); }); });
  if (bytes < 0) return error_of(bytes);
  got.bytes = static_cast<std::size_t>(bytes);
  return got;
}

result<unix_stream> unix_listener::accept() {
  const int fd = static_cast<int>(asked(socket_.file_, [](polled_file& f) { return f.accept(); }));
  if (fd < 0) return error_of(fd);
  return handle_for<unix_stream>(fd);
}

void unix_listener::close() {
  forget_name();
  socket_.close();
}

void unix_listener::forget_name() noexcept { detail::remove_local_name(name_); }

result<unix_listener> unix_listen(address const& where) {
  const int fd = kernel::socket(address_family::local, kernel::socket_kind::stream);
  if (fd < 0) return error_of(fd);
  int failed = kernel::bind(fd, where);
  if (failed == 0) failed = kernel::listen(fd, detail::listen_backlog);
  if (failed != 0) {
    kernel::close(fd);
    return error_of(failed);
  }
  result<unix_listener> made = handle_for<unix_listener>(fd);
  if (made) made->name_ = where;
  return made;
}

result<unix_listener> unix_listener_of(int descriptor) {
  const auto is_bound = [](address const& name) { return name.family == address_family::local && name.used != 0; };
  return detail::listening_on<unix_listener>(descriptor, is_bound);
}

result<unix_stream> unix_connect(context const& ctx, address const& where) {
  if (const std::error_code over = ctx.error()) return over;
  const int fd = kernel::socket(address_family::local, kernel::socket_kind::stream);
  if (fd < 0) return error_of(fd);
  int failed = kernel::connect(fd, where);
  // bound: the listener accepts or goes, or the context is done
  while (failed == world::errors::would_block || failed == world::errors::interrupted) {
    if (failed == world::errors::would_block) {
      select(on_receive(ctx.done(), [](auto) {}), after(full_queue_pause, [] {}));
    }
    if (const std::error_code over = ctx.error()) {
      kernel::close(fd);
      return over;
    }
    failed = kernel::connect(fd, where);
  }
  if (failed == 0) return handle_for<unix_stream>(fd);
  kernel::close(fd);
  return error_of(failed);
}

result<unix_stream> unix_connect(address const& where) { return unix_connect(background(), where); }

result<unix_pair_ends> unix_pair() {
  int ends[2];
  const int failed = kernel::socketpair(ends);
  if (failed < 0) return error_of(failed);
  result<unix_stream> first = handle_for<unix_stream>(ends[0]);
  if (!first) {
    kernel::close(ends[1]);
    return first.error();
  }
  result<unix_stream> second = handle_for<unix_stream>(ends[1]);
  if (!second) return second.error();
  return unix_pair_ends{std::move(*first), std::move(*second)};
}

}  // namespace retake
