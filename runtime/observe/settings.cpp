#include "observe/settings.hpp"

#include <charconv>
#include <cstdlib>

namespace retake::observe {

namespace {

// 0 when it is no number.
std::uint32_t number(std::string_view text) noexcept {
  std::uint32_t n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  return failed == std::errc() && end == text.data() + text.size() ? n : 0;
}

}  // namespace

settings parse_settings(std::string_view text) {
  settings chosen;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(one.size() == text.size() ? one.size() : one.size() + 1);
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = one.substr(0, equals), value = one.substr(equals + 1);
    if (key == "schedtrace") chosen.schedtrace_ms = number(value);
    if (key == "scheddetail") chosen.scheddetail = number(value) != 0;
    if (key == "gomaxprocs") chosen.gomaxprocs = number(value) != 0;
    if (key == "netdns") chosen.netdns = number(value);
    if (key == "pprof") chosen.pprof = value;
  }
  return chosen;
}

settings settings_from_environment() {
  char const* const text = std::getenv("RETAKE_DEBUG");
  return parse_settings(text != nullptr ? text : "");
}

}  // namespace retake::observe
