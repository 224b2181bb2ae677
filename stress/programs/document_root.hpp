// document_root.hpp: the files beneath a folder, and nothing outside of it.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

#include "retake/result.hpp"

namespace retake::programs {

// Closes it.
class descriptor {
 public:
  explicit descriptor(int fd = -1) noexcept : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

struct served_file {
  descriptor fd;
  std::uint64_t bytes = 0;
  char const* type = "";  // of its content
};

class document_root {
 public:
  // Anywhere. What open(2) says.
  [[nodiscard]] static result<document_root> at(std::string const& folder);

  // By a goroutine; a system call. `path` begins with "/"; of a folder its index.html. The kernel
  // resolves it beneath the folder (openat2(2), RESOLVE_BENEATH; Linux 5.6): ".." and links that
  // lead out of it give EXDEV, however they were written. What is no regular file does not exist:
  // ENOENT.
  [[nodiscard]] result<served_file> open(std::string const& path) const;

 private:
  explicit document_root(descriptor folder) noexcept : folder_(std::move(folder)) {}
  descriptor folder_;
};

}  // namespace retake::programs
