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
#include <cerrno>
#include <clocale>
#include <cmath>
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

enum code : int { as_documented = 0, otherwise = 1, bad_usage = 2, lacking_code = 3, at_fault = 4 };

constexpr std::size_t columns_elsewhere = 96;
constexpr int removal_tries = 250;
constexpr std::int64_t removal_pause_ns = 20'000'000;

struct settings {
  std::string variant = both_variants;
  std::uint64_t seed = 1;
  std::uint32_t hold_seconds = 0;
  std::string judged;  // a file of figures
  bool as_json = false, swapped = false, table = false, explains = false, looks = false;
};

// ---- what is printed ---------------------------------------------------------------------------

std::string number(double value) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return "inf";
  if (value == std::floor(value) || std::abs(value) >= 1000) return fmt::format("{:.0f}", value);
  if (std::abs(value) < 0.1) return fmt::format("{:.2g}", value);
  return std::abs(value) >= 100 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

// A row of stress/README.md's table.
std::string row_of(bug const& what, measure const& m) {
  const std::string own = m.baseline == nullptr
                              ? fmt::format("`{}` >= {}", m.figure, number(m.from))
                              : fmt::format("`{}` / `{}` >= {}", m.figure, m.baseline, number(m.from));
  const std::string twins = m.twins == 0 ? "-" : fmt::format(">= {}", number(m.twins));
  return fmt::format("| {} | {} | {} | {} against {} | {} | {} | {} |", what.number, m.name, own, m.buggy, m.fixed,
                     twins, what.pattern, what.scenario);
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

void print_figures(bug const& what, std::vector<record> const& runs) {
  std::vector<record::figure> rows;
  for (record const& run : runs) {
    for (record::figure const& one : run.figures) {
      if (std::none_of(rows.begin(), rows.end(), [&](record::figure const& row) { return row.name == one.name; }))
        rows.push_back(one);
    }
  }
  std::string head = fmt::format("  {:<38} {:>18}", "figure", "seed");
  for (record const& run : runs) head += fmt::format(" {:>11}", run.variant);
  fmt::print("{}\n", head);
  for (record::figure const& row : rows) {
    const auto seed = std::find_if(what.seed.begin(), what.seed.end(),
                                   [&](seed_figure const& one) { return row.name == one.figure; });
    const std::string name =
        (row.name == row.unit ? row.name : fmt::format("{} ({})", row.name, row.unit)) + (row.given ? ", set" : "");
    std::string line = fmt::format("  {:<38} {:>18}", name, seed == what.seed.end() ? "" : seed->says);
    for (record const& run : runs) {
      record::figure const* const here = run.find(row.name);
      line += fmt::format(" {:>11}", here == nullptr ? "-" : number(here->value));
    }
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
    char const* const said = one.verdict == finding::holds ? "ok " : one.verdict == finding::noisy ? "NOISY" : "NO ";
    std::string line = fmt::format("  {} {}: symptom from {}", said, m.name, number(m.from));
    if (!std::isnan(one.buggy)) line += fmt::format("; {} {}", m.buggy, number(one.buggy));
    if (!std::isnan(one.fixed)) line += fmt::format("; {} {}", m.fixed, number(one.fixed));
    if (m.twins != 0 && !std::isnan(one.twins))
      line += fmt::format("; against each other {}, at least {}", number(one.twins), number(m.twins));
    fmt::print("{}\n", line);
  }
}

finding worst_of(std::vector<outcome> const& all) {
  finding worst = finding::holds;
  for (outcome const& one : all) worst = std::max(worst, one.verdict);
  return worst;
}

std::string verdict_of(settings const& chosen, std::vector<outcome> const& all) {
  const bool of_both = chosen.variant == both_variants;
  if (all.empty()) return fmt::format("{}: nothing is measured of it", chosen.variant);
  switch (worst_of(all)) {
    case finding::holds:
      return of_both ? "reproduced: the symptom shows in the buggy variant and not in the fixed one"
                     : chosen.variant + ": behaves as documented";
    case finding::noisy: return "too noisy: the turns differ by more than the measures allow";
    case finding::refuted: break;
  }
  return of_both ? "not reproduced as documented" : chosen.variant + ": does not behave as documented";
}

void print_text(bug const& what, settings const& chosen, std::vector<record> const& runs,
                std::vector<outcome> const& all) {
  const std::vector<record> middle = middle_turns(runs);
  fmt::print("bug {}: {}\n", what.number, what.title);
  for (record const& run : middle) {
    const auto at = std::find_if(what.variants.begin(), what.variants.end(),
                                 [&](variant const& one) { return run.variant == one.name; });
    fmt::print("  {:<12} {}\n", run.variant, at->what);
  }
  if (!runs.empty() && runs.back().turn > 1)
    fmt::print("  {} turns: of each figure the middle one\n", runs.back().turn);
  fmt::print("\n");
  if (chosen.judged.empty()) print_pictures(what, middle);
  print_figures(what, middle);
  print_outcomes(all);
  fmt::print("\n  to look at it\n");
  for (look const& one : what.looks) fmt::print("    {}\n      {}\n", one.command, one.shows);
  fmt::print("\n{}\n", verdict_of(chosen, all));
}

json named(bug const& what, char const* variant_name, bool shown) {
  return {{"kind", "bug"}, {"name", what.name}, {"bug", what.number}, {"variant", variant_name}, {"reproduced", shown}};
}

json line_of(bug const& what, settings const& chosen, record const& run) {
  json symptom = json::object(), baseline = json::object(), notes = json::array();
  for (record::figure const& one : run.figures) {
    const bool is_baseline = std::any_of(what.measures.begin(), what.measures.end(), [&](measure const& m) {
      return m.baseline != nullptr && one.name == m.baseline;
    });
    json& entry = (is_baseline ? baseline : symptom)[one.name] = {{"value", one.value}, {"unit", one.unit}};
    if (one.given) entry["given"] = true;
  }
  for (auto const& [name, text] : run.notes) notes.push_back({{"name", name}, {"text", text}});
  json line = named(what, run.variant.c_str(), reproduced(what, run));
  line.update({{"symptom", symptom},
               {"baseline", baseline},
               {"notes", notes},
               {"seconds", run.seconds},
               {"seed", chosen.seed},
               {"turn", run.turn}});
  if (!run.lacking.empty()) line["lacking"] = run.lacking;
  if (!run.disturbed.empty()) line["disturbed"] = run.disturbed;
  return line;
}

void print_json(bug const& what, settings const& chosen, std::vector<record> const& runs,
                std::vector<outcome> const& all) {
  for (record const& run : runs) fmt::print("{}\n", line_of(what, chosen, run).dump());
  if (chosen.variant != both_variants) return;
  json ratios = json::object(), least = json::object();
  for (outcome const& one : all) {
    ratios[one.of->name] = {{"buggy", one.buggy},
                            {"fixed", one.fixed},
                            {"twins", one.twins},
                            {"holds", one.verdict == finding::holds},
                            {"noisy", one.verdict == finding::noisy},
                            {"unit", "ratio"}};
    least[one.of->name] = {{"from", one.of->from}, {"twins", one.of->twins}, {"unit", "ratio"}};
  }
  json line = named(what, both_variants, !all.empty() && worst_of(all) == finding::holds);
  line.update({{"symptom", ratios}, {"baseline", least}, {"pattern", what.pattern}, {"seed", chosen.seed}});
  fmt::print("{}\n", line.dump());
}

// ---- running -----------------------------------------------------------------------------------

// Removes the directories that it is told of when everybody who could tell it is gone. Survives a
// Ctrl-C and kill -9 of the others.
class janitor {
 public:
  // `waits`: its end waits until they are removed, which they cannot be while we are in them
  // ourselves.
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
        if (errno == ENOTEMPTY)
          std::filesystem::remove_all(directory, why);  // a cgroup with somebody in it is EBUSY
        else
          nap_ns(removal_pause_ns);
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
  const auto at = std::find_if(what.variants.begin(), what.variants.end(),
                               [&](variant const& one) { return chosen.variant == one.name; });
  if (chosen.as_json) {
    fmt::print("{}\n", json{{"kind", "bug"},
                            {"name", what.name},
                            {"bug", what.number},
                            {"variant", chosen.variant},
                            {"pid", ::getpid()},
                            {"hold_seconds", chosen.hold_seconds}}
                           .dump());
  } else {
    fmt::print("bug {}, {}: process {} holds its state for {} s\n", what.number, chosen.variant, ::getpid(),
               chosen.hold_seconds);
  }
  std::fflush(stdout);
  stage here(chosen.seed, now_ns() + std::int64_t{chosen.hold_seconds} * 1'000'000'000,
             {.tell = -1, .janitor = janitor_wire});
  behind(what, chosen, *at).play(here);
  return as_documented;
}

// The variants in turn, until the turns say something.
std::vector<record> play_all(bug const& what, settings const& chosen, int janitor_wire) {
  std::vector<record> runs;
  for (std::uint32_t turn = 1; turn <= turns_max; ++turn) {
    for (variant const& one : what.variants) {
      if (chosen.variant != both_variants && chosen.variant != one.name) continue;
      runs.push_back(play_variant(what, behind(what, chosen, one), one.name, chosen.seed + turn - 1, janitor_wire));
      runs.back().turn = turn;
    }
    const std::vector<outcome> all = judge(what, chosen.variant, runs);
    const bool cut = std::any_of(runs.begin(), runs.end(),
                                 [](record const& run) { return !run.lacking.empty() || !run.trouble.empty(); });
    if (cut || worst_of(all) == finding::holds || (turn >= turns_to_refute && worst_of(all) == finding::refuted)) break;
  }
  return runs;
}

// What was played before, under the names that are asked for.
std::vector<record> recorded(bug const& what, settings const& chosen) {
  std::vector<record> runs;
  for (record& run : read_records(what, chosen.judged)) {
    const auto shown = std::find_if(what.variants.begin(), what.variants.end(),
                                    [&](variant const& one) { return run.variant == behind(what, chosen, one).name; });
    if (shown == what.variants.end() || (chosen.variant != both_variants && chosen.variant != shown->name)) continue;
    run.variant = shown->name;
    runs.push_back(std::move(run));
  }
  return runs;
}

int tell(bug const& what, settings const& chosen, std::vector<record> const& runs) {
  std::vector<outcome> all = judge(what, chosen.variant, runs);
  if (chosen.as_json)
    print_json(what, chosen, runs, all);
  else
    print_text(what, chosen, runs, all);
  std::fflush(stdout);
  bool died = false;
  std::vector<std::string> lacking;
  for (record const& run : runs) {
    if (!run.lacking.empty()) {
      fmt::print(stderr, "bug {}, {}: not shown: {}\n", what.number, run.variant, run.lacking);
      lacking.push_back(run.variant);
    }
    if (!run.trouble.empty()) fmt::print(stderr, "bug {}, {}: {}\n", what.number, run.variant, run.trouble);
    if (!run.disturbed.empty())
      fmt::print(stderr, "bug {}, {}, turn {}: disturbed: {}\n", what.number, run.variant, run.turn, run.disturbed);
    died = died || !run.trouble.empty();
  }
  const bool measures_nothing = all.empty();
  const auto lacked = [&](char const* name) {
    return std::find(lacking.begin(), lacking.end(), name) != lacking.end();
  };
  std::erase_if(all, [&](outcome const& one) {
    return one.verdict != finding::holds && (lacked(one.of->buggy) || lacked(one.of->fixed));
  });
  const finding worst = worst_of(all);
  if (measures_nothing || worst == finding::noisy)
    fmt::print(stderr, "bug {}: {}\n", what.number, verdict_of(chosen, all));
  if (died || measures_nothing) return at_fault;
  return worst == finding::refuted ? otherwise
         : worst == finding::noisy ? at_fault
         : !lacking.empty()        ? lacking_code
                                   : as_documented;
}

int parse(bug const& what, int argc, char** argv, settings& chosen) {
  CLI::App app{what.title};
  std::vector<std::string> names{both_variants};
  for (variant const& one : what.variants) names.emplace_back(one.name);
  app.add_option("--variant", chosen.variant, "which")->check(CLI::IsMember(names))->capture_default_str();
  app.add_option("--seed", chosen.seed, "what contents and orders derive from")
      ->check(command_line::accepted("--seed"))
      ->capture_default_str();
  app.add_option("--hold", chosen.hold_seconds,
                 "plays one variant in this process, in its symptomatic state, for so many seconds")
      ->check(command_line::accepted("--hold"));
  app.add_flag("--json", chosen.as_json, "JSON lines");
  app.add_flag("--swap", chosen.swapped, "plays the fixed variant under the buggy one's name, and the other way round")
      ->group("");
  app.add_option("--judge", chosen.judged,
                 "plays nothing: the verdict on the figures of a file that --json has printed");
  app.add_flag("--explain", chosen.explains, "plays nothing: where in the runtime it happens");
  app.add_flag("--table", chosen.table, "this bug's rows of stress/README.md")->group("");
  app.add_flag("--looks", chosen.looks, "the commands to look at it, a JSON line each")->group("");
  try {
    app.parse(argc, argv);
    if (chosen.hold_seconds != 0 && chosen.variant == both_variants)
      throw CLI::ValidationError("--hold", "needs --variant buggy or --variant fixed");
    if (chosen.hold_seconds != 0 && !chosen.judged.empty())
      throw CLI::ValidationError("--judge", "plays nothing that --hold could hold");
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
    for (variant const& one : what.variants) {
      if (!judge(what, one.name, {}).empty()) continue;
      fmt::print(stderr, "bug {}: variant {} has no measure\n", what.number, one.name);
      return otherwise;
    }
    return as_documented;
  }
  if (chosen.explains) return show_places(fmt::format("bug {}: {}", what.number, what.title), what.explained);
  if (chosen.looks) {
    for (look const& one : what.looks)
      fmt::print("{}\n", json{{"command", one.command}, {"shows", one.shows}, {"seen", one.seen}}.dump());
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
  return chosen.hold_seconds != 0 ? hold(what, chosen, cleans.wire())
                                  : tell(what, chosen, play_all(what, chosen, cleans.wire()));
}

}  // namespace

int run_bug(bug const& what, int argc, char** argv) {
  return command_line::finish(fmt::format("bug {}", what.number).c_str(), [&] { return play(what, argc, argv); });
}

}  // namespace retake::stress
