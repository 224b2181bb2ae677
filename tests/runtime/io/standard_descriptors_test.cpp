// A program that is started without its standard descriptors. Method: death tests; the process
// gives them up before its runtime begins.
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "../program.hpp"
#include "retake/process.hpp"

namespace retake::test {
namespace {

// What descriptor `fd` is: the name in /proc, "" when it is closed.
std::string file_behind(int fd) {
  char name[256] = {};
  const ssize_t bytes = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), name, sizeof(name) - 1);
  return bytes < 0 ? "" : name;
}

// Exit code: 0, or which of them is another file than /dev/null, as bits.
[[noreturn]] void run_without(unsigned closed) {
  int wrong = 0;
  for (int fd = 0; fd <= 2; ++fd) {
    if ((closed & (1u << fd)) != 0) ::close(fd);
  }
  run_on(1, [&] {
    for (int fd = 0; fd <= 2; ++fd) {
      if ((closed & (1u << fd)) != 0 && file_behind(fd) != "/dev/null") wrong |= 1 << fd;
    }
    process_options child;
    child.arguments =
        {"sh", "-c",
         "for fd in 0 1 2; do case $(readlink /proc/$$/fd/$fd) in anon_inode*|socket*) exit 1;; esac; done"};
    child.input = redirect::inherit;
    auto started = spawn(child);
    if (!started || started->wait()->code != 0) wrong |= 8;
  });
  ::_exit(wrong);
}

TEST(standard_descriptors_death, that_are_closed_become_dev_null) {
  for (const unsigned closed : {1u, 2u, 4u, 7u})
    EXPECT_EXIT(run_without(closed), testing::ExitedWithCode(0), "") << closed;
}

}  // namespace
}  // namespace retake::test
