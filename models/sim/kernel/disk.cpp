// Regular files: a few names on one disk, which memory holds or not. See files.hpp.
//
// What follows the real kernel: a write fills what lies between the end and its offset with zeros;
// append moves the offset to the end; a read that must not wait (`at_once`) of a file that memory
// does not hold is -EAGAIN; a write that must not wait is -EOPNOTSUPP, as on ext4.
// Not promised: folders, links, permissions, removal, time stamps; that a crash loses what was not
// synced.
#include <cerrno>
#include <cstring>
#include <limits>

#include "kernel/files.hpp"

namespace retake::sim::kernel {

using namespace world::kernel;

namespace {

disk_file* find_name(char const* path) noexcept {
  for (disk_file& d : state().disk) {
    if (d.name[0] != 0 && std::strncmp(d.name, path, sizeof(d.name)) == 0) return &d;
  }
  return nullptr;
}

disk_file* new_name(char const* path) noexcept {
  for (disk_file& d : state().disk) {
    if (d.name[0] != 0) continue;
    if (std::strlen(path) >= sizeof(d.name)) fail("harness: a name that the simulated disk has no room for");
    std::strcpy(d.name, path);
    d.inode = static_cast<std::uint32_t>(&d - state().disk) + 1;
    return &d;
  }
  return nullptr;
}

std::uint64_t begin_of(file const& f, std::int64_t offset) noexcept {
  return offset == at_position ? f.position : static_cast<std::uint64_t>(offset);
}

}  // namespace

std::int64_t regular_read(file& f, io_slice const* slices, int count, std::int64_t offset) noexcept {
  if ((f.open_as & open_write) != 0 && (f.open_as & open_read) == 0) return -EBADF;
  if (offset < at_position) return -EINVAL;
  disk_file& d = *f.disk;
  d.cached = true;
  std::uint64_t at = begin_of(f, offset);
  std::int64_t done = 0;
  for (int i = 0; i < count && at < d.size; ++i) {
    std::size_t const left = d.size - at;
    std::size_t const n = slices[i].bytes < left ? slices[i].bytes : left;
    std::memcpy(slices[i].address, d.bytes + at, n);
    at += n;
    done += static_cast<std::int64_t>(n);
  }
  if (offset == at_position) f.position += static_cast<std::uint32_t>(done);
  return done;
}

std::int64_t regular_write(file& f, io_slice const* slices, int count, std::int64_t offset) noexcept {
  if ((f.open_as & open_write) == 0) return -EBADF;
  if (offset < at_position) return -EINVAL;
  disk_file& d = *f.disk;
  std::uint64_t at = (f.open_as & open_append) != 0 ? d.size : begin_of(f, offset);
  std::int64_t done = 0;
  for (int i = 0; i < count; ++i) {
    std::size_t const room = at < disk_file_bytes ? disk_file_bytes - at : 0;
    std::size_t const n = slices[i].bytes < room ? slices[i].bytes : room;
    if (n == 0 && slices[i].bytes != 0) break;
    if (at > d.size) std::memset(d.bytes + d.size, 0, at - d.size);
    std::memcpy(d.bytes + at, slices[i].address, n);
    at += n;
    done += static_cast<std::int64_t>(n);
    if (at > d.size) d.size = static_cast<std::uint32_t>(at);
  }
  if (offset == at_position) f.position = static_cast<std::uint32_t>(at);
  return done == 0 && count != 0 && slices[0].bytes != 0 ? -ENOSPC : done;
}

int regular_open(char const* path, std::uint32_t how) noexcept {
  disk_file* d = find_name(path);
  if (d != nullptr && (how & open_create) != 0 && (how & open_exclusive) != 0) return -EEXIST;
  if (d == nullptr && (how & open_create) == 0) return -ENOENT;
  if (d == nullptr) d = new_name(path);
  if (d == nullptr) return -ENOSPC;
  if ((how & open_truncate) != 0) d->size = 0;
  file& f = *make<file>(file_kind::regular);
  f.nonblocking = false;
  f.disk = d;
  f.open_as = how;
  return give_descriptor(f);
}

int regular_status(int fd, char const* path, file_record& status) noexcept {
  file const* const f = fd >= 0 ? lookup(fd) : nullptr;
  if (fd >= 0 && f == nullptr) return -EBADF;
  disk_file const* const d = f != nullptr ? f->disk : find_name(path);
  if (d == nullptr) return f != nullptr ? 0 : -ENOENT;
  status.mode = 0100644;
  status.links = 1;
  status.inode = d->inode;
  status.bytes = d->size;
  return 0;
}

void drop_caches() noexcept {
  for (disk_file& d : state().disk) d.cached = false;
}

}  // namespace retake::sim::kernel

