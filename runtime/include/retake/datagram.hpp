// datagram.hpp: messages that go as a whole or not at all: UDP, and local (Unix) datagram sockets.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "retake/stream.hpp"

namespace retake {

struct datagram {
  std::size_t bytes = 0;
  address from;      // family none where the sender has no name
  bool cut = false;  // the message was longer; the rest is gone
};

// Any number of goroutines may use it at once: one receives and one sends at a time, and the others
// wait their turn. Any may close.
class datagram_socket {
 public:
  datagram_socket() = default;
  explicit datagram_socket(detail::polled_file* file) noexcept : socket_(file) {}
  ~datagram_socket() { forget_name(); }
  datagram_socket(datagram_socket&& other) noexcept
      : socket_(std::move(other.socket_)), name_(std::exchange(other.name_, address())) {}
  datagram_socket& operator=(datagram_socket&& other) noexcept {
    forget_name();
    socket_ = std::move(other.socket_);
    name_ = std::exchange(other.name_, address());
    return *this;
  }

  // By a goroutine. Blocks it until a message is there. Errors: what recvmsg(2) says (of a
  // connected UDP socket also std::errc::connection_refused), std::errc::operation_canceled when
  // closed, std::errc::timed_out.
  [[nodiscard]] result<datagram> receive(std::span<std::byte> into);
  // By a goroutine. Blocks it while there is no room. The first to whom the socket is connected,
  // the second to anybody. A message to nobody is lost (UDP) or std::errc::connection_refused
  // (local). An unconnected local socket whose receiver is full tries again every millisecond: the
  // kernel tells it nothing.
  [[nodiscard]] result<std::size_t> send(byte_view from);
  [[nodiscard]] result<std::size_t> send_to(byte_view from, address const& to);

  // By a goroutine; does not block. From now on send() goes to `to`, and only its messages are
  // received.
  std::error_code connect(address const& to);
  [[nodiscard]] result<address> local_address() const { return socket_.local_address(); }
  [[nodiscard]] result<address> peer_address() const { return socket_.peer_address(); }
  // As stream's.
  std::error_code set_deadline(time_point due) { return socket_.set_deadline(due); }
  std::error_code set_read_deadline(time_point due) { return socket_.set_read_deadline(due); }
  std::error_code set_write_deadline(time_point due) { return socket_.set_write_deadline(due); }
  void close() { socket_.close(); }  // a local name goes with the object
  [[nodiscard]] int descriptor() const noexcept { return socket_.descriptor(); }

 private:
  friend result<datagram_socket> datagram_bind(address const& where);
  void forget_name() noexcept;
  stream socket_;
  address name_;  // a path that goes with the socket
};

// By a goroutine. UDP on an IPv4 or IPv6 address (port 0: any free one), or a local name, which is
// removed with the socket. Errors: what bind(2) says.
[[nodiscard]] result<datagram_socket> datagram_bind(address const& where);
// Not bound: the kernel gives it a port when it first sends; a local one has no name and gets no
// answers.
[[nodiscard]] result<datagram_socket> datagram_open(address_family family);

}  // namespace retake
