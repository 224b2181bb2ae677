// peer.hpp: the programs that we are measured against. They run in turn with ours: on a shared
// machine only neighbours can be compared.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace retake::bench {

// Go's side: peers/*.go, built where nobody looks.
class peer {
 public:
  peer();
  ~peer();
  peer(peer const&) = delete;
  peer& operator=(peer const&) = delete;

  // Why there is none; empty when there is one.
  [[nodiscard]] std::string const& why_not() const { return why_not_; }
  [[nodiscard]] std::string const& version() const { return version_; }

  // ns per operation; below 0: it failed.
  [[nodiscard]] double measure(std::string const& metric, double seconds, std::uint32_t processors) const;
  // "what value" in each line; empty: it failed.
  [[nodiscard]] std::string figure(std::string const& row, std::uint32_t processors) const;
  // The words that start its echo server.
  [[nodiscard]] std::vector<std::string> server(std::uint32_t processors) const;

 private:
  std::string folder_, version_, why_not_;
  std::error_code ignored_;
};

// ns per operation of Boost.Fiber, on one thread; below 0: it was not there to build against.
[[nodiscard]] double measure_boost_fiber(std::string const& metric, double seconds);

}  // namespace retake::bench
