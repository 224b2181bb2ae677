// bench_harness.cpp: how many executions a second the harness tries
//
// Method.    The harness's own programs say it: the Relacy model of the hand-off, the same race in
//            the simulator, and a whole runtime in it. Those that are not built are named and left
//            out.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "measure.hpp"

namespace retake::bench {

namespace {

// The whole runtime: 2 Ps, 3 Ms, 6 Gs.
constexpr char const* whole_runtime_scenario = "two_processors_six_goroutines";

struct subject {
  char const* metric;
  char const* program;
  std::vector<std::string> words;
  double target;  // executions a second
};

std::vector<subject> subjects(double seconds) {
  const std::string limit = fmt::format("{:.1f}", seconds);
  return {
      {"relacy_hand_off",
       "processor_status_model",
       {"--search", "random", "--executions", "100000000", "--seconds", limit, "--json"},
       1e6},
      {"sim_hand_off",
       "retake-sim",
       {"sim", "core_handoff", "--executions", "100000000", "--seconds", limit, "--json"},
       1e6},
      {"sim_whole_runtime",
       "retake-sim",
       {"sim", whole_runtime_scenario, "--executions", "100000000", "--seconds", limit, "--json"},
       1e4},
  };
}

struct rates {
  std::vector<double> wall, cpu;  // executions a second; a second of one processor
};

// The best line of a run: a model may say one for each of its searches.
void take_rates(std::string const& said, rates& into) {
  double wall = -1, cpu = -1;
  std::istringstream in(said);
  for (std::string line; std::getline(in, line);) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object()) continue;
    wall = std::max(wall, object.value("executions_per_second", -1.0));
    cpu = std::max(cpu, object.value("executions_per_cpu_second", -1.0));
  }
  if (wall >= 0) into.wall.push_back(wall);
  if (cpu >= 0) into.cpu.push_back(cpu);
}

}  // namespace

int bench_harness(settings const& chosen) {
  if (chosen.only == "runtime") return 0;
  int count = 0;
  constexpr std::uint32_t runs = 3;
  for (subject const& one : subjects(std::max(0.5, chosen.seconds / 30))) {
    if (!chosen.only.empty() && chosen.only != "harness" &&
        std::string(one.metric).find(chosen.only) == std::string::npos)
      continue;
    ++count;
    const std::string path = program(one.program);
    if (path.empty()) {
      say_text(chosen,
               fmt::format("{}: {} is not built (./retake test or ./retake hunt builds it)", one.metric, one.program));
      continue;
    }
    std::vector<std::string> words{path};
    words.insert(words.end(), one.words.begin(), one.words.end());
    rates found;
    for (std::uint32_t i = 0; i < runs; ++i) {
      int code = 0;
      take_rates(output_of(words, code), found);
    }
    if (found.wall.empty()) {
      say_text(chosen, fmt::format("{}: {} gives no rate", one.metric, fmt::join(words, " ")));
      continue;
    }
    say(chosen, "harness", one.metric, "executions/s", summarize(found.wall), "retake");
    // On a shared machine the wall clock counts the neighbours too.
    if (!found.cpu.empty())
      say(chosen, "harness", std::string(one.metric) + "_cpu", "/CPU second", summarize(found.cpu), "retake");
    const double best = summarize(found.cpu.empty() ? found.wall : found.cpu).median;
    if (!chosen.as_json)
      fmt::print("{:<24} {:<8} {:>14.0f} {:<14} {}\n", one.metric, "target", one.target, "executions/s",
                 best >= one.target ? "met" : "missed");
  }
  return count;
}

}  // namespace retake::bench
