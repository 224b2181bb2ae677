// task11_step_through_the_race.cpp: enter, exit and retake step by step, in the simulator: who wins the P, and what happens without the compare-exchange
//
// Seed.      Exercise 11, "Read Go's runtime/proc.go": find the race between retake and exitsyscallfast, the m.locks brackets, and oldp. What if the CAS were not there?
// Method.    The runtime's own sources in the simulator, scenario syscall_against_retake. The compare-exchange of one side is split into a load and a store (a site mutant),
//            and the search finds an execution in which both own the P. Its replay is then continued on the whole sources: the same steps up to
//            the split, then one of the two loses. Once for each side. The steps are printed with what each means.
// Twin.      Nothing is split: nobody can both own the P, and nothing is found.
#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "own_child.hpp"
#include "worksheet.hpp"

namespace {

namespace fs = std::filesystem;
using retake::stress::ended;
using retake::stress::run_child;
using retake::stress::worksheet;

constexpr char const* scenario = "syscall_against_retake";
constexpr char const* executions = "20000";

// Where the simulator is: beside this program, or in the build that makes it.
std::string simulator() {
  std::error_code ignored;
  const fs::path here = fs::path(retake::stress::own_path()).parent_path();
  for (char const* const folder : {"", "../../models/bin", "../../dev/bin"}) {
    if (fs::exists(here / folder / "retake-sim", ignored)) return (here / folder / "retake-sim").string();
  }
  return "";
}

// The line of the protocol on which `text` stands.
std::uint32_t line_of(std::string const& text) {
  std::ifstream in(RETAKE_PROCESSOR_STATUS);
  std::uint32_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find(text) != std::string::npos) return number;
  }
  return 0;
}

struct folder {
  folder() {
    char name[] = "/tmp/retake-replays-XXXXXX";
    if (::mkdtemp(name) != nullptr) path = name;
  }
  ~folder() {
    std::error_code ignored;
    if (!path.empty()) fs::remove_all(path, ignored);
  }
  std::string path;
};

struct step {
  std::uint32_t number = 0;
  std::string who, what, where;  // where: the function; "": a change of state
};

std::vector<step> steps_of(std::string const& file) {
  std::ifstream in(file);
  const nlohmann::json all = nlohmann::json::parse(in, nullptr, false);
  std::vector<step> steps;
  if (!all.is_object()) return steps;
  std::map<std::pair<int, std::uint64_t>, std::string> names;
  for (nlohmann::json const& one : all["traceEvents"]) {
    const std::pair<int, std::uint64_t> lane{one.value("pid", 0), one.value("tid", std::uint64_t{0})};
    const std::string phase = one.value("ph", "");
    if (phase == "M") {
      if (one.value("name", "") == "thread_name") names[lane] = one["args"]["name"].get<std::string>();
      continue;
    }
    if (phase != "X" && phase != "i") continue;
    std::string site = one.contains("args") ? one["args"].value("site", "") : "";
    site = site.find(' ') != std::string::npos ? site.substr(site.find(' ') + 1) : "";
    steps.push_back({one.value("ts", 0u), names[lane], one.value("name", ""), site});
  }
  return steps;
}

bool starts(std::string const& text, char const* with) { return text.rfind(with, 0) == 0; }
bool is_race(step const& one) { return starts(one.what, "cas") && (one.where == "exit_fast" || one.where == "take"); }
bool won(step const& one) { return one.what.find(" won") != std::string::npos; }
bool publishes(step const& one) { return one.where == "enter" && starts(one.what, "rmw"); }

