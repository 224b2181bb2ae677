// cpu_group.hpp: a control group with a CPU quota, version 1 or 2, for a process that wants to live
// in one
//
// Recipe.    /proc/self/cgroup names our group, /proc/self/mountinfo where it is mounted. The new
//            group is made below ours, or, where version 2 forbids that (a group with processes
//            gives no controllers to its children), beside it. Nobody else's settings are changed:
//            where no parent hands the cpu controller on, there is no group.
// Ends.      The directory is told to the stage as soon as it is there, and goes when the program's
//            last process has.
#pragma once

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "twins.hpp"

namespace retake::stress {

class cpu_group {
 public:
  // Of cpu.stat, since the group was made.
  struct counts {
    std::uint64_t periods = 0, throttled = 0;
    double throttled_ms = 0;  // version 1 and 2 alike: summed over CPUs
  };

  // Nothing: `why` says what was refused.
  static std::optional<cpu_group> make(stage& s, double processors, std::string& why) {
    why = "no control group file system with a cpu controller";
    for (std::string const& parent : parents()) {
      const std::string made = fmt::format("{}/retake-bug07-{}", parent, ::getpid());
      if (::mkdir(made.c_str(), 0755) != 0) {
        why = fmt::format("mkdir {}: refused", made);
        continue;
      }
      s.remove_later(made);
      cpu_group group(made);
      if (group.limit(processors) && group.enter()) return group;
      why = fmt::format("{}: no quota of its own", made);
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string const& directory() const { return directory_; }

  [[nodiscard]] counts read() const {
    counts seen;
    std::ifstream in(directory_ + "/cpu.stat");
    std::string name;
    for (double value = 0; in >> name >> value;) {
      if (name == "nr_periods") seen.periods = static_cast<std::uint64_t>(value);
      if (name == "nr_throttled") seen.throttled = static_cast<std::uint64_t>(value);
      if (name == "throttled_time") seen.throttled_ms = value * 1e-6;
      if (name == "throttled_usec") seen.throttled_ms = value * 1e-3;
    }
    return seen;
  }

 private:
  static constexpr double period_us = 100'000;

  explicit cpu_group(std::string made) : directory_(std::move(made)) {}

  static bool put(std::string const& file, std::string const& text) {
    std::ofstream out(file);
    return static_cast<bool>(out << text << std::flush);
  }

  // With the greatest weight, so that what else runs on the machine does not keep the group below
  // its quota.
  [[nodiscard]] bool limit(double processors) const {
    if (::access((directory_ + "/cpu.max").c_str(), W_OK) == 0) {
      static_cast<void>(put(directory_ + "/cpu.weight", "10000"));
      return put(directory_ + "/cpu.max", fmt::format("{:.0f} {:.0f}", processors * period_us, period_us));
    }
    if (::access((directory_ + "/cpu.cfs_quota_us").c_str(), W_OK) != 0) return false;
    static_cast<void>(put(directory_ + "/cpu.shares", "262144"));
    return put(directory_ + "/cpu.cfs_period_us", fmt::format("{:.0f}", period_us)) &&
           put(directory_ + "/cpu.cfs_quota_us", fmt::format("{:.0f}", processors * period_us));
  }
  [[nodiscard]] bool enter() const { return put(directory_ + "/cgroup.procs", fmt::format("{}", ::getpid())); }

  // Where ours is mounted: lines are `id parent device root point options... - type source
  // options`.
  static std::string mounted_at(bool version_2) {
    std::ifstream in("/proc/self/mountinfo");
    for (std::string line; std::getline(in, line);) {
      const std::size_t dash = line.find(" - ");
      std::string skip, root, point, type, options;
      std::istringstream(line) >> skip >> skip >> skip >> root >> point;
      std::istringstream(line.substr(dash == std::string::npos ? line.size() : dash + 3)) >> type >> skip >> options;
      if (version_2 ? type == "cgroup2" : type == "cgroup" && has_cpu(options)) return point;
    }
    return {};
  }
  static bool has_cpu(std::string const& list) { return ("," + list + ",").find(",cpu,") != std::string::npos; }

  // Ours, the one above it, the top. Version 1 where it has the controller.
  static std::vector<std::string> parents() {
    std::string ours;
    bool version_2 = true;
    std::ifstream in("/proc/self/cgroup");
    for (std::string line; std::getline(in, line);) {
      const std::size_t first = line.find(':'), second = line.find(':', first + 1);
      if (second == std::string::npos) continue;
      const std::string controllers = line.substr(first + 1, second - first - 1);
      if (has_cpu(controllers)) version_2 = false;
      if (has_cpu(controllers) || (version_2 && controllers.empty())) ours = line.substr(second + 1);
    }
    const std::string top = mounted_at(version_2);
    if (top.empty()) return {};
    std::vector<std::string> all;
    for (std::string const& group : {ours, ours.substr(0, ours.rfind('/')), std::string("/")}) {
      const std::string path = top + (group == "/" ? "" : group);
      if (::access(path.c_str(), F_OK) == 0 && (all.empty() || all.back() != path)) all.push_back(path);
    }
    return all;
  }

  std::string directory_;
};

}  // namespace retake::stress
