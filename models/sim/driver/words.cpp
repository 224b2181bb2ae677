// words.cpp: sim, replay, shrink, list.
#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "arguments.hpp"
#include "command_line/interruption.hpp"
#include "command_line/told_command.hpp"
#include "sim/campaign.hpp"
#include "sim/choices/bytes.hpp"
#include "sim/choices/depth_first.hpp"
#include "sim/choices/pct.hpp"
#include "sim/choices/pos.hpp"
#include "sim/choices/random_walk.hpp"
#include "sim/choices/surw.hpp"
#include "sim/replay.hpp"
#include "sim/shrink.hpp"
#include "sim/timeline.hpp"
#include "sim/trace_file.hpp"

namespace retake::sim::driver {

namespace {

using nlohmann::ordered_json;

constexpr std::uint32_t shrink_executions = 4000;

scenario const* find_scenario(std::string const& name) {
  for (scenario const* s : catalog()) {
    if (name == s->name) return s;
  }
  return nullptr;
}

int unknown_scenario(std::string const& name) {
  return refuse(fmt::format("SCENARIO `{}`: accepted: one of those that `list` names", name));
}

std::unique_ptr<chooser> make_chooser(arguments const& a, std::string const& data) {
  if (a.strategy == "pct") return std::make_unique<pct>(a.seed, a.depth);
  if (a.strategy == "pos") return std::make_unique<pos>(a.seed);
  if (a.strategy == "surw") return std::make_unique<surw>(a.seed);
  if (a.strategy == "dfs") return std::make_unique<depth_first>(a.preemptions);
  if (a.strategy == "bytes")
    return std::make_unique<bytes>(reinterpret_cast<std::uint8_t const*>(data.data()), data.size());
  return std::make_unique<random_walk>(a.seed);
}

char const* memory_name(options const& o) { return o.memory == memory_mode::sc ? "sc" : "c11"; }

// Errors of usage that show only when the site is reached.
bool mutant_fits(engine const& e, int& code) {
  if (e.sites().mutant_misfit() == op_kind::none) return true;
  code = refuse(fmt::format("--mutate `{}`: this kind does not fit the operation there, which is `{}`",
                            e.settings().mutate.text(), name_of(e.sites().mutant_misfit())));
  return false;
}

std::string replay_command(std::string const& path, options const& o) {
  return retake::replay_command("", path, o.mutate.file.empty() ? "" : o.mutate.text());
}

// Of a finding without a replay: the same executions, up to it.
std::string seed_command(arguments const& a, campaign const& r) {
  std::vector<std::string>
      words{launcher_of(""), "sim", a.subject, "--strategy", a.strategy, "--executions", std::to_string(r.executions)};
  auto const add = [&](std::string const& flag, std::string const& value) { words.insert(words.end(), {flag, value}); };
  if (a.strategy == "bytes")
    add("--bytes", a.bytes_file);
  else if (a.strategy == "dfs")
    add("--preemptions", std::to_string(a.preemptions));
  else
    add("--seed", std::to_string(a.seed));
  if (a.strategy == "pct") add("--depth", std::to_string(a.depth));
  if (a.shards != 1) add("--shard", fmt::format("{}/{}", a.shard, a.shards));
  for (option const& one : option_list()) {
    if (std::string const text = one.text(a.world); text != one.text(options{})) add(flag_of(one), text);
  }
  return told_command(words);
}

std::string replay_path(std::string const& folder, std::string const& name, std::string const& tag,
                        std::uint64_t hash) {
  std::string clean = tag;
  for (char& ch : clean) {
    if (std::isalnum(static_cast<unsigned char>(ch)) == 0 && ch != '_' && ch != '-') ch = '_';
  }
  return fmt::format("{}/{}-{}-{:016x}.replay", folder, name, clean, hash);
}

struct saved {
  replay record;
  std::string path;
  execution result;
};

// Shrinks if that works, writes, and says where. False: the environment does not let us write;
// record and result are there, the path is empty.
bool save_finding(engine& e, scenario const& s, campaign const& c, arguments const& a, saved& out,
                  std::string& reason) {
  // First what was seen: shrinking a crash may not come back.
  out.record = replay::of(e, s, c.last.what.tag, c.choices);
  out.result = c.last;
  std::string const& folder = a.out;
  double const seconds = a.word == "shrink" && a.seconds ? *a.seconds : 1e18;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    reason = fmt::format("{}: {}", folder, error.message());
    return false;
  }
  std::string const unshrunk = replay_path(folder, s.name, c.last.what.tag, c.last.hash);
  if (!out.record.write(unshrunk, reason)) return false;
  out.path = unshrunk;
  shrunk const small = shrink(e, s, c.last.what.tag, c.choices, shrink_executions, seconds);
  if (!small.reproduced) return true;
  replay const shorter = replay::of(e, s, c.last.what.tag, small.choices);
  std::string const path = replay_path(folder, s.name, c.last.what.tag, small.result.hash);
  if (!shorter.write(path, reason)) return true;  // what was seen is kept
  out.record = shorter;
  out.result = small.result;
  out.path = path;
  if (out.path != unshrunk) std::filesystem::remove(unshrunk, error);
  return true;
}

ordered_json scope_of(arguments const& a, scenario const& s) {
  ordered_json j;
  j["memory"] = memory_name(a.world);
  j["history"] = a.world.memory == memory_mode::sc ? 1 : a.world.history;
  if (a.strategy == "dfs")
    j["preemptions"] = a.preemptions;
  else
    j["preemptions"] = nullptr;
  j["spurious_wakes"] = (a.world.fault_mask & 1U) != 0 ? a.world.fault_budget : 0;
  j["faults"] = faults_text(a.world.fault_mask);
  j["spins"] = a.world.spins_free;
  j["give_ups"] = a.world.give_ups_max;
  j["placements"] = a.world.placements_max;
  j["weak_failures"] = a.world.weak_failures_max;
  j["ticks"] = a.world.ticks_max;
  j["steps"] = s.chaos_steps;
  return j;
}

void show_finding(engine& e, scenario const& s, saved const& f) {
  run_again(e, s, f.record);  // for the timeline
  fmt::print(
      "finding   {}\nclaim     {}\nscenario  {}: {}\nsteps     {}   preemptions {}   stale reads {}   faults "
      "{}\n\n{}\n",
      f.result.what.tag, f.result.what.claim, s.name, s.claim, f.result.steps, f.result.preemptions,
      f.result.stale_reads, f.result.faults, timeline(e));
}

}  // namespace

