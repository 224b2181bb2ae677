#include "measure.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace retake::bench {

summary summarize(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back(), static_cast<std::uint32_t>(values.size())};
}

void say(settings const& chosen, char const* group, std::string const& metric, char const* unit, summary const& s,
         std::string const& peer) {
  if (chosen.as_json) {
    const nlohmann::json line{{"kind", "bench"},   {"name", group},     {"metric", metric},
                              {"unit", unit},      {"value", s.median}, {"min", s.least},
                              {"max", s.greatest}, {"runs", s.runs},    {"peer", peer}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("{:<32} {:<11} {:>12.1f} {:<12} {:.1f} to {:.1f} in {} runs\n", metric, peer, s.median, unit, s.least,
               s.greatest, s.runs);
  }
  std::fflush(stdout);
}

void say_ratio(settings const& chosen, std::string const& metric, double ratio, double target) {
  const std::string against =
      target > 0 ? fmt::format("target <= {:.2f}x: {}", target, ratio <= target ? "met" : "missed") : "no target";
  if (chosen.as_json) {
    const nlohmann::json line{{"kind", "bench"}, {"name", "runtime"},       {"metric", metric + "_ratio"},
                              {"unit", "x"},     {"value", ratio},          {"min", ratio},
                              {"max", ratio},    {"runs", runs_per_metric}, {"peer", "retake/go"},
                              {"target", target}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("{:<32} {:<11} {:>12.2f} {:<12} {}\n", metric, "ratio", ratio, "x of go", against);
  }
  std::fflush(stdout);
}

void say_limit(settings const& chosen, std::string const& metric, double value, double most) {
  if (chosen.as_json) {
    const nlohmann::json line{{"kind", "bench"},   {"name", "runtime"}, {"metric", metric + "_limit"},
                              {"unit", "at most"}, {"value", value},    {"min", value},
                              {"max", value},      {"runs", 1},         {"peer", ""},
                              {"target", most}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("{:<32} {:<11} {:>12.1f} target <= {:.1f}: {}\n", metric, "", value, most,
               value <= most ? "met" : "missed");
  }
  std::fflush(stdout);
}

void say_share(settings const& chosen, std::string const& metric, double share, double least, std::string const& of) {
  if (chosen.as_json) {
    const nlohmann::json line{{"kind", "bench"}, {"name", "runtime"}, {"metric", metric + "_share"},
                              {"unit", "x"},     {"value", share},    {"min", share},
                              {"max", share},    {"runs", 1},         {"peer", "retake/" + of},
                              {"target", least}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("{:<32} {:<11} {:>12.2f} x of {}, target >= {:.2f}x: {}\n", metric, "share", share, of, least,
               share >= least ? "met" : "missed");
  }
  std::fflush(stdout);
}

bool wanted(settings const& chosen, std::string const& group, std::string const& row) {
  return chosen.only.empty() || chosen.only == group ||
         (chosen.only != "runtime" && chosen.only != "harness" && row.find(chosen.only) != std::string::npos);
}

void say_text(settings const& chosen, std::string const& text) {
  if (chosen.as_json)
    fmt::print(stderr, "{}\n", text);
  else
    fmt::print("{}\n", text);
}

std::string output_of(std::vector<std::string> const& words, int& code, std::string const& folder) {
  code = -1;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "";
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  if (!folder.empty()) ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  std::vector<char*> arguments;
  for (std::string const& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; failed == 0 && (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  if (failed == 0 && ::waitpid(child, &status, 0) == child)
    code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return text;
}

std::string program(std::string const& name) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path here = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (fs::path const& folder : {here, here / "../../models/bin", here / "../../dev/bin"}) {
    if (fs::exists(folder / name, ignored)) return fs::weakly_canonical(folder / name, ignored).string();
  }
  return "";
}

}  // namespace retake::bench
