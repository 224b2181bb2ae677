#include "jobs.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "fuzz_output.hpp"

namespace retake::campaign {

namespace {

// How a campaign's time is divided. The simulator sees the whole runtime and finds most; the
// hammers own all cores while they run.
std::map<std::string, double> const shares = {{"model", 0.12},
                                              {"sim", 0.40},
                                              {"fuzz", 0.10},
                                              {"props", 0.10},
                                              {"stress", 0.28}};

std::string seconds_text(double s) { return fmt::format("{}", static_cast<long>(std::max(1.0, std::floor(s)))); }

std::vector<std::string> bound_of(budget const& b) {
  if (b.fixed()) return {"--executions", std::to_string(b.executions)};
  return {"--seconds", seconds_text(b.seconds)};
}

void append(std::vector<std::string>& words, std::vector<std::string> const& more) {
  words.insert(words.end(), more.begin(), more.end());
}

void add_models(std::vector<job>& jobs, catalogue const& programs, std::string const& out) {
  for (program const& p : programs.models()) {
    jobs.push_back({.technique = "model",
                    .subject = p.name,
                    .weight = 1,
                    .how_repeatable = repeatable::whole,
                    .words = [p, out](budget const& b, std::uint64_t seed) {
                      std::vector<std::string> words{p.path, "--json", "--seed", std::to_string(seed), "--out", out};
                      append(words, bound_of(b));
                      return words;
                    }});
  }
}

// The simulator's ways to look at a scenario, the most different ones first: time may end before
// the last. What `sc` shows, c11 shows as well; it is there because its executions are shorter.
struct way {
  std::string strategy;
  std::string memory;
  std::string faults;
  double weight;
};
std::vector<way> const ways = {{"pct", "c11", "none", 2},  {"surw", "c11", "all", 2},    {"random", "c11", "all", 2},
                               {"pos", "c11", "none", 2},  {"random", "sc", "none", 1},  {"pct", "c11", "all", 2},
                               {"surw", "c11", "none", 2}, {"random", "c11", "none", 2}, {"pos", "c11", "all", 2},
                               {"random", "sc", "all", 1}};

void add_scenarios(std::vector<job>& jobs, catalogue const& programs, std::string const& out) {
  std::string const sim = programs.simulator();
  std::vector<named> const scenarios = programs.scenarios();
  // Every scenario has one turn before any has a second.
  for (way const& w : ways) {
    for (named const& scenario : scenarios) {
      std::string const subject =
          fmt::format("{} {} {}{}", scenario.name, w.strategy, w.memory, w.faults == "none" ? "" : " faults");
      jobs.push_back({.technique = "sim",
                      .subject = subject,
                      .weight = w.weight,
                      .slice_seconds_min = 0.125,  // it starts in a few milliseconds
                      .how_repeatable = repeatable::divided,
                      .words = [sim, scenario, w, out](budget const& b, std::uint64_t seed) {
                        std::vector<std::string> words{sim,          "sim",      scenario.name, "--json",
                                                       "--strategy", w.strategy, "--memory",    w.memory,
                                                       "--faults",   w.faults,   "--seed",      std::to_string(seed),
                                                       "--out",      out};
                        append(words, b.fixed()
                                          ? bound_of(b)
                                          : std::vector<std::string>{"--seconds", fmt::format("{:.2f}", b.seconds)});
                        return words;
                      }});
    }
  }
}

void add_fuzz(std::vector<job>& jobs, catalogue const& programs, std::string const& out) {
  for (program const& p : programs.fuzz_targets()) {
    std::string const root = programs.root();
    jobs.push_back(
        {.technique = "fuzz",
         .subject = p.name,
         .weight = 1,
         .words = [p, out, root](budget const& b, std::uint64_t seed) {
           std::string const corpus = out + "/corpus/" + p.name, line = fuzz_line_file(out, p.name);
           std::error_code ignored;  // a target without its folder says so itself
           std::filesystem::create_directories(corpus, ignored);
           std::filesystem::remove(line, ignored);
           std::vector<std::string> words{"env",
                                          "RETAKE_FUZZ_OUT=" + out,
                                          "RETAKE_FUZZ_JSON=" + line,
                                          p.path,
                                          "-print_final_stats=1",
                                          "-timeout=20",
                                          "-max_total_time=" + seconds_text(b.seconds),
                                          "-seed=" + std::to_string(seed & 0x7fffffff),
                                          "-artifact_prefix=" + out + "/" + p.name + "-",
                                          corpus};
           for (std::string const& folder : {root + "/fuzz/corpus/" + p.name, root + "/fuzz/regressions/" + p.name}) {
             if (std::filesystem::is_directory(folder)) words.push_back(folder);
           }
           return words;
         }});
  }
}

void add_properties(std::vector<job>& jobs, catalogue const& programs, std::string const& out) {
  for (program const& p : programs.properties()) {
    jobs.push_back({.technique = "props",
                    .subject = p.name,
                    .weight = 1,
                    .how_repeatable = repeatable::divided,
                    .words = [p, out](budget const& b, std::uint64_t seed) {
                      std::vector<std::string> words{p.path, "--json", "--seed", std::to_string(seed), "--out", out};
                      append(words, bound_of(b));
                      return words;
                    }});
  }
}

void add_hammers(std::vector<job>& jobs, catalogue const& programs, unsigned workers,
                 std::vector<std::string> const& sanitizers) {
  for (std::string const& sanitizer : sanitizers) {
    for (program const& p : programs.hammers(sanitizer)) {
      std::string const shown = p.name + (sanitizer == "none" ? "" : " " + sanitizer);
      jobs.push_back({.technique = "stress",
                      .subject = shown,
                      .weight = 1,
                      .slots = workers,
                      .words = [p](budget const& b, std::uint64_t seed) {
                        return std::vector<std::string>{p.path,      "--json",
                                                        "--seconds", seconds_text(b.seconds),
                                                        "--seed",    std::to_string(seed)};
                      }});
    }
  }
}

}  // namespace

std::uint64_t mixed(std::uint64_t seed, std::uint64_t turn) {  // splitmix64
  std::uint64_t x = seed + turn + 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::optional<shard> shard_in(std::string const& text) {
  std::size_t const slash = text.find('/');
  auto const whole = [](std::string const& digits) {
    return !digits.empty() && digits.size() < 8 && digits.find_first_not_of("0123456789") == std::string::npos;
  };
  std::string const index = text.substr(0, slash), count = slash == std::string::npos ? "" : text.substr(slash + 1);
  if (!whole(index) || !whole(count) || std::stoul(index) >= std::stoul(count)) return std::nullopt;
  return shard{std::stoul(index), std::stoul(count)};
}

std::vector<job> plan(catalogue const& programs, std::string const& out, unsigned workers) {
  std::vector<job> jobs, scenarios;
  add_hammers(jobs, programs, workers, {"none"});
  add_models(jobs, programs, out);
  add_properties(jobs, programs, out);
  add_fuzz(jobs, programs, out);
  add_scenarios(scenarios, programs, out);
  // The sanitized hammers take all cores, and as long as they need to exercise what they hammer.
  // Amid the scenarios nobody waits long for their start: those are short. At the end of the queue
  // there would be no time left.
  const auto half = scenarios.begin() + static_cast<std::ptrdiff_t>(scenarios.size() / 2);
  jobs.insert(jobs.end(), std::make_move_iterator(scenarios.begin()), std::make_move_iterator(half));
  add_hammers(jobs, programs, workers, {"thread", "address"});
  jobs.insert(jobs.end(), std::make_move_iterator(half), std::make_move_iterator(scenarios.end()));
  std::map<std::string, double> total;
  for (job const& one : jobs) total[one.technique] += one.weight;
  for (job& one : jobs) one.weight *= shares.at(one.technique) / total[one.technique];
  return jobs;
}

}  // namespace retake::campaign
