#include "retake/resolver.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cstdlib>
#include <cstring>

#include "observe/settings.hpp"
#include "resolve/lookup.hpp"
#include "retake/clock.hpp"
#include "retake/foreign_call.hpp"
#include "world/print.hpp"

namespace retake {

namespace detail {

void append(std::vector<address>& to, void const* raw, std::uint16_t port) {
  address a;
  a.port = port;
  if (static_cast<sockaddr const*>(raw)->sa_family == AF_INET) {
    a.family = address_family::ipv4;
    a.used = 4;
    std::memcpy(a.bytes, &static_cast<sockaddr_in const*>(raw)->sin_addr, 4);
  } else if (static_cast<sockaddr const*>(raw)->sa_family == AF_INET6) {
    a.family = address_family::ipv6;
    a.used = 16;
    a.scope = static_cast<sockaddr_in6 const*>(raw)->sin6_scope_id;
    std::memcpy(a.bytes, &static_cast<sockaddr_in6 const*>(raw)->sin6_addr, 16);
  } else {
    return;
  }
  to.push_back(a);
}

int family_of(address_family family) noexcept {
  return family == address_family::ipv4 ? AF_INET : family == address_family::ipv6 ? AF_INET6 : AF_UNSPEC;
}

result<std::vector<address>> ask_system(question const& q) {
  addrinfo hints{};
  hints.ai_family = family_of(q.family);
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failed = retake::foreign_call([&] { return ::getaddrinfo(q.name.c_str(), nullptr, &hints, &list); });
  switch (failed) {
    case 0: break;
    case EAI_NONAME:
    case EAI_NODATA: return make_error_code(resolve_error::not_found);
    case EAI_AGAIN: return std::make_error_code(std::errc::timed_out);
    case EAI_MEMORY: return std::make_error_code(std::errc::not_enough_memory);
    default: return make_error_code(resolve_error::failed);
  }
  std::vector<address> found;
  for (addrinfo const* at = list; at != nullptr; at = at->ai_next) append(found, at->ai_addr, q.port);
  ::freeaddrinfo(list);
  if (found.empty()) return make_error_code(resolve_error::not_found);
  return found;
}

}  // namespace detail

namespace {

struct category final : std::error_category {
  char const* name() const noexcept override { return "retake.resolve"; }
  std::string message(int value) const override {
    switch (static_cast<resolve_error>(value)) {
      case resolve_error::not_found: return "no such name";
      case resolve_error::failed: return "the name servers cannot be asked";
    }
    return "unknown";
  }
};

void say(std::string const& line) { world::print(line.data(), line.size()); }

char const* word_of(resolver_kind kind) noexcept { return kind == resolver_kind::system ? "getaddrinfo" : "c-ares"; }

// A name of the network: neither the path nor the name of a local socket, nor cut by a zero byte
// where a C interface reads it.
bool is_host(std::string_view name) noexcept {
  return !name.empty() && name.find_first_of(std::string_view("/@\0", 3)) == std::string_view::npos &&
         name.front() != '.';
}

// An address that needs no question.
result<address> literal(std::string_view name, std::uint16_t port) {
  if (!is_host(name)) return make_error_code(resolve_error::not_found);
  const bool six = name.find(':') != std::string_view::npos;
  return parse_address(six ? fmt::format("[{}]:{}", name, port) : fmt::format("{}:{}", name, port));
}

}  // namespace

std::error_category const& resolve_category() noexcept {
  static constinit category const the_one;
  return the_one;
}

resolver::resolver(resolver_options options)
    : options_(std::move(options)), kind_(options_.kind), talk_(observe::settings_from_environment().netdns) {
  std::string why = "the program chose it";
  if (kind_ == resolver_kind::environment) {
    char const* const text = std::getenv("RETAKE_DNS");
    const std::string_view chosen = text != nullptr ? text : "";
    kind_ = chosen == "system" ? resolver_kind::system : resolver_kind::cares;
    why = chosen == "system" || chosen == "cares" ? fmt::format("RETAKE_DNS={}", chosen) : "the default";
  }
  if (talk_ >= 1) say(fmt::format("retake: netdns: names are asked of {}: {}\n", word_of(kind_), why));
}

result<std::vector<address>> resolver::lookup(std::string_view name, std::uint16_t port, time_point deadline,
                                              address_family family) const {
  const time_point began = talk_ >= 2 ? monotonic_now() : time_point();
  char const* who = "itself, being an address";
  result<std::vector<address>> answer = make_error_code(resolve_error::not_found);
  if (const result<address> number = literal(name, port)) {
    if (family == address_family::none || number->family == family) answer = std::vector<address>{*number};
  } else if (is_host(name)) {
    who = word_of(kind_);
    const detail::question q{std::string(name), port, deadline, family};
    answer = kind_ == resolver_kind::system ? detail::ask_system(q) : detail::ask_cares(q, options_);
  }
  if (talk_ >= 2) {
    std::string said = answer ? "" : answer.error().message();
    if (answer) {
      for (address const& a : *answer) said += (said.empty() ? "" : " ") + to_string(a);
    }
    say(fmt::format("retake: netdns: {} answered by {} in {:.1f} ms: {}\n", name, who,
                    std::chrono::duration<double, std::milli>(monotonic_now() - began).count(), said));
  }
  return answer;
}

}  // namespace retake
