// twins.cpp: the command line of a bug program, the measures, and what is printed
#include "twins.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <clocale>
#include <cmath>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "command_line/flag_values.hpp"
#include "command_line/output.hpp"
#include "hammer.hpp"

namespace retake::stress {

namespace {

using nlohmann::json;

enum code : int { as_documented = 0, otherwise = 1, bad_usage = 2, lacking = 3, at_fault = 4 };

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t columns_elsewhere = 96;
constexpr int removal_tries = 250;
constexpr std::int64_t removal_pause_ns = 20'000'000;

struct settings {
  std::string variant = "both";
  std::uint64_t seed = 1;
  std::uint32_t hold_seconds = 0;
  std::string judged;  // a file of figures
  bool as_json = false, swapped = false, table = false;
};

// ---- the measures --------------------------------------------------------------------------------------------------------------

record const* find(std::vector<record> const& runs, std::string_view name) {
  const auto at = std::find_if(runs.begin(), runs.end(), [&](record const& one) { return one.variant == name; });
  return at == runs.end() ? nullptr : &*at;
}

double value_of(record const* run, char const* figure) {
  record::figure const* const found = run == nullptr ? nullptr : run->find(figure);
  return found == nullptr ? nothing : found->value;
}

double ratio_of(double above, double below) { return above == 0 && below == 0 ? 0 : above / below; }

// The figure over its baseline, in one run.
double alone(measure const& m, record const* run) {
  const double value = value_of(run, m.figure);
  return m.baseline == nullptr ? value : ratio_of(value, value_of(run, m.baseline));
}

// What is missing neither shows nor is absent: both comparisons with nothing are false.
bool shows(measure const& m, record const* run) { return alone(m, run) >= m.from; }
bool absent(measure const& m, record const* run) { return alone(m, run) < m.from; }

struct outcome {
  measure const* of;
  double buggy = nothing, fixed = nothing, twins = nothing;
  bool holds = false;
};

// Of the measures that these runs can answer.
std::vector<outcome> judge(bug const& what, settings const& chosen, std::vector<record> const& runs) {
  std::vector<outcome> all;
  for (measure const& m : what.measures) {
    record const *const buggy = find(runs, m.buggy), *const fixed = find(runs, m.fixed);
    outcome one{.of = &m, .buggy = alone(m, buggy), .fixed = alone(m, fixed)};
    if (chosen.variant == "both") {
      one.twins = ratio_of(value_of(buggy, m.figure), value_of(fixed, m.figure));
      one.holds = shows(m, buggy) && absent(m, fixed) && (m.twins == 0 || one.twins >= m.twins);
    } else if (m.buggy == chosen.variant) {
      one.holds = shows(m, buggy);
    } else if (m.fixed == chosen.variant) {
      one.holds = absent(m, fixed);
    } else {
      continue;
    }
    all.push_back(one);
  }
  return all;
}

// Whether the symptom shows in this run: in everything it is measured by.
bool reproduced(bug const& what, record const& run) {
  const auto concerns = [&](measure const& m) { return run.variant == m.buggy || run.variant == m.fixed; };
  return std::none_of(what.measures.begin(), what.measures.end(), [&](measure const& m) { return concerns(m) && !shows(m, &run); });
}

// ---- what is printed -----------------------------------------------------------------------------------------------------------

std::string number(double value) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return "inf";
  if (value == std::floor(value) || std::abs(value) >= 1000) return fmt::format("{:.0f}", value);
  return std::abs(value) >= 100 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

// A row of stress/README.md's table.
std::string row_of(bug const& what, measure const& m) {
  const std::string own = m.baseline == nullptr ? fmt::format("`{}` >= {}", m.figure, number(m.from)) : fmt::format("`{}` / `{}` >= {}", m.figure, m.baseline, number(m.from));
  const std::string twins = m.twins == 0 ? "-" : fmt::format(">= {}", number(m.twins));
  return fmt::format("| {} | {} | {} | {} against {} | {} | {} | {} |", what.number, m.name, own, m.buggy, m.fixed, twins, what.pattern, what.scenario);
}

void print_pictures(bug const& what, std::vector<record> const& runs) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  std::setlocale(LC_CTYPE, "");
  const bool blocks = terminal && std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
  winsize size{};
  std::size_t columns = columns_elsewhere;
  if (terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) columns = size.ws_col - 1u;
  for (char const* const name : what.pictures) fmt::print("{}\n", picture(runs, name, columns, terminal, blocks));
}

void print_figures(std::vector<record> const& runs) {
  std::vector<std::pair<std::string, std::string>> rows;  // name, unit
  for (record const& run : runs) {
    for (record::figure const& one : run.figures) {
      if (std::none_of(rows.begin(), rows.end(), [&](auto const& row) { return row.first == one.name; })) rows.emplace_back(one.name, one.unit);
    }
  }
  std::string head = fmt::format("  {:<34}", "figure");
  for (record const& run : runs) head += fmt::format(" {:>11}", run.variant);
  fmt::print("{}\n", head);
  for (auto const& [name, unit] : rows) {
    std::string line = fmt::format("  {:<34}", name == unit ? name : fmt::format("{} ({})", name, unit));
    for (record const& run : runs) line += fmt::format(" {:>11}", number(value_of(&run, name.c_str())));
    fmt::print("{}\n", line);
  }
  for (record const& run : runs) {
    for (auto const& [name, text] : run.notes) fmt::print("  {}, {}: {}\n", run.variant, name, text);
  }
}

void print_outcomes(std::vector<outcome> const& all) {
  fmt::print("\n  measured\n");
  for (outcome const& one : all) {
    measure const& m = *one.of;
    std::string line = fmt::format("  {} {}: symptom from {}", one.holds ? "ok " : "NO ", m.name, number(m.from));
    if (!std::isnan(one.buggy)) line += fmt::format("; {} {}", m.buggy, number(one.buggy));
    if (!std::isnan(one.fixed)) line += fmt::format("; {} {}", m.fixed, number(one.fixed));
    if (m.twins != 0 && !std::isnan(one.twins)) line += fmt::format("; against each other {}, at least {}", number(one.twins), number(m.twins));
    fmt::print("{}\n", line);
  }
}

void print_text(bug const& what, settings const& chosen, std::vector<record> const& runs, std::vector<outcome> const& all) {
  fmt::print("bug {}: {}\n", what.number, what.title);
  for (record const& run : runs) {
    const auto at = std::find_if(what.variants.begin(), what.variants.end(), [&](variant const& one) { return run.variant == one.name; });
    fmt::print("  {:<12} {}\n", run.variant, at->what);
  }
  fmt::print("\n");
  if (chosen.judged.empty()) print_pictures(what, runs);
  print_figures(runs);
  print_outcomes(all);
  fmt::print("\n  to look at it\n");
  for (look const& one : what.looks) fmt::print("    {}\n      {}\n", one.command, one.shows);
  const bool holds = std::all_of(all.begin(), all.end(), [](outcome const& one) { return one.holds; });
  if (chosen.variant == "both") {
    fmt::print("\n{}\n", holds ? "reproduced: the symptom shows in the buggy variant and not in the fixed one" : "not reproduced as documented");
  } else {
    fmt::print("\n{}: {}\n", chosen.variant, holds ? "behaves as documented" : "does not behave as documented");
  }
}

json named(bug const& what, char const* variant_name, bool shown) {
  return {{"kind", "bug"}, {"name", what.name}, {"bug", what.number}, {"variant", variant_name}, {"reproduced", shown}};
}

json line_of(bug const& what, settings const& chosen, record const& run) {
  json symptom = json::object(), baseline = json::object(), notes = json::array();
  for (record::figure const& one : run.figures) {
    const bool is_baseline = std::any_of(what.measures.begin(), what.measures.end(), [&](measure const& m) { return m.baseline != nullptr && one.name == m.baseline; });
    (is_baseline ? baseline : symptom)[one.name] = {{"value", one.value}, {"unit", one.unit}};
  }
  for (auto const& [name, text] : run.notes) notes.push_back({{"name", name}, {"text", text}});
  json line = named(what, run.variant.c_str(), reproduced(what, run));
  line.update({{"symptom", symptom}, {"baseline", baseline}, {"notes", notes}, {"seconds", run.seconds}, {"seed", chosen.seed}});
  if (!run.lacking.empty()) line["lacking"] = run.lacking;
  return line;
}

void print_json(bug const& what, settings const& chosen, std::vector<record> const& runs, std::vector<outcome> const& all) {
  for (record const& run : runs) fmt::print("{}\n", line_of(what, chosen, run).dump());
  if (chosen.variant != "both") return;
  json ratios = json::object(), least = json::object();
  for (outcome const& one : all) {
    ratios[one.of->name] = {{"buggy", one.buggy}, {"fixed", one.fixed}, {"twins", one.twins}, {"holds", one.holds}, {"unit", "ratio"}};
    least[one.of->name] = {{"from", one.of->from}, {"twins", one.of->twins}, {"unit", "ratio"}};
  }
  json line = named(what, "both", std::all_of(all.begin(), all.end(), [](outcome const& one) { return one.holds; }));
  line.update({{"symptom", ratios}, {"baseline", least}, {"pattern", what.pattern}, {"seed", chosen.seed}});
  fmt::print("{}\n", line.dump());
}

// ---- running -------------------------------------------------------------------------------------------------------------------

// Removes the directories that it is told of when everybody who could tell it is gone. Survives a Ctrl-C and kill -9 of the others.
class janitor {
 public:
  // `waits`: its end waits until they are removed, which they cannot be while we are in them ourselves.
  janitor(bool wanted, bool waits) : waits_(waits) {
    int ends[2];
    if (!wanted || ::pipe2(ends, O_CLOEXEC) != 0) return;
    child_ = ::fork();
    if (child_ == 0) {
      ::setsid();
      ::close(ends[1]);
      clean(ends[0]);
      std::_Exit(0);
    }
    ::close(ends[0]);
    wire_ = ends[1];
  }
  ~janitor() {
    if (wire_ >= 0) ::close(wire_);
    if (child_ > 0 && waits_) ::waitpid(child_, nullptr, 0);
  }
  janitor(janitor const&) = delete;
  janitor& operator=(janitor const&) = delete;
  [[nodiscard]] int wire() const noexcept { return wire_; }

