// output.cpp: see output.hpp.
#include "command_line/output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

namespace retake::command_line {

namespace {

// A program without a standard output would print into the next file that it opens.
void keep_output_apart() noexcept {
  if (::fcntl(STDOUT_FILENO, F_GETFD) >= 0) return;
  int const full = ::open("/dev/full", O_WRONLY);
  if (full >= 0 && full != STDOUT_FILENO) {
    ::dup2(full, STDOUT_FILENO);
    ::close(full);
  }
}

// fmt::print throws when a buffer cannot be written: then the stream remembers it.
int run_to_end(char const* name, std::function<int()> const& run) noexcept {
  try {
    return run();
  } catch (std::exception const& e) {
    if (std::ferror(stdout) != 0) return 0;
    std::fprintf(stderr, "%s: %s\n", name, e.what());
    return 4;
  }
}

}  // namespace

int finish(char const* name, std::function<int()> const& run) noexcept {
  keep_output_apart();
  int const code = run_to_end(name, run);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  std::fprintf(stderr, "%s: standard output could not be written (%s): lines are lost\n", name, std::strerror(errno));
  return code == 0 ? 3 : code;
}

}  // namespace retake::command_line