// What a step means; "": nothing that the race is about.
std::string meaning(step const& one, std::uint32_t& writes) {
  if (one.where.empty()) return starts(one.who, "P") || one.what == "in a system call" ? fmt::format("--- {}: {}", one.who, one.what) : "";
  if (one.where == "enter") {
    if (starts(one.what, "plain_write")) {
      constexpr char const* written[] = {"m.tick: which call of this P it is", "m.old = P: the hint for the way back (Go's oldp)", "m.p = none"};
      return written[writes++ % 3];
    }
    if (starts(one.what, "store")) return "the P forgets its M";
    if (publishes(one)) return "[P1] status = Syscall: from here on the P is whose compare-exchange wins first";
  }
  if (one.where == "exit_fast" && starts(one.what, "load")) return "the call is back: what is the old P's status?";
  if (one.where == "retake" && starts(one.what, "load")) return "the monitor looks";
  if (is_race(one)) {
    const bool exits = one.where == "exit_fast";
    return fmt::format("{} Syscall -> Idle by {}: {}", exits ? "[P2]" : "[P3]", exits ? "the returning call" : "the monitor",
                       won(one) ? "WON, the P is in its hand" : "LOST, somebody else has it");
  }
  return "";
}

// From the call's beginning until the P has an owner again.
void tell(worksheet& out, std::vector<step> const& all) {
  std::size_t first = 0, last = 0;
  while (first < all.size() && all[first].what != "in a system call") ++first;
  for (std::size_t i = 0; i < all.size(); ++i) last = is_race(all[i]) ? i : last;
  std::uint32_t writes = 0, silent = 0, looks = 0;
  constexpr std::uint32_t looks_shown = 2;
  for (std::size_t i = first; i <= last && i < all.size(); ++i) {
    const std::string what = meaning(all[i], writes);
    looks += what == "the monitor looks" ? 1 : 0;
    if (what.empty() || (what == "the monitor looks" && looks > looks_shown)) {
      ++silent;
      continue;
    }
    if (silent != 0) out.text(fmt::format("       ({} other steps)", silent));
    silent = 0;
    out.text(fmt::format("{:>5}  {:<3} {:<20} {}", all[i].number, all[i].who, all[i].what, what));
  }
  out.text("");
}

struct race {
  bool found = false, reproduced = false, clean = false;
  std::uint32_t tries = 0;
  std::vector<step> steps;  // on the whole sources
};

race run_race(std::string const& sim, folder const& place, std::string const& site, bool broken, int seed) {
  race seen;
  const std::string kept = fmt::format("{}/{}", place.path, line_of(site)), mutant = fmt::format("processor_status.hpp:{}:split", line_of(site));
  std::vector<std::string> words{sim, "sim", scenario, "--executions", executions, "--seed", std::to_string(seed), "--out", kept, "--json"};
  if (!broken) words.insert(words.end(), {"--mutate", mutant});
  const nlohmann::json said = nlohmann::json::parse(run_child(words).out, nullptr, false);
  if (!said.is_object() || !said["finding"].is_object()) return seen;
  seen.found = said["finding"]["tag"] == "P9";
  seen.tries = said["finding"].value("executions_to_first", 0u);
  const std::string replay = said["finding"]["replay"];
  const ended again = run_child({sim, "replay", replay, "--mutate", mutant, "--json"});
  seen.reproduced = again.code == 1 && again.out.find("\"tag\":\"P9\"") != std::string::npos;
  const std::string trace = kept + ".trace";
  seen.clean = run_child({sim, "replay", replay, "--continue", "--trace", trace}).code == 0;
  seen.steps = steps_of(trace);
  return seen;
}

struct sums {
  std::uint32_t published = 0, exits_won = 0, takes_won = 0, lost = 0, unowned = 0;
};
sums sums_of(race const& one) {
  sums all;
  std::uint32_t since_link = 0;
  bool half = false;
  for (step const& s : one.steps) {
    if (s.where == "enter" && starts(s.what, "store")) half = true, since_link = 0;
    if (half) ++since_link;
    if (publishes(s)) {
      ++all.published;
      all.unowned = std::max(all.unowned, since_link);
      half = false;
    }
    if (!is_race(s)) continue;
    if (!won(s))
      ++all.lost;
    else
      ++(s.where == "take" ? all.takes_won : all.exits_won);
  }
  return all;
}

