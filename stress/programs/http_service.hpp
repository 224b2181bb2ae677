// http_service.hpp: files of a folder and a few answers in JSON over HTTP/1.1: a goroutine for each
// connection, and an end that leaves none.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "document_root.hpp"
#include "http_request.hpp"
#include "retake/net.hpp"
#include "retake/sync.hpp"

namespace retake::programs {

// An answer that somebody else has made.
struct page {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body{};
};

struct service_options {
  // Is asked first, on the connection's goroutine, which it may block. Nothing: the service
  // answers.
  std::function<std::optional<page>(request const&)> answers_first = {};

  std::chrono::nanoseconds request_patience =
      std::chrono::seconds(10);  // from the first look for a request until all of it is there
  std::chrono::nanoseconds write_patience = std::chrono::seconds(30);  // for every 64 KiB of an answer
  std::chrono::nanoseconds end_patience =
      std::chrono::seconds(5);  // for the answers that are under way when the service ends
  std::size_t body_max = 1024 * 1024;
};

struct service_counts {
  std::atomic<std::uint64_t> connections{0}, requests{0}, failures{0};  // failures: answers that did not go out in full
};

class http_service {
 public:
  http_service(document_root root, service_options const& chosen) : root_(std::move(root)), chosen_(chosen) {}

  // By a goroutine. Takes connections and starts a goroutine for each, until stop(), or an error of
  // the listener, which is returned. Then connections that wait for a request end at once, and
  // those that answer have the patience. Returns when all have ended.
  std::error_code serve(tcp_listener& listener);
  // By a goroutine; does not block.
  void stop(tcp_listener& listener);

  [[nodiscard]] service_counts const& counts() const noexcept { return counts_; }

 private:
  // One answer, but for its content.
  struct answer {
    int status;
    std::string_view type = "text/plain; charset=utf-8";
    std::string_view allowed = {};  // methods
  };

  void converse(stream& peer);
  // False: the connection ends.
  [[nodiscard]] bool respond(stream& peer, request const& asked);
  [[nodiscard]] bool respond_json(stream& peer, request const& asked, std::string const& path);
  [[nodiscard]] bool send_text(stream& peer, request const& asked, answer const& what, std::string const& text);
  [[nodiscard]] bool send_file(stream& peer, request const& asked, served_file const& file);
  void refuse(stream& peer, arrival why);
  [[nodiscard]] std::string head_of(request const& asked, answer const& what, std::uint64_t bytes) const;
  [[nodiscard]] bool sent(bool whole) noexcept;
  void be_patient(stream& peer, std::chrono::nanoseconds patience);
  void end_conversations();
  // What is still on its way to us is read and dropped: a close before that would reset the
  // connection, and our answer with it.
  void hang_up(stream& peer);

  document_root const root_;
  service_options const chosen_;
  service_counts counts_;
  mutex guard_;
  std::list<stream*> peers_;  // of guard_
  std::atomic<bool> stopping_{false};
  wait_group conversations_;
};

}  // namespace retake::programs
