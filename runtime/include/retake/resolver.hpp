// resolver.hpp: names to addresses, without a thread that waits.
// errno belongs to the thread; any of these calls may move the goroutine to another (syscall.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "retake/address.hpp"
#include "retake/clock.hpp"

namespace retake {

// Who asks. cares: the c-ares library over the poller; a lookup holds a goroutine and no thread.
// system: getaddrinfo(3) as a foreign call: it knows what the machine's nsswitch.conf knows, and
// each lookup holds a thread until it is answered. environment: RETAKE_DNS=cares or
// RETAKE_DNS=system, else cares.
enum class resolver_kind : std::uint8_t { environment, cares, system };

enum class resolve_error {
  not_found = 1,
  failed = 2
};  // no such name, or no address; the servers cannot be asked, or answer nonsense
[[nodiscard]] std::error_category const& resolve_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(resolve_error e) noexcept {
  return {static_cast<int>(e), resolve_category()};
}

struct resolver_options {
  resolver_kind kind = resolver_kind::environment;
  std::vector<std::string> servers;  // "127.0.0.1:53"; empty: /etc/resolv.conf. c-ares only
  // Of one question to one server, at least 1 ms (Go's default). c-ares only.
  std::chrono::nanoseconds timeout = std::chrono::seconds(5);
  std::uint32_t tries = 2;  // of each server, at least 1: 0 counts as that (Go's default). c-ares only
};

// May be used by many goroutines at once. RETAKE_DEBUG=netdns=1 says on standard error which
// resolver was chosen and why, netdns=2 each lookup and its answer too.
class resolver {
 public:
  explicit resolver(resolver_options options = {});

  // Goroutine context only. Blocks until the name is answered: by itself when it is a number, by
  // /etc/hosts, by a server. The addresses have `port`; there is at least one.
  // `family` none asks for both families. When one has answered with addresses, the other may take
  // one time-out, and half of the time that is left until the deadline at most; then the addresses
  // that are there are the answer, whatever became of the other family.
  // `deadline` as in stream::set_deadline(); getaddrinfo(3) cannot be ended and ignores it.
  // A path, "@name", and a name with a zero byte are no hosts: resolve_error::not_found, without a
  // question.
  // Errors: resolve_error, std::errc::invalid_argument (a server with a zero byte),
  // std::errc::timed_out, std::errc::not_enough_memory.
  // Source: dnsclient_unix.go and cgo_unix.go in Go's net.
  [[nodiscard]] result<std::vector<address>> lookup(std::string_view name, std::uint16_t port,
                                                    time_point deadline = no_deadline,
                                                    address_family family = address_family::none) const;

  // cares or system.
  [[nodiscard]] resolver_kind kind() const noexcept { return kind_; }

 private:
  resolver_options options_;
  resolver_kind kind_;
  std::uint32_t talk_;  // netdns
};

}  // namespace retake

template <>
struct std::is_error_code_enum<retake::resolve_error> : std::true_type {};
