#include "worksheet.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "command_line/output.hpp"
#include "noise.hpp"

namespace retake::stress {

namespace {

constexpr char at_least_sign[] = ">=";
constexpr char at_most_sign[] = "<=";
constexpr std::size_t answer_width = 150, turns_most = 5;

// A figure as people write it: no digits that mean nothing.
std::string plain(double value) {
  const double size = value < 0 ? -value : value;
  if (size >= 100 || value == static_cast<double>(static_cast<std::int64_t>(value)))
    return fmt::format("{:.0f}", value);
  return size >= 10    ? fmt::format("{:.1f}", value)
         : size >= 0.1 ? fmt::format("{:.2f}", value)
                       : fmt::format("{:.2g}", value);
}

// Wraps at spaces; further lines are indented by `indent`.
void print_wrapped(std::string const& text, std::size_t indent) {
  std::size_t column = indent;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (column + (end - at) > answer_width) {
      fmt::print("\n{:{}}", "", indent);
      column = indent;
    }
    fmt::print("{} ", text.substr(at, end - at));
    column += end - at + 1;
    at = end + 1;
  }
  fmt::print("\n");
}

}  // namespace

void worksheet::row(std::string key, std::string what, std::string seed, double measured, std::string unit) {
  figures_.push_back({std::move(key), std::move(what), std::move(seed), std::move(unit), measured, false});
}
void worksheet::given(std::string key, std::string what, std::string seed, double value, std::string unit) {
  figures_.push_back({std::move(key), std::move(what), std::move(seed), std::move(unit), value, true});
}
void worksheet::at_least(std::string what, double seen, double bound) {
  checks_.push_back({std::move(what), at_least_sign, seen, bound, seen >= bound});
}
void worksheet::at_most(std::string what, double seen, double bound) {
  checks_.push_back({std::move(what), at_most_sign, seen, bound, seen <= bound});
}
void worksheet::holds(std::string what, bool so) { checks_.push_back({std::move(what), "", so ? 1.0 : 0.0, 1, so}); }
void worksheet::answer(std::string asked, std::string said, std::string explanation) {
  questions_.push_back({std::move(asked), std::move(said), std::move(explanation)});
}
void worksheet::text(std::string line) { texts_.push_back(std::move(line)); }
void worksheet::trace(std::string chrome_json) { trace_ = std::move(chrome_json); }
bool worksheet::is_done() const noexcept {
  return std::all_of(checks_.begin(), checks_.end(), [](check const& one) { return one.so; });
}
void worksheet::lacks(std::string what) { missing_.push_back(std::move(what)); }

double worksheet::check::reached() const noexcept {
  if (so || relation.empty()) return so ? 1 : 0;
  const double above = relation == at_least_sign ? seen : bound, below = relation == at_least_sign ? bound : seen;
  return above > 0 && below > 0 ? std::min(above / below, std::nextafter(1.0, 0.0)) : 0;
}

struct presenter {
  exercise const& what;
  std::vector<worksheet> const& turns;
  worksheet const& sheet = turns.back();
  std::vector<finding> verdicts = judged();

  // Of each check of the last turn: one turn in which all hold is enough. A turn that was cut short
  // has other checks, and says nothing of these.
  [[nodiscard]] std::vector<finding> judged() const {
    std::vector<finding> all;
    for (std::size_t i = 0; i < sheet.checks_.size(); ++i) {
      std::vector<double> reached;
      for (worksheet const& turn : turns) {
        if (turn.checks_.size() == sheet.checks_.size()) reached.push_back(turn.checks_[i].reached());
      }
      all.push_back(sheet.is_done()       ? finding::holds
                    : turns.size() > 1    ? of_turns(reached)
                    : sheet.checks_[i].so ? finding::holds
                                          : finding::refuted);
    }
    return all;
  }
  [[nodiscard]] bool any(finding wanted) const {
    return std::find(verdicts.begin(), verdicts.end(), wanted) != verdicts.end();
  }
  // One that checked nothing has shown nothing.
  [[nodiscard]] bool all_hold() const { return !verdicts.empty() && !any(finding::noisy) && !any(finding::refuted); }
  [[nodiscard]] int code() const {
    return any(finding::refuted) ? 1 : !sheet.missing_.empty() ? 3 : any(finding::noisy) ? 4 : all_hold() ? 0 : 1;
  }

  [[nodiscard]] bool write_trace(std::ofstream& file) const {
    file << sheet.trace_ << std::flush;
    return !sheet.trace_.empty() && file.good();
  }

