// Bytes of several places in one call.
#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "retake/stream.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace kernel = world::kernel;

using detail::asked;
using detail::bytes_or_error;
using detail::error_of;

namespace {

constexpr std::size_t slices_at_once = 16;

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

}  // namespace retake
