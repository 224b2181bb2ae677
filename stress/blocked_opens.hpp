// blocked_opens.hpp: a file whose open blocks for as long as one wants: a FIFO that nobody writes
// to.
//
// Why.       A read that memory can answer is over before anybody notices, and a slow disk is not
//            to be had everywhere. The open of a FIFO blocks its thread in the kernel until
//            somebody opens the other end, and no poller can help. The name is gone as soon as the
//            FIFO is open: nothing is left behind, however the program ends; /proc/self/fd is the
//            way in.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <system_error>

namespace retake::stress {

class blocked_opens {
 public:
  // Throws std::system_error.
  blocked_opens() {
    char folder[] = "/tmp/retake-fifo-XXXXXX";
    if (::mkdtemp(folder) == nullptr) throw std::system_error(errno, std::generic_category(), "a folder for a FIFO");
    const std::string name = fmt::format("{}/fifo", folder);
    if (::mkfifo(name.c_str(), 0600) == 0) place_ = ::open(name.c_str(), O_PATH | O_CLOEXEC);
    const int why = errno;
    ::unlink(name.c_str());
    ::rmdir(folder);
    if (place_ < 0) throw std::system_error(why, std::generic_category(), "a FIFO");
    path_ = fmt::format("/proc/self/fd/{}", place_);
  }
  ~blocked_opens() {
    ::close(place_);
    if (other_end_ >= 0) ::close(other_end_);
  }
  blocked_opens(blocked_opens const&) = delete;
  blocked_opens& operator=(blocked_opens const&) = delete;

  // Opening this for reading blocks until let_go().
  [[nodiscard]] char const* path() const noexcept { return path_.c_str(); }

  // Every open returns, those to come too. Does not block.
  void let_go() { other_end_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC); }

 private:
  int place_ = -1;
  int other_end_ = -1;
  std::string path_;
};

}  // namespace retake::stress
