#include "record.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "troubles.hpp"

namespace retake::campaign {

namespace {

std::error_code last_error() { return {errno, std::generic_category()}; }

std::error_code append(int fd, std::string const& text) {
  ssize_t const n = ::write(fd, text.data(), text.size());
  if (n == static_cast<ssize_t>(text.size())) return {};
  return n < 0 ? last_error() : std::make_error_code(std::errc::no_space_on_device);
}

bool has_finding(json const& line) { return line.contains("finding") && line["finding"].is_object(); }

}  // namespace

record::record(std::string const& folder, std::string const& name, bool to_standard_output)
    : path_(folder + "/" + name + ".jsonl"), fd_(-1), to_standard_output_(to_standard_output) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) cannot_begin_in(folder, last_error());
}

record::~record() { ::close(fd_); }

void record::add(json const& line) {
  std::string const text = text_of(line) + '\n';
  std::error_code const error = append(fd_, (torn_ ? "\n" : "") + text);
  torn_ = static_cast<bool>(error);
  if (!error && has_finding(line)) ::fdatasync(fd_);  // a device that cannot is as durable as it gets
  if (to_standard_output_ &&
      (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)) {
    cannot_write("standard output", last_error());
  }
  if (error) cannot_write(path_, error);
}

void append_line(std::string const& path, json const& line) {
  int const fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) cannot_write(path, last_error());
  char last = '\n';
  off_t const end = ::lseek(fd, 0, SEEK_END);
  if (end > 0 && ::pread(fd, &last, 1, end - 1) != 1) last = '\n';
  std::error_code const error = append(fd, (last == '\n' ? "" : "\n") + text_of(line) + '\n');
  ::close(fd);
  if (error) cannot_write(path, error);
}

std::string claim_of(json const& finding) {
  std::string const tag = finding.value("tag", "") + ": ", claim = finding.value("claim", "");
  return claim.starts_with(tag) ? claim.substr(tag.size()) : claim;
}

std::string read_file(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> columns_of(std::string const& line, std::size_t most) {
  std::vector<std::string> columns;
  std::size_t begin = 0;
  while (columns.size() + 1 < most) {
    std::size_t const bar = line.find(" | ", begin);
    if (bar == std::string::npos) break;
    columns.push_back(line.substr(begin, bar - begin));
    begin = bar + 3;
  }
  columns.push_back(line.substr(begin));
  return columns;
}

}  // namespace retake::campaign
