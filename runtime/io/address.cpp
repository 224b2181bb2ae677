#include "retake/address.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace retake {

namespace {

template <class Number>
bool number(std::string_view text, Number& into) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
  return failed == std::errc() && end == text.data() + text.size();
}

result<address> local_name(std::string_view name) {
  address a;
  if (name.empty()) return std::make_error_code(std::errc::invalid_argument);
  if (name.size() >= address::name_bytes_max) return std::make_error_code(std::errc::filename_too_long);
  a.family = address_family::local;
  a.used = name.size();
  std::memcpy(a.bytes, name.data(), name.size());
  if (name[0] == '@') a.bytes[0] = 0;
  return a;
}

}  // namespace

result<address> parse_address(std::string_view text) {
  const std::error_code wrong = std::make_error_code(std::errc::invalid_argument);
  if (text.find('\0') != std::string_view::npos) return wrong;
  if (text.starts_with('/') || text.starts_with('@') || text.starts_with('.')) return local_name(text);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  address a;
  if (!number(text.substr(colon + 1), a.port)) return wrong;
  std::string_view host = text.substr(0, colon);
  if (!host.starts_with('[')) {
    a.family = address_family::ipv4;
    a.used = 4;
    if (::inet_pton(AF_INET, std::string(host).c_str(), a.bytes) != 1) return wrong;
    return a;
  }
  if (!host.ends_with(']')) return wrong;
  host = host.substr(1, host.size() - 2);
  if (const std::size_t percent = host.find('%'); percent != std::string_view::npos) {
    if (!number(host.substr(percent + 1), a.scope)) return wrong;
    host = host.substr(0, percent);
  }
  a.family = address_family::ipv6;
  a.used = 16;
  if (::inet_pton(AF_INET6, std::string(host).c_str(), a.bytes) != 1) return wrong;
  return a;
}

std::string to_string(address const& where) {
  char text[INET6_ADDRSTRLEN] = {};
  switch (where.family) {
    case address_family::ipv4:
      ::inet_ntop(AF_INET, where.bytes, text, sizeof(text));
      return std::string(text) + ":" + std::to_string(where.port);
    case address_family::ipv6:
      ::inet_ntop(AF_INET6, where.bytes, text, sizeof(text));
      return "[" + std::string(text) + (where.scope != 0 ? "%" + std::to_string(where.scope) : "") +
             "]:" + std::to_string(where.port);
    case address_family::local: {
      std::string name(reinterpret_cast<char const*>(where.bytes), where.used);
      if (!name.empty() && name[0] == 0) name[0] = '@';
      return name;
    }
    case address_family::none: break;
  }
  return {};
}

}  // namespace retake