int run_sim(arguments const& given) {
  scenario const* const s = find_scenario(given.subject);
  if (s == nullptr) return unknown_scenario(given.subject);
  arguments a = given;
  if (a.world.fault_mask == every_fault) a.world.fault_mask = bearable_faults(*s);
  std::string data;
  if (!a.bytes_file.empty()) {
    std::ifstream in(a.bytes_file, std::ios::binary);
    if (!in) return refuse(fmt::format("--bytes `{}`: accepted: a file that can be read", a.bytes_file));
    data.assign(std::istreambuf_iterator<char>(in), {});
  }
  command_line::watch_interrupts();
  engine e(a.world);
  std::unique_ptr<chooser> const c = make_chooser(a, data);
  campaign_limits limits;
  limits.first = a.shard;
  limits.stride = a.shards;
  limits.stop = command_line::interruption();
  if (a.executions)
    limits.executions_max = *a.executions;
  else if (!a.seconds && a.strategy != "dfs")
    limits.executions_max = 100'000;
  if (a.seconds) limits.seconds_max = *a.seconds;
  campaign const r = explore(e, *s, *c, limits);
  int code = exit_holds;
  if (!mutant_fits(e, code)) return code;
  bool const mutated = !a.world.mutate.file.empty();
  // A shard of a depth-first search is the search: it cannot be cut by numbers.
  bool const exhausted = r.exhausted;
  saved f;
  std::string reason;
  // A finding is told whatever becomes of its replay and of the traces.
  if (r.failed && !save_finding(e, *s, r, a, f, reason)) fmt::print(stderr, "retake-sim: {}\n", reason);
  joined_traces joined;
  if (!a.traces.empty() && !join_traces(a.traces, r.traces, joined, reason)) {
    code = refuse(reason);
    if (joined.disk_full) code = exit_environment;
  }
  if (!joined.torn.empty())
    fmt::print(stderr, "retake-sim: --traces `{}` is torn: set aside as {}, and begun anew\n", a.traces, joined.torn);
  std::string const command = f.path.empty() ? seed_command(a, r) : replay_command(f.path, a.world);
  if (a.json) {
    ordered_json j = {{"kind", "sim"},
                      {"name", s->name},
                      {"strategy", a.strategy},
                      {"memory", memory_name(a.world)},
                      {"seed", a.seed},
                      {"executions", r.executions},
                      {"seconds", r.seconds},
                      {"executions_per_second", r.seconds > 0 ? static_cast<double>(r.executions) / r.seconds : 0.0},
                      {"steps", r.steps},
                      {"distinct_traces", r.traces.count()},
                      {"distinct_exact", r.traces.exact()},
                      {"trace_hash", fmt::format("{:016x}", r.trace_hash)},
                      {"truncated", r.truncated},
                      {"cut", r.cut},
                      {"exhausted", exhausted},
                      {"interrupted", command_line::interrupted()},
                      {"scope", scope_of(a, *s)}};
    if (!a.traces.empty()) j.update({{"new_traces", joined.fresh}, {"known_traces", joined.known}});
    j["must_fail"] = s->must_fail == nullptr ? ordered_json(nullptr) : ordered_json(s->must_fail);
    if (mutated) {
      j["mutant"] = a.world.mutate.text();
      j["mutant_reached"] = e.sites().mutant_reached();
    }
    if (r.failed) {
      j["finding"] = {{"tag", f.result.what.tag},
                      {"claim", f.result.what.claim},
                      {"replay", f.path.empty() ? ordered_json(nullptr) : ordered_json(f.path)},
                      {"steps", f.result.steps},
                      {"preemptions", f.result.preemptions},
                      {"stale_reads", f.result.stale_reads},
                      {"executions_to_first", r.executions},
                      {"command", command}};
    } else {
      j["finding"] = nullptr;
    }
    fmt::print("{}\n", j.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
    if (a.vacuity) fmt::print("{}", e.sites().counters_json());
  } else {
    fmt::print("{}: {} executions in {:.2f} s ({:.0f} a second), {} distinct traces{}, {} steps each{}{}{}\n", s->name,
               r.executions, r.seconds, r.seconds > 0 ? static_cast<double>(r.executions) / r.seconds : 0.0,
               r.traces.count(), r.traces.exact() ? "" : " (about)", r.executions != 0 ? r.steps / r.executions : 0,
               r.truncated ? ", truncated" : "",
               exhausted ? ", exhausted"
               : r.cut   ? ", one more was cut"
                         : "",
               command_line::interrupted() ? ", interrupted" : "");
    if (mutated && !e.sites().mutant_reached())
      fmt::print("mutant site was never reached: {}\n", a.world.mutate.text());
    if (a.vacuity) {
      for (auto const& line : e.sites().one_sided()) fmt::print("one-sided: {}\n", line);
    }
    if (r.failed) {
      show_finding(e, *s, f);
      fmt::print("{}\n", command);
    }
  }
  if (r.failed) return exit_finding;
  int const none = command_line::code_without_finding("retake-sim", r.executions);
  return code == exit_holds || none == command_line::interrupted_code ? none : code;
}

namespace {

// A record and its scenario. Else the exit code, and why was said.
int read_record(arguments const& a, replay& r, scenario const*& s) {
  std::string reason;
  if (!replay::read(a.subject, r, reason)) return refuse(reason);
  s = find_scenario(r.scenario);
  return s != nullptr ? exit_holds
                      : refuse(fmt::format("{}: scenario `{}` is not in this build", a.subject, r.scenario));
}

}  // namespace

int run_replay(arguments const& a) {
  replay r;
  scenario const* s = nullptr;
  if (int const code = read_record(a, r, s); code != exit_holds) return code;
  options o = r.world;
  o.mutate = a.world.mutate;  // as it is found on the record, it is applied on request only
  engine e(o);
  rerun const again = run_again(e, *s, r);
  execution const& x = again.result;
  int code = exit_holds;
  if (!mutant_fits(e, code)) return code;
  if (!a.keep_going && !again.fits) {
    bool const as_found = r.world.mutate.file.empty() || !o.mutate.file.empty();
    return refuse(fmt::format("{}: {}{}; --continue goes on past it", a.subject, again.departure,
                              as_found ? "" : fmt::format(" (it was found with --mutate {})", r.world.mutate.text())));
  }
  if (!a.trace.empty()) {
    std::ofstream out(a.trace, std::ios::binary);
    out << chrome_trace(e);
    out.flush();
    if (!out) return refuse(fmt::format("--trace `{}`: accepted: a file that can be written", a.trace));
  }
  if (a.json) {
    ordered_json j = {{"kind", "replay"},
                      {"name", s->name},
                      {"reproduced", again.reproduced},
                      {"tag", x.failed ? ordered_json(x.what.tag) : ordered_json(nullptr)},
                      {"steps", x.steps},
                      {"trace_hash", fmt::format("{:016x}", x.hash)},
                      {"divergence", again.departure.empty() ? ordered_json(nullptr) : ordered_json(again.departure)},
                      {"followed", again.followed},
                      {"choices", r.choices.size()}};
    for (option const& one : option_list()) j["world"][one.name] = one.text(e.settings());
    fmt::print("{}\n", j.dump());
  } else {
    fmt::print("{}{}\n", timeline(e, 200), again.verdict(r));
  }
  return x.failed ? exit_finding : exit_holds;
}

int run_shrink(arguments const& a) {
  replay r;
  scenario const* found_in = nullptr;
  if (int const code = read_record(a, r, found_in); code != exit_holds) return code;
  scenario const s = r.bounded(*found_in);
  options o = r.world;
  if (!a.world.mutate.file.empty()) o.mutate = a.world.mutate;
  engine e(o);
  rerun const again = run_again(e, s, r);
  execution const& x = again.result;
  int code = exit_holds;
  if (!mutant_fits(e, code)) return code;
  if (!again.fits) return refuse(fmt::format("{}: {}", a.subject, again.departure));
  if (!again.reproduced) return refuse(fmt::format("{}: does not fail with {} any more", a.subject, r.tag));
  campaign found;
  found.last = x;
  found.choices.assign(e.choices().begin(), e.choices().end());
  saved f;
  std::string reason;
  if (!save_finding(e, s, found, a, f, reason)) {
    fmt::print(stderr, "retake-sim: {}\n", reason);
    return exit_environment;
  }
  if (a.json) {
    ordered_json const j = {{"kind", "shrink"},
                            {"name", s.name},
                            {"tag", f.result.what.tag},
                            {"replay", f.path},
                            {"steps", f.result.steps},
                            {"preemptions", f.result.preemptions},
                            {"stale_reads", f.result.stale_reads},
                            {"choices", f.record.choices.size()},
                            {"choices_before", r.choices.size()}};
    fmt::print("{}\n", j.dump());
  } else {
    fmt::print(
        "{} choices, {} preemptions, {} stale reads (the record had {} choices, {} preemptions, {} stale reads)\n",
        f.record.choices.size(), f.result.preemptions, f.result.stale_reads, r.choices.size(), x.preemptions,
        x.stale_reads);
    fmt::print("{}\n", replay_command(f.path, o));
  }
  return exit_holds;
}

int run_list(arguments const& a) {
  for (scenario const* s : catalog()) {
    if (a.json) {
      ordered_json j = {{"kind", "scenario"}, {"name", s->name}, {"claim", s->claim}};
      j["must_fail"] = s->must_fail == nullptr ? ordered_json(nullptr) : ordered_json(s->must_fail);
      if (s->must_fail_memory != nullptr) j["must_fail_memory"] = s->must_fail_memory;
      for (unbearable const& one : {every_shortage, s->cannot_bear}) {
        if (one.mask != 0) j["cannot_bear"].push_back({{"faults", faults_text(one.mask)}, {"why", one.why}});
      }
      fmt::print("{}\n", j.dump());
    } else {
      fmt::print("{:<36} {}\n", s->name, s->claim);
    }
  }
  return exit_holds;
}

}  // namespace retake::sim::driver
