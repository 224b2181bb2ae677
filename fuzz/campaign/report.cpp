#include "report.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "children.hpp"
#include "command_line/interruption.hpp"
#include "command_line/told_command.hpp"
#include "durable.hpp"
#include "merged_work.hpp"
#include "progress.hpp"
#include "record.hpp"
#include "report_data.hpp"
#include "report_page.hpp"
#include "report_timeline.hpp"
#include "verdict.hpp"

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t timelines_max = 20;  // replays that are run for the page
constexpr std::size_t timeline_bytes_max = 60'000;

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  utsname name{};
  ::uname(&name);
  return name.machine;
}

// The mutant under which it was found: a replay has it on record, and is run with it only on
// request.
std::string mutant_of(std::string const& replay) {
  std::ifstream in(replay);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("mutate ")) return line.substr(7) == "-" ? "" : line.substr(7);
    if (line.starts_with("thread ")) break;
  }
  return "";
}

std::vector<std::string> timeline_of(catalogue const& programs, std::string const& replay) {
  if (programs.simulator().empty() || !fs::exists(replay) || !replay.ends_with(".replay")) return {};
  if (command_line::interrupted()) return {"no picture: the report was interrupted; the command above shows it"};
  std::vector<std::string> words{programs.simulator(), "replay", replay};
  if (std::string const mutant = mutant_of(replay); !mutant.empty()) words.insert(words.end(), {"--mutate", mutant});
  return run(command_of(words, 60)).lines;
}

// Pictures of so many replays; the rest have their command.
class gallery {
 public:
  explicit gallery(catalogue const& programs) : programs_(programs), sources_(programs.root()) {}

  // What shows a finding again: its replay, or the command that found it.
  std::string command(std::string const& replay, std::string const& otherwise) const {
    return replay.empty() ? otherwise : replay_command(programs_.root(), replay, mutant_of(replay));
  }

  void add(report_page& page, std::string const& title, std::string const& mark, std::string const& claim,
           std::vector<std::pair<std::string, std::string>> const& facts, std::string const& command,
           std::string const& replay) {
    std::vector<std::string> const lines =
        replay.empty() || shown_++ >= timelines_max ? std::vector<std::string>{} : timeline_of(programs_, replay);
    std::string all = fmt::format("{}", fmt::join(lines, "\n"));
    if (all.size() > timeline_bytes_max)
      all = all.substr(0, timeline_bytes_max) + "\n[cut here; the command above shows all of it]";
    page.finding(title, mark, claim, facts, command, timeline_picture(lines, sources_), all);
  }

 private:
  catalogue const& programs_;
  source_lines sources_;
  std::size_t shown_ = 0;
};

std::map<std::string, std::vector<json const*>> by_tag(std::vector<json> const& runs) {
  std::map<std::string, std::vector<json const*>> found;
  for (json const& line : runs) {
    if (line.contains("finding") && line["finding"].is_object())
      found[line["finding"].value("tag", "?")].push_back(&line);
  }
  return found;
}

void add_findings(report_page& page, gallery& pictures, std::vector<json> const& runs) {
  auto tags = by_tag(runs);
  if (tags.empty()) return;
  page.section("Findings",
               "One per tag: the shortest replay of each. The command replays it, step by step, on this source.");
  for (auto& [tag, lines] : tags) {
    std::sort(lines.begin(), lines.end(), [](json const* a, json const* b) {
      return (*a)["finding"].value("steps", 1u << 30) < (*b)["finding"].value("steps", 1u << 30);
    });
    json const& f = (*lines[0])["finding"];
    std::string const replay = f.contains("replay") && f["replay"].is_string() ? f["replay"].get<std::string>() : "";
    std::set<std::string> by;
    for (json const* line : lines) by.insert(line->value("kind", "") + " " + line->value("name", ""));
    std::vector<std::pair<std::string, std::string>> facts{{"found by", fmt::format("{}", fmt::join(by, ", "))}};
    for (char const* name : {"steps", "preemptions", "executions_to_first"}) {
      if (f.contains(name) && f[name].is_number()) facts.push_back({name, f[name].dump()});
    }
    if (f.contains("lost")) facts.push_back({"its replay is in none of the folders", f["lost"].get<std::string>()});
    pictures.add(page, tag, "", claim_of(f), facts, pictures.command(replay, f.value("command", "")), replay);
  }
}

