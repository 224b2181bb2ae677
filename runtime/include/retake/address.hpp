// address.hpp: where a socket is: an IPv4 or IPv6 address with a port, or the name of a local
// (Unix) socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "retake/result.hpp"
#include "retake/socket_address.hpp"

namespace retake {

inline constexpr std::uint32_t loopback_address = 0x7f000001;  // 127.0.0.1, in host order

// "127.0.0.1:80", "[::1]:80", "[fe80::1%2]:80", "/run/a.socket", "@abstract": numbers only, no
// names (see resolver.hpp). Anywhere; does not block.
// Errors: std::errc::invalid_argument, also for a zero byte anywhere; std::errc::filename_too_long
// above 107 bytes.
[[nodiscard]] result<address> parse_address(std::string_view text);
// The same form. Anywhere.
[[nodiscard]] std::string to_string(address const& where);

}  // namespace retake
