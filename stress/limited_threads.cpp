// limited_threads.cpp: pids.max, or RLIMIT_NPROC
#include "limited_threads.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

namespace retake::stress {

namespace {

namespace fs = std::filesystem;

constexpr uid_t nobody = 65534;

// Where cgroups with a pids controller are, v1 and v2: the mount, and in it our own place and the
// root.
std::vector<fs::path> places() {
  std::vector<fs::path> all;
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device, where, type, options;
    words >> device >> where >> type >> options;
    const bool first = type == "cgroup" && ("," + options + ",").find(",pids,") != std::string::npos;
    if (!first && type != "cgroup2") continue;
    std::ifstream own("/proc/self/cgroup");
    for (std::string entry; std::getline(own, entry);) {
      const std::size_t names = entry.find(':') + 1, path = entry.find(':', names) + 1;
      const std::string controllers = "," + entry.substr(names, path - 1 - names) + ",";
      if (controllers.find(first ? ",pids," : ",,") != std::string::npos) all.emplace_back(where + entry.substr(path));
    }
    all.emplace_back(where);
  }
  return all;
}

bool write_to(fs::path const& file, std::string const& text) {
  std::ofstream out(file);
  return static_cast<bool>(out << text << std::flush);
}

std::optional<std::string> by_cgroup(std::uint32_t most, std::function<void(std::string const&)> const& made) {
  for (fs::path const& place : places()) {
    const fs::path group = place / fmt::format("retake-{}", ::getpid());
    if (::mkdir(group.c_str(), 0755) != 0) continue;
    made(group.string());
    if (fs::exists(group / "pids.max") && write_to(group / "pids.max", fmt::format("{}\n", most)) &&
        write_to(group / "cgroup.procs", fmt::format("{}\n", ::getpid()))) {
      return fmt::format("pids.max of the cgroup {}", group.string());
    }
  }
  return std::nullopt;
}

// Threads of all processes of a user: they count together.
std::uint32_t threads_of(uid_t user) {
  std::uint32_t count = 0;
  std::error_code gone;
  for (fs::directory_iterator process("/proc", gone), end; !gone && process != end; process.increment(gone)) {
    struct stat owner {};
    if (::stat(process->path().c_str(), &owner) != 0 || owner.st_uid != user) continue;
    std::error_code ended;
    for (fs::directory_iterator task(process->path() / "task", ended), last; !ended && task != last;
         task.increment(ended))
      ++count;
  }
  return count;
}

std::optional<std::string> by_rlimit(std::uint32_t most) {
  if (::geteuid() == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 ||
        ::setresuid(nobody, nobody, nobody) != 0)
      return std::nullopt;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of the user clears it
    ::prctl(PR_SET_DUMPABLE, 1);
  }
  const rlimit limit{threads_of(::geteuid()) + most - 1, threads_of(::geteuid()) + most - 1};
  if (::setrlimit(RLIMIT_NPROC, &limit) != 0) return std::nullopt;
  return fmt::format("RLIMIT_NPROC {} of user {}", limit.rlim_cur, ::geteuid());
}

}  // namespace

std::string limit_threads(std::uint32_t most, std::function<void(std::string const&)> const& made) {
  if (const std::optional<std::string> group = by_cgroup(most, made)) return *group;
  return by_rlimit(most).value_or("");
}

}  // namespace retake::stress
