#include "retake/stream.hpp"

#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace kernel = world::kernel;

using detail::asked;
using detail::bytes_or_error;
using detail::code_of;
using detail::error_of;
using detail::handle_for;
using detail::moved_by;
using detail::polled_file;

result<std::size_t> stream::read(std::span<std::byte> into) {
  return bytes_or_error(asked(file_, [&](polled_file& f) { return f.read(into.data(), into.size()); }));
}
transfer_result stream::write(byte_view from) {
  return moved_by(file_, [&](polled_file& f, std::size_t& done) { return f.write(from.data(), from.size(), done); });
}

namespace {

int shut(polled_file& f, kernel::shutdown_how how) noexcept {
  return f.at_once([&] { return kernel::shutdown(f.fd(), how); });
}

std::error_code limited(polled_file* file, time_point due, bool reading, bool writing) {
  return code_of(
      asked(file, [&](polled_file& f) { return f.set_deadlines(detail::nanoseconds_of(due), reading, writing); }));
}

}  // namespace

std::error_code stream::close_write() {
  return code_of(asked(file_, [](polled_file& f) { return shut(f, kernel::shutdown_how::write); }));
}
std::error_code stream::close_read() {
  return code_of(asked(file_, [](polled_file& f) { return shut(f, kernel::shutdown_how::read); }));
}

result<address> stream::local_address() const {
  address name;
  const std::int64_t failed =
      asked(file_, [&](polled_file& f) { return f.at_once([&] { return kernel::local_address(f.fd(), name); }); });
  if (failed != 0) return error_of(failed);
  return name;
}

result<address> stream::peer_address() const {
  address name;
  const std::int64_t failed =
      asked(file_, [&](polled_file& f) { return f.at_once([&] { return kernel::peer_address(f.fd(), name); }); });
  if (failed != 0) return error_of(failed);
  return name;
}

std::error_code stream::set_deadline(time_point due) { return limited(file_, due, true, true); }
std::error_code stream::set_read_deadline(time_point due) { return limited(file_, due, true, false); }
std::error_code stream::set_write_deadline(time_point due) { return limited(file_, due, false, true); }

void stream::close() {
  if (file_ != nullptr) file_->close();
}

void stream::reset() noexcept {
  if (file_ != nullptr) std::exchange(file_, nullptr)->release();
}

bool stream::valid() const noexcept { return detail::is_usable(file_); }

bool stream::polled() const noexcept { return valid() && file_->polled(); }

int stream::descriptor() const noexcept { return !valid() || file_->closed() ? -1 : file_->fd(); }

result<stream> adopt(int fd) {
  int failed = 0;
  detail::polled_file* const file = detail::polled_file::adopt(fd, failed);
  if (file == nullptr) return error_of(failed);
  return stream(file);
}

result<pipe_ends> make_pipe() {
  int ends[2];
  const int failed = kernel::pipe(ends);
  if (failed < 0) return error_of(failed);
  result<stream> reader = handle_for<stream>(ends[0]);
  if (!reader) {
    kernel::close(ends[1]);
    return reader.error();
  }
  result<stream> writer = handle_for<stream>(ends[1]);
  if (!writer) return writer.error();
  return pipe_ends{std::move(*reader), std::move(*writer)};
}

}  // namespace retake
