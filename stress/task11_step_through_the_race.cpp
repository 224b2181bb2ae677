// task11_step_through_the_race.cpp: enter, exit and retake step by step, in the simulator: who wins
// the P, and what happens without the compare-exchange
//
// Seed.      Exercise 11, "Read Go's runtime/proc.go": find the race between retake and
//            exitsyscallfast, the m.locks brackets, and oldp. What if the CAS were not there?
// Method.    The runtime's own sources in the simulator, scenario syscall_against_retake. The
//            compare-exchange of one side is split into a load and a store (a site mutant), and the
//            search finds an execution in which both own the P. Its replay is then continued on the
//            whole sources: the same steps up to the split, then one of the two loses. Once for
//            each side. The steps are printed with what each means.
// Twin.      Nothing is split: nobody can both own the P, and nothing is found.
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
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

constexpr char const* protocol = "protocol/processor_status.hpp";

// The lines of a file of the runtime, the first at 1.
std::vector<std::string> const& lines_of(std::string const& file) {
  static std::map<std::string, std::vector<std::string>> read;
  auto const [at, is_new] = read.try_emplace(file, 1);
  if (!is_new) return at->second;
  std::ifstream in(std::string(RETAKE_RUNTIME "/") + file);
  for (std::string line; std::getline(in, line);) at->second.push_back(line);
  return at->second;
}

// The line of the protocol on which `text` stands.
std::uint32_t line_of(std::string const& text) {
  std::vector<std::string> const& all = lines_of(protocol);
  for (std::uint32_t number = 1; number < all.size(); ++number) {
    if (all[number].find(text) != std::string::npos) return number;
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
  std::string file = "";         // of the site, without its folder
  std::uint32_t line = 0;
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
    const std::string site = one.contains("args") ? one["args"].value("site", "") : "";
    std::smatch parts;
    step next{one.value("ts", 0u), names[lane], one.value("name", ""), ""};
    if (static const std::regex form("([^:]+):([0-9]+) (.+)"); std::regex_match(site, parts, form)) {
      next.file = parts[1];
      next.line = static_cast<std::uint32_t>(std::stoul(parts[2]));
      next.where = parts[3];
    }
    steps.push_back(std::move(next));
  }
  return steps;
}

bool starts(std::string const& text, char const* with) { return text.rfind(with, 0) == 0; }
bool is_race(step const& one) { return starts(one.what, "cas") && (one.where == "exit_fast" || one.where == "take"); }
bool won(step const& one) { return one.what.find(" won") != std::string::npos; }
bool publishes(step const& one) { return one.where == "enter" && starts(one.what, "rmw"); }

// What an access of the runtime is for: the access of this kind in this function, on the line that
// has `source` in it.
struct access {
  char const* file;
  char const* function;
  char const* kind;
  char const* source;
  char const* meaning;
  std::uint32_t shown_most = 0;  // 0: each time
};