  void as_json() const {
    nlohmann::ordered_json line{{"kind", "task"},        {"name", what.name},
                                {"task", what.number},   {"broken", sheet.broken_},
                                {"turns", turns.size()}, {"holds", all_hold() && sheet.missing_.empty()}};
    line["figures"] = nlohmann::ordered_json::object();
    for (auto const& one : sheet.figures_)
      line["figures"][one.key] = {{"value", one.measured},
                                  {"unit", one.unit},
                                  {"seed", one.seed},
                                  {"given", one.given}};
    line["checks"] = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < sheet.checks_.size(); ++i) {
      worksheet::check const& one = sheet.checks_[i];
      nlohmann::ordered_json check{{"what", one.what},
                                   {"holds", verdicts[i] == finding::holds},
                                   {"noisy", verdicts[i] == finding::noisy}};
      if (!one.relation.empty()) check.update({{"seen", one.seen}, {"relation", one.relation}, {"bound", one.bound}});
      line["checks"].push_back(check);
    }
    line["answers"] = nlohmann::ordered_json::array();
    for (auto const& one : sheet.questions_)
      line["answers"].push_back({{"question", one.asked}, {"answer", one.said}, {"explanation", one.explanation}});
    line["lacks"] = sheet.missing_;
    fmt::print("{}\n", line.dump());
    for (std::string const& one : sheet.missing_) fmt::print(stderr, "task {}: not shown here: {}\n", what.number, one);
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      if (verdicts[i] == finding::noisy)
        fmt::print(stderr, "task {}: too noisy: {}\n", what.number, sheet.checks_[i].what);
    }
  }

  void as_text() const {
    fmt::print("task {}: {}\n", what.number, what.goal);
    if (sheet.broken_) fmt::print("the broken twin: {}\n", what.twin);
    std::size_t width = 0, seed_width = 4;
    for (auto const& one : sheet.figures_) {
      width = std::max(width, one.what.size());
      seed_width = std::max(seed_width, one.seed.size());
    }
    fmt::print("\n  {:<{}}  {:>{}}  {:>10}\n", "", width, "seed", seed_width, "measured");
    for (auto const& one : sheet.figures_)
      fmt::print("  {:<{}}  {:>{}}  {:>10} {}\n", one.what, width, one.seed, seed_width, plain(one.measured),
                 one.unit + (one.given ? " (set)" : ""));
    fmt::print("\n");
    for (std::string const& one : sheet.texts_) fmt::print("  {}\n", one);
    if (!sheet.texts_.empty()) fmt::print("\n");
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      worksheet::check const& one = sheet.checks_[i];
      const std::string against =
          one.relation.empty() ? "" : fmt::format(": {} {} {}", plain(one.seen), one.relation, plain(one.bound));
      fmt::print("  {}  {}{}\n",
                 verdicts[i] == finding::holds   ? "holds"
                 : verdicts[i] == finding::noisy ? "NOISY"
                                                 : "FAILS",
                 one.what, against);
    }
    fmt::print("\n");
    for (auto const& one : sheet.questions_) {
      fmt::print("  {}\n    ", one.asked);
      print_wrapped(one.said, 4);
      if (one.explanation.empty()) continue;
      fmt::print("    ");
      print_wrapped("Explanation, not of this run: " + one.explanation, 4);
    }
    for (std::string const& one : sheet.missing_) fmt::print("  not shown here: {}\n", one);
    fmt::print("\ntask {} {}\n", what.number,
               any(finding::refuted)     ? "does not hold"
               : !sheet.missing_.empty() ? "is not shown whole on this machine"
               : any(finding::noisy)     ? "cannot be told: too noisy a machine"
               : all_hold()              ? "holds"
                                         : "has checked nothing");
    if (turns.size() > 1) fmt::print("after {} turns, of which the figures are the last one's\n", turns.size());
  }
};

int run_exercise(exercise const& what, int argc, char** argv) {
  bool as_json = false, broken = false, explains = false;
  std::string child, trace_path;
  CLI::App app{what.goal};
  app.add_flag("--json", as_json, "one JSON line on standard output, nothing else there");
  app.add_flag("--broken", broken, fmt::format("the twin that has to fail: {}", what.twin));
  app.add_flag("--explain", explains, "measures nothing: where in the runtime it happens");
  if (what.traces) app.add_option("--trace", trace_path, "writes the trace of the run, for ui.perfetto.dev");
  if (what.child != nullptr) app.add_option("--child", child)->group("");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "task {}: {}\n", what.number, e.what());
    return 2;
  }
  if (!child.empty()) return what.child(child);
  if (explains)
    return command_line::finish(fmt::format("task {}", what.number).c_str(), [&] {
      return show_places(fmt::format("task {}: {}", what.number, what.goal), what.explained);
    });
  std::ofstream trace;
  if (!trace_path.empty()) trace.open(trace_path);
  if (!trace_path.empty() && !trace) {
    fmt::print(stderr, "task {}: --trace \"{}\" cannot be written\n", what.number, trace_path);
    return 2;
  }
  std::vector<worksheet> turns;
  for (bool again = true; again; again = !broken && turns.size() < turns_most && !turns.back().is_done()) {
    turns.emplace_back(broken);
    what.run(turns.back());
  }
  const presenter shows{what, turns};
  if (trace.is_open() && !shows.write_trace(trace)) {
    fmt::print(stderr, "task {}: --trace \"{}\" could not be written to its end\n", what.number, trace_path);
    return 3;
  }
  return command_line::finish(fmt::format("task {}", what.number).c_str(), [&] {
    if (as_json)
      shows.as_json();
    else
      shows.as_text();
    return shows.code();
  });
}

}  // namespace retake::stress
