// Children by posix_spawn, known by their pidfd. See world/kernel.hpp, world/processes.hpp.
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child_signal.hpp"
#include "world/kernel.hpp"

namespace retake::world::kernel {

namespace {

constexpr int wait_by_descriptor = 3;  // P_PIDFD, which glibc names since 2.36

// The child's files. Each source first goes to a number above all sources and all that are asked for, so that none is overwritten before it is used.
int arrange(posix_spawn_file_actions_t& actions, spawn_request const& what) noexcept {
  int const count = static_cast<int>(what.file_count);
  int above = count;
  for (int i = 0; i < count; ++i) above = what.files[i] >= above ? what.files[i] + 1 : above;
  int failed = 0;
  for (int i = 0; i < count && failed == 0; ++i) {
    if (what.files[i] == no_file) {
      failed = ::posix_spawn_file_actions_addopen(&actions, above + i, "/dev/null", O_RDWR, 0);
    } else {
      failed = ::posix_spawn_file_actions_adddup2(&actions, what.files[i], above + i);
    }
  }
  for (int i = 0; i < count && failed == 0; ++i) failed = ::posix_spawn_file_actions_adddup2(&actions, above + i, i);
  if (failed == 0) failed = ::posix_spawn_file_actions_addclosefrom_np(&actions, count);
  if (failed == 0 && what.directory != nullptr) failed = ::posix_spawn_file_actions_addchdir_np(&actions, what.directory);
  return failed;
}

void keep_ended_children() noexcept {
  struct sigaction now {};
  if (::sigaction(SIGCHLD, nullptr, &now) == 0 && os::keep_children(now)) ::sigaction(SIGCHLD, &now, nullptr);
}

}  // namespace

int spawn(spawn_request const& what, site) noexcept {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  ::sigemptyset(&none);
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  keep_ended_children();
  int failed = arrange(actions, what);
  pid_t child = -1;
  if (failed == 0) failed = ::posix_spawnp(&child, what.path, &actions, &attributes, what.arguments, what.environment != nullptr ? what.environment : ::environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return failed != 0 ? -failed : child;
}

int process_descriptor(int process, site) noexcept {
  auto const fd = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  return fd < 0 ? -errno : fd;  // close-on-exec by itself
}

int reap_process(int descriptor, exit_status& status, site) noexcept {
  siginfo_t info{};
  keep_ended_children();  // the program may have ignored SIGCHLD since
  if (::waitid(static_cast<idtype_t>(wait_by_descriptor), static_cast<id_t>(descriptor), &info, WEXITED | WNOHANG) != 0) return -errno;
  if (info.si_pid == 0) return -EAGAIN;
  status.code = info.si_code == CLD_EXITED ? info.si_status : 0;
  status.signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  return 0;
}

int signal_process(int descriptor, int number, site) noexcept {
  return ::syscall(SYS_pidfd_send_signal, descriptor, number, nullptr, 0) < 0 ? -errno : 0;
}

}  // namespace retake::world::kernel
