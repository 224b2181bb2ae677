// udp.hpp: UDP by the names that one looks for; see datagram.hpp.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include "retake/datagram.hpp"

namespace retake {

using udp_socket = datagram_socket;

// By a goroutine. Port 0: any free one.
[[nodiscard]] inline result<udp_socket> udp_bind(std::uint32_t host, std::uint16_t port) {
  return datagram_bind(ipv4(host, port));
}

}  // namespace retake
