// sockets.hpp: the plain words of the socket calls, the same in every world: addresses, kinds, and what a message is made of.
#pragma once

#include <cstddef>
#include <cstdint>

namespace retake::world::kernel {

enum class address_family : std::uint8_t { none, ipv4, ipv6, local };
enum class socket_kind : std::uint8_t { stream, datagram };

// Where a socket is bound or connected to. A name of a local (Unix) socket that begins with a zero byte is abstract: it is no file.
struct socket_address {
  static constexpr std::size_t name_bytes_max = 108;

  address_family family = address_family::none;
  std::uint16_t port = 0;              // host order
  std::uint32_t scope = 0;             // ipv6: the interface of a link-local address
  std::size_t used = 0;                // of bytes: 4, 16, or the length of the name
  std::uint8_t bytes[name_bytes_max] = {};

  friend bool operator==(socket_address const&, socket_address const&) = default;
};

// `address` in host order.
constexpr socket_address ipv4_address(std::uint32_t address, std::uint16_t port) noexcept {
  socket_address result;
  result.family = address_family::ipv4;
  result.port = port;
  result.used = 4;
  for (int i = 0; i < 4; ++i) result.bytes[i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
  return result;
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
