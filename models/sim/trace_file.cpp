#include "sim/trace_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace retake::sim {

bool join_traces(std::string const& path, trace_set const& seen, joined_traces& out, std::string& reason) {
  std::vector<std::uint8_t> joined(trace_set::register_count);
  if (std::ifstream in(path, std::ios::binary); in) {
    joined.assign(std::istreambuf_iterator<char>(in), {});
    if (joined.size() != trace_set::register_count || *std::max_element(joined.begin(), joined.end()) > 64) {
      reason = fmt::format("--traces `{}`: accepted: a file that --traces wrote, or none", path);
      return false;
    }
  }
  std::uint64_t const before = trace_set::estimate_of(joined);
  std::transform(joined.begin(), joined.end(), seen.registers().begin(), joined.begin(), [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
  out.known = trace_set::estimate_of(joined);
  out.fresh = out.known - std::min(before, out.known);
  std::string const temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  std::error_code error;
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<char const*>(joined.data()), static_cast<std::streamsize>(joined.size()));
    if (!file.flush()) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) std::filesystem::rename(temporary, path, error);
  if (!error) return true;
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  reason = fmt::format("--traces `{}`: accepted: a file that can be written", path);
  return false;
}

}  // namespace retake::sim
