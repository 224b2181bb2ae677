// The calls that any kind of file answers, and those that make pipes and counters. See files.hpp.
#include <cerrno>

#include "kernel/files.hpp"

namespace retake::world::kernel {

using namespace sim::kernel;

namespace {

// Blocks where the bytes are not in memory.
std::int64_t regular_call(file& f, bool reads, unsigned char* at, std::size_t n, site const& where) noexcept {
  io_slice const whole{at, n};
  if (!reads) return regular_write(f, &whole, 1, at_position);
  if (!f.disk->cached) sim::wait(state().nothing, sim::now_ns() + disk_ns, sim::op_kind::kernel_wait, 0, where);
  return regular_read(f, &whole, 1, at_position);
}

std::int64_t read_file(file& f, unsigned char* to, std::size_t n, site const& where) noexcept {
  switch (f.kind) {
    case file_kind::pipe_reader: return pipe_read(f, to, n, where);
    case file_kind::counter: return counter_read(f, to, n, where);
    case file_kind::socket: return socket_read(f, to, n, where);
    case file_kind::regular: return regular_call(f, true, to, n, where);
    case file_kind::pipe_writer: return -EBADF;
    case file_kind::ring:
    case file_kind::process:
    case file_kind::poll_set: return -EINVAL;
  }
  return -EBADF;
}

std::int64_t write_file(file& f, unsigned char const* from, std::size_t n, site const& where) noexcept {
  switch (f.kind) {
    case file_kind::pipe_writer: return pipe_write(f, from, n, where);
    case file_kind::counter: return counter_write(f, from, n, where);
    case file_kind::socket: return socket_write(f, from, n, where);
    case file_kind::regular: return regular_call(f, false, const_cast<unsigned char*>(from), n, where);
    case file_kind::pipe_reader: return -EBADF;
    case file_kind::ring:
    case file_kind::process:
    case file_kind::poll_set: return -EINVAL;
  }
  return -EBADF;
}

int new_pipe(int (&ends)[2], bool nonblocking, site const& where) noexcept {
  enter(where);
  if (!room_for_descriptors(2, where)) return leave(-EMFILE);
  file& reader = *make<file>(file_kind::pipe_reader);
  file& writer = *make<file>(file_kind::pipe_writer);
  reader.pipe = writer.pipe = make<pipe_body>();
  reader.pipe->reader = &reader;
  reader.pipe->writer = &writer;
  reader.nonblocking = writer.nonblocking = nonblocking;
  ends[0] = give_descriptor(reader);
  ends[1] = give_descriptor(writer);
  return leave(0);
}

}  // namespace

std::int64_t read(int fd, void* buffer, std::size_t bytes, site where) noexcept {
  enter(where);
  file* const f = lookup(fd);
  if (f == nullptr) return leave(std::int64_t{-EBADF});
  hold const keep(*f);
  return leave(read_file(*f, static_cast<unsigned char*>(buffer), bytes, where));
}

std::int64_t write(int fd, void const* data, std::size_t bytes, site where) noexcept {
  enter(where);
  file* const f = lookup(fd);
  if (f == nullptr) return leave(std::int64_t{-EBADF});
  hold const keep(*f);
  return leave(write_file(*f, static_cast<unsigned char const*>(data), bytes, where));
}

int close(int fd, site where) noexcept {
  enter(where);
  int const result = drop_descriptor(fd);
  return leave(result == 0 && sim::fault(sim::fault_kind::eintr, where) ? -EINTR : result);
}

int pipe(int (&ends)[2], site where) noexcept { return new_pipe(ends, true, where); }

int pipe_blocking(int (&ends)[2], site where) noexcept { return new_pipe(ends, false, where); }

int eventfd(std::uint32_t initial, site where) noexcept {
  enter(where);
  if (!room_for_descriptors(1, where)) return leave(-EMFILE);
  file& f = *make<file>(file_kind::counter);
  f.counter = initial;
  return leave(give_descriptor(f));
}

int set_nonblocking(int fd, bool on, site where) noexcept {
  enter(where);
  file* const f = lookup(fd);
  if (f == nullptr) return leave(-EBADF);
  f->nonblocking = on;
  return leave(0);
}

int appends(int fd, site where) noexcept {
  enter(where);
  file const* const f = lookup(fd);
  if (f == nullptr) return leave(-EBADF);
  return leave((f->open_as & open_append) != 0 ? 1 : 0);
}

int cpu_limit(site where) noexcept {
  enter(where);
  return leave(state().processors);
}

}  // namespace retake::world::kernel