// The schedules of a seed show one side of the race on the whole sources; the first seed that shows the wanted one.
race race_that(std::string const& sim, folder const& place, std::string const& site, bool broken, bool (*shows)(sums const&)) {
  constexpr int seeds = 16;
  for (int seed = 1;; ++seed) {
    race seen = run_race(sim, place, site, broken, seed);
    if (seed == seeds || broken || !seen.found || shows(sums_of(seen))) return seen;
  }
}

void step_through(worksheet& out) {
  const std::string sim = simulator();
  if (sim.empty()) return out.lacks("the simulator is not built: cmake --preset models && cmake --build build/models --target retake-sim");
  const folder place;
  const race by_monitor = race_that(sim, place, "compare_exchange_acquire(processor_state::syscall, to)", out.broken(),
                                    [](sums const& s) { return s.exits_won != 0 && s.lost != 0; });
  const race by_exit = race_that(sim, place, "compare_exchange_acquire(processor_state::syscall, processor_state::idle)", out.broken(),
                                 [](sums const& s) { return s.takes_won != 0; });
  const sums first = sums_of(by_monitor), second = sums_of(by_exit);
  out.text("1. The monitor's compare-exchange had been split; continued on the whole sources:");
  tell(out, by_monitor.steps);
  out.text("2. The returning call's had been split; continued on the whole sources:");
  tell(out, by_exit.steps);
  out.row("tries_take_split", "executions until both owned the P, the monitor's CAS split", "", by_monitor.tries, "executions");
  out.row("tries_exit_split", "  the returning call's CAS split", "", by_exit.tries, "executions");
  out.row("published", "calls that published their P, both runs, whole sources", "", first.published + second.published, "calls");
  out.row("exits_won", "  won back by the returning call", "", first.exits_won + second.exits_won, "P");
  out.row("takes_won", "  won by the monitor", "", first.takes_won + second.takes_won, "P");
  out.row("lost", "  compare-exchanges that lost", "", first.lost + second.lost, "CAS");
  out.holds("without the monitor's CAS both own the P (P9), and the replay shows it again", by_monitor.found && by_monitor.reproduced);
  out.holds("without the returning call's CAS both own the P (P9), and the replay shows it again", by_exit.found && by_exit.reproduced);
  out.holds("the same schedules on the whole sources end without a failure", by_monitor.clean && by_exit.clean);
  out.holds("whole: each published P has exactly one winner", first.published != 0 && second.published != 0 && first.published == first.exits_won + first.takes_won &&
                                                                  second.published == second.exits_won + second.takes_won);
  out.holds("whole: the returning call wins one of the races, the monitor the other, and somebody loses",
            first.exits_won != 0 && second.takes_won != 0 && first.lost + second.lost != 0);
  out.answer("What happens if m.locks++ is forgotten?",
             fmt::format("From the step in which the P forgets its M until it is published the M has half a P: {} and {} steps in these runs, in which the P still says "
                         "Running and nobody may be put in the goroutine's place. The bracket keeps every "
                         "request to give the P up away from them; M1 and M2 are the invariants that it serves.",
                         first.unowned, second.unowned));
  out.answer("What if the CAS were not there?",
             fmt::format("Both believe that they own the P: found after {} executions when the monitor's is split and after {} when the returning call's is (P9). With "
                         "it {} calls published their P and {} compare-exchanges won; {} lost, and went another way.",
                         by_monitor.tries, by_exit.tries, first.published + second.published, first.exits_won + first.takes_won + second.exits_won + second.takes_won,
                         first.lost + second.lost));
}

}  // namespace

int main(int argc, char** argv) {
  return retake::stress::run_exercise({11, "task11_step_through_the_race", "enter, exit and retake, step by step", "no compare-exchange is split", step_through, nullptr,
                              {{"runtime/protocol/processor_status.hpp", "enter", "publishes the P"},
                               {"runtime/protocol/processor_status.hpp", "exit_fast", "the returning call's compare-exchange"},
                               {"runtime/protocol/processor_status.hpp", "take", "sysmon's compare-exchange"},
                               {"runtime/sched/machines.cpp", "handoff", "the P goes to another thread, a new one if none is idle"}}}, argc,
                                      argv);
}
