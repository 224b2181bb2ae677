#include "report.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "children.hpp"
#include "progress.hpp"
#include "record.hpp"
#include "report_page.hpp"

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t timelines_max = 20;       // replays that are run for the page
constexpr std::size_t timeline_bytes_max = 60'000;

struct lines_read {
  std::vector<json> runs;      // sim, model, fuzz, props, stress
  std::vector<json> hunts;     // the closing lines
  std::vector<json> mutants;
};

lines_read read(std::vector<std::string> const& folders) {
  lines_read all;
  for (std::string const& folder : folders) {
    std::vector<fs::path> files;
    for (auto const& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (fs::path const& file : files) {
      std::ifstream in(file);
      for (std::string line; std::getline(in, line);) {
        json object = json::parse(line, nullptr, false);  // a line that a kill cut short is skipped
        if (!object.is_object()) continue;
        std::string const kind = object.value("kind", "");
        if (kind == "hunt") all.hunts.push_back(object);
        else if (kind == "mutant") all.mutants.push_back(object);
        else if (kind == "sim" || kind == "model" || kind == "fuzz" || kind == "props" || kind == "stress") all.runs.push_back(object);
      }
    }
  }
  return all;
}

std::uint64_t executions_of(json const& line) { return line.value("executions", line.value("rounds", std::uint64_t{0})); }

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  utsname name{};
  ::uname(&name);
  return name.machine;
}

// The mutant under which it was found: a replay has it on record, and is run with it only on request.
std::string mutant_of(std::string const& replay) {
  std::ifstream in(replay);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("mutate ")) return line.substr(7) == "-" ? "" : line.substr(7);
    if (line.starts_with("thread ")) break;
  }
  return "";
}

std::string replay_command(std::string const& replay) {
  std::string const mutant = mutant_of(replay);
  return "./retake replay " + replay + (mutant.empty() ? "" : " --mutate " + mutant);
}

std::string timeline_of(catalogue const& programs, std::string const& replay) {
  if (programs.simulator().empty() || !fs::exists(replay)) return {};
  std::vector<std::string> words{programs.simulator(), "replay", replay};
  if (std::string const mutant = mutant_of(replay); !mutant.empty()) words.insert(words.end(), {"--mutate", mutant});
  finished const shown = run(command_of(words, 60));
  std::string text;
  for (std::string const& line : shown.lines) text += line + "\n";
  if (text.size() > timeline_bytes_max) text = text.substr(0, timeline_bytes_max) + "\n[cut here; the command above shows all of it]\n";
  return text;
}

void add_findings(report_page& page, catalogue const& programs, std::vector<json> const& runs) {
  std::map<std::string, std::vector<json const*>> by_tag;
  for (json const& line : runs) {
    if (line.contains("finding") && line["finding"].is_object()) by_tag[line["finding"].value("tag", "?")].push_back(&line);
  }
  if (by_tag.empty()) return;
  page.section("Findings", "One per tag: the shortest replay of each. The command replays it, step by step, on this source.");
  std::size_t timelines = 0;
  for (auto& [tag, lines] : by_tag) {
    std::sort(lines.begin(), lines.end(), [](json const* a, json const* b) { return (*a)["finding"].value("steps", 1u << 30) < (*b)["finding"].value("steps", 1u << 30); });
    json const& f = (*lines[0])["finding"];
    std::string const replay = f.contains("replay") && f["replay"].is_string() ? f["replay"].get<std::string>() : "";
    std::set<std::string> by;
    for (json const* line : lines) by.insert(line->value("kind", "") + " " + line->value("name", ""));
    std::vector<std::pair<std::string, std::string>> facts{{"found by", fmt::format("{}", fmt::join(by, ", "))}};
    for (char const* name : {"steps", "preemptions", "executions_to_first"}) {
      if (f.contains(name) && f[name].is_number()) facts.push_back({name, f[name].dump()});
    }
    page.finding(tag, claim_of(f), facts, replay.empty() ? "" : replay_command(replay),
                 replay.empty() || timelines++ >= timelines_max ? "" : timeline_of(programs, replay));
  }
}

