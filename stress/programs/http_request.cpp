#include "http_request.hpp"

#include <strings.h>

#include <limits>
#include <span>

namespace retake::programs {

namespace {

constexpr int refused = 3;  // any answer of a callback but 0, 1 and 2 ends the parsing

int digit_of(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_name(std::string const& field, char const* name) noexcept { return ::strcasecmp(field.c_str(), name) == 0; }

}  // namespace

std::optional<std::string> path_of(std::string const& target) {
  http_parser_url parts;
  http_parser_url_init(&parts);
  if (http_parser_parse_url(target.data(), target.size(), 0, &parts) != 0 || (parts.field_set & (1 << UF_PATH)) == 0)
    return std::nullopt;
  const std::string_view raw(target.data() + parts.field_data[UF_PATH].off, parts.field_data[UF_PATH].len);
  std::string path;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      path += raw[i];
      continue;
    }
    const int high = i + 2 < raw.size() ? digit_of(raw[i + 1]) : -1;
    const int low = i + 2 < raw.size() ? digit_of(raw[i + 2]) : -1;
    if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
    path += static_cast<char>(16 * high + low);
    i += 2;
  }
  return path;
}

struct request_reader::callbacks {
  static request_reader& of(http_parser* p) noexcept { return *static_cast<request_reader*>(p->data); }

  static void end_header(request_reader& r) {
    if (is_name(r.field_, "host")) r.has_host_ = true;
    if (is_name(r.field_, "expect") && is_name(r.value_, "100-continue")) r.wants_go_ahead_ = true;
    r.field_.clear();
    r.value_.clear();
    r.in_value_ = false;
  }

  static int begin(http_parser* p) {
    of(p).begun_ = true;
    return 0;
  }
  static int url(http_parser* p, char const* at, std::size_t bytes) {
    of(p).into_->target.append(at, bytes);
    return 0;
  }
  static int header_field(http_parser* p, char const* at, std::size_t bytes) {
    request_reader& r = of(p);
    if (r.in_value_) end_header(r);
    r.field_.append(at, bytes);
    return 0;
  }
  static int header_value(http_parser* p, char const* at, std::size_t bytes) {
    request_reader& r = of(p);
    r.in_value_ = true;
    r.value_.append(at, bytes);
    return 0;
  }
  static int head(http_parser* p) {
    request_reader& r = of(p);
    end_header(r);
    r.into_->method = static_cast<http_method>(p->method);
    r.into_->old_version = p->http_major == 1 && p->http_minor == 0;
    r.into_->keeps_alive = http_should_keep_alive(p) != 0;
    if (p->http_major != 1 || (p->http_minor >= 1 && !r.has_host_)) return refused;
    const bool length_known = p->content_length != std::numeric_limits<std::uint64_t>::max();
    return length_known && p->content_length > r.body_max_ ? too_large(r) : 0;
  }
  static int body(http_parser* p, char const* at, std::size_t bytes) {
    request_reader& r = of(p);
    r.wants_go_ahead_ = false;  // it did not wait for it
    if (r.into_->body.size() + bytes > r.body_max_) return too_large(r);
    r.into_->body.append(at, bytes);
    return 0;
  }
  static int whole(http_parser* p) {
    of(p).is_whole_ = true;
    http_parser_pause(p, 1);  // the next request is the next call's
    return 0;
  }
  static int too_large(request_reader& r) {
    r.refusal_ = arrival::body_too_large;
    return refused;
  }

  static http_parser_settings const& all() noexcept {
    static http_parser_settings const settings = [] {
      http_parser_settings s;
      http_parser_settings_init(&s);
      s.on_message_begin = begin;
      s.on_url = url;
      s.on_header_field = header_field;
      s.on_header_value = header_value;
      s.on_headers_complete = head;
      s.on_body = body;
      s.on_message_complete = whole;
      http_parser_set_max_header_size(head_max);
      return s;
    }();
    return settings;
  }
};

request_reader::request_reader(stream& from, std::size_t body_max) : from_(from), body_max_(body_max) {
  http_parser_init(&parser_, HTTP_REQUEST);
  parser_.data = this;
}

arrival request_reader::parse() {
  first_ += http_parser_execute(&parser_, &callbacks::all(), buffer_.data() + first_, last_ - first_);
  const http_errno error = HTTP_PARSER_ERRNO(&parser_);
  if (is_whole_) {
    http_parser_pause(&parser_, 0);
    return arrival::whole;
  }
  if (error == HPE_OK) return arrival::end;
  return error == HPE_HEADER_OVERFLOW ? arrival::head_too_large : refusal_;
}

arrival request_reader::cut_off(bool by_clock) const noexcept {
  if (!begun_) return arrival::end;
  return by_clock ? arrival::late : arrival::bad;
}

arrival request_reader::next(request& into) {
  into = {};
  into_ = &into;
  begun_ = has_host_ = wants_go_ahead_ = is_whole_ = false;
  for (;;) {
    if (first_ < last_) {
      const arrival got = parse();
      if (got != arrival::end) return got;
    }
    if (wants_go_ahead_) {
      wants_go_ahead_ = false;
      constexpr std::string_view go_ahead = "HTTP/1.1 100 Continue\r\n\r\n";
      if (!from_.write(std::as_bytes(std::span(go_ahead)))) return arrival::end;
    }
    const result<std::size_t> some = from_.read(std::as_writable_bytes(std::span(buffer_)));
    if (!some) return some.error() == std::errc::timed_out ? cut_off(true) : arrival::end;
    if (*some == 0) return cut_off(false);
    first_ = 0;
    last_ = *some;
  }
}

}  // namespace retake::programs