void add_known_findings(report_page& page, gallery& pictures, nights_read const& nights) {
  if (nights.findings.empty()) return;
  page.section("Findings",
               "Each once, by its tag and its last protocol steps; new ones first. The command replays it, step by "
               "step, on this source.");
  for (told_finding const& f : nights.findings) {
    std::vector<std::pair<std::string, std::string>> facts{{"found by", f.what.technique + " " + f.what.subject},
                                                           {"first seen", f.what.first_seen},
                                                           {"last seen", f.what.last_seen},
                                                           {"times", std::to_string(f.what.seen)},
                                                           {"first at revision", f.what.revision}};
    if (f.what.steps != 0) facts.push_back({"steps", std::to_string(f.what.steps)});
    if (!f.what.last_steps.empty())
      facts.push_back({"last steps", fmt::format("{}", fmt::join(f.what.last_steps, ", "))});
    if (!f.tonight) facts.push_back({"tonight", "not seen"});
    pictures.add(page, f.what.id, f.is_new ? "new" : "known", f.what.claim, facts,
                 pictures.command(f.replay, f.what.command), f.replay);
  }
}

std::uint64_t executions_in(night const& n) {
  std::uint64_t sum = 0;
  for (auto const& [name, t] : n.techniques) sum += t.executions;
  return sum;
}

void add_comparison(report_page& page, nights_read const& nights) {
  page.section("Tonight and the night before", nights.before
                                                   ? "What was reached is counted over all nights, so it only grows."
                                                   : "This is the first night.");
  night const& last = nights.last;
  night const none, &before = nights.before ? *nights.before : none;
  auto const end_of = [](night const& n) { return n.curve.empty() ? moment{} : n.curve.back(); };
  auto const row = [](std::string const& name, double now, double then) {
    std::string const size = short_number(std::abs(now - then)),
                      change = size == "0" ? size : (now < then ? "-" : "+") + size;
    return std::vector<std::string>{name, short_number(now), short_number(then), change};
  };
  auto const number = [](std::uint64_t n) { return static_cast<double>(n); };
  std::vector<std::vector<std::string>>
      rows{row("executions", number(executions_in(last)), number(executions_in(before))),
           row("distinct traces, all nights", number(end_of(last).traces), number(end_of(before).traces)),
           row("features of fuzz targets, all nights", number(end_of(last).features), number(end_of(before).features)),
           row("findings seen", number(last.seen.size()), number(before.seen.size())),
           row("harness faults", number(last.faults.size()), number(before.faults.size())),
           row("seconds", last.seconds_used, before.seconds_used)};
  for (auto const& [name, t] : last.techniques) {
    auto const then = before.techniques.find(name);
    rows.push_back(row("executions of " + name, number(t.executions),
                       then == before.techniques.end() ? 0 : number(then->second.executions)));
  }
  page.table({"", "tonight", "night before", "change"}, rows);
  page.text(fmt::format("Night {}, {} to {}, revision {}{}{}. {}", last.number, last.began, last.ended, last.revision,
                        nights.shards > 1 ? fmt::format(", {} shards", nights.shards) : "",
                        last.kills != 0 ? fmt::format(", taken up again {} times", last.kills) : "",
                        last.end == "whole" ? "" : "It is not over: " + last.end + "."));
}

