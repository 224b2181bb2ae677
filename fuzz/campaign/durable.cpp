#include "durable.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>

#include "durable_file.hpp"
#include "record.hpp"
#include "troubles.hpp"

namespace retake::campaign {

void write_durably(std::string const& path, std::string const& text) {
  if (std::error_code const error = durable::write(path, text)) cannot_write(path, error);
}

void copy_durably(std::string const& from, std::string const& to) { write_durably(to, read_file(from)); }

folder_lock::folder_lock(std::string const& folder) : fd_(-1) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::string const path = folder + "/lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) throw usage_error(fmt::format("--out \"{}\" cannot be written", folder));
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(fd_);
  throw usage_error(fmt::format("--out \"{}\" cannot be written: another nightly works there", folder));
}

folder_lock::~folder_lock() { ::close(fd_); }

}  // namespace retake::campaign
