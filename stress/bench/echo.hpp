// echo.hpp: a server that sends back what it gets, as a process of its own, and a load that asks
// nothing of anybody's runtime.
//
// Every server has the same load: one thread, bare epoll, each connection with 64 bytes under way.
// Two programs on two processors: a server that took part in the load's process would be measured
// with the load.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace retake::bench {

// Serves until it is killed; the port is its first line on standard output. `retake`: a goroutine
// for each connection; else one thread over bare epoll.
[[noreturn]] void serve_with_retake(std::uint32_t processors);
[[noreturn]] void serve_with_epoll();

// A server as a child process.
class echo_server {
 public:
  explicit echo_server(std::vector<std::string> const& words);  // what prints its port and serves
  ~echo_server();
  echo_server(echo_server const&) = delete;
  echo_server& operator=(echo_server const&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }  // 0: it did not start
  [[nodiscard]] std::uint64_t threads() const;
  [[nodiscard]] std::uint64_t resident_bytes() const;

 private:
  [[nodiscard]] std::uint64_t of_status(std::string const& key) const;
  pid_t child_ = -1;
  std::uint16_t port_ = 0;
};

struct echo_result {
  std::uint32_t connections = 0;  // that stood; fewer than asked: no more descriptors or ports
  double per_second = 0;
  std::uint64_t threads = 0;        // of the server, under load
  double bytes_per_connection = 0;  // of the server's memory; the kernel's buffers are not counted
};
[[nodiscard]] echo_result load(echo_server const& server, std::uint32_t connections, double seconds);

}  // namespace retake::bench
