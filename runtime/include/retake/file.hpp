// file.hpp: files whose goroutines wait for a disk without holding a thread.
//
// What memory holds is read at once, by preadv2(2) with RWF_NOWAIT: no system call's bookkeeping,
// no hand-off, no switch. What would wait goes to the io_uring of the goroutine's P, and the
// goroutine parks. A write at the file's own position, which a ring does not keep, is a blocking
// call with hand-off, as in Go; so is each call that would wait where the kernel has no io_uring
// for us (older than Linux 5.19, seccomp, sysctl kernel.io_uring_disabled). The counter
// rings_refused says so, file_blocking how often.
//
// All calls: by a goroutine only. A call may park the goroutine, and it may go on on another thread
// unless it is locked to its own. Any number of goroutines may use a file at once. At the file's
// own position one reads and one writes at a time and the others wait their turn, first come, first
// served, so that whole writes do not mix; what is done at one offset is theirs to order. Memory
// given to a call belongs to it until it returns.
//
// Source: os.File of Go, but for the ring, which Go does not have; the man pages of the calls
// named. errno belongs to the thread; any of these calls may move the goroutine to another
// (syscall.hpp).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

#include "retake/result.hpp"

namespace retake {

namespace detail {
class buffer_place;
class file_body;
}  // namespace detail

// How a file is opened: open(2).
enum class open_mode : std::uint32_t {
  read = 1,
  write = 2,
  read_write = 3,
  create = 4,
  exclusive = 8,  // with create: an error when it is there
  truncate = 16,
  append = 32,
  direct = 64,  // O_DIRECT: past the page cache; memory, offsets and lengths aligned as the device wants them
};
[[nodiscard]] constexpr open_mode operator|(open_mode a, open_mode b) noexcept {
  return open_mode{static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b)};
}
[[nodiscard]] constexpr bool has(open_mode mode, open_mode bit) noexcept {
  return (static_cast<std::uint32_t>(mode) & static_cast<std::uint32_t>(bit)) != 0;
}

enum class seek_from : std::uint8_t { begin, position, end };

// What statx(2) says. Times as of wall_now().
struct file_status {
  std::uint64_t bytes = 0;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;  // type and permissions, as st_mode
  std::uint32_t links = 0;
  std::chrono::sys_time<std::chrono::nanoseconds> modified{};
};

// Memory that every ring knows, so that the kernel does not look up its pages for each operation:
// pays for reads past the page cache. At most 64 at a time. One that outlives its program (run())
// is memory like any other in the next.
class registered_buffer {
 public:
  // std::errc::no_buffer_space when there are 64 already, std::errc::not_enough_memory. The memory
  // stays where it is, the caller's, until this object is gone.
  [[nodiscard]] static result<registered_buffer> make(std::span<std::byte> memory);
  registered_buffer(registered_buffer&& other) noexcept
      : memory_(other.memory_), place_(std::exchange(other.place_, nullptr)) {}
  registered_buffer& operator=(registered_buffer&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(place_, other.place_);
    return *this;
  }
  // No operation may use it any more.
  ~registered_buffer();

  [[nodiscard]] std::span<std::byte> memory() const noexcept { return memory_; }

 private:
  friend class file;
  registered_buffer(std::span<std::byte> memory, detail::buffer_place* place) noexcept
      : memory_(memory), place_(place) {}
  std::span<std::byte> memory_;
  detail::buffer_place* place_;
};

// An open file. Moved, not copied; its end closes it. One that was never opened, or was moved from,
// answers std::errc::bad_file_descriptor to every call. So does one that outlives its program
// (run()), in the next program too; its end, or close(), closes the descriptor there, on any
// thread.
class file {
 public:
  file() = default;
  explicit file(detail::file_body* body) noexcept : body_(body) {}
  ~file() { reset(); }
  file(file&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
  file& operator=(file&& other) noexcept {
    if (this != &other) {
      reset();
      body_ = std::exchange(other.body_, nullptr);
    }
    return *this;
  }

  // Offsets and sizes are 0 to 2^63 - 1; beyond that, std::errc::invalid_argument.

  // Reads from `offset` on until `into` is full or the file ends: fewer bytes only at the end of
  // the file. Errors: read(2); std::errc::operation_canceled when the file is closed; bytes() says
  // how many were read before. Source: File.ReadAt.
  [[nodiscard]] transfer_result read_at(std::span<std::byte> into, std::uint64_t offset);
  // The same into `bytes` bytes from `begin` on of a registered buffer.
  [[nodiscard]] transfer_result read_at(registered_buffer const& into, std::size_t begin, std::size_t bytes,
                                        std::uint64_t offset);
  // Writes all of `from` at `offset`. Errors: write(2), as above; std::errc::invalid_argument of a
  // file in append mode, which would write at its end all the same; bytes() says how many were
  // written before. Source: File.WriteAt.
  [[nodiscard]] transfer_result write_at(std::span<std::byte const> from, std::uint64_t offset);

  // At the file's own position, which moves on; for pipes and terminals too. read: at least one
  // byte, 0 at the end and for an empty `into`. write: all of it, and bytes() as above.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into);
  [[nodiscard]] transfer_result write(std::span<std::byte const> from);

  // Several pieces of memory in one call, which may do fewer bytes than there is room for, as
  // preadv(2) and pwritev(2). At most 64 pieces: std::errc::invalid_argument. Else as read_at() and
  // write_at().
  static constexpr std::size_t pieces_max = 64;
  [[nodiscard]] result<std::size_t> readv_at(std::span<std::span<std::byte> const> into, std::uint64_t offset);
  [[nodiscard]] result<std::size_t> writev_at(std::span<std::span<std::byte const> const> from, std::uint64_t offset);

  // Moves the position; where it is afterwards, from the beginning. A blocking call with hand-off.
  // Errors: lseek(2); std::errc::invalid_seek for a pipe, a socket or a terminal. Source:
  // File.Seek.
  [[nodiscard]] result<std::uint64_t> seek(std::int64_t offset, seek_from from = seek_from::begin);

  // Until the disk has it: fsync(2); data_sync leaves out what is not needed to read it back:
  // fdatasync(2).
  [[nodiscard]] std::error_code sync();
  [[nodiscard]] std::error_code data_sync();
  // ftruncate(2), always a blocking call with hand-off.
  [[nodiscard]] std::error_code truncate(std::uint64_t bytes);
  [[nodiscard]] result<file_status> status();

  // Ends the operations that wait in a ring: each with std::errc::operation_canceled once the
  // kernel has let go of its memory, or with what it had done by then. Waits for that. A blocking
  // call under way (no ring) goes on; the descriptor is closed when the last call has left, here if
  // none is inside, however long this object lives. May be called again.
  void close();

  // Whether it has a descriptor, closed or not. Anywhere.
  [[nodiscard]] bool valid() const noexcept;
  // The number, which stays the file's, for calls that this header does not have; -1 when closed.
  // Source: File.Fd.
  [[nodiscard]] int descriptor() const noexcept;

 private:
  void reset() noexcept;
  detail::file_body* body_ = nullptr;
};

// Opens `path`; `permissions` for one that is created. Errors: open(2).
[[nodiscard]] result<file> open_file(char const* path, open_mode mode, std::uint32_t permissions = 0666);
// A descriptor that is not non-blocking: a file, a pipe, a terminal. Takes it over, also on
// failure: std::errc::not_enough_memory, std::errc::bad_file_descriptor.
[[nodiscard]] result<file> file_of(int descriptor);
// Of the file at `path`, links followed. Errors: stat(2).
[[nodiscard]] result<file_status> status_of(char const* path);

}  // namespace retake
