// socket_address.hpp: where a socket is, as a value; address.hpp makes and prints it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "retake/needs_exceptions.hpp"

namespace retake {

enum class address_family : std::uint8_t { none, ipv4, ipv6, local };

// Where a socket is bound or connected to. A name of a local (Unix) socket that begins with a zero
// byte is abstract: it is no file. Compares by value.
struct address {
  static constexpr std::size_t name_bytes_max = 108;

  address_family family = address_family::none;
  std::uint16_t port = 0;   // host order
  std::uint32_t scope = 0;  // ipv6: the interface of a link-local address
  std::size_t used = 0;     // of bytes: 4, 16, or the length of the name
  std::uint8_t bytes[name_bytes_max] = {};

  friend bool operator==(address const&, address const&) = default;
};

// `host` in host order. Anywhere.
[[nodiscard]] constexpr address ipv4(std::uint32_t host, std::uint16_t port) noexcept {
  address result;
  result.family = address_family::ipv4;
  result.port = port;
  result.used = 4;
  for (int i = 0; i < 4; ++i) result.bytes[i] = static_cast<std::uint8_t>(host >> (24 - 8 * i));
  return result;
}

}  // namespace retake
