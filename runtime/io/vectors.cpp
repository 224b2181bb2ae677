// Bytes of several places in one call.
#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "retake/stream.hpp"
#include "world/errors.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace kernel = world::kernel;

using detail::asked;
using detail::bytes_or_error;

namespace {

constexpr std::size_t slices_at_once = 16;

// 0 or -errno; `done` counts what was written.
std::int64_t write_pieces(detail::polled_file::turn& mine, std::span<byte_view const> from,
                          std::size_t& done) noexcept {
  if (!mine.granted()) return world::errors::cancelled;
  std::size_t skip = 0;  // bytes of the first place that are written already
  for (;;) {
    while (!from.empty() && skip >= from.front().size()) {
      skip -= from.front().size();
      from = from.subspan(1);
    }
    if (from.empty()) return 0;
    kernel::io_slice slices[slices_at_once];
    std::size_t count = 0;
    for (byte_view const one : from.first(from.size() < slices_at_once ? from.size() : slices_at_once))
      slices[count++] = {const_cast<std::byte*>(one.data()), one.size()};
    slices[0].address = static_cast<std::byte*>(slices[0].address) + skip;
    slices[0].bytes -= skip;
    const std::int64_t some = mine.make([&] { return kernel::writev(mine.file().fd(), slices, count); });
    if (some <= 0) return some < 0 ? some : world::errors::io_error;
    done += static_cast<std::size_t>(some);
    skip += static_cast<std::size_t>(some);
  }
}

}  // namespace

result<std::size_t> stream::readv(std::span<std::span<std::byte> const> into) {
  kernel::io_slice slices[slices_at_once];
  std::size_t count = 0;
  for (std::span<std::byte> const one : into.first(into.size() < slices_at_once ? into.size() : slices_at_once))
    slices[count++] = {one.data(), one.size()};
  return bytes_or_error(asked(file_, [&](detail::polled_file& f) {
    return f.reading([&] { return kernel::readv(f.fd(), slices, count); });
  }));
}

transfer_result stream::writev(std::span<byte_view const> from) {
  return detail::moved_by(file_, [&](detail::polled_file& f, std::size_t& done) {
    detail::polled_file::turn mine(f, direction::writing);
    return write_pieces(mine, from, done);
  });
}

}  // namespace retake
