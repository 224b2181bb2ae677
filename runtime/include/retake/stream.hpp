// stream.hpp: bytes that come and go one after the other: a pipe's end, a connection, whatever a
// descriptor stands for. Waiting holds no thread. errno belongs to the thread; any of these calls
// may move the goroutine to another (syscall.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "retake/address.hpp"
#include "retake/clock.hpp"
#include "retake/result.hpp"

namespace retake {

namespace detail {
class polled_file;
}
class datagram_socket;
class process;
class tcp_listener;
class unix_listener;

using byte_view = std::span<std::byte const>;

// A descriptor. Any number of goroutines may use it at once: one reads and one writes at a time,
// and the others wait their turn, first come, first served. A write is one turn, however many
// system calls it takes, so that whole writes never mix. Any may close, which ends the waits for a
// turn too; what a closed one is asked fails with std::errc::operation_canceled. One that has no
// descriptor (made by the default constructor, or moved from) answers
// std::errc::bad_file_descriptor to every call, as do the listeners, sockets and processes that are
// made of streams. So does one that outlives its program (run()), in the next program too; its end,
// or close(), closes the descriptor there, on any thread.
class stream {
 public:
  stream() = default;
  explicit stream(detail::polled_file* file) noexcept : file_(file) {}
  ~stream() { reset(); }
  stream(stream&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
  stream& operator=(stream&& other) noexcept {
    if (this != &other) {
      reset();
      file_ = std::exchange(other.file_, nullptr);
    }
    return *this;
  }

  // By a goroutine. Blocks it until at least one byte is there; 0 at the end of the stream, and for
  // an empty `into`. Errors: what read(2) says; std::errc::operation_canceled when closed.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into);
  // By a goroutine. Blocks it until all is written. Errors as write(2), EPIPE without a signal;
  // bytes() says how many had gone out before.
  [[nodiscard]] transfer_result write(byte_view from);
  // Goroutine context only: the same with the bytes of several places in one system call (readv(2),
  // writev(2)), at most 1,024 of them for a read. readv() fills the places in order, as far as
  // bytes are there; writev() returns when all of all is written.
  [[nodiscard]] result<std::size_t> readv(std::span<std::span<std::byte> const> into);
  [[nodiscard]] transfer_result writev(std::span<byte_view const> from);

  // By a goroutine; does not block. A socket says that no more bytes come (the peer reads the end
  // of the stream, and may answer), or that it reads no more; the descriptor stays open. Errors:
  // std::errc::not_a_socket, std::errc::not_connected. Source: shutdown(2), CloseWrite and
  // CloseRead in Go.
  std::error_code close_write();
  std::error_code close_read();

  // Anywhere; of a socket. Errors: std::errc::not_a_socket, std::errc::not_connected.
  [[nodiscard]] result<address> local_address() const;
  [[nodiscard]] result<address> peer_address() const;

  // Goroutine context only, also while others wait in a call; does not block. From `due` on calls
  // fail, the waiting one too, with std::errc::timed_out, until another deadline is set, or
  // no_deadline. One in the past ends the wait at once. What a call has done by then stays done.
  // Errors: std::errc::operation_canceled when closed, std::errc::operation_not_supported where
  // polled() is false. Source: poll_runtime_pollSetDeadline.
  std::error_code set_deadline(time_point due);
  std::error_code set_read_deadline(time_point due);
  std::error_code set_write_deadline(time_point due);

  // By a goroutine; does not wait for anybody. Ends the waits and refuses all calls from now on,
  // with std::errc::operation_canceled; the descriptor is closed when the last call has left, here
  // if none is inside, however long this object lives: then the peer reads the end. May be called
  // again, and by several. Source: Close in Go's internal/poll/fd_unix.go.
  void close();

  // Whether it has a descriptor, closed or not. Anywhere.
  [[nodiscard]] bool valid() const noexcept;
  // How calls wait: true: in the poller, without a thread; false: in the system call itself, whose
  // P is handed on (see adopt()).
  [[nodiscard]] bool polled() const noexcept;
  // The number, which stays the stream's: for calls that this header does not have. Do not close it
  // and leave its flags alone. -1 when closed; a number that was taken before may be anybody's by
  // then.
  [[nodiscard]] int descriptor() const noexcept;

 protected:
  void reset() noexcept;
  detail::polled_file* file_ = nullptr;

 private:
  friend class process;
  friend class tcp_listener;
  friend class unix_listener;
  friend class datagram_socket;
  friend transfer_result copy(stream& to, stream& from);
  friend transfer_result send_file(stream& to, int file, std::int64_t offset, std::size_t bytes);
};

// Goroutine context only; blocks it. Moves bytes from `from` to `to` until its end, whatever the
// two are: inside the kernel through a pipe where both can (splice(2)), else by read and write.
// Returns how many bytes went over. Errors of either side; bytes() says how many `to` had taken
// before, and what was read beyond that is lost. Each piece is one turn of `to`. Source: io.Copy
// and splice_linux.go in Go.
[[nodiscard]] transfer_result copy(stream& to, stream& from);
// Goroutine context only; blocks it. Sends `bytes` bytes of a file from `offset` on, fewer where it
// ends, to a stream of any kind, and leaves the file's position alone (sendfile(2); by read and
// write where the kernel refuses the kind). What memory holds is sent at once, as file.hpp reads;
// what the disk has is a system call that hands its P off. All is one turn. Returns how many bytes
// went. Errors, with bytes() that went before: of the write; std::errc::invalid_seek for a `file`
// without offsets (a pipe, a socket, a terminal); std::errc::invalid_argument for an offset below
// 0. Source: sendfile in Go's internal/poll.
[[nodiscard]] transfer_result send_file(stream& to, int file, std::int64_t offset, std::size_t bytes);

// By a goroutine. Takes `fd` over, also on failure: from now on the stream closes it. The poller
// serves what epoll takes: pipes, sockets, terminals, eventfds; then the descriptor becomes
// non-blocking, for every process that shares it. What epoll refuses (EPERM: files and directories
// of a disk) keeps its flags, and its calls run as system calls that hand their P over; a close
// does not end such a call. stream::polled() says which. Errors: EBADF, ENOMEM, ENOSPC (epoll's
// limit of watches). Source: newFile in Go's os/file_unix.go.
[[nodiscard]] result<stream> adopt(int fd);

struct pipe_ends {
  stream reader;
  stream writer;
};
// By a goroutine. Errors: EMFILE, ENFILE, ENOMEM.
[[nodiscard]] result<pipe_ends> make_pipe();

}  // namespace retake