void add_curves(report_page& page, nights_read const& nights) {
  struct curve {
    char const* title;
    std::uint64_t moment::*what;
  };
  page.section("Coverage over time",
               "Distinct traces are those of simulator and properties, features those of the fuzz targets; of all "
               "nights until then.");
  double const length = nights.last.seconds_used, unit = length < 600 ? 1 : length < 3 * 3600 ? 60 : 3600;
  auto const line_of = [unit](std::string const& name, night const& n, std::uint64_t moment::*what, bool dashed) {
    line l{name, {}, dashed};
    for (moment const& m : n.curve) l.points.push_back({m.seconds / unit, static_cast<double>(m.*what)});
    return l;
  };
  std::vector<std::vector<std::string>> rows;
  for (curve const one : {curve{"distinct traces", &moment::traces}, curve{"features", &moment::features}}) {
    std::vector<line> all{line_of("tonight", nights.last, one.what, false)};
    if (nights.before) all.push_back(line_of("night before", *nights.before, one.what, true));
    page.lines(unit == 1 ? "seconds" : unit == 60 ? "minutes" : "hours", one.title, all);
  }
  page.open_fold("the nights in figures");
  for (night const& n : nights.earlier) {
    moment const end = n.curve.empty() ? moment{} : n.curve.back();
    rows.push_back({std::to_string(n.number), n.began, n.revision, short_number(static_cast<double>(executions_in(n))),
                    short_number(static_cast<double>(end.traces)), short_number(static_cast<double>(end.features)),
                    std::to_string(n.seen.size()), n.end});
  }
  page.table({"night", "began", "revision", "executions", "distinct traces", "features", "findings seen", "end"}, rows);
  page.close_fold();
}

void add_simulator(report_page& page, std::vector<json> const& runs) {
  std::map<std::string, std::uint64_t> executions, traces;
  std::map<std::string, bool> bad;
  for (json const& line : runs) {
    if (line.value("kind", "") != "sim") continue;
    std::string const name = line.value("name", "");
    executions[name] += executions_of(line);
    traces[name] += line.value("new_traces", line.value("distinct_traces", std::uint64_t{0}));
    bad[name] |= line.contains("finding") && line["finding"].is_object();
  }
  if (executions.empty()) return;
  page.section("Scenarios in the simulator",
               "Executions of each scenario over all strategies and both memory modes, and how many different traces "
               "they were.");
  std::vector<bar> bars;
  std::vector<std::vector<std::string>> rows;
  for (auto const& [name, n] : executions) {
    bars.push_back({name, static_cast<double>(n), bad[name]});
    rows.push_back({name, std::to_string(n), std::to_string(traces[name]), bad[name] ? "yes" : "no"});
  }
  page.bars("executions", bars);
  page.open_fold("in figures");
  page.table({"scenario", "executions", "traces, new where earlier runs are known", "finding"}, rows);
  page.close_fold();
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
      for (auto const& [name, n] : line["events"].items())
        events +=
            (events.empty() ? "" : ", ") + name + " " + (n.is_number() ? short_number(n.get<double>()) : n.dump());
    }
    rows.push_back({line.value("name", ""), line.value("sanitizer", "none"), std::to_string(executions_of(line)),
                    line.value("exercised", true) ? "yes" : "NO", line.value("holds", true) ? "yes" : "NO", events});
  }
  if (rows.empty()) return;
  page.section("Hammers on real threads",
               "A hammer counts how often each rare event came, each winner of the race among them; one that did not "
               "exercise its race proves nothing.");
  page.table({"hammer", "sanitizer", "rounds", "exercised", "holds", "events"}, rows);
}

// A table of Markdown as one of HTML: the kill matrix of models/README.md.
void add_matrix_on_record(report_page& page, std::string const& root) {
  std::istringstream text(read_file(root + "/models/README.md"));
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  bool inside = false;
  auto const flush = [&] {
    if (!rows.empty()) page.table(head, rows);
    head.clear();
    rows.clear();
  };
  for (std::string row; std::getline(text, row);) {
    if (row.starts_with("<!-- kill matrix")) {
      inside = true;
      page.section("Kill matrix",
                   "What the harness can find, as on record in models/README.md: executions until each technique "
                   "killed the mutant.");
      page.open_fold("all mutants");
    }
    if (row.starts_with("<!-- end of kill")) break;
    if (!inside) continue;
    if (row.starts_with("### ")) flush(), page.text(row.substr(4));
    if (!row.starts_with("| ")) continue;
    std::vector<std::string> cells;
    std::istringstream parts(row.substr(1));
    for (std::string cell; std::getline(parts, cell, '|');) {
      std::erase_if(cell, [](char c) { return c == '`' || c == '*'; });
      cell.erase(0, cell.find_first_not_of(' '));
      cells.push_back(cell.substr(0, cell.find_last_not_of(' ') + 1));
    }
    if (head.empty())
      head = cells;
    else
      rows.push_back(cells);
  }
  flush();
  if (inside) page.close_fold();
}

