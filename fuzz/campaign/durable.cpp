#include "durable.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "record.hpp"

namespace retake::campaign {

namespace {

[[noreturn]] void fail(std::string const& path) { throw std::runtime_error(fmt::format("\"{}\" cannot be written", path)); }

void write_and_sync(std::string const& path, std::string const& text) {
  int const fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail(path);
  std::size_t done = 0;
  while (done < text.size()) {
    ssize_t const n = ::write(fd, text.data() + done, text.size() - done);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  bool const whole = done == text.size() && ::fsync(fd) == 0;
  ::close(fd);
  if (!whole) {
    ::unlink(path.c_str());
    fail(path);
  }
}

}  // namespace

void write_durably(std::string const& path, std::string const& text) {
  std::string const temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  write_and_sync(temporary, text);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) fail(path);
  std::string const folder = std::filesystem::path(path).parent_path().string();
  int const fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail(path);
  ::fsync(fd);  // a file system that cannot is as durable as it gets
  ::close(fd);
}

void copy_durably(std::string const& from, std::string const& to) { write_durably(to, read_file(from)); }

}  // namespace retake::campaign
