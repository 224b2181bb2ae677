#include "durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace retake::durable {

namespace {

constexpr int aside_max = 1000;

std::error_code last_error() { return {errno, std::generic_category()}; }

std::error_code write_and_sync(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t const n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? last_error() : std::make_error_code(std::errc::no_space_on_device);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return ::fsync(fd) == 0 ? std::error_code{} : last_error();
}

std::error_code sync_folder_of(std::string const& path) {
  std::string const folder = std::filesystem::path(path).parent_path().string();
  int const fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return last_error();
  ::fsync(fd);  // a file system that cannot is as durable as it gets
  ::close(fd);
  return {};
}

}  // namespace

std::error_code write(std::string const& path, std::string_view text) {
  std::string const temporary = path + "." + std::to_string(::getpid()) + ".tmp";
  int const fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return last_error();
  std::error_code error = write_and_sync(fd, text);
  ::close(fd);
  if (!error && std::rename(temporary.c_str(), path.c_str()) != 0) error = last_error();
  if (!error) return sync_folder_of(path);
  ::unlink(temporary.c_str());
  return error;
}

std::string set_aside(std::string const& path) {
  for (int i = 1; i <= aside_max; ++i) {
    std::string aside = path + ".torn" + (i == 1 ? "" : "." + std::to_string(i));
    std::error_code error;
    if (std::filesystem::exists(std::filesystem::symlink_status(aside, error))) continue;
    return std::rename(path.c_str(), aside.c_str()) == 0 ? aside : "";
  }
  return "";
}

bool is_full(std::error_code const& error) {
  return error == std::errc::no_space_on_device || error == std::errc::file_too_large ||
         error == std::error_code(EDQUOT, std::generic_category());
}

}  // namespace retake::durable