 private:
  static void clean(int wire) {
    std::string told;
    char buffer[4096];
    for (ssize_t n; (n = ::read(wire, buffer, sizeof buffer)) > 0;) told.append(buffer, static_cast<std::size_t>(n));
    for (std::size_t from = 0, end; (end = told.find('\n', from)) != std::string::npos; from = end + 1) {
      const std::string directory = told.substr(from, end - from);
      for (int tries = 0; ::rmdir(directory.c_str()) != 0 && errno != ENOENT && tries < removal_tries; ++tries) {
        std::error_code why;
        if (errno == ENOTEMPTY) std::filesystem::remove_all(directory, why);  // a cgroup with somebody in it is EBUSY
        else nap_ns(removal_pause_ns);
      }
    }
  }
  bool const waits_;
  int wire_ = -1;
  pid_t child_ = -1;
};

// What plays under this name.
variant const& behind(bug const& what, settings const& chosen, variant const& shown) {
  if (!chosen.swapped || (&shown != &what.variants[0] && &shown != &what.variants[1])) return shown;
  return &shown == &what.variants[0] ? what.variants[1] : what.variants[0];
}

int hold(bug const& what, settings const& chosen, int janitor_wire) {
  const auto at = std::find_if(what.variants.begin(), what.variants.end(), [&](variant const& one) { return chosen.variant == one.name; });
  if (chosen.as_json) {
    fmt::print("{}\n", json{{"kind", "bug"}, {"name", what.name}, {"bug", what.number}, {"variant", chosen.variant}, {"pid", ::getpid()}, {"hold_seconds", chosen.hold_seconds}}.dump());
  } else {
    fmt::print("bug {}, {}: process {} holds its state for {} s\n", what.number, chosen.variant, ::getpid(), chosen.hold_seconds);
  }
  std::fflush(stdout);
  stage here(chosen.seed, now_ns() + std::int64_t{chosen.hold_seconds} * 1'000'000'000, {.tell = -1, .janitor = janitor_wire});
  behind(what, chosen, *at).play(here);
  return as_documented;
}

std::vector<record> play_all(bug const& what, settings const& chosen, int janitor_wire) {
  std::vector<record> runs;
  for (variant const& one : what.variants) {
    if (chosen.variant != "both" && chosen.variant != one.name) continue;
    runs.push_back(play_variant(what, behind(what, chosen, one), one.name, chosen.seed, janitor_wire));
  }
  return runs;
}

// What was played before, under the names that are asked for.
std::vector<record> recorded(bug const& what, settings const& chosen) {
  const std::vector<record> played = read_records(what, chosen.judged);
  std::vector<record> runs;
  for (variant const& one : what.variants) {
    record const* const run = find(played, behind(what, chosen, one).name);
    if (run == nullptr || (chosen.variant != "both" && chosen.variant != one.name)) continue;
    runs.push_back(*run);
    runs.back().variant = one.name;
  }
  return runs;
}

int tell(bug const& what, settings const& chosen, std::vector<record> const& runs) {
  const std::vector<outcome> all = judge(what, chosen, runs);
  if (chosen.as_json) print_json(what, chosen, runs, all);
  else print_text(what, chosen, runs, all);
  std::fflush(stdout);
  bool died = false, lacks = false;
  for (record const& run : runs) {
    if (!run.lacking.empty()) fmt::print(stderr, "bug {}, {}: not shown: {}\n", what.number, run.variant, run.lacking);
    if (!run.trouble.empty()) fmt::print(stderr, "bug {}, {}: {}\n", what.number, run.variant, run.trouble);
    lacks = lacks || !run.lacking.empty();
    died = died || !run.trouble.empty();
  }
  const auto lacked = [&](char const* name) {
    record const* const run = find(runs, name);
    return run != nullptr && !run->lacking.empty();
  };
  const bool holds = std::all_of(all.begin(), all.end(), [&](outcome const& one) { return one.holds || lacked(one.of->buggy) || lacked(one.of->fixed); });
  return died ? at_fault : !holds ? otherwise : lacks ? lacking : as_documented;
}

int parse(bug const& what, int argc, char** argv, settings& chosen) {
  CLI::App app{what.title};
  std::vector<std::string> names{"both"};
  for (variant const& one : what.variants) names.emplace_back(one.name);
  app.add_option("--variant", chosen.variant, "which")->check(CLI::IsMember(names))->capture_default_str();
  app.add_option("--seed", chosen.seed, "what contents and orders derive from")->check(command_line::accepted("--seed"))->capture_default_str();
  app.add_option("--hold", chosen.hold_seconds, "plays one variant in this process, in its symptomatic state, for so many seconds")->check(command_line::accepted("--hold"));
  app.add_flag("--json", chosen.as_json, "JSON lines");
  app.add_flag("--swap", chosen.swapped, "plays the fixed variant under the buggy one's name, and the other way round")->group("");
  app.add_option("--judge", chosen.judged, "plays nothing: the verdict on the figures of a file that --json has printed");
  app.add_flag("--table", chosen.table, "this bug's rows of stress/README.md")->group("");
  try {
    app.parse(argc, argv);
    if (chosen.hold_seconds != 0 && chosen.variant == "both") throw CLI::ValidationError("--hold", "needs --variant buggy or --variant fixed");
    if (chosen.hold_seconds != 0 && !chosen.judged.empty()) throw CLI::ValidationError("--judge", "plays nothing that --hold could hold");
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() == 0) {
      app.exit(e);
      return -1;
    }
    fmt::print(stderr, "bug {}: {}\n", what.number, e.what());
    return bad_usage;
  }
  return as_documented;
}

}  // namespace

namespace {

int play(bug const& what, int argc, char** argv) {
  settings chosen;
  if (const int bad = parse(what, argc, argv, chosen); bad != as_documented) return bad < 0 ? as_documented : bad;
  if (chosen.table) {
    for (measure const& m : what.measures) fmt::print("{}\n", row_of(what, m));
    return as_documented;
  }
  if (!chosen.judged.empty()) {
    try {
      return tell(what, chosen, recorded(what, chosen));
    } catch (std::invalid_argument const& e) {
      fmt::print(stderr, "bug {}: --judge: {}\n", what.number, e.what());
      return bad_usage;
    }
  }
  const janitor cleans(what.leaves_directories, chosen.hold_seconds == 0);
  return chosen.hold_seconds != 0 ? hold(what, chosen, cleans.wire()) : tell(what, chosen, play_all(what, chosen, cleans.wire()));
}

}  // namespace

int run_bug(bug const& what, int argc, char** argv) {
  return command_line::finish(fmt::format("bug {}", what.number).c_str(), [&] { return play(what, argc, argv); });
}

}  // namespace retake::stress
