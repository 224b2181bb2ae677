// The real kernel: each function is one system call, its errno turned into a value. See
// world/kernel.hpp.
#include "world/kernel.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdio>

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broken_pipe.hpp"
#include "open_flags.hpp"
#include "world/errors.hpp"

namespace retake::world::kernel {

static_assert(sizeof(poll_event) == sizeof(epoll_event) && alignof(poll_event) == alignof(epoll_event));
static_assert(offsetof(poll_event, events) == offsetof(epoll_event, events) &&
              offsetof(poll_event, data) == offsetof(epoll_event, data));
static_assert(poll_in == EPOLLIN && poll_out == EPOLLOUT && poll_err == EPOLLERR && poll_hup == EPOLLHUP &&
              poll_rdhup == EPOLLRDHUP);
static_assert(poll_edge == static_cast<std::uint32_t>(EPOLLET));
static_assert(errors::not_permitted == -EPERM && errors::no_entry == -ENOENT && errors::interrupted == -EINTR &&
              errors::io_error == -EIO);
static_assert(errors::no_device == -ENXIO && errors::bad_descriptor == -EBADF && errors::would_block == -EAGAIN);
static_assert(errors::out_of_memory == -ENOMEM && errors::bad_address == -EFAULT && errors::invalid == -EINVAL);
static_assert(errors::too_many_in_system == -ENFILE && errors::too_many_open == -EMFILE &&
              errors::no_function == -ENOSYS);
static_assert(errors::not_supported == -EOPNOTSUPP && errors::connection_aborted == -ECONNABORTED &&
              errors::no_buffer_space == -ENOBUFS);
static_assert(errors::already_connected == -EISCONN && errors::timed_out == -ETIMEDOUT &&
              errors::already_connecting == -EALREADY);
static_assert(errors::in_progress == -EINPROGRESS && errors::cancelled == -ECANCELED);
static_assert(sizeof(io_slice) == sizeof(iovec) && offsetof(io_slice, bytes) == offsetof(iovec, iov_len) &&
              io_slices_max <= IOV_MAX);

namespace {

int or_error(int result) noexcept { return result < 0 ? -errno : result; }
std::int64_t or_error(ssize_t result) noexcept { return result < 0 ? -std::int64_t{errno} : std::int64_t{result}; }

// preadv2(2) or pwritev2(2), which does not wait, without the C library's wrapper: that is a point
// where a thread may be cancelled, and two atomic operations on each call see to it. The kernel
// takes whole registers, the offset in one. Where it does not know the call, nothing is done at
// once.
std::int64_t moved_at_once(long call, int fd, io_slice const* slices, int count, std::int64_t offset) noexcept {
  static_assert(sizeof(long) == sizeof offset);
  std::int64_t const done =
      or_error(ssize_t{::syscall(call, long{fd}, slices, long{count}, long{offset}, 0L, long{RWF_NOWAIT})});
  return done == errors::no_function ? errors::not_supported : done;
}

// The open of a FIFO or a device waits whatever was asked for. So the name is looked up first,
// without opening anything, and what it names is opened when it is a file or a
// folder: nobody waits for those once they are found in memory.
int open_at_once(char const* path, int flags, std::uint32_t permissions) noexcept {
  open_how what{};
  what.flags = O_PATH | O_CLOEXEC;
  what.resolve = RESOLVE_CACHED;
  int const found = static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path, &what, sizeof what));
  if (found < 0 && errno == ENOENT && (flags & O_CREAT) != 0) return -EAGAIN;
  if (found < 0) return errno == ENOSYS || errno == EINVAL ? -EOPNOTSUPP : -errno;
  struct stat status {};
  int result = ::fstat(found, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) ? 0 : -ENXIO;
  if (result == 0 && (flags & (O_CREAT | O_TRUNC)) != 0) result = -EAGAIN;
  if (result == 0) {
    char name[32];
    std::snprintf(name, sizeof name, "/proc/self/fd/%d", found);
    result = or_error(::open(name, flags, permissions));
    if (result == -ENOENT) result = -EOPNOTSUPP;  // without /proc
  }
  ::close(found);
  return result;
}

}  // namespace

std::int64_t read(int fd, void* buffer, std::size_t bytes, site) noexcept {
  return or_error(::read(fd, buffer, bytes));
}

std::int64_t write(int fd, void const* data, std::size_t bytes, site) noexcept {
  return or_error(::write(fd, data, bytes));
}

