// Children by posix_spawn, known by their pidfd. See world/kernel.hpp, world/processes.hpp.
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child_signal.hpp"
#include "world/kernel.hpp"
#include "world/signal.hpp"

namespace retake::world::kernel {

namespace {

constexpr int wait_by_descriptor = 3;  // P_PIDFD, which glibc names since 2.36

std::int64_t nanoseconds(timeval const& t) noexcept {
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::int64_t>(t.tv_usec) * 1'000;
}

// The child's files. Each source first goes to a number above all sources and all that are asked
// for, so that none is overwritten before it is used.
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
  if (failed == 0 && what.directory != nullptr)
    failed = ::posix_spawn_file_actions_addchdir_np(&actions, what.directory);
  return failed;
}

void keep_ended_children() noexcept {
  struct sigaction now {};
  if (::sigaction(SIGCHLD, nullptr, &now) == 0 && os::keep_children(now)) ::sigaction(SIGCHLD, &now, nullptr);
}

int spawn_as_this_thread(spawn_request const& what) noexcept {
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
  int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (what.session) flags |= POSIX_SPAWN_SETSID;  // with a group of its own
  if (!what.session && what.group != same_group) {
    flags |= POSIX_SPAWN_SETPGROUP;
    ::posix_spawnattr_setpgroup(&attributes, what.group);
  }
  ::posix_spawnattr_setflags(&attributes, static_cast<short>(flags));
  keep_ended_children();
  int failed = arrange(actions, what);
  pid_t child = -1;
  if (failed == 0)
    failed = ::posix_spawnp(&child, what.path, &actions, &attributes, what.arguments,
                            what.environment != nullptr ? what.environment : ::environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return failed != 0 ? -failed : child;
}

// Rights are a thread's in the kernel: a thread takes those of the child, starts it and ends. The C
// library's setuid(3) would change all threads of this process.
int take(spawn_credentials const& rights) noexcept {
  if (::syscall(SYS_setgroups, rights.group_count, rights.groups) != 0) return -errno;
  if (::syscall(SYS_setresgid, rights.group, rights.group, rights.group) != 0) return -errno;
  if (::syscall(SYS_setresuid, rights.user, rights.user, rights.user) != 0) return -errno;
  return 0;
}

int spawn_with_credentials(spawn_request const& what) noexcept {
  int const dumpable = ::prctl(PR_GET_DUMPABLE);
  int child = -EAGAIN;
  signal_mask const before = block_signals();  // the thread has no M: no handler runs there
  try {
    std::thread([&] {
      int const failed = take(*what.credentials);
      child = failed != 0 ? failed : spawn_as_this_thread(what);
    }).join();
  } catch (std::system_error const&) {  // no thread
  }
  restore_signals(before);
  if (dumpable == 1)
    ::prctl(PR_SET_DUMPABLE, 1);  // the kernel takes it from a process one of whose threads changes rights
  return child;
}

}  // namespace

int spawn(spawn_request const& what, site) noexcept {
  return what.credentials != nullptr ? spawn_with_credentials(what) : spawn_as_this_thread(what);
}

int process_descriptor(int process, site) noexcept {
  auto const fd = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  return fd < 0 ? -errno : fd;  // close-on-exec by itself
}

int reap_process(int descriptor, exit_status& status, site) noexcept {
  siginfo_t info{};
  rusage used{};          // the C library's waitid(2) has no room for it
  keep_ended_children();  // the program may have ignored SIGCHLD since
  if (::syscall(SYS_waitid, wait_by_descriptor, descriptor, &info, WEXITED | WNOHANG, &used) != 0) return -errno;
  if (info.si_pid == 0) return -EAGAIN;
  status.code = info.si_code == CLD_EXITED ? info.si_status : 0;
  status.signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  status.user_ns = nanoseconds(used.ru_utime);
  status.system_ns = nanoseconds(used.ru_stime);
  status.memory_max_bytes = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
  return 0;
}

int signal_process(int descriptor, int number, site) noexcept {
  return ::syscall(SYS_pidfd_send_signal, descriptor, number, nullptr, 0) < 0 ? -errno : 0;
}

}  // namespace retake::world::kernel
