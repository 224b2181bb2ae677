// settings.hpp: RETAKE_DEBUG, as Go's GODEBUG: key=value, separated by commas. Unknown keys are
// ignored.
//
//     schedtrace=N      a line about the scheduler every N milliseconds
//     scheddetail=1     with it, a line for each P, M and G
//     gomaxprocs=1      says at the start how many Ps there are and why, and each change
//     netdns=1, 2       says which resolver is used and why; 2: each lookup with its answer
//     pprof=HOST:PORT   serves /debug/pprof/ there; HOST is an IPv4 address
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace retake::observe {

struct settings {
  std::uint32_t schedtrace_ms = 0;
  bool scheddetail = false;
  bool gomaxprocs = false;
  std::uint32_t netdns = 0;
  std::string pprof;
};

[[nodiscard]] settings parse_settings(std::string_view text);
[[nodiscard]] settings settings_from_environment();

}  // namespace retake::observe
