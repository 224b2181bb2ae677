// Standard error. See world/print.hpp.
#include "world/print.hpp"

#include <cerrno>

#include <unistd.h>

namespace retake::world {

void print(char const* text, std::size_t n, site) noexcept {
  int const errno_before = errno;
  while (n != 0) {  // bound: every round writes or ends
    ssize_t const written = ::write(STDERR_FILENO, text, n);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    text += written;
    n -= static_cast<std::size_t>(written);
  }
  errno = errno_before;
}

}  // namespace retake::world
