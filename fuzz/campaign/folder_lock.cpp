#include "folder_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>

#include "command_line/told_command.hpp"
#include "durable_file.hpp"
#include "nightly_state.hpp"
#include "record.hpp"
#include "troubles.hpp"

namespace retake::campaign {

namespace {

std::string own_word = "run", own_command;

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

std::string holder_in(std::string const& path) {
  std::istringstream text(read_file(path));
  std::string word, pid, host, began, command;
  std::getline(text, pid), std::getline(text, host), std::getline(text, began), std::getline(text, word),
      std::getline(text, command);
  if (command.empty()) return "another run works there";  // it has not written its name yet
  return fmt::format("another {} works there: pid {} on {} since {}: {}", word, pid, host, began, command);
}

}  // namespace

void set_own_command(std::vector<std::string> const& words) {
  if (words.size() > 1) own_word = words[1];
  own_command = told_command(words);
}

folder_lock::folder_lock(std::string const& folder, std::string const& shown) : fd_(-1) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::string const path = folder + "/lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) {
    error = {errno, std::generic_category()};
    if (durable::is_full(error)) cannot_write(path, error);
    throw usage_error(fmt::format("{} cannot be written: {}", shown, error.message()));
  }
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd_);
    throw usage_error(fmt::format("{} cannot be written: {}", shown, holder_in(path)));
  }
  // A full disk keeps the name from being written, and not the lock from being held.
  std::string const text =
      fmt::format("{}\n{}\n{}\n{}\n{}\n", ::getpid(), host_name(), utc_now(), own_word, own_command);
  if (::ftruncate(fd_, 0) == 0) static_cast<void>(::pwrite(fd_, text.data(), text.size(), 0) < 0);
}

folder_lock::~folder_lock() { ::close(fd_); }

}  // namespace retake::campaign
