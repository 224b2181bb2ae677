// http_client.hpp: a client that knows as little as it can: what is sent is written out in the
// tests, and what comes back is compared as it is.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <utility>

namespace retake::test {

inline void nap_ms(long ms) {
  const std::timespec length{ms / 1000, ms % 1000 * 1'000'000};
  ::nanosleep(&length, nullptr);
}

struct response {
  int status = 0;  // 0: the connection ended first
  std::map<std::string, std::string> head;
  std::string body;
};

class http_client {
 public:
  static constexpr int patience_s = 20;

  explicit http_client(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{patience_s, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (receive_buffer != 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr const*>(&where), sizeof(where)) == 0;
  }
  ~http_client() { ::close(fd_); }
  http_client(http_client const&) = delete;
  http_client& operator=(http_client const&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  void say(std::string const& text) const { static_cast<void>(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL)); }
  void say_no_more() const { ::shutdown(fd_, SHUT_WR); }
  // Its close resets the connection.
  void be_rude() const {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }

  // The next answer; `bodyless`: to a HEAD. With a pause it is a slow reader: it takes 32 KiB at a
  // time.
  [[nodiscard]] response hear(bool bodyless = false, long pause_ms = 0) {
    response got;
    std::size_t end = 0;
    while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill(0)) return got;
    }
    const std::string head = unread_.substr(0, end + 2);
    unread_.erase(0, end + 4);
    for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
      const std::size_t line_end = head.find("\r\n", at), colon = head.find(": ", at);
      got.head[head.substr(at, colon - at)] = head.substr(colon + 2, line_end - colon - 2);
      at = line_end + 2;
    }
    const std::size_t length = bodyless ? 0 : std::strtoull(got.head["Content-Length"].c_str(), nullptr, 10);
    while (unread_.size() < length && fill(pause_ms)) {}
    got.status = std::atoi(head.c_str() + std::string("HTTP/1.1 ").size());
    got.body = unread_.substr(0, length);
    unread_.erase(0, got.body.size());
    return got;
  }
  [[nodiscard]] response ask(std::string const& method, std::string const& target, std::string const& more = "",
                             std::string const& body = "") {
    say(method + " " + target + " HTTP/1.1\r\nHost: here\r\n" + more + "\r\n" + body);
    return hear(method == "HEAD");
  }
  // Whether the peer has hung up, and nothing else comes.
  [[nodiscard]] bool is_over() { return unread_.empty() && !fill(0) && ended_; }

 private:
  bool fill(long pause_ms) {
    if (pause_ms != 0) nap_ms(pause_ms);
    std::array<char, 32 * 1024> part;
    const ssize_t some = ::recv(fd_, part.data(), part.size(), 0);
    ended_ = some == 0;
    if (some > 0) unread_.append(part.data(), static_cast<std::size_t>(some));
    return some > 0;
  }

  int fd_;
  bool connected_ = false, ended_ = false;
  std::string unread_;
};

}  // namespace retake::test
