// slow_drive.hpp: a drive that serves so many reads at a time, each for as long as one wants; who
// comes beside them waits in the kernel, on a thread.
//
// How.       Each head is a byte in a pipe: a read takes one out, which blocks while there is none,
//            sleeps, and puts it back. What a real disk does to the threads of its readers, with a
//            parallelism that is known and the same everywhere.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <system_error>

#include "hammer.hpp"

namespace retake::stress {

class slow_drive {
 public:
  // Throws std::system_error. At most 4,096 heads, which a pipe holds.
  slow_drive(std::uint32_t heads, std::int64_t read_ns) : read_ns_(read_ns) {
    if (::pipe(ends_) != 0) throw std::system_error(errno, std::generic_category(), "a pipe");
    for (std::uint32_t i = 0; i < heads; ++i) put_back();
  }
  ~slow_drive() {
    for (const int end : ends_) ::close(end);
  }
  slow_drive(slow_drive const&) = delete;
  slow_drive& operator=(slow_drive const&) = delete;

  // Any thread. Blocks it.
  void read() noexcept {
    char head = 0;
    while (::read(ends_[0], &head, 1) != 1) {}
    nap_ns(read_ns_);
    put_back();
  }

 private:
  void put_back() noexcept {
    const char head = 1;
    while (::write(ends_[1], &head, 1) != 1) {}
  }

  std::int64_t read_ns_;
  int ends_[2] = {-1, -1};
};

}  // namespace retake::stress