constexpr access accesses[] = {
    // The call begins: the M takes its links to the P apart, and leaves the P to the others.
    {protocol, "enter", "plain_read", "p = m.p.get()", "m.p: the P that the call leaves behind"},
    {protocol, "enter", "load", "p->machine.load", "is that P this M's?"},
    {protocol, "enter", "load", "m.tick.set", "how many calls the P has seen"},
    {protocol, "enter", "plain_write", "m.tick.set", "m.tick: which call of this P it is"},
    {protocol, "enter", "store", "p->machine.store", "the P forgets its M"},
    {protocol, "enter", "plain_write", "m.old.set", "m.old = P: the hint for the way back (Go's oldp)"},
    {protocol, "enter", "plain_write", "m.p.set", "m.p = none"},
    {protocol, "enter", "rmw", "status.exchange",
     "[PS1] status = Syscall: from here on the P is whose compare-exchange wins first"},
    // sysmon looks at it, and looks again.
    {"sched/sysmon.cpp", "retake", "load", "p.status.load", "sysmon: is the P in a call?", 2},
    {"sched/sysmon.cpp", "retake", "load", "p.schedule_tick.load", "sysmon: which time slice is it?", 2},
    {"sched/sysmon.cpp", "retake", "load", "p.syscall_tick.load", "sysmon: is it the call of the last look?", 2},
    {protocol, "take", "load", "p.syscall_tick.load", "how many calls the P has seen"},
    {protocol, "take", "store", "p.syscall_tick.store", "one more: the next look sees another call"},
    // The hand-off: another M for the P, one that sleeps or a new one.
    {"sched/machines.cpp", "reserve_machine", "plain_write", "machine_count.set",
     "no M sleeps: one more is counted, for the P"},
    {protocol, "hand_over", "plain_write", "m.next.set", "m.next = P: the P is handed to that M"},
    {"sched/machines.cpp", "start_thread", "thread_start", "world::thread_start", "its thread starts"},
    {protocol, "take_handed", "plain_read", "m.next.get", "the M finds the P that it was handed"},
    {protocol, "take_handed", "plain_write", "m.next.set", "m.next = none"},
    // The call returns.
    {protocol, "exit_fast", "plain_read", "m.old.get", "the call is back. m.old: which P was it?"},
    {protocol, "exit_fast", "plain_read", "m.p.get", "an M in a call has no P"},
    {protocol, "exit_fast", "plain_write", "m.old.set", "m.old = none: the hint is used up"},
    {protocol, "exit_fast", "load", "p->status.load", "is the old P still in a call?"},
    {protocol, "exit_fast", "load", "p->syscall_tick.load", "how many calls the P has seen"},
    {protocol, "exit_fast", "plain_read", "m.tick.get",
     "m.tick: the same as at the entry, or was the P others' meanwhile?"},
    {protocol, "exit_fast", "store", "p->syscall_tick.store", "one more: this call is over"},
    {protocol, "wire", "plain_write", "m.p.set", "m.p = P"},
    {protocol, "wire", "store", "p.machine.store", "the P knows its M"},
    {protocol, "wire", "store", "p.status.store", "status = Running"},
    // It returns without its P: another one, or the goroutine waits and the M sleeps.
    {"protocol/idle_set.hpp", "processors_hint", "load", "processors_.load", "is any P idle?"},
    {"protocol/idle_set.hpp", "take_processor", "load", "processors_.load", "and under the lock?"},
    {"protocol/global_queue.hpp", "put", "store", "size_.store", "the goroutine waits in the global queue"},
    {"protocol/idle_set.hpp", "put_machine", "plain_write", "machines_.set", "the M is one of those that sleep"},
    {"protocol/note.hpp", "sleep", "futex_wait", "world::futex_wait", "and sleeps"},
    {"protocol/global_queue.hpp", "take", "store", "size_.store", "another M has the goroutine from there"},
};

std::string name_of(char const* file) { return fs::path(file).filename().string(); }

// How many of the accesses stand nowhere in their files: what is said of them would be said of
// nothing.
std::uint32_t accesses_without_source() {
  std::uint32_t missing = 0;
  for (access const& one : accesses) {
    std::vector<std::string> const& all = lines_of(one.file);
    missing += std::none_of(all.begin(), all.end(),
                            [&](std::string const& line) { return line.find(one.source) != std::string::npos; })
                   ? 1
                   : 0;
  }
  return missing;
}

access const* access_of(step const& one) {
  for (access const& each : accesses) {
    if (one.where != each.function || !starts(one.what, each.kind) || one.file != name_of(each.file)) continue;
    std::vector<std::string> const& all = lines_of(each.file);
    if (one.line < all.size() && all[one.line].find(each.source) != std::string::npos) return &each;
  }
  return nullptr;
}

// Where the race of a run begins and ends: from the step at which the goroutine is in its call
// until it runs again and the last compare-exchange is made.
struct stretch {
  std::string caller = "";  // the goroutine
  std::size_t first = 0, runs_again = 0, last = 0;
};
stretch stretch_of(std::vector<step> const& all) {
  stretch found;
  while (found.first < all.size() && all[found.first].what != "in a system call") ++found.first;
  if (found.first == all.size()) return found;
  found.caller = all[found.first].who;
  for (std::size_t i = all.size(); i-- > found.first;) {
    if (all[i].who == found.caller && all[i].what == "running") found.runs_again = i;
    if (found.last == 0 && is_race(all[i])) found.last = i;
  }
  found.last = std::max(found.last, found.runs_again);
  return found;
}

