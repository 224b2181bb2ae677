// Pipes: pipe(7). A write of at most atomic_write_bytes is all or nothing. See files.hpp.
#include <cerrno>

#include "kernel/files.hpp"

namespace retake::sim::kernel {

using namespace world::kernel;

std::int64_t pipe_read(file& f, unsigned char* to, std::size_t n, site const& where) noexcept {
  if (n == 0) return 0;
  stream& bytes = f.pipe->bytes;
  while (bytes.count == 0) {  // bound: whoever wakes us has written or gone; another reader may have been faster
    if (f.pipe->writer == nullptr) return 0;
    if (int const error = wait_for(f, where); error != 0) return error;
  }
  if (not_yet(f, poll_in, where)) return -EAGAIN;
  bool const was_full = !bytes.writable();
  std::uint32_t const wanted = n < bytes.count ? static_cast<std::uint32_t>(n) : bytes.count;
  std::uint32_t const taken = some_of(wanted, fault_kind::short_read, where);
  bytes.take(to, taken);
  observe(bytes.order);
  if (was_full && bytes.writable() && f.pipe->writer != nullptr) activity(*f.pipe->writer, poll_out);
  return taken;
}

std::int64_t pipe_write(file& f, unsigned char const* from, std::size_t n, site const& where) noexcept {
  if (n == 0) return 0;
  stream& bytes = f.pipe->bytes;
  bool const whole = n <= atomic_write_bytes;
  std::size_t written = 0;
  while (written != n) {
    if (f.pipe->reader == nullptr) {
      broken_pipe(where);
      return written != 0 ? static_cast<std::int64_t>(written) : -EPIPE;
    }
    std::size_t const left = n - written;
    std::uint32_t room = bytes.room();
    if (whole && room < left) room = 0;
    if (room != 0 && written == 0 && not_yet(f, poll_out, where)) return -EAGAIN;
    if (room == 0) {
      int const error = wait_for(f, where);
      if (error == 0) continue;
      return written != 0 ? static_cast<std::int64_t>(written) : error;
    }
    std::uint32_t const possible = left < room ? static_cast<std::uint32_t>(left) : room;
    std::uint32_t const moved = whole ? possible : some_of(possible, fault_kind::short_write, where);
    bytes.put(from + written, moved);
    written += moved;
    publish(bytes.order);
    activity(*f.pipe->reader, poll_in);
    if (moved != possible) break;  // the fault
  }
  return static_cast<std::int64_t>(written);
}

std::uint32_t pipe_ready(file const& f) noexcept {
  pipe_body const& pipe = *f.pipe;
  if (f.kind == file_kind::pipe_reader)
    return (pipe.bytes.count != 0 ? poll_in : 0U) | (pipe.writer == nullptr ? poll_hup : 0U);
  return (pipe.bytes.writable() ? poll_out : 0U) | (pipe.reader == nullptr ? poll_err : 0U);
}

void pipe_end(file& f) noexcept {
  pipe_body& pipe = *f.pipe;
  file* const other = f.kind == file_kind::pipe_reader ? pipe.writer : pipe.reader;
  (f.kind == file_kind::pipe_reader ? pipe.reader : pipe.writer) = nullptr;
  if (other != nullptr) activity(*other, 0);
}

}  // namespace retake::sim::kernel
