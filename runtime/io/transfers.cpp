// Bytes that go from one descriptor to another, inside the kernel where it can, and through memory
// of ours where it refuses the two kinds.
#include <algorithm>
#include <limits>

#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "retake/stream.hpp"
#include "retake/syscall.hpp"
#include "world/errors.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace kernel = world::kernel;

using detail::error_of;
using detail::moved_by;
using detail::polled_file;
using turn = polled_file::turn;

namespace {

constexpr std::size_t copy_bytes = 16 * 1024;  // on the goroutine's stack
constexpr std::size_t splice_bytes = std::size_t{1} << 20;
constexpr std::size_t sendfile_bytes =
    std::size_t{64}
    << 10;  // what one call may take before it looks at the deadline again, and holds the P for when memory has it
constexpr std::size_t page_bytes = 4096;

// The kernel moves nothing between these two kinds: the same bytes go by read and write.
bool refuses_kinds(std::int64_t answer) noexcept {
  return answer == world::errors::invalid || answer == world::errors::no_function ||
         answer == world::errors::not_supported;
}

// A pipe of our own, for splice.
struct inner_pipe {
  int ends[2] = {-1, -1};
  int const failed = kernel::pipe(ends);
  inner_pipe() = default;
  ~inner_pipe() {
    if (failed != 0) return;
    kernel::close(ends[0]);
    kernel::close(ends[1]);
  }
  inner_pipe(inner_pipe const&) = delete;
  inner_pipe& operator=(inner_pipe const&) = delete;
};

std::int64_t write_to(polled_file& to, std::byte const* from, std::size_t bytes, std::size_t& done) noexcept {
  return to.write(from, bytes, done);
}
std::int64_t write_to(turn& to, std::byte const* from, std::size_t bytes, std::size_t& done) noexcept {
  return polled_file::write(to, from, bytes, done);
}

// Reads and writes until `read_into` answers 0 or an error: in a turn of its own for each write, or
// in the one that is given. `done` counts what was written. 0 or -errno.
template <class To, class Read>
[[gnu::noinline]] std::int64_t move_by_hand(To& to, std::size_t& done, Read read_into) noexcept {
  std::byte part[copy_bytes];
  for (;;) {  // bound: the end of what is read
    const std::int64_t got = read_into(part);
    if (got <= 0) return got;
    const std::int64_t failed = write_to(to, part, static_cast<std::size_t>(got), done);
    if (failed < 0) return failed;
  }
}

std::int64_t copy_by_hand(polled_file& to, polled_file& from, std::size_t& done) noexcept {
  return move_by_hand(to, done, [&](std::span<std::byte> part) { return from.read(part.data(), part.size()); });
}

// The next `left` bytes of our pipe to `to`, which takes none of them from the kernel.
std::int64_t pour(turn& to, int pipe, std::size_t left, std::size_t& done) noexcept {
  const std::size_t end = done + left;
  return move_by_hand(to, done, [&](std::span<std::byte> part) {
    if (done == end) return std::int64_t{0};
    std::int64_t got = world::errors::interrupted;
    while (got == world::errors::interrupted)
      got = kernel::read(pipe, part.data(), part.size());  // they are there: nothing waits
    return got;
  });
}

// All that lies in our pipe, `left` bytes, to `to`, in one turn.
std::int64_t empty_pipe(polled_file& to, int pipe, std::size_t left, std::size_t& done) noexcept {
  turn mine(to, direction::writing);
  while (left > 0) {
    const std::int64_t put = mine.make([&] { return kernel::splice(pipe, to.fd(), left); });
    if (refuses_kinds(put)) return pour(mine, pipe, left, done);
    if (put <= 0) return put < 0 ? put : world::errors::io_error;
    left -= static_cast<std::size_t>(put);
    done += static_cast<std::size_t>(put);
  }
  return 0;
}

std::int64_t copy_through(inner_pipe const& through, polled_file& to, polled_file& from, std::size_t& done) noexcept {
  for (;;) {  // bound: the end of `from`
    const std::int64_t got = from.reading([&] { return kernel::splice(from.fd(), through.ends[1], splice_bytes); });
    if (refuses_kinds(got)) return copy_by_hand(to, from, done);
    if (got <= 0) return got;
    const std::int64_t failed = empty_pipe(to, through.ends[0], static_cast<std::size_t>(got), done);
    if (failed < 0) return failed;
  }
}

// A terminal's end of input (^D) is no end for splice(2), which takes it and waits.
bool may_be_terminal(polled_file& from) noexcept {
  constexpr std::uint32_t type_bits = 0170000, character_device = 0020000;
  kernel::file_record what{};
  static_cast<void>(from.at_once([&] { return kernel::status_of_file(from.fd(), nullptr, what); }));
  return (what.mode & type_bits) == character_device;
}

// Whether memory has this piece of a file, by its ends. Then sending it copies and does not wait:
// under the bookkeeping of a system call the monitor would take the P whenever the machine is busy,
// and threads would grow with the load.
bool is_in_memory(int file, std::int64_t offset, std::size_t bytes) noexcept {
  const auto has = [file](std::int64_t at) {
    std::byte one{};
    kernel::io_slice const slice{&one, 1};
    return kernel::read_at(file, &slice, 1, at, true) >= 0;
  };
  return has(offset) && (bytes <= page_bytes || has(offset + static_cast<std::int64_t>(bytes) - 1));
}

std::int64_t send_by_hand(turn& to, int file, std::int64_t offset, std::size_t bytes, std::size_t& done) noexcept {
  return move_by_hand(to, done, [&](std::span<std::byte> part) {
    kernel::io_slice const slice{part.data(), part.size() < bytes - done ? part.size() : bytes - done};
    if (slice.bytes == 0) return std::int64_t{0};
    std::int64_t got = world::errors::interrupted;
    while (got == world::errors::interrupted)
      got = syscall([&] { return kernel::read_at(file, &slice, 1, offset + static_cast<std::int64_t>(done), false); });
    return got;
  });
}

std::int64_t send_pieces(polled_file& to, int file, std::int64_t offset, std::size_t bytes,
                         std::size_t& done) noexcept {
  turn mine(to, direction::writing);
  if (!mine.granted()) return world::errors::cancelled;
  while (done < bytes) {
    const std::size_t wanted = bytes - done < sendfile_bytes ? bytes - done : sendfile_bytes;
    const std::int64_t at = offset + static_cast<std::int64_t>(done);
    const auto send = [&] { return kernel::sendfile(to.fd(), file, at, wanted); };
    // Calls of a descriptor that does not poll are system calls already: a second enter has no P to
    // leave.
    const bool hands_off = to.polled() && !is_in_memory(file, at, wanted);
    const std::int64_t some = mine.make([&] { return hands_off ? syscall(send) : send(); });
    if (refuses_kinds(some)) return send_by_hand(mine, file, offset, bytes, done);
    if (some <= 0) return some;
    done += static_cast<std::size_t>(some);
  }
  return 0;
}

}  // namespace

transfer_result copy(stream& to, stream& from) {
  if (!to.valid() || !from.valid()) return error_of(world::errors::bad_descriptor);
  return moved_by(to.file_, [&](polled_file& target, std::size_t& done) {
    inner_pipe const through;
    const bool inside_kernel = through.failed == 0 && target.polled() && from.polled() && !may_be_terminal(*from.file_);
    return inside_kernel ? copy_through(through, target, *from.file_, done) : copy_by_hand(target, *from.file_, done);
  });
}

transfer_result send_file(stream& to, int file, std::int64_t offset, std::size_t bytes) {
  if (!to.valid()) return error_of(world::errors::bad_descriptor);
  if (offset < 0) return error_of(world::errors::invalid);
  constexpr std::int64_t end = std::numeric_limits<std::int64_t>::max();  // a file ends there at the latest
  const std::size_t most = std::min(bytes, static_cast<std::size_t>(end - offset));
  return moved_by(to.file_, [&](polled_file& target, std::size_t& done) {
    return send_pieces(target, file, offset, most, done);
  });
}

}  // namespace retake