// What a step means; "": nothing that the race is about.
std::string meaning(step const& one, std::string const& caller, std::map<access const*, std::uint32_t>& shown) {
  if (one.where.empty())
    return starts(one.who, "P") || one.who == caller ? fmt::format("--- {}: {}", one.who, one.what) : "";
  if (is_race(one)) {
    const bool exits = one.where == "exit_fast";
    return fmt::format("{} Syscall -> Idle by {}: {}", exits ? "[PS2]" : "[PS3]",
                       exits ? "the returning call" : "sysmon",
                       won(one) ? "WON, it owns the P" : "LOST, the P has another owner");
  }
  access const* const known = access_of(one);
  if (known == nullptr || (++shown[known] > known->shown_most && known->shown_most != 0)) return "";
  return known->meaning;
}

void tell(worksheet& out, std::vector<step> const& all) {
  const stretch whole = stretch_of(all);
  std::uint32_t silent = 0;
  std::map<access const*, std::uint32_t> shown;
  for (std::size_t i = whole.first; i <= whole.last && i < all.size(); ++i) {
    const std::string what = meaning(all[i], whole.caller, shown);
    if (what.empty()) {
      ++silent;
      continue;
    }
    if (silent != 0) out.text(fmt::format("       ({} other step{})", silent, silent == 1 ? "" : "s"));
    silent = 0;
    out.text(fmt::format("{:>5}  {:<3} {:<25} {:<16} {}", all[i].number, all[i].who, all[i].what, all[i].where, what));
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
  const std::string kept = fmt::format("{}/{}", place.path, line_of(site)),
                    mutant = fmt::format("processor_status.hpp:{}:split", line_of(site));
  std::vector<std::string> words{sim,     "sim", scenario, "--executions", executions, "--seed", std::to_string(seed),
                                 "--out", kept,  "--json"};
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
  std::uint32_t handed = 0, runs_elsewhere = 0;   // P that sysmon won: handed to an M, which runs with it
  std::uint32_t points = 0, points_in_calls = 0;  // at which a goroutine may be preempted
};
sums sums_of(race const& one) {
  sums all;
  std::uint32_t since_link = 0;
  bool half = false;
  std::string taker;
  const stretch whole = stretch_of(one.steps);
  for (std::size_t i = 0; i < one.steps.size(); ++i) {
    step const& s = one.steps[i];
    if (s.where == "enter" && starts(s.what, "store")) half = true, since_link = 0;
    if (half) ++since_link;
    if (publishes(s)) {
      ++all.published;
      all.unowned = std::max(all.unowned, since_link);
      half = false;
    }
    if (s.where == "preempt_point" && starts(s.what, "load")) {
      ++all.points;
      all.points_in_calls += i > whole.first && i < whole.runs_again && s.who == one.steps[whole.first + 1].who ? 1 : 0;
    }
    if (!taker.empty() && s.where == "hand_over" && starts(s.what, "plain_write") && s.who == taker) ++all.handed;
    if (all.handed > all.runs_elsewhere && starts(s.who, "P") && starts(s.what, "runs on ")) ++all.runs_elsewhere;
    if (!is_race(s)) continue;
    if (!won(s)) {
      ++all.lost;
    } else if (s.where == "take") {
      ++all.takes_won;
      taker = s.who;
    } else {
      ++all.exits_won;
    }
  }
  return all;
}

// The schedules of a seed show one side of the race on the whole sources; the first seed that shows
// the wanted one.
race race_that(std::string const& sim, folder const& place, std::string const& site, bool broken,
               bool (*shows)(sums const&)) {
  constexpr int seeds = 256;
  for (int seed = 1;; ++seed) {
    race seen = run_race(sim, place, site, broken, seed);
    if (seed == seeds || broken || !seen.found || shows(sums_of(seen))) return seen;
  }
}

void step_through(worksheet& out) {
  const std::string sim = simulator();
  if (sim.empty())
    return out.lacks(
        "the simulator is not built: cmake --preset models && cmake --build build/models --target retake-sim");
  const folder place;
  const race by_sysmon = race_that(sim, place, "compare_exchange_acquire(processor_state::syscall, to)", out.broken(),
                                   [](sums const& s) { return s.exits_won != 0 && s.lost != 0; });
  const race by_exit =
      race_that(sim, place, "compare_exchange_acquire(processor_state::syscall, processor_state::idle)", out.broken(),
                [](sums const& s) { return s.takes_won != 0 && s.lost != 0 && s.handed != 0; });
  const sums first = sums_of(by_sysmon), second = sums_of(by_exit);
  out.text("1. sysmon's compare-exchange had been split; continued on the whole sources:");
  tell(out, by_sysmon.steps);
  out.text("2. The returning call's had been split; continued on the whole sources:");
  tell(out, by_exit.steps);
  out.row("tries_take_split", "executions until both owned the P, sysmon's CAS split", "", by_sysmon.tries,
          "executions");
  out.row("tries_exit_split", "  the returning call's CAS split", "", by_exit.tries, "executions");
  out.row("published", "calls that published their P, both runs, whole sources", "", first.published + second.published,
          "calls");
  out.row("exits_won", "  won back by the returning call", "", first.exits_won + second.exits_won, "P");
  out.row("takes_won", "  won by sysmon", "", first.takes_won + second.takes_won, "P");
  out.row("handed_off", "    of which handed off, and run by another M", "", second.runs_elsewhere, "P");
  out.row("lost", "  compare-exchanges that lost", "", first.lost + second.lost, "CAS");
  out.row("points", "points at which a goroutine may be preempted, both runs", "", first.points + second.points,
          "points");
  out.row("points_in_calls", "  of which between a call's begin and the goroutine's next step", "",
          first.points_in_calls + second.points_in_calls, "points");
  out.holds("without sysmon's CAS both own the P (P9), and the replay shows it again",
            by_sysmon.found && by_sysmon.reproduced);
  out.holds("without the returning call's CAS both own the P (P9), and the replay shows it again",
            by_exit.found && by_exit.reproduced);
  out.holds("the same schedules on the whole sources end without a failure", by_sysmon.clean && by_exit.clean);
  out.holds("whole: each published P has exactly one winner",
            first.published != 0 && second.published != 0 && first.published == first.exits_won + first.takes_won &&
                second.published == second.exits_won + second.takes_won);
  out.holds("whole: the returning call wins one of the races, sysmon the other, and one loses each",
            first.exits_won != 0 && second.takes_won != 0 && first.lost != 0 && second.lost != 0);
  out.holds("whole: the P that sysmon won is handed off, and another M runs with it",
            second.takes_won != 0 && second.handed == second.takes_won && second.runs_elsewhere == second.handed);
  out.holds("whole: no goroutine may be preempted between its call's begin and its next step",
            first.points + second.points != 0 && first.points_in_calls + second.points_in_calls == 0);
  out.holds("each access that is named above stands in the sources", accesses_without_source() == 0);
  out.answer("What happens if m.locks++ is forgotten?",
             fmt::format("Nothing, for there is none here: from the step in which the P forgets its M until it is "
                         "published the M has half a P: {} and {} steps in these runs. "
                         "Of the {} points at which a goroutine may be preempted {} lie between a call's begin and the "
                         "goroutine's next step.",
                         first.unowned, second.unowned, first.points + second.points,
                         first.points_in_calls + second.points_in_calls),
             "Go needs the count, for there a function's prologue and a signal preempt a goroutine wherever it is. "
             "Here preempt_point() does and nothing "
             "else, and neither enter nor exit calls it before the goroutine runs again. A point put there is found at "
             "once: mutants pe1 and pe2, by G1.");
  out.answer("What if the CAS were not there?",
             fmt::format("Both believe that they own the P: found after {} executions when sysmon's is split and after "
                         "{} when the returning call's is (P9). With "
                         "it {} calls published their P and {} compare-exchanges won; {} lost, and went another way.",
                         by_sysmon.tries, by_exit.tries, first.published + second.published,
                         first.exits_won + first.takes_won + second.exits_won + second.takes_won,
                         first.lost + second.lost));
}

}  // namespace

int main(int argc, char** argv) {
  return retake::stress::run_exercise({11,
                                       "task11_step_through_the_race",
                                       "enter, exit and retake, step by step",
                                       "no compare-exchange is split",
                                       step_through,
                                       nullptr,
                                       {{"runtime/protocol/processor_status.hpp", "enter", "publishes the P"},
                                        {"runtime/protocol/processor_status.hpp", "exit_fast",
                                         "the returning call's compare-exchange"},
                                        {"runtime/protocol/processor_status.hpp", "take", "sysmon's compare-exchange"},
                                        {"runtime/sched/machines.cpp", "handoff",
                                         "the P goes to another thread, a new one if none is idle"}}},
                                      argc, argv);
}
