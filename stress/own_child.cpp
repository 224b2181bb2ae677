#include "own_child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "hammer.hpp"

namespace retake::stress {

namespace {

namespace fs = std::filesystem;

constexpr unsigned nobody = 65534;

std::string text_of(int memory) {
  std::string text;
  char buffer[4096];
  off_t at = 0;
  for (ssize_t n = 0; (n = ::pread(memory, buffer, sizeof(buffer), at)) > 0; at += n) text.append(buffer, static_cast<std::size_t>(n));
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

bool write_line(fs::path const& file, std::string const& line) {
  std::ofstream out(file);
  out << line << std::flush;
  return out.good();
}

// Where a cgroup of ours may lie: this process' own place in the hierarchy that has the controller `pids`. Empty: there is none.
fs::path own_cgroup() {
  std::ifstream in("/proc/self/cgroup");
  fs::path unified;
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string place = line.substr(second + 2);
    if (controllers == "pids") return fs::path("/sys/fs/cgroup/pids") / place;
    if (controllers.empty()) unified = fs::path("/sys/fs/cgroup") / place;
  }
  std::error_code ignored;
  return fs::exists(unified / "cgroup.controllers", ignored) ? unified : fs::path();
}

// Threads of a user, by the kernel's books.
std::uint64_t threads_of(unsigned user) {
  std::uint64_t all = 0;
  std::error_code ignored;
  for (fs::directory_entry const& one : fs::directory_iterator("/proc", ignored)) {
    std::ifstream in(one.path() / "status");
    std::string word;
    unsigned real = ~0u;
    std::uint64_t threads = 0;
    while (in >> word) {
      if (word == "Uid:") in >> real;
      if (word == "Threads:") in >> threads;
    }
    if (real == user) all += threads;
  }
  return all;
}

bool become_limited(std::uint64_t most) {
  unsigned user = ::getuid();
  if (user == 0) {
    user = nobody;
    if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 || ::setresuid(nobody, nobody, nobody) != 0) return false;
  }
  const std::uint64_t room = threads_of(user) - 1 + most;  // this process is in there with its one thread
  rlimit limit{};
  if (::getrlimit(RLIMIT_NPROC, &limit) != 0 || (limit.rlim_max != RLIM_INFINITY && room > limit.rlim_max)) return false;
  limit.rlim_cur = room;
  return ::setrlimit(RLIMIT_NPROC, &limit) == 0;
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
  const int failed = ::posix_spawnp(&child, words[0].c_str(), &actions, &attributes, pointers(words).data(), pointers(environment).data());
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

thread_limit::thread_limit(std::uint32_t most) {
  const fs::path parent = own_cgroup();
  if (!parent.empty()) {
    const fs::path own = parent / fmt::format("retake-{}", ::getpid());
    std::error_code failed;
    if (fs::create_directory(own, failed)) {
      folder_ = own.string();
      if (!fs::exists(own / "pids.max", failed)) write_line(parent / "cgroup.subtree_control", "+pids");  // v2; refused where the parent has processes of its own
      if (fs::exists(own / "pids.max", failed) && write_line(own / "pids.max", std::to_string(most))) {
        how_ = "pids.max of a cgroup";
        order_ = "cgroup:" + folder_;
        return;
      }
    }
  }
  const unsigned user = ::getuid() == 0 ? nobody : ::getuid();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NPROC, &limit) != 0 || (limit.rlim_max != RLIM_INFINITY && threads_of(user) + most > limit.rlim_max)) return;
  how_ = "RLIMIT_NPROC";
  order_ = fmt::format("rlimit:{}", most);
}

thread_limit::~thread_limit() {
  if (folder_.empty()) return;
  // The kernel lets go of a cgroup a moment after its last process has ended.
  constexpr int tries = 100;
  for (int i = 0; i < tries && ::rmdir(folder_.c_str()) != 0 && errno == EBUSY; ++i) nap_ns(10'000'000);
}

bool thread_limit::obey(std::string const& order) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string kind = order.substr(0, order.find(':')), what = order.substr(order.find(':') + 1);
  if (kind == "cgroup") return write_line(fs::path(what) / "cgroup.procs", std::to_string(::getpid()));
  return kind == "rlimit" && become_limited(std::stoull(what));
}

}  // namespace retake::stress
