// Bytes of several places in one call, and bytes that never enter this process.
#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "retake/stream.hpp"
#include "retake/syscall.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace kernel = world::kernel;

using detail::asked;
using detail::bytes_or_error;
using detail::error_of;

namespace {

constexpr std::size_t slices_at_once = 16;
constexpr std::size_t copy_bytes = 16 * 1024;         // on the goroutine's stack
constexpr std::size_t splice_bytes = std::size_t{1} << 20;
constexpr std::size_t sendfile_bytes = std::size_t{64} << 10;  // what one call may take before it looks at the deadline again, and holds the P for when memory has it
constexpr std::size_t page_bytes = 4096;
constexpr int cannot = -22;                           // -EINVAL: not these two kinds

// A pipe of our own, for splice.
struct inner_pipe {
  int ends[2] = {-1, -1};
  int const failed = kernel::pipe(ends);
  ~inner_pipe() {
    if (failed != 0) return;
    kernel::close(ends[0]);
    kernel::close(ends[1]);
  }
};

result<std::size_t> copy_by_hand(stream& to, stream& from, std::size_t already) {
  std::byte part[copy_bytes];
  for (std::size_t done = already;;) {  // bound: the end of `from`
    const result<std::size_t> got = from.read(part);
    if (!got) return got.error();
    if (*got == 0) return done;
    const result<std::size_t> put = to.write(std::span(part).first(*got));
    if (!put) return put.error();
    done += *got;
  }
}

// Whether memory has this piece of a file, by its ends. Then sending it copies and does not wait: under the bookkeeping of a system call the monitor would take the P
// whenever the machine is busy, and threads would grow with the load.
bool is_in_memory(int file, std::int64_t offset, std::size_t bytes) noexcept {
  const auto has = [file](std::int64_t at) {
    std::byte one{};
    kernel::io_slice const slice{&one, 1};
    return kernel::read_at(file, &slice, 1, at, true) >= 0;
  };
  return has(offset) && (bytes <= page_bytes || has(offset + static_cast<std::int64_t>(bytes) - 1));
}

}  // namespace

result<std::size_t> stream::read_each(std::span<std::span<std::byte> const> into) {
  kernel::io_slice slices[slices_at_once];
  std::size_t count = 0;
  for (std::span<std::byte> const one : into.first(into.size() < slices_at_once ? into.size() : slices_at_once)) slices[count++] = {one.data(), one.size()};
  return bytes_or_error(asked(file_, [&](detail::polled_file& f) { return f.reading([&] { return kernel::readv(f.fd(), slices, count); }); }));
}

result<std::size_t> stream::write_all(std::span<byte_view const> from) {
  if (!valid()) return error_of(detail::answer::no_descriptor);
  std::size_t done = 0;
  std::size_t skip = 0;  // bytes of the first place that are written already
  while (!from.empty()) {
    kernel::io_slice slices[slices_at_once];
    std::size_t count = 0;
    for (byte_view const one : from.first(from.size() < slices_at_once ? from.size() : slices_at_once)) slices[count++] = {const_cast<std::byte*>(one.data()), one.size()};
    slices[0].address = static_cast<std::byte*>(slices[0].address) + skip;
    slices[0].bytes -= skip;
    const std::int64_t some = file_->writing([&] { return kernel::writev(file_->fd(), slices, count); });
    if (some < 0) return error_of(some);
    done += static_cast<std::size_t>(some);
    skip += static_cast<std::size_t>(some);
    while (!from.empty() && skip >= from.front().size()) {
      skip -= from.front().size();
      from = from.subspan(1);
    }
  }
  return done;
}

result<std::size_t> copy(stream& to, stream& from) {
  if (!to.valid() || !from.valid()) return error_of(detail::answer::no_descriptor);
  inner_pipe const through;
  if (through.failed != 0 || !to.polled() || !from.polled()) return copy_by_hand(to, from, 0);
  for (std::size_t done = 0;;) {  // bound: the end of `from`
    const std::int64_t got = from.file_->reading([&] { return kernel::splice(from.file_->fd(), through.ends[1], splice_bytes); });
    if (got == cannot) return copy_by_hand(to, from, done);
    if (got < 0) return error_of(got);
    if (got == 0) return done;
    for (std::int64_t left = got; left > 0;) {
      const std::int64_t put = to.file_->writing([&] { return kernel::splice(through.ends[0], to.file_->fd(), static_cast<std::size_t>(left)); });
      if (put < 0) return error_of(put);
      left -= put;
    }
    done += static_cast<std::size_t>(got);
  }
}

result<std::size_t> send_file(stream& to, int file, std::int64_t offset, std::size_t bytes) {
  if (!to.valid()) return error_of(detail::answer::no_descriptor);
  std::size_t done = 0;
  while (done < bytes) {
    const std::size_t wanted = bytes - done < sendfile_bytes ? bytes - done : sendfile_bytes;
    const std::int64_t at = offset + static_cast<std::int64_t>(done);
    const bool copies = to.polled() && is_in_memory(file, at, wanted);
    const auto send = [&] { return kernel::sendfile(to.file_->fd(), file, at, wanted); };
    const std::int64_t some = to.file_->writing([&] { return copies ? send() : syscall(send); });
    if (some < 0) return error_of(some);
    if (some == 0) break;
    done += static_cast<std::size_t>(some);
  }
  return done;
}

}  // namespace retake
