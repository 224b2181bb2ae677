#include "sim/trace_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

#include "durable_file.hpp"

namespace retake::sim {

bool join_traces(std::string const& path, trace_set const& seen, joined_traces& out, std::string& reason) {
  std::vector<std::uint8_t> joined(trace_set::register_count);
  if (std::ifstream in(path, std::ios::binary); in) {
    joined.assign(std::istreambuf_iterator<char>(in), {});
    if (joined.size() != trace_set::register_count || *std::max_element(joined.begin(), joined.end()) > 64) {
      joined.assign(trace_set::register_count, 0);
      out.torn = durable::set_aside(path);
      if (out.torn.empty()) {
        reason = fmt::format("--traces `{}`: is torn, and cannot be renamed", path);
        return false;
      }
    }
  }
  std::uint64_t const before = trace_set::estimate_of(joined);
  std::transform(joined.begin(), joined.end(), seen.registers().begin(), joined.begin(),
                 [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
  out.known = trace_set::estimate_of(joined);
  out.fresh = out.known - std::min(before, out.known);
  if (std::error_code const error =
          durable::write(path, {reinterpret_cast<char const*>(joined.data()), joined.size()})) {
    out.disk_full = durable::is_full(error);
    reason = fmt::format("--traces `{}`: cannot be written: {}", path, error.message());
    return false;
  }
  return true;
}

}  // namespace retake::sim