void add_simulator(report_page& page, std::vector<json> const& runs) {
  std::map<std::string, std::uint64_t> executions, traces;
  std::map<std::string, bool> bad;
  for (json const& line : runs) {
    if (line.value("kind", "") != "sim") continue;
    std::string const name = line.value("name", "");
    executions[name] += executions_of(line);
    traces[name] += line.value("distinct_traces", std::uint64_t{0});
    bad[name] |= line.contains("finding") && line["finding"].is_object();
  }
  if (executions.empty()) return;
  page.section("Scenarios in the simulator", "Executions of each scenario over all strategies and both memory modes, and how many different traces they were.");
  std::vector<bar> bars;
  for (auto const& [name, n] : executions) {
    bars.push_back({name, static_cast<double>(n), short_number(static_cast<double>(n)) + ", " + short_number(static_cast<double>(traces[name])) + " distinct", bad[name]});
  }
  page.bars(bars);
}

void add_models(report_page& page, std::vector<json> const& runs) {
  std::map<std::string, std::vector<std::string>> rows;
  for (json const& line : runs) {
    std::string const kind = line.value("kind", "");
    if (kind != "model" && kind != "props" && kind != "fuzz") continue;
    std::vector<std::string>& row = rows[kind + " " + line.value("name", "")];
    if (row.empty()) row = {kind, line.value("name", ""), "0", "no", "-"};
    row[2] = std::to_string(std::stoull(row[2]) + executions_of(line));
    if (line.value("exhausted", false)) row[3] = "yes";
    if (line.contains("finding") && line["finding"].is_object()) row[4] = line["finding"].value("tag", "?");
  }
  if (rows.empty()) return;
  page.section("Models, properties, fuzz targets", "Exhausted: the search space ended and nothing was truncated.");
  std::vector<std::vector<std::string>> cells;
  for (auto& [key, row] : rows) cells.push_back(row);
  page.table({"technique", "subject", "executions", "exhausted", "finding"}, cells);
}

void add_hammers(report_page& page, std::vector<json> const& runs) {
  std::vector<std::vector<std::string>> rows;
  for (json const& line : runs) {
    if (line.value("kind", "") != "stress") continue;
    std::string events;
    if (line.contains("events") && line["events"].is_object()) {
      for (auto const& [name, n] : line["events"].items()) events += (events.empty() ? "" : ", ") + name + " " + (n.is_number() ? short_number(n.get<double>()) : n.dump());
    }
    rows.push_back({line.value("name", ""), line.value("sanitizer", "none"), std::to_string(executions_of(line)), line.value("exercised", true) ? "yes" : "NO",
                    line.value("holds", true) ? "yes" : "NO", events});
  }
  if (rows.empty()) return;
  page.section("Hammers on real threads", "A hammer counts how often each rare event came, each winner of the race among them; one that did not exercise its race proves nothing.");
  page.table({"hammer", "sanitizer", "rounds", "exercised", "holds", "events"}, rows);
}

void add_mutants(report_page& page, std::vector<json> const& mutants) {
  if (mutants.empty()) return;
  page.section("Mutants", "What the harness can find: executions until each technique killed the mutant.");
  std::vector<std::vector<std::string>> rows;
  for (json const& m : mutants) {
    rows.push_back({m.value("mutant", ""), m.value("technique", ""), m.value("killed", false) ? "killed" : "SURVIVED",
                    std::to_string(m.value("executions", std::uint64_t{0})), fmt::format("{:.1f}", m.value("seconds", 0.0)),
                    m.contains("tag") && m["tag"].is_string() ? m["tag"].get<std::string>() : "-"});
  }
  page.table({"mutant", "technique", "", "executions", "seconds", "tag"}, rows);
}

}  // namespace