// The layouts are equal (asserted above), and the kernel reads and writes plain bytes.
std::int64_t readv(int fd, io_slice const* slices, std::size_t count, site) noexcept {
  return or_error(::readv(fd, reinterpret_cast<iovec const*>(slices), static_cast<int>(count)));
}

std::int64_t writev(int fd, io_slice const* slices, std::size_t count, site) noexcept {
  return or_error(::writev(fd, reinterpret_cast<iovec const*>(slices), static_cast<int>(count)));
}

std::int64_t splice(int from, int to, std::size_t bytes, site) noexcept {
  os::splice_target = to;
  std::int64_t const moved = or_error(::splice(from, nullptr, to, nullptr, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
  os::splice_target = -1;
  return moved;
}

std::int64_t sendfile(int to, int from, std::int64_t offset, std::size_t bytes, site) noexcept {
  off_t at = offset;
  return or_error(::sendfile(to, from, &at, bytes));
}

int hold_standard_descriptors(site) noexcept {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    int const made = ::open("/dev/null", O_RDWR);  // gets the lowest number that is free
    if (made < 0) return -errno;
    if (made != fd) ::close(made);  // another thread has opened that one meanwhile
  }
  return 0;
}

int close(int fd, site) noexcept { return or_error(::close(fd)); }

int pipe(int (&ends)[2], site) noexcept { return or_error(::pipe2(ends, O_NONBLOCK | O_CLOEXEC)); }

int pipe_blocking(int (&ends)[2], site) noexcept { return or_error(::pipe2(ends, O_CLOEXEC)); }

int eventfd(std::uint32_t initial, site) noexcept { return or_error(::eventfd(initial, EFD_NONBLOCK | EFD_CLOEXEC)); }

int epoll_create(site) noexcept { return or_error(::epoll_create1(EPOLL_CLOEXEC)); }

int epoll_add(int ep, int fd, std::uint32_t events, std::uint64_t data, site) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  return or_error(::epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
}

int epoll_del(int ep, int fd, site) noexcept {
  epoll_event unused{};
  return or_error(::epoll_ctl(ep, EPOLL_CTL_DEL, fd, &unused));
}

int epoll_wait(int ep, poll_event* events, int max, int timeout_ms, site) noexcept {
  // The layouts are equal (asserted above), and the kernel writes plain bytes.
  return or_error(::epoll_wait(ep, reinterpret_cast<epoll_event*>(events), max, timeout_ms));
}

int set_nonblocking(int fd, bool on, site) noexcept {
  int const flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  return or_error(::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

int appends(int fd, site) noexcept {
  int const flags = ::fcntl(fd, F_GETFL);
  return flags < 0 ? -errno : (flags & O_APPEND) != 0 ? 1 : 0;
}

int open_file(char const* path, std::uint32_t how, std::uint32_t permissions, bool at_once, site) noexcept {
  const int flags = os::open_flags(how);
  return at_once ? open_at_once(path, flags, permissions) : or_error(::open(path, flags, permissions));
}

std::int64_t read_at(int fd, io_slice const* slices, int count, std::int64_t offset, bool at_once, site) noexcept {
  if (at_once) return moved_at_once(SYS_preadv2, fd, slices, count, offset);
  return or_error(::preadv2(fd, reinterpret_cast<iovec const*>(slices), count, offset, 0));
}

std::int64_t write_at(int fd, io_slice const* slices, int count, std::int64_t offset, bool at_once, site) noexcept {
  if (at_once) return moved_at_once(SYS_pwritev2, fd, slices, count, offset);
  return or_error(::pwritev2(fd, reinterpret_cast<iovec const*>(slices), count, offset, 0));
}

int sync_file(int fd, bool data_only, site) noexcept { return or_error(data_only ? ::fdatasync(fd) : ::fsync(fd)); }

int truncate_file(int fd, std::int64_t bytes, site) noexcept { return or_error(::ftruncate(fd, bytes)); }

std::int64_t seek(int fd, std::int64_t offset, seek_from from, site) noexcept {
  constexpr int whence[] = {SEEK_SET, SEEK_CUR, SEEK_END};
  std::int64_t const at = ::lseek(fd, offset, whence[static_cast<int>(from)]);
  return at < 0 ? -errno : at;
}

int status_of_file(int fd, char const* path, file_record& status, site) noexcept {
  auto* const into = reinterpret_cast<struct statx*>(&status);
  const bool by_path = fd < 0;
  return or_error(::statx(by_path ? AT_FDCWD : fd, by_path ? path : "", by_path ? 0 : AT_EMPTY_PATH,
                          STATX_BASIC_STATS | STATX_BTIME, into));
}

}  // namespace retake::world::kernel
