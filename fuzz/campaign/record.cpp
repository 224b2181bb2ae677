#include "record.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace retake::campaign {

record::record(std::string const& folder, std::string const& name, bool to_standard_output) : fd_(-1), to_standard_output_(to_standard_output) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::string const path = folder + "/" + name + ".jsonl";
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) throw std::runtime_error(fmt::format("--out \"{}\" cannot be written", folder));
}

record::~record() { ::close(fd_); }

void record::add(json const& line) {
  std::string const text = line.dump() + '\n';
  if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) throw std::runtime_error("the record cannot be written: disk full?");
  if (to_standard_output_) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
}

std::vector<json> json_lines(std::vector<std::string> const& lines) {
  std::vector<json> found;
  for (std::string const& line : lines) {
    if (line.empty() || line[0] != '{') continue;
    json object = json::parse(line, nullptr, false);
    if (object.is_object() && object.contains("kind")) found.push_back(std::move(object));
  }
  return found;
}

std::string claim_of(json const& finding) {
  std::string const tag = finding.value("tag", "") + ": ", claim = finding.value("claim", "");
  return claim.starts_with(tag) ? claim.substr(tag.size()) : claim;
}

void write_file(std::string const& path, std::string const& text) {
  std::string const temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file << text;
    if (!file.flush()) throw std::runtime_error(fmt::format("\"{}\" cannot be written", path));
  }
  std::filesystem::rename(temporary, path);
}

std::string read_file(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace retake::campaign
