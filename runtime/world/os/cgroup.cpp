// Reads control group quotas; see cgroup.hpp.
#include "cgroup.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

namespace retake::world::detail {

namespace {

struct membership {
  bool found = false;
  bool version_2 = false;
  std::string group;  // "/a/b"
};

struct mount {
  std::string group;  // the group that is visible at `point`
  std::string point;  // "/sys/fs/cgroup"
};

// "cpu" in "cpu,cpuacct".
bool contains_word(std::string const& list, std::string const& word) {
  std::istringstream words(list);
  std::string one;
  while (std::getline(words, one, ',')) {
    if (one == word) return true;
  }
  return false;
}

// Lines are `number:controllers:/group`. Version 1 wins where it has the cpu controller, for then
// version 2 does not.
membership find_membership(std::string const& root) {
  std::ifstream file(root + "/proc/self/cgroup");
  membership result;
  std::string line;
  while (std::getline(file, line)) {
    std::size_t const first = line.find(':');
    std::size_t const second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string const controllers = line.substr(first + 1, second - first - 1);
    if (contains_word(controllers, "cpu")) return {true, false, line.substr(second + 1)};
    if (controllers.empty() && line.compare(0, first, "0") == 0) result = {true, true, line.substr(second + 1)};
  }
  return result;
}

// mountinfo writes space, tab, newline and backslash in octal.
std::string unescaped(std::string const& text) {
  std::string result;
  for (std::size_t i = 0; i != text.size(); ++i) {
    bool const escape =
        text[i] == '\\' && i + 3 < text.size() &&
        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                    text.begin() + static_cast<std::ptrdiff_t>(i) + 4, [](char c) { return c >= '0' && c <= '7'; });
    if (!escape) {
      result += text[i];
      continue;
    }
    result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return result;
}

// Is `group` the group `top` or one below it?
bool below(std::string const& group, std::string const& top) {
  return top == "/" || group == top || group.compare(0, top.size() + 1, top + "/") == 0;
}

// Lines are `id parent major:minor group point options [optional...] - type source super-options`.
std::optional<mount> find_mount(std::string const& root, membership const& member) {
  std::ifstream file(root + "/proc/self/mountinfo");
  std::string line;
  while (std::getline(file, line)) {
    std::size_t const dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::string skip;
    std::string group;
    std::string point;
    std::istringstream(line.substr(0, dash)) >> skip >> skip >> skip >> group >> point;
    std::string type;
    std::string options;
    std::istringstream(line.substr(dash + 3)) >> type >> skip >> options;
    bool const right_type = member.version_2 ? type == "cgroup2" : type == "cgroup" && contains_word(options, "cpu");
    if (right_type && below(member.group, unescaped(group))) return mount{unescaped(group), unescaped(point)};
  }
  return std::nullopt;
}

std::optional<double> level_quota(std::string const& folder, bool version_2) {
  double quota = 0;
  double period = 0;
  if (version_2) {
    std::ifstream file(folder + "/cpu.max");  // "max 100000" or "150000 100000"; "max" does not read as a number
    if (!(file >> quota >> period)) return std::nullopt;
  } else {
    std::ifstream quota_file(folder + "/cpu.cfs_quota_us");  // -1: none
    std::ifstream period_file(folder + "/cpu.cfs_period_us");
    if (!(quota_file >> quota) || !(period_file >> period)) return std::nullopt;
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

}  // namespace

std::optional<double> cgroup_quota(std::string const& root) {
  membership const member = find_membership(root);
  if (!member.found) return std::nullopt;
  std::optional<mount> const where = find_mount(root, member);
  if (!where) return std::nullopt;

  std::string relative = where->group == "/" ? member.group : member.group.substr(where->group.size());
  while (!relative.empty() && relative.back() == '/') relative.pop_back();
  std::optional<double> result;
  for (;;) {  // bound: relative gets shorter
    std::optional<double> const here = level_quota(root + where->point + relative, member.version_2);
    if (here && (!result || *here < *result)) result = here;
    if (relative.empty()) return result;
    std::size_t const last = relative.rfind('/');
    relative.resize(last == std::string::npos ? 0 : last);
  }
}

int limited_processors(int affinity, std::optional<double> quota) noexcept {
  if (!quota) return affinity;
  double const rounded = std::max(2.0, std::ceil(*quota));
  return rounded < affinity ? static_cast<int>(rounded) : affinity;
}

}  // namespace retake::world::detail
