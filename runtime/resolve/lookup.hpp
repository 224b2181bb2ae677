// lookup.hpp: one question, put to one of the two who may answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retake/clock.hpp"
#include "retake/result.hpp"
#include "world/sockets.hpp"

namespace retake {
struct resolver_options;
}

namespace retake::detail {

using world::kernel::address_family;
using world::kernel::socket_address;

struct question {
  std::string name;
  std::uint16_t port;
  time_point deadline;
  address_family family;
};

[[nodiscard]] result<std::vector<socket_address>> ask_cares(question const& q, resolver_options const& options);
[[nodiscard]] result<std::vector<socket_address>> ask_system(question const& q);

// Appends what a sockaddr says, if it is IPv4 or IPv6.
void append(std::vector<socket_address>& to, void const* sockaddr, std::uint16_t port);
[[nodiscard]] int family_of(address_family family) noexcept;  // AF_...

}  // namespace retake::detail
