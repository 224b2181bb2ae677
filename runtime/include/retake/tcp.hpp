// tcp.hpp: TCP connections whose goroutines wait in the poller and hold no thread.
#pragma once

#include <cstdint>

#include "retake/stream.hpp"

namespace retake {

// A listening socket on the loopback interface or any IPv4 address (host order).
class tcp_listener {
 public:
  tcp_listener() = default;
  explicit tcp_listener(detail::polled_file* file) noexcept : socket_(file), file_(file) {}

  // By a goroutine. Blocks it until a connection comes. Keep-alive is on (15 s), as in Go.
  [[nodiscard]] result<stream> accept();
  [[nodiscard]] std::uint16_t port() const;
  void close() { socket_.close(); }

 private:
  stream socket_;
  detail::polled_file* file_ = nullptr;
};

inline constexpr std::uint32_t loopback_address = 0x7f000001;

// By a goroutine. Port 0: any free one. Errors: what bind(2) and listen(2) say.
[[nodiscard]] result<tcp_listener> tcp_listen(std::uint32_t address, std::uint16_t port);
// By a goroutine. Blocks it until the connection stands or fails. Keep-alive is on (15 s).
[[nodiscard]] result<stream> tcp_connect(std::uint32_t address, std::uint16_t port);

}  // namespace retake
