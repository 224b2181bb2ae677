// demo.cpp: breaks the race that the project is named after, finds it, shrinks it, explains it, and
// shows that the clean source is clean.
//
// The mutant splits the CAS with which a returning system call takes its P back into a load and a
// store: nothing is rebuilt, the simulator breaks the operation at that one site.
#include "demo.hpp"

#include <fmt/format.h>

#include "children.hpp"
#include "command_line/told_command.hpp"
#include "folder_lock.hpp"
#include "mutants.hpp"
#include "protocol_scan.hpp"
#include "record.hpp"
#include "report.hpp"

namespace retake::campaign {

namespace {

constexpr char const* scenario = "syscall_against_retake";

// The CAS of the returning M: the first one of processor_status.hpp.
std::string site_of_the_race(std::string const& root, std::string& line) {
  for (header const& h : scan_protocols(root)) {
    if (!h.file.ends_with("/processor_status.hpp")) continue;
    for (operation const& one : h.operations) {
      if (one.kind != operation_kind::compare_exchange) continue;
      line = fmt::format("{}:{}: {}", one.file, one.line, one.text);
      return site_name(one, "split");
    }
  }
  return "";
}

finished tell(std::vector<std::string> const& words, double timeout_s = 120) {
  fmt::print("\n$ {}\n", told_command(words));
  std::fflush(stdout);
  finished result = run(command_of(words, timeout_s));
  return result;
}

// The end of it: the page has all of it.
void print_end(finished const& result) {
  constexpr std::size_t lines_shown = 48;
  std::size_t const skipped = result.lines.size() > lines_shown ? result.lines.size() - lines_shown : 0;
  if (skipped != 0) fmt::print("  [{} lines before]\n", skipped);
  for (std::size_t i = skipped; i < result.lines.size(); ++i) fmt::print("  {}\n", result.lines[i]);
}

}  // namespace

int demo(catalogue const& programs, std::uint64_t seed, std::string const& out) {
  std::string line;
  std::string const site = site_of_the_race(programs.root(), line), sim = programs.simulator();
  if (site.empty() || sim.empty()) {
    fmt::print(stderr, "retake: demo: the simulator is not built, or processor_status.hpp has no CAS\n");
    return 3;
  }
  folder_lock const lock(out, fmt::format("--out \"{}\"", out));
  record kept(out, "demo", false);
  fmt::print(
      "1. The mutant. A system call returns while sysmon takes its P away; one CAS decides who has it. It is split "
      "into load and store:\n   {}\n",
      line);

  fmt::print("\n2. Found. The simulator chooses schedules until an invariant breaks.");
  finished const found = tell({sim, "sim", scenario, "--mutate", site, "--strategy", "pct", "--seed",
                               std::to_string(seed), "--seconds", "20", "--json", "--out", out});
  json finding = nullptr;
  for (json const& one : json_lines(found.lines)) {
    kept.add(one);
    if (one.contains("finding") && one["finding"].is_object()) finding = one["finding"];
    if (finding.is_object())
      fmt::print("  {} executions, {} a second\n", one.value("executions", 0),
                 static_cast<long>(one.value("executions_per_second", 0.0)));
  }
  if (!finding.is_object()) {
    fmt::print("  not found within 20 seconds: {}\n", found.complaint);
    return 4;
  }
  fmt::print("  {}: {}\n  {} steps, {} preemptions, after {} executions\n", finding.value("tag", ""), claim_of(finding),
             finding.value("steps", 0), finding.value("preemptions", 0), finding.value("executions_to_first", 0));
  std::string replay = finding.value("replay", "");

  fmt::print("\n3. Shrunk. The same failure with the fewest preemptions, verified again.");
  finished const shrunk = tell({sim, "shrink", replay, "--mutate", site, "--json", "--out", out});
  for (json const& one : json_lines(shrunk.lines)) {
    json const& f = one.contains("finding") && one["finding"].is_object() ? one["finding"] : one;
    if (f.contains("replay") && f["replay"].is_string()) replay = f["replay"].get<std::string>();
    if (f.contains("steps"))
      fmt::print("  {} steps, {} preemptions: {}\n", f.value("steps", 0), f.value("preemptions", 0), replay);
  }

  fmt::print("\n4. Explained. Its timeline: who did what, in which order, at which line.");
  finished const shown = tell({sim, "replay", replay, "--mutate", site});
  print_end(shown);
  if (shown.code != 1) {
    fmt::print("  the replay does not reproduce (code {}): {}\n", shown.code, shown.complaint);
    return 4;
  }

  fmt::print("\n5. Checked. The same schedule on the source as it is, continued past the first difference.");
  finished const clean = tell({sim, "replay", replay, "--continue"});
  if (clean.code != 0) {
    print_end(clean);
    fmt::print("  the clean source fails too (code {}): {}\n", clean.code, clean.complaint);
    return 4;
  }
  fmt::print("  ends without the failure\n");
  write_report(programs, {out});
  fmt::print("\nThe picture: {}/report.html. Replay it yourself: {}\n", out,
             replay_command(programs.root(), replay, site));
  return 0;
}

}  // namespace retake::campaign
