// unsafe_rename.cpp: the twins of the durable writer: a file system on which the state of a nightly
// is not renamed into place
//
// Loaded before a nightly (LD_PRELOAD), it takes the rename of state.json away, as RETAKE_TWIN
// says:
//            truncates   the old state is cut to nothing and the new one written over it, a piece
//                        at a time: a kill in between leaves half of it
//            forgets     three of four times the new state is thrown away, and success is reported
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

bool ends_with(char const* text, char const* end) {
  std::size_t const n = std::strlen(text), m = std::strlen(end);
  return n >= m && std::strcmp(text + n - m, end) == 0;
}

int write_over(char const* from, char const* to) {
  int const in = ::open(from, O_RDONLY), out = ::open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  char piece[4096];
  for (ssize_t n; (n = ::read(in, piece, sizeof piece)) > 0;) {
    for (ssize_t half = 0; half < n; half += n / 2 + 1) {
      ::usleep(40'000);
      if (::write(out, piece + half, static_cast<std::size_t>(half == 0 ? n / 2 + 1 : n - half)) < 0) break;
    }
  }
  ::close(in);
  ::close(out);
  return ::unlink(from);
}

}  // namespace

extern "C" int rename(char const* from, char const* to) noexcept {
  static unsigned calls = 0;
  char const* const twin = std::getenv("RETAKE_TWIN");
  if (twin != nullptr && ends_with(to, "/state.json")) {
    if (std::strcmp(twin, "truncates") == 0) return write_over(from, to);
    if (std::strcmp(twin, "forgets") == 0 && ++calls % 4 != 1) return ::unlink(from);
  }
  using rename_function = int (*)(char const*, char const*);
  return reinterpret_cast<rename_function>(::dlsym(RTLD_NEXT, "rename"))(from, to);
}
