#include "fuzz_output.hpp"

#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace retake::campaign {

std::string fuzz_line_file(std::string const& out, std::string const& name) { return out + "/" + name + ".line"; }

std::uint64_t fuzz_executions_in(std::string const& line) {
  if (line.starts_with("stat::number_of_executed_units:"))
    return std::strtoull(line.c_str() + line.find(':', 6) + 1, nullptr, 10);
  if (line.starts_with("#") && line.find("exec/s:") != std::string::npos)
    return std::strtoull(line.c_str() + 1, nullptr, 10);
  return 0;
}

std::uint64_t fuzz_features_in(std::string const& line) {
  std::size_t const at = line.find(" ft: ");
  if (!line.starts_with("#") || at == std::string::npos) return 0;
  return std::strtoull(line.c_str() + at + 5, nullptr, 10);
}

json fuzz_line(std::string const& out, std::string const& name, finished const& result) {
  std::string const file = fuzz_line_file(out, name);
  std::vector<std::string> told{read_file(file)};
  std::error_code error;
  std::filesystem::remove(file, error);
  told.insert(told.end(), result.lines.begin(),
              result.lines.end());  // a finding is there too, when a full disk kept it from the file
  std::vector<json> const lines = json_lines(told);
  if (!lines.empty()) return lines.front();
  std::uint64_t executions = 0;
  std::istringstream said(result.complaint);
  for (std::string one; std::getline(said, one);) executions = std::max(executions, fuzz_executions_in(one));
  double const rate = result.seconds > 0 ? static_cast<double>(executions) / result.seconds : 0.0;
  return {{"kind", "fuzz"},
          {"name", name},
          {"executions", executions},
          {"seconds", result.seconds},
          {"executions_per_second", rate},
          {"truncated", false},
          {"exhausted", false},
          {"finding", nullptr}};
}

bool fuzz_ended_well(finished const& result, json const& line) {
  if (result.timed_out) return false;
  return result.code == 0 || (line.contains("finding") && line["finding"].is_object());
}

}  // namespace retake::campaign