void add_mutants(report_page& page, std::vector<json> const& mutants, std::string const& root) {
  if (mutants.empty()) return add_matrix_on_record(page, root);
  std::set<std::string> techniques;
  std::map<std::string, std::map<std::string, std::string>> cells;
  std::set<std::string> killed;
  for (json const& m : mutants) {
    std::string const id = m.value("mutant", ""), technique = m.value("technique", "");
    bool const dead = m.value("killed", false);
    if (dead) killed.insert(id);
    techniques.insert(technique);
    std::string const tag = m.contains("tag") && m["tag"].is_string() ? m["tag"].get<std::string>() : "killed";
    cells[id][technique] = dead
                               ? fmt::format("{} after {}", tag.substr(0, tag.find(':')),
                                             short_number(static_cast<double>(m.value("executions", std::uint64_t{0}))))
                               : "SURVIVED";
  }
  page.section("Kill matrix",
               fmt::format("What the harness can find: {} of {} mutants killed; executions until each technique did.",
                           killed.size(), cells.size()));
  std::vector<std::string> head{"mutant"};
  head.insert(head.end(), techniques.begin(), techniques.end());
  std::vector<std::vector<std::string>> rows;
  for (auto const& [id, by] : cells) {
    std::vector<std::string> row{id};
    for (std::string const& t : techniques) row.push_back(by.contains(t) ? by.at(t) : "");
    rows.push_back(row);
  }
  page.table(head, rows);
}

struct verdict_line {
  bool good;
  std::string text;
};

std::string counted(std::size_t n, std::string const& what) {
  return fmt::format("{} {}finding{}", n, what, n == 1 ? "" : "s");
}

verdict_line verdict_on(report_data const& all, std::size_t tags, std::size_t faults, std::size_t had_no_turn) {
  if (all.nights && !all.nights->findings.empty()) {
    auto const fresh = static_cast<std::size_t>(std::count_if(all.nights->findings.begin(), all.nights->findings.end(),
                                                              [](told_finding const& f) { return f.is_new; }));
    std::size_t const known = all.nights->findings.size() - fresh;
    if (fresh != 0) return {false, counted(fresh, "new ") + (known == 0 ? "" : fmt::format(", {} known", known))};
    return {false, "Nothing new, " + counted(known, "known ")};
  }
  if (tags != 0) return {false, counted(tags, "")};
  if (all.nothing_run()) return {false, "Nothing was run: no verdict"};
  std::string text = faults == 0 ? "No finding" : "No finding, but the harness has faults";
  if (had_no_turn != 0) text += fmt::format("; {} job{} had no turn", had_no_turn, had_no_turn == 1 ? "" : "s");
  if (all.shard_missing) text += "; a shard is missing";
  return {faults == 0 && !all.shard_missing, text};
}