namespace retake::world::kernel {

using namespace sim::kernel;

namespace {

void wait_for_disk(site const& where) noexcept {
  sim::wait(state().nothing, sim::now_ns() + disk_ns, sim::op_kind::kernel_wait, 0, where);
}

// What must not wait, on a pipe; only one slice is simulated.
bool would_wait(file const& f, bool reads) noexcept {
  if (f.kind == file_kind::pipe_reader && reads) return f.pipe->bytes.count == 0 && f.pipe->writer != nullptr;
  if (f.kind == file_kind::pipe_writer && !reads) return !f.pipe->bytes.writable() && f.pipe->reader != nullptr;
  return false;
}

}  // namespace

int open_file(char const* path, std::uint32_t how, std::uint32_t, bool at_once, site where) noexcept {
  enter(where);
  if (at_once && (how & (open_create | open_truncate)) != 0) return leave(-EAGAIN);
  if (!room_for_descriptors(1, where)) return leave(-EMFILE);
  disk_file const* const d = find_name(path);
  if (d != nullptr && !d->cached) {
    if (at_once) return leave(-EAGAIN);
    wait_for_disk(where);
  }
  return leave(regular_open(path, how));
}

std::int64_t read_at(int fd, io_slice const* slices, int count, std::int64_t offset, bool at_once,
                     site where) noexcept {
  enter(where);
  file* const f = lookup(fd);
  if (f == nullptr) return leave(std::int64_t{-EBADF});
  hold const keep(*f);
  if (f->kind == file_kind::pipe_reader && offset == at_position) {
    if (at_once && would_wait(*f, true)) return leave(std::int64_t{-EAGAIN});
    return leave(pipe_read(*f, static_cast<unsigned char*>(slices[0].address), slices[0].bytes, where));
  }
  if (f->kind != file_kind::regular) return leave(std::int64_t{f->kind == file_kind::pipe_writer ? -EBADF : -ESPIPE});
  if (!f->disk->cached) {
    if (at_once) return leave(std::int64_t{-EAGAIN});
    wait_for_disk(where);
  }
  if (at_once && sim::fault(sim::fault_kind::eagain, where))
    return leave(std::int64_t{-EAGAIN});  // this page was not there
  return leave(regular_read(*f, slices, count, offset));
}

std::int64_t write_at(int fd, io_slice const* slices, int count, std::int64_t offset, bool at_once,
                      site where) noexcept {
  enter(where);
  file* const f = lookup(fd);
  if (f == nullptr) return leave(std::int64_t{-EBADF});
  hold const keep(*f);
  if (f->kind == file_kind::pipe_writer && offset == at_position) {
    if (at_once && would_wait(*f, false)) return leave(std::int64_t{-EAGAIN});
    return leave(pipe_write(*f, static_cast<unsigned char const*>(slices[0].address), slices[0].bytes, where));
  }
  if (f->kind != file_kind::regular) return leave(std::int64_t{f->kind == file_kind::pipe_reader ? -EBADF : -ESPIPE});
  if (at_once) return leave(std::int64_t{(f->open_as & open_write) != 0 ? -EOPNOTSUPP : -EBADF});
  return leave(regular_write(*f, slices, count, offset));
}

// From a file of the disk into a stream, a buffer at most and as far as there is room; what memory
// does not have is waited for.
std::int64_t sendfile(int to, int from, std::int64_t offset, std::size_t bytes, site where) noexcept {
  enter(where);
  file* const a = lookup(from);
  file* const b = lookup(to);
  if (a == nullptr || b == nullptr) return leave(std::int64_t{-EBADF});
  if (a->kind != file_kind::regular) return leave(std::int64_t{-ESPIPE});
  if (offset < 0) return leave(std::int64_t{-EINVAL});
  bool const to_pipe = b->kind == file_kind::pipe_writer;
  if (!to_pipe && (b->kind != file_kind::socket || b->socket->box != nullptr)) return leave(std::int64_t{-EINVAL});
  hold const keep_a(*a);
  hold const keep_b(*b);
  if (!a->disk->cached) wait_for_disk(where);
  unsigned char moved[stream_bytes];
  io_slice const into{moved, bytes < sizeof(moved) ? bytes : sizeof(moved)};
  std::int64_t const got = regular_read(*a, &into, 1, offset);
  if (got <= 0) return leave(got);
  return leave(to_pipe ? pipe_write(*b, moved, static_cast<std::size_t>(got), where)
                       : socket_write(*b, moved, static_cast<std::size_t>(got), where));
}

int sync_file(int fd, bool, site where) noexcept {
  enter(where);
  file const* const f = lookup(fd);
  if (f == nullptr) return leave(-EBADF);
  if (f->kind != file_kind::regular) return leave(-EINVAL);
  wait_for_disk(where);
  return leave(0);
}

int truncate_file(int fd, std::int64_t bytes, site where) noexcept {
  enter(where);
  file const* const f = lookup(fd);
  if (f == nullptr) return leave(-EBADF);
  if (f->kind != file_kind::regular || (f->open_as & open_write) == 0 || bytes < 0) return leave(-EINVAL);
  if (bytes > disk_file_bytes) return leave(-EFBIG);
  disk_file& d = *f->disk;
  auto const size = static_cast<std::uint32_t>(bytes);
  if (size > d.size) std::memset(d.bytes + d.size, 0, size - d.size);
  d.size = size;
  return leave(0);
}

std::int64_t seek(int fd, std::int64_t offset, seek_from from, site where) noexcept {
  enter(where);
  file* const f = lookup(fd);
  if (f == nullptr) return leave(-EBADF);
  if (f->kind != file_kind::regular) return leave(-ESPIPE);
  std::int64_t const origin = from == seek_from::begin ? 0 : from == seek_from::position ? f->position : f->disk->size;
  constexpr std::int64_t most = std::numeric_limits<decltype(f->position)>::max();
  if (offset > most - origin || origin + offset < 0) return leave(-EINVAL);
  f->position = static_cast<std::uint32_t>(origin + offset);
  return leave(std::int64_t{f->position});
}

int status_of_file(int fd, char const* path, file_record& status, site where) noexcept {
  enter(where);
  return leave(regular_status(fd, path, status));
}

}  // namespace retake::world::kernel