void write_report(catalogue const& programs, std::vector<std::string> const& folders) {
  lines_read const all = read(folders);
  report_page page;

  struct sum {
    std::uint64_t runs = 0, executions = 0, traces = 0, findings = 0;
    double seconds = 0;
  };
  std::map<std::string, sum> sums;
  std::uint64_t executions = 0, traces = 0;
  std::set<std::string> tags;
  for (json const& line : all.runs) {
    sum& s = sums[line.value("kind", "")];
    s.runs += 1;
    s.executions += executions_of(line);
    s.seconds += line.value("seconds", 0.0);
    if (line.contains("distinct_traces") && line["distinct_traces"].is_number()) s.traces += line["distinct_traces"].get<std::uint64_t>();
    bool const found = line.contains("finding") && line["finding"].is_object();
    s.findings += found ? 1 : 0;
    if (found) tags.insert(line["finding"].value("tag", "?"));
    executions += executions_of(line);
  }
  for (auto const& [kind, s] : sums) traces += s.traces;
  double seconds = 0;
  std::uint64_t faults = 0;
  for (json const& h : all.hunts) {
    seconds += h.value("seconds", 0.0);
    if (h.contains("faults")) faults += h["faults"].size();
  }

  utsname machine{};
  ::uname(&machine);
  std::string const verdict = tags.empty() ? (faults == 0 ? "No finding" : "No finding, but the harness has faults")
                                           : fmt::format("{} finding{}", tags.size(), tags.size() == 1 ? "" : "s");
  page.headline(tags.empty() && faults == 0, verdict, fmt::format("retake, {} on Linux {} {}", cpu_name(), machine.release, machine.machine));
  page.figures({{"executions", short_number(static_cast<double>(executions))}, {"distinct traces", short_number(static_cast<double>(traces))},
                {"runs", std::to_string(all.runs.size())}, {"seconds", fmt::format("{:.0f}", seconds)}, {"findings", std::to_string(tags.size())},
                {"harness faults", std::to_string(faults)}});

  add_findings(page, programs, all.runs);
  if (faults != 0) {
    page.section("Harness faults", "A child that crashed, hung, or did not exercise what it hammers. Never confused with a finding.");
    std::vector<std::vector<std::string>> rows;
    for (json const& h : all.hunts) {
      for (json const& f : h.value("faults", json::array())) rows.push_back({f.value("technique", ""), f.value("subject", ""), f.value("why", ""), f.value("output", "")});
    }
    page.table({"technique", "subject", "what happened", "its output"}, rows);
  }
  if (!sums.empty()) {
    page.section("Techniques", "Executions (of the hammers: rounds) and how many a second of one program's time.");
    std::vector<bar> bars;
    std::vector<std::vector<std::string>> rows;
    for (auto const& [kind, s] : sums) {
      double const rate = s.seconds > 0 ? static_cast<double>(s.executions) / s.seconds : 0;
      bars.push_back({kind, static_cast<double>(s.executions), short_number(static_cast<double>(s.executions)) + ", " + short_number(rate) + "/s", s.findings != 0});
      rows.push_back({kind, std::to_string(s.runs), std::to_string(s.executions), short_number(rate), s.traces != 0 ? std::to_string(s.traces) : "-", std::to_string(s.findings)});
    }
    page.bars(bars);
    page.table({"technique", "runs", "executions", "per second", "distinct traces", "runs with a finding"}, rows);
  }
  add_simulator(page, all.runs);
  add_models(page, all.runs);
  add_hammers(page, all.runs);
  add_mutants(page, all.mutants);
  for (json const& h : all.hunts) {
    if (!h.contains("not_run") || h["not_run"].empty()) continue;
    page.section("Had no turn", "The campaign's time was over before these ran; a longer one has room for them.");
    page.text(fmt::format("{}", fmt::join(h["not_run"].get<std::vector<std::string>>(), ", ")));
  }
  write_file(folders.front() + "/report.html", page.html());
}

}  // namespace retake::campaign
