#include "own_child.hpp"

#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "hammer.hpp"

namespace retake::stress {

namespace {

namespace fs = std::filesystem;

std::string text_of(int memory) {
  std::string text;
  char buffer[4096];
  off_t at = 0;
  for (ssize_t n = 0; (n = ::pread(memory, buffer, sizeof(buffer), at)) > 0; at += n)
    text.append(buffer, static_cast<std::size_t>(n));
  return text;
}

std::vector<char*> pointers(std::vector<std::string> const& words) {
  std::vector<char*> all;
  for (std::string const& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

// Waits for the child's end, at most so long; true: it has ended.
bool wait_for(pid_t child, double seconds) {
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  if (handle < 0) return true;  // no such call: waitpid() waits
  const std::int64_t until_ns = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  pollfd ends{handle, POLLIN, 0};
  int ready = 0;
  do {
    const std::int64_t left_ns = until_ns - now_ns();
    ready = ::poll(&ends, 1, left_ns > 0 ? static_cast<int>(left_ns / 1'000'000) + 1 : 0);
  } while (ready < 0 || (ready == 0 && now_ns() < until_ns));
  ::close(handle);
  return ready > 0;
}

}  // namespace

ended run_child(std::vector<std::string> const& words, child_settings const& chosen) {
  ended seen;
  const int out = ::memfd_create("out", MFD_CLOEXEC), error = ::memfd_create("error", MFD_CLOEXEC);
  std::vector<std::string> environment;
  for (char** one = environ; *one != nullptr; ++one) environment.emplace_back(*one);
  environment.insert(environment.begin(), chosen.environment.begin(), chosen.environment.end());
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t child = -1;
  const std::int64_t began_ns = now_ns();
  const int failed = ::posix_spawnp(&child, words[0].c_str(), &actions, &attributes, pointers(words).data(),
                                    pointers(environment).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed == 0) {
    seen.in_time = wait_for(child, chosen.seconds);
    if (!seen.in_time) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    seen.seconds = static_cast<double>(now_ns() - began_ns) * 1e-9;
    seen.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    seen.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    seen.out = text_of(out);
    seen.error = text_of(error);
  }
  ::close(out);
  ::close(error);
  return seen;
}

std::string own_path() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).string();
}

signals_held::signals_held() {
  sigset_t held;
  ::sigemptyset(&held);
  for (const int one : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&held, one);
  ::pthread_sigmask(SIG_BLOCK, &held, &before_);
}
signals_held::~signals_held() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace retake::stress