void write_report(catalogue const& programs, std::vector<std::string> const& folders, report_data const& all) {
  report_page page;
  gallery pictures(programs);

  struct sum {
    std::uint64_t runs = 0, executions = 0, traces = 0, findings = 0;
    double seconds = 0;
  };
  std::map<std::string, sum> sums;
  std::uint64_t executions = 0, traces = 0;
  for (json const& line : all.runs) {
    sum& s = sums[line.value("kind", "")];
    s.runs += 1;
    s.executions += executions_of(line);
    s.seconds += line.value("seconds", 0.0);
    std::uint64_t const seen = line.contains("distinct_traces") && line["distinct_traces"].is_number()
                                   ? line["distinct_traces"].get<std::uint64_t>()
                                   : 0;
    s.traces += line.value("new_traces", seen);
    s.findings += line.contains("finding") && line["finding"].is_object() ? 1 : 0;
    executions += executions_of(line);
    traces += line.value("new_traces", seen);
  }
  double seconds = all.nights ? all.nights->last.seconds_used : 0;
  json faults = all.nights ? all.nights->last.faults : json::array();
  std::vector<std::string> had_no_turn = all.nights ? all.nights->last.had_no_turn : std::vector<std::string>{};
  for (json const& h : all.hunts) {
    seconds += h.value("seconds", 0.0);
    for (json const& f : h.value("faults", json::array())) faults.push_back(f);
    for (json const& name : h.value("not_run", json::array())) had_no_turn.push_back(name);
  }
  std::size_t const tags = by_tag(all.runs).size();

  utsname machine{};
  ::uname(&machine);
  verdict_line const verdict = verdict_on(all, tags, faults.size(), had_no_turn.size());
  page.headline(verdict.good, verdict.text,
                fmt::format("retake, {} on Linux {} {}", cpu_name(), machine.release, machine.machine));
  page.figures({{"executions", short_number(static_cast<double>(executions))},
                {all.nights ? "new traces" : "distinct traces", short_number(static_cast<double>(traces))},
                {"runs", std::to_string(all.runs.size())},
                {"seconds", fmt::format("{:.0f}", seconds)},
                {"findings", std::to_string(all.nights ? all.nights->findings.size() : tags)},
                {"harness faults", std::to_string(faults.size())},
                {"had no turn", std::to_string(had_no_turn.size())}});
  for (std::vector<std::string> const* some : {&all.shard_remarks, &all.remarks}) {
    for (std::string const& remark : *some) page.text(remark);
  }
  if (all.nights)
    add_known_findings(page, pictures, *all.nights);
  else
    add_findings(page, pictures, all.runs);
  if (!faults.empty()) {
    page.section("Harness faults",
                 "A child that crashed, hung, or did not exercise what it hammers. Never confused with a finding.");
    std::vector<std::vector<std::string>> rows;
    for (json const& f : faults)
      rows.push_back({f.value("technique", ""), f.value("subject", ""), f.value("why", ""), f.value("output", "")});
    page.table({"technique", "subject", "what happened", "its output"}, rows);
  }
  if (all.nights) add_comparison(page, *all.nights), add_curves(page, *all.nights);
  if (!sums.empty()) {
    page.section("Techniques", "Executions (of the hammers: rounds) and how many a second of one program's time.");
    std::vector<bar> bars;
    std::vector<std::vector<std::string>> rows;
    for (auto const& [kind, s] : sums) {
      double const rate = s.seconds > 0 ? static_cast<double>(s.executions) / s.seconds : 0;
      bars.push_back({kind, static_cast<double>(s.executions), s.findings != 0});
      rows.push_back({kind, std::to_string(s.runs), std::to_string(s.executions), short_number(rate),
                      s.traces != 0 ? std::to_string(s.traces) : "-", std::to_string(s.findings)});
    }
    page.bars("executions", bars);
    page.table({"technique", "runs", "executions", "per second", all.nights ? "new traces" : "distinct traces",
                "runs with a finding"},
               rows);
  }
  add_simulator(page, all.runs);
  add_models(page, all.runs);
  add_hammers(page, all.runs);
  add_mutants(page, all.mutants, programs.root());
  if (!had_no_turn.empty()) {
    page.section("Had no turn", "The time was over before these ran; a longer run has room for them.");
    page.text(fmt::format("{}", fmt::join(had_no_turn, ", ")));
  }
  write_durably(folders.front() + "/report.html", page.html());
}

}  // namespace

int report(catalogue const& programs, std::vector<std::string> const& folders) {
  report_data all = read_report_data(folders);
  merged_work const work = merge_work(folders);
  for (std::string const& remark : work.remarks()) all.shard_remarks.push_back(remark);
  if (all.empty()) {
    fmt::print(stderr, "retake: report: {}: no run is on record there\n", told_command(folders));
    return 2;
  }
  for (std::vector<std::string> const* some : {&all.shard_remarks, &all.remarks}) {
    for (std::string const& remark : *some) fmt::print(stderr, "retake: report: {}\n", remark);
  }
  write_report(programs, folders, all);
  if (work.all && folders.size() > 1) write_work(merged_file(folders.front()), *work.all);
  fmt::print("{}/report.html\n", folders.front());
  if (command_line::interrupted()) return command_line::interrupted_code;
  if (work.code() != 0) return work.code();
  return all.shard_missing ? 3 : all.nothing_run() ? 4 : 0;
}

void write_report(catalogue const& programs, std::vector<std::string> const& folders) {
  report_data all = read_report_data(folders);
  all.shard_remarks.clear();
  all.shard_missing = false;
  write_report(programs, folders, all);
}

}  // namespace retake::campaign
