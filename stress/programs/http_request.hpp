// http_request.hpp: requests of HTTP/1.0 and 1.1, one after the other, out of a stream.
#pragma once

#include <http_parser.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "retake/stream.hpp"

namespace retake::programs {

struct request {
  http_method method = HTTP_GET;
  std::string target;  // as it was sent
  std::string body;
  bool keeps_alive = false;
  bool old_version = false;  // HTTP/1.0: a connection that is kept has to be told so
};

// The path of a target, decoded, without the query. Nothing: it is none, or hides a zero byte.
[[nodiscard]] std::optional<std::string> path_of(std::string const& target);

// What comes out of the stream next. The numbers are HTTP's: what to answer before hanging up.
enum class arrival : std::uint32_t {
  end = 0,
  whole = 200,
  bad = 400,
  late = 408,
  body_too_large = 413,
  head_too_large = 431
};

class request_reader {
 public:
  static constexpr std::size_t head_max = 16 * 1024;

  // The stream must outlive it; its read deadline is the patience.
  request_reader(stream& from, std::size_t body_max);

  // By a goroutine; blocks it. What was sent behind a request (pipelining) waits for the next call.
  // Says "100 Continue" to who asks for it.
  // end: no byte of another request came before the end of the stream, or of the patience.
  [[nodiscard]] arrival next(request& into);

 private:
  struct callbacks;

  [[nodiscard]] arrival parse();  // what is in the buffer; end: it wants more
  [[nodiscard]] arrival cut_off(bool by_clock) const noexcept;

  stream& from_;
  std::size_t const body_max_;
  http_parser parser_;
  request* into_ = nullptr;
  std::string field_, value_;  // the header that is being read
  bool in_value_ = false, begun_ = false, has_host_ = false, wants_go_ahead_ = false, is_whole_ = false;
  arrival refusal_ = arrival::bad;
  std::array<char, 8 * 1024> buffer_;
  std::size_t first_ = 0, last_ = 0;  // of what was read and not parsed
};

}  // namespace retake::programs
