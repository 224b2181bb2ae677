// The kernel copies. See world/peek.hpp.
#include "world/peek.hpp"

#include <cerrno>

#include <sys/uio.h>
#include <unistd.h>

namespace retake::world {

std::size_t peek(void* to, std::uintptr_t from, std::size_t bytes) noexcept {
  int const errno_before = errno;
  iovec const mine{to, bytes};
  iovec const theirs{reinterpret_cast<void*>(from), bytes};
  ssize_t const read = ::process_vm_readv(::getpid(), &mine, 1, &theirs, 1, 0);
  errno = errno_before;
  return read < 0 ? 0 : static_cast<std::size_t>(read);
}

}  // namespace retake::world
