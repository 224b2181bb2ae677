#include "keeper.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace retake::campaign {

namespace {

constexpr int not_started = 127;
constexpr int looks_max = 400;  // at a tree that does not die, 5 ms each

void kill_children() {
  char pids[4096];
  int const fd = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  ssize_t const n = fd < 0 ? 0 : ::read(fd, pids, sizeof pids - 1);
  if (fd >= 0) ::close(fd);
  pids[n > 0 ? n : 0] = '\0';
  char* at = pids;
  for (;;) {
    char* end = at;
    long const pid = std::strtol(at, &end, 10);
    if (end == at || *end != ' ') return;  // the last number may be cut short: it comes with the next look
    ::kill(static_cast<pid_t>(pid), SIGKILL);
    at = end;
  }
}

// The parent of a process that dies leaves its children to the keeper: each look goes a step down
// the tree.
void bury_tree() {
  for (int look = 0; look < looks_max; ++look) {
    kill_children();
    pid_t dead = 0;
    while ((dead = ::waitpid(-1, nullptr, WNOHANG)) > 0) {}
    if (dead < 0) return;
    ::usleep(5000);
  }
}

[[noreturn]] void end_like(int status) {
  if (WIFEXITED(status)) ::_exit(WEXITSTATUS(status));
  rlimit const no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::signal(WTERMSIG(status), SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::raise(WTERMSIG(status));
  ::_exit(128 + WTERMSIG(status));
}

[[noreturn]] void become_program(pid_t keeper, std::function<void()> const& program) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != keeper) ::_exit(not_started);
  for (int const one : {SIGINT, SIGTERM, SIGHUP}) ::signal(one, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  program();
  ::_exit(not_started);
}

}  // namespace

void keep(pid_t campaign, std::function<void()> const& program) {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::setpgid(0, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_PDEATHSIG, bury_signal);
  if (::getppid() != campaign) ::_exit(not_started);
  pid_t const keeper = ::getpid(), child = ::fork();
  if (child < 0) ::_exit(not_started);
  if (child == 0) become_program(keeper, program);
  ::close_range(3, ~0U, 0);  // locks and pipes of the campaign end with the campaign
  for (;;) {
    int const signal = ::sigwaitinfo(&all, nullptr);
    bool ended = false;
    int status = 0, its_status = 0;
    for (pid_t dead; (dead = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (dead == child) ended = true, its_status = status;
    }
    if (!ended && signal != bury_signal)
      continue;  // a SIGTERM is for the whole group: the program ends by it, or stays
    bury_tree();
    if (ended) end_like(its_status);
    ::_exit(128 + SIGKILL);
  }
}

}  // namespace retake::campaign
