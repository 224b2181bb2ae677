#include "document_root.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "retake/syscall.hpp"

namespace retake::programs {

namespace {

std::error_code error_of(int number) noexcept { return {number, std::generic_category()}; }

struct kind {
  std::string_view ending;
  char const* type;
};
constexpr std::array kinds{kind{".html", "text/html; charset=utf-8"},
                           kind{".txt", "text/plain; charset=utf-8"},
                           kind{".css", "text/css"},
                           kind{".js", "text/javascript"},
                           kind{".json", "application/json"},
                           kind{".png", "image/png"},
                           kind{".jpg", "image/jpeg"},
                           kind{".svg", "image/svg+xml"}};

char const* type_of(std::string const& path) noexcept {
  kind const* const found =
      std::find_if(kinds.begin(), kinds.end(), [&](kind const& k) { return path.ends_with(k.ending); });
  return found != kinds.end() ? found->type : "application/octet-stream";
}

// The descriptor, or -errno.
int open_beneath(int folder, char const* path, std::uint64_t resolve) noexcept {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;  // a FIFO does not wait for its writer
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve;
  const long fd = ::syscall(SYS_openat2, folder, path, &how, sizeof(how));
  return fd < 0 ? -errno : static_cast<int>(fd);
}

// What the kernel has in memory is opened without the bookkeeping of a system call, as file.hpp
// does: else threads grow with the load. Linux before 5.12: EINVAL.
int open_beneath(int folder, char const* path) noexcept {
  const int at_once = open_beneath(folder, path, RESOLVE_CACHED);
  if (at_once != -EAGAIN && at_once != -EINVAL) return at_once;
  return syscall([&] { return open_beneath(folder, path, 0); });
}

}  // namespace

result<document_root> document_root::at(std::string const& folder) {
  const int fd = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return error_of(errno);
  return document_root(descriptor(fd));
}

result<served_file> document_root::open(std::string const& path) const {
  std::string name = "." + path;
  for (bool again : {true, false}) {
    const int opened = open_beneath(folder_.get(), name.c_str());
    if (opened < 0) return error_of(-opened);
    descriptor fd(opened);
    struct stat status {};
    if (::fstat(opened, &status) < 0) return error_of(errno);
    if (S_ISREG(status.st_mode))
      return served_file{std::move(fd), static_cast<std::uint64_t>(status.st_size), type_of(name)};
    if (!S_ISDIR(status.st_mode) || !again) break;
    name += "/index.html";
  }
  return error_of(ENOENT);
}

}  // namespace retake::programs
