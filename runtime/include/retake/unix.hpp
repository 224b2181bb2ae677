// unix.hpp: local (Unix) stream sockets, which carry descriptors beside bytes; datagrams are in
// datagram.hpp. errno belongs to the thread; any of these calls may move the goroutine to another
// (syscall.hpp).
#pragma once

#include <cstdint>
#include <string_view>

#include "retake/stream.hpp"

namespace retake {

class context;

inline constexpr std::size_t passed_descriptors_max = 16;  // in one message

class unix_stream : public stream {
 public:
  using stream::stream;

  // By a goroutine. Blocks it until all bytes are written, of which there has to be one at least.
  // The receiver gets descriptors of its own for the same files; these stay the caller's. Errors:
  // std::errc::invalid_argument, what sendmsg(2) says, std::errc::operation_canceled,
  // std::errc::timed_out. Source: unix(7), SCM_RIGHTS.
  [[nodiscard]] transfer_result send(byte_view from, std::span<int const> descriptors);

  struct message {
    std::size_t bytes = 0;        // 0: the end, or an empty `into`
    std::size_t descriptors = 0;  // the caller's, close-on-exec: close them, or adopt() them
    bool cut = false;             // more descriptors came than fit; those are closed
  };
  // By a goroutine. Blocks it until bytes are there; bytes beside which descriptors came are not
  // joined with those of the next such message. read() drops descriptors.
  [[nodiscard]] result<message> receive(std::span<std::byte> into, std::span<int> descriptors);
};

class unix_listener {
 public:
  unix_listener() = default;
  explicit unix_listener(detail::polled_file* file) noexcept : socket_(file) {}
  ~unix_listener() { forget_name(); }
  unix_listener(unix_listener&& other) noexcept
      : socket_(std::move(other.socket_)), name_(std::exchange(other.name_, address())) {}
  unix_listener& operator=(unix_listener&& other) noexcept {
    forget_name();
    socket_ = std::move(other.socket_);
    name_ = std::exchange(other.name_, address());
    return *this;
  }

  // By a goroutine; one at a time. Blocks it until somebody connects. Errors as accept(2),
  // std::errc::operation_canceled when closed.
  [[nodiscard]] result<unix_stream> accept();
  // As the stream's: from `due` on accept() fails with std::errc::timed_out, one that waits too.
  std::error_code set_deadline(time_point due) { return socket_.set_read_deadline(due); }
  // By a goroutine. Removes the name and ends a blocked accept().
  void close();
  // From now on the name stays when the listener ends, for a program that goes on with its
  // descriptor. Source: SetUnlinkOnClose of Go's net.UnixListener.
  void keep_name() noexcept { name_ = address(); }
  [[nodiscard]] result<address> local_address() const { return socket_.local_address(); }
  // The number, which stays the listener's, as a stream's. -1 when closed.
  [[nodiscard]] int descriptor() const noexcept { return socket_.descriptor(); }

 private:
  friend result<unix_listener> unix_listen(address const& where);
  void forget_name() noexcept;
  stream socket_;
  address name_;  // a path that goes with the listener, as in Go
};

struct unix_pair_ends {
  unix_stream first, second;
};

// By a goroutine; `where` as parse_address() makes it of a path or of "@abstract". Errors: what
// bind(2) and connect(2) say. A listener whose queue is full makes unix_connect() try again every
// millisecond, for the kernel tells it nothing.
[[nodiscard]] result<unix_listener> unix_listen(address const& where);
[[nodiscard]] result<unix_stream> unix_connect(address const& where);
// Ends also when the context is done, with the context's error: for a deadline, with_deadline().
[[nodiscard]] result<unix_stream> unix_connect(context const& ctx, address const& where);
// By a goroutine. A local stream socket that somebody else has bound (socket activation, a program
// that is replaced by another): takes it over, also on failure, and makes it listen with this
// header's backlog. Its name stays when it ends. Errors: EBADF, std::errc::not_a_socket,
// std::errc::invalid_argument. Source: net.FileListener.
[[nodiscard]] result<unix_listener> unix_listener_of(int descriptor);
// By a goroutine. Two ends of one connection. Errors: EMFILE, ENFILE, ENOMEM.
[[nodiscard]] result<unix_pair_ends> unix_pair();

}  // namespace retake
