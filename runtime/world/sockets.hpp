// sockets.hpp: the plain words of the socket calls, the same in every world: addresses, kinds, and
// what a message is made of.
#pragma once

#include <cstddef>
#include <cstdint>

#include "retake/socket_address.hpp"

namespace retake::world::kernel {

using retake::address_family;
using socket_address = retake::address;
enum class socket_kind : std::uint8_t { stream, datagram };

// `address` in host order.
constexpr socket_address ipv4_address(std::uint32_t address, std::uint16_t port) noexcept {
  return retake::ipv4(address, port);
}

// As struct iovec.
struct io_slice {
  void* address;
  std::size_t bytes;
};

inline constexpr std::uint32_t passed_descriptors_max = 16;  // in one message
inline constexpr std::uint32_t io_slices_max = 1024;         // in one call (IOV_MAX)

// One call of sendmsg or recvmsg.
struct socket_message {
  io_slice const* slices = nullptr;
  std::size_t slice_count = 0;
  socket_address* address = nullptr;   // sent to, or received from; nullptr: the peer, or not asked for
  int* descriptors = nullptr;          // passed along (SCM_RIGHTS); received ones are close-on-exec and the caller's
  std::uint32_t descriptor_count = 0;  // sent; to receive: room, then how many came
  bool cut = false;                    // received: bytes or descriptors did not fit and are gone
};

}  // namespace retake::world::kernel
