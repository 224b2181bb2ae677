// tcp.hpp: TCP connections whose goroutines wait in the poller and hold no thread.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <system_error>

#include "retake/stream.hpp"

namespace retake {

class context;

// Probes of a silent connection. The default is Go's: on, after 15 s, every 15 s, nine of them: a
// peer that is gone is noticed within 150 s. keep_alive::off() is the named way to do without: such
// a connection waits for a dead peer for ever.
struct keep_alive {
  bool on = true;
  std::chrono::seconds idle{15};      // silence before the first probe, at least 1
  std::chrono::seconds interval{15};  // between probes, at least 1
  std::int32_t count = 9;             // probes without an answer
  static constexpr keep_alive off() noexcept { return {.on = false}; }
};

struct tcp_options {
  keep_alive probes = {};
  bool no_delay = true;               // small writes go out at once (Go's default)
  time_point deadline = no_deadline;  // of connecting; without one the kernel gives up in two minutes
  std::optional<address> local = {};  // of connecting: the address (and port, unless 0) that the connection comes from
  // For what this header does not have, as SO_REUSEPORT or SO_BINDTODEVICE: called with the new
  // socket before it is bound or connected. Does not block, does not close it; its error is that of
  // the call. Source: Control of Go's net.ListenConfig and net.Dialer.
  std::function<std::error_code(int descriptor)> prepare = {};
};

class tcp_stream : public stream {
 public:
  using stream::stream;

  // By a goroutine; does not block.
  std::error_code set_keep_alive(keep_alive const& probes);
  std::error_code set_no_delay(bool on);
  // 0: close() discards what was not sent and resets the connection; -1: the kernel goes on sending
  // after close() (default). Below that: std::errc::invalid_argument.
  std::error_code set_linger(std::chrono::seconds patience);
};

class tcp_listener {
 public:
  tcp_listener() = default;
  explicit tcp_listener(detail::polled_file* file) noexcept : socket_(file) {}

  // By a goroutine; several take turns. Blocks it until a connection comes; the connection has the
  // listener's options. Without a free descriptor (EMFILE, ENFILE) or memory it waits 5 ms, then
  // twice as long, up to 100 ms, and tries again: the connection stays in the kernel's queue, and
  // nobody spins. A connection that ended in the queue is passed over. Errors:
  // std::errc::operation_canceled when closed, std::errc::timed_out. Source: Accept in Go's
  // fd_unix.go, Serve in net/http.
  [[nodiscard]] result<tcp_stream> accept();

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] result<address> local_address() const { return socket_.local_address(); }
  // As the stream's: ends a blocked accept().
  std::error_code set_deadline(time_point due) { return socket_.set_read_deadline(due); }
  void close() { socket_.close(); }
  // The number, which stays the listener's, as a stream's: to hand it to a program that goes on
  // with it (process_options::files). -1 when closed.
  [[nodiscard]] int descriptor() const noexcept { return socket_.descriptor(); }

 private:
  friend result<tcp_listener> tcp_listen(address const&, tcp_options const&);
  friend result<tcp_listener> tcp_listener_of(int, tcp_options const&);
  stream socket_;
  tcp_options options_;
};

// By a goroutine. Port 0: any free one. An IPv6 address that is all zero takes IPv4 connections
// too. Errors: what bind(2) and listen(2) say.
[[nodiscard]] result<tcp_listener> tcp_listen(address const& where, tcp_options const& options = {});
[[nodiscard]] result<tcp_listener> tcp_listen(std::uint32_t host, std::uint16_t port);
// By a goroutine. A TCP socket that somebody else has bound (socket activation, a program that is
// replaced by another): takes it over, also on failure, and makes it listen with this header's
// backlog. Errors: EBADF, std::errc::not_a_socket, std::errc::invalid_argument (no bound TCP
// socket, or a connected one). Source: net.FileListener.
[[nodiscard]] result<tcp_listener> tcp_listener_of(int descriptor, tcp_options const& options = {});

// Goroutine context only. Blocks until the connection stands or fails. Errors: those of connect(2);
// std::errc::timed_out; std::errc::connection_refused also for a socket that the kernel connects to
// itself, as it may on loopback when no socket listens at that port.
// Source: selfConnect in Go's tcpsock_posix.go (Go tries three times, then returns such a
// connection).
[[nodiscard]] result<tcp_stream> tcp_connect(address const& where, tcp_options const& options = {});
[[nodiscard]] result<tcp_stream> tcp_connect(std::uint32_t host, std::uint16_t port);
// Ends also when the context is done, with the context's error: then there is no connection, even
// if it stood at that moment. See dial.hpp for names.
// Source: netFD.connect in Go's fd_unix.go.
[[nodiscard]] result<tcp_stream> tcp_connect(context const& ctx, address const& where, tcp_options const& options = {});

}  // namespace retake
