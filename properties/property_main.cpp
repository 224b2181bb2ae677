#include "property_main.hpp"

#include <fmt/format.h>
#include <rapidcheck.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "command_line/flag_values.hpp"
#include "command_line/interruption.hpp"
#include "command_line/output.hpp"
#include "command_line/told_command.hpp"
#include "sim/campaign.hpp"
#include "sim/choices/depth_first.hpp"
#include "sim/choices/pct.hpp"
#include "sim/choices/random_walk.hpp"
#include "sim/replay.hpp"
#include "sim/shrink.hpp"
#include "sim/timeline.hpp"
#include "sim/trace_file.hpp"
#include "sim/trace_set.hpp"

namespace retake::properties {

namespace {

using nlohmann::ordered_json;
using namespace sim;

constexpr int exit_holds = 0, exit_finding = 1, exit_usage = 2, exit_environment = 3, exit_harness = 4;
constexpr std::uint32_t schedules_per_program = 48;
constexpr std::uint32_t schedules_per_shrink = 2000;
constexpr std::uint32_t bounded_search_preemptions_max = 3;
constexpr std::uint64_t bounded_search_executions_max = 30'000;
constexpr std::uint32_t programs_per_round = 100;
constexpr std::uint32_t schedules_per_final_shrink = 4000;
constexpr double shrink_seconds_max = 20;

program const* running = nullptr;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// ---- programs as text ---------------------------------------------------------------------------
std::string text_of(property const& p, program const& g) {
  std::string t;
  for (auto const& actor : g.actors) {
    if (!t.empty()) t += '|';
    if (actor.empty()) t += '-';
    for (std::size_t i = 0; i < actor.size(); ++i) {
      command_kind const& k = p.commands[actor[i].kind];
      t += i == 0 ? "" : ".";
      t += k.name;
      if (k.arguments > 1) t += fmt::format(":{}", actor[i].argument);
    }
  }
  return t;
}

std::vector<std::string> split(std::string const& text, char at) {
  std::vector<std::string> parts(1);
  for (char const c : text) {
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

bool parse_command(property const& p, std::string const& text, command& out) {
  std::string const name = text.substr(0, text.find(':'));
  for (std::size_t k = 0; k < p.commands.size(); ++k) {
    if (name != p.commands[k].name) continue;
    std::uint32_t argument = 0;
    if (p.commands[k].arguments > 1) {
      if (name.size() + 1 >= text.size()) return false;
      auto const [end, error] = std::from_chars(text.data() + name.size() + 1, text.data() + text.size(), argument);
      if (error != std::errc{} || end != text.data() + text.size() || argument >= p.commands[k].arguments) return false;
    } else if (name != text) {
      return false;
    }
    out = {static_cast<std::uint8_t>(k), static_cast<std::uint8_t>(argument)};
    return true;
  }
  return false;
}

bool parse_program(property const& p, std::string const& text, program& out) {
  for (std::string const& part : split(text, '|')) {
    std::vector<command> actor;
    if (part != "-") {
      for (std::string const& word : split(part, '.')) {
        command c{};
        if (!parse_command(p, word, c)) return false;
        actor.push_back(c);
      }
    }
    out.actors.push_back(std::move(actor));
  }
  return !out.actors.empty() && out.actors.size() <= actors_limit;
}

// ---- programs by RapidCheck ---------------------------------------------------------------------
rc::Gen<command> any_command(property const& p) {
  std::vector<std::uint8_t> kinds;  // each as often as its weight
  for (std::size_t k = 0; k < p.commands.size(); ++k)
    kinds.insert(kinds.end(), p.commands[k].weight, static_cast<std::uint8_t>(k));
  return rc::gen::
      map(rc::gen::pair(rc::gen::elementOf(kinds), rc::gen::inRange<std::uint32_t>(0, 256)),
          [&p](std::pair<std::uint8_t, std::uint32_t> const& drawn) {
            return command{drawn.first, static_cast<std::uint8_t>(drawn.second % p.commands[drawn.first].arguments)};
          });
}

rc::Gen<program> any_program(property const& p) {
  auto const actor =
      rc::gen::resize(static_cast<int>(p.commands_max), rc::gen::container<std::vector<command>>(any_command(p)));
  auto const actors =
      rc::gen::mapcat(rc::gen::inRange<std::uint32_t>(p.actors_min, p.actors_max + 1), [actor](std::uint32_t n) {
        return rc::gen::container<std::vector<std::vector<command>>>(static_cast<std::size_t>(n), actor);
      });
  return rc::gen::map(actors, [](std::vector<std::vector<command>> lists) { return program{std::move(lists)}; });
}

struct silent final : rc::detail::TestListener {
  void onTestCaseFinished(rc::detail::CaseDescription const&) override {}
  void onShrinkTried(rc::detail::CaseDescription const&, bool) override {}
  void onTestFinished(rc::detail::TestMetadata const&, rc::detail::TestResult const&) override {}
};

struct arguments {
  std::string program;  // as it was called
  std::optional<double> seconds;
  std::optional<std::uint64_t> executions;
  std::uint64_t seed = 1;
  bool json = false;
  bool list = false;
  bool keep_going = false;
  std::string out = "out";
  std::string replay_file;
  std::string trace_file;
  std::string traces_file;
  std::string twin_name;
  mutant mutate;
};

int refuse(property const& p, std::string const& line) {
  fmt::print(stderr, "{}_properties: {}\n", p.name, line);
  return exit_usage;
}

// ---- running ------------------------------------------------------------------------------------
class runner {
 public:
  runner(property const& p, arguments const& a, void (*body)(), std::string world_name)
      : p_(p), a_(a), scenario_{}, name_(std::move(world_name)) {
    scenario_.name = p.name;
    scenario_.claim = p.claim;
    scenario_.body = body;
  }

  int explore();
  int follow(replay const& r, program const& g);

 private:
  struct failure {
    program what;
    execution result;
    std::vector<choice_record> choices;
    std::size_t mode = 0;
    std::uint64_t number = 0;  // how many ran before it, and it
  };

  options world(memory_mode m) const {
    options o;
    o.memory = m;
    o.fault_mask = p_.fault_mask;
    o.mutate = a_.mutate;
    return o;
  }
  engine& engine_of(std::size_t mode) {
    if (engines_[mode] == nullptr)
      engines_[mode] = std::make_unique<engine>(world(mode == 0 ? memory_mode::c11 : memory_mode::sc));
    engines_[mode]->end_when([](void* self) { return static_cast<runner*>(self)->ends_execution(); }, this);
    return *engines_[mode];
  }
  // Asked inside of a long execution.
  bool ends_execution() const { return failure_ ? command_line::interrupted() || now() > shrink_until_ : over(); }
  bool over() const {
    return command_line::interrupted() || (a_.executions && executions_ >= *a_.executions) || now() >= ends_at_;
  }
  bool fails(program const& g, std::uint64_t schedules);
  void keep(program const& g, std::size_t mode, engine const& e);
  int report(double seconds);
  void look_for_fewer_preemptions(engine& e, failure& f);
  ordered_json save(shrunk const& small, engine& e, std::string& path, std::string& reason);
  ordered_json line(double seconds) const;

  property const& p_;
  arguments const& a_;
  scenario scenario_;
  std::string name_;
  std::array<std::unique_ptr<engine>, 2> engines_;  // c11, sc
  trace_set traces_;
  joined_traces joined_;  // with those of earlier runs
  std::optional<failure> failure_;
  std::uint64_t executions_ = 0;
  std::uint64_t to_first_ = 0;
  std::uint64_t trace_hash_ = 0;  // over all executions, in order
  std::uint64_t programs_ = 0;
  std::uint64_t truncated_ = 0;
  bool cut_ = false;  // time or a stop ended an execution in its middle: it is not among `executions_`
  double ends_at_ = 1e18;
  double shrink_until_ = 0;
};

void runner::keep(program const& g, std::size_t mode, engine const& e) {
  failure_ = failure{g, e.last(), {e.choices().begin(), e.choices().end()}, mode, executions_};
}

// Schedule i of a program: both memory modes in turn, and in each a random walk, then PCT of depth
// 2, 3 and 4.
bool runner::fails(program const& g, std::uint64_t schedules) {
  running = &g;
  random_walk walk(schedules);
  std::array<pct, 3> deep = {pct(schedules, 2), pct(schedules, 3), pct(schedules, 4)};
  bool const shrinking = failure_.has_value();
  std::uint32_t const most = shrinking ? schedules_per_shrink : schedules_per_program;
  lengths const measured =
      measure(engine_of(0), scenario_, walk).most;  // a pilot that fails is left: the schedules follow
  if (engine_of(0).last().cut) {
    cut_ |= !shrinking;
    return false;
  }
  walk.learn(measured);
  for (pct& p : deep) p.learn(measured);
  for (std::uint32_t i = 0; i < most; ++i) {
    if (!shrinking && over()) return false;
    std::size_t const mode = i % 2;
    std::size_t const kind = i / 2 % 4;
    chooser& c = kind == 0 ? static_cast<chooser&>(walk) : deep[kind - 1];
    c.begin(i);
    engine& e = engine_of(mode);
    execution const& x = e.run(scenario_, c);
    if (x.cut) {
      cut_ |= !shrinking;
      return false;
    }
    if (!shrinking) {
      programs_ += i == 0 ? 1 : 0;
      ++executions_;
      truncated_ += x.truncated;
      traces_.add(x.hash);
      trace_hash_ = (trace_hash_ ^ x.hash) * 0x9e3779b97f4a7c15ULL;
      trace_hash_ ^= trace_hash_ >> 31;
    }
    if (!x.failed) continue;
    if (shrinking && std::strcmp(x.what.tag, failure_->result.what.tag) != 0)
      continue;  // another failure is another story
    if (!shrinking) {
      to_first_ = executions_;
      shrink_until_ = now() + shrink_seconds_max;
    }
    keep(g, mode, e);
    return true;
  }
  return false;
}

int runner::explore() {
  double const began = now();
  if (a_.seconds) ends_at_ = began + *a_.seconds;
  std::uint64_t state = a_.seed;
  silent listener;
  std::unordered_map<std::string, rc::detail::Reproduce> const
      nothing_to_reproduce;  // RC_PARAMS has no say: --seed alone decides
  while (!failure_ && !over()) {
    rc::detail::TestParams params;
    params.seed = splitmix(state);
    params.maxSuccess = static_cast<int>(programs_per_round);
    params.maxSize = 100;
    auto const result = rc::detail::checkTestable(
        [&] {
          if (!failure_ && over()) return;
          if (failure_ && (command_line::interrupted() || now() > shrink_until_)) return;  // short enough
          program const g = *any_program(p_);
          std::uint64_t const schedules = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
          if (fails(g, schedules))
            throw rc::detail::CaseResult(rc::detail::CaseResult::Type::Failure, failure_->result.what.claim);
        },
        rc::detail::TestMetadata{p_.name, p_.claim}, params, listener, nothing_to_reproduce);
    rc::detail::Error error;
    if (result.match(error)) {
      fmt::print(stderr, "{}_properties: rapidcheck: {}\n", p_.name, error.description);
      return exit_harness;
    }
  }
  for (auto const& e : engines_) {
    if (e != nullptr && e->sites().mutant_misfit() != op_kind::none) {
      return refuse(p_, fmt::format("--mutate `{}`: this kind does not fit the operation there, which is `{}`",
                                    a_.mutate.text(), name_of(e->sites().mutant_misfit())));
    }
  }
  return report(now() - began);
}

ordered_json runner::line(double seconds) const {
  ordered_json j = {{"kind", "props"},
                    {"name", p_.name},
                    {"seed", a_.seed},
                    {"executions", executions_},
                    {"seconds", seconds},
                    {"executions_per_second", seconds > 0 ? static_cast<double>(executions_) / seconds : 0.0},
                    {"programs", programs_},
                    {"distinct_traces", traces_.count()},
                    {"distinct_exact", traces_.exact()},
                    {"trace_hash", fmt::format("{:016x}", trace_hash_)},
                    {"truncated", truncated_ != 0},
                    {"cut", cut_},
                    {"exhausted", false},
                    {"interrupted", command_line::interrupted()}};
  if (!a_.twin_name.empty()) j["twin"] = a_.twin_name;
  if (!a_.mutate.file.empty()) {
    j["mutant"] = a_.mutate.text();
    j["mutant_reached"] = std::any_of(engines_.begin(), engines_.end(),
                                      [](auto const& e) { return e != nullptr && e->sites().mutant_reached(); });
  }
  if (!a_.traces_file.empty()) j.update({{"new_traces", joined_.fresh}, {"known_traces", joined_.known}});
  j["finding"] = nullptr;
  return j;
}

std::string file_name(std::string const& folder, char const* name, execution const& x) {
  std::string tag = x.what.tag;
  for (char& c : tag) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return fmt::format("{}/{}_properties-{}-{:016x}.replay", folder, name, tag, x.hash);
}

// A short program has few schedules with one, two or three preemptions: they are looked through
// before the one that was found is cut down, which would stop at the first schedule that needs all
// of its departures.
void runner::look_for_fewer_preemptions(engine& e, failure& f) {
  for (std::uint32_t bound = 0; bound <= bounded_search_preemptions_max && bound < f.result.preemptions; ++bound) {
    depth_first search(bound);
    campaign_limits limits;
    limits.executions_max = bounded_search_executions_max;
    limits.seconds_max = 2;
    limits.stop = command_line::interruption();
    campaign const c = sim::explore(e, scenario_, search, limits);
    if (!c.failed || std::strcmp(c.last.what.tag, f.result.what.tag) != 0 || c.last.preemptions >= f.result.preemptions)
      continue;
    f.choices = c.choices;
    f.result = c.last;
    return;
  }
}

int runner::report(double seconds) {
  std::string reason;
  // A finding is told whatever becomes of its replay and of the traces.
  bool const lost_traces = !a_.traces_file.empty() && !join_traces(a_.traces_file, traces_, joined_, reason);
  if (lost_traces) refuse(p_, reason);
  if (!joined_.torn.empty())
    fmt::print(stderr, "{}_properties: --traces `{}` is torn: set aside as {}, and begun anew\n", p_.name,
               a_.traces_file, joined_.torn);
  ordered_json j = line(seconds);
  if (!failure_) {
    if (a_.json)
      fmt::print("{}\n", j.dump());
    else {
      fmt::print("{}: {} executions of {} programs in {:.2f} s ({:.0f} a second), {} distinct traces{}{}{}{}\n",
                 p_.name, executions_, programs_, seconds, static_cast<double>(executions_) / std::max(seconds, 1e-9),
                 traces_.count(), traces_.exact() ? "" : " (about)", truncated_ != 0 ? ", truncated" : "",
                 cut_ ? ", one more was cut" : "", command_line::interrupted() ? ", interrupted" : "");
    }
    int const none = command_line::code_without_finding(p_.name, executions_);
    if (!lost_traces || none == command_line::interrupted_code) return none;
    return joined_.disk_full ? exit_environment : exit_usage;
  }
  failure f = *failure_;
  running = &f.what;
  engine& e = engine_of(f.mode);
  std::string const tag = f.result.what.tag;
  std::string const world_name = fmt::format("{}/{}", name_, text_of(p_, f.what));
  scenario named = scenario_;
  named.name = world_name.c_str();
  std::string path = file_name(a_.out, p_.name, f.result);
  // As it was found, first; then as short as it gets.
  if (!replay::of(e, named, tag.c_str(), f.choices).write(path, reason)) {
    fmt::print(stderr, "{}_properties: {}\n", p_.name, reason);
    path.clear();
  }
  std::string const as_found = path;
  look_for_fewer_preemptions(e, f);
  shrink_until_ = now() + shrink_seconds_max;
  if (shrunk const small =
          shrink(engine_of(f.mode), scenario_, tag.c_str(), f.choices, schedules_per_final_shrink, shrink_seconds_max);
      small.reproduced) {
    std::string const shorter = file_name(a_.out, p_.name, small.result);
    if (replay::of(e, named, tag.c_str(), small.choices).write(shorter, reason)) {
      std::error_code ignored;
      if (!as_found.empty() && shorter != as_found) std::filesystem::remove(as_found, ignored);
      path = shorter;
      f.result = small.result;
    }
  }
  std::vector<std::string> again{a_.program};
  if (!path.empty())
    again.insert(again.end(), {"--replay", path});
  else
    again.insert(again.end(), {"--seed", std::to_string(a_.seed), "--executions", std::to_string(to_first_)});
  if (path.empty() && !a_.twin_name.empty()) again.insert(again.end(), {"--twin", a_.twin_name});
  if (!a_.mutate.file.empty()) again.insert(again.end(), {"--mutate", a_.mutate.text()});
  std::string const words = told_command(again);
  j["finding"] = {{"tag", f.result.what.tag},
                  {"claim", f.result.what.claim},
                  {"replay", path.empty() ? ordered_json(nullptr) : ordered_json(path)},
                  {"program", text_of(p_, f.what)},
                  {"steps", f.result.steps},
                  {"preemptions", f.result.preemptions},
                  {"stale_reads", f.result.stale_reads},
                  {"executions_to_first", to_first_},
                  {"command", words}};
  if (a_.json) {
    fmt::print("{}\n", j.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  } else {
    replay r;
    if (!path.empty() && replay::read(path, r, reason)) run_again(e, scenario_, r);  // for the timeline
    fmt::print("finding   {}\nclaim     {}\nproperty  {}: {}\nprogram\n", f.result.what.tag, f.result.what.claim,
               p_.name, p_.claim);
    for (std::size_t i = 0; i < f.what.actors.size(); ++i)
      fmt::print("  {}: {}\n", i, text_of(p_, program{{f.what.actors[i]}}));
    fmt::print("steps     {}   preemptions {}   stale reads {}   faults {}   found after {} executions\n\n{}\n{}\n",
               f.result.steps, f.result.preemptions, f.result.stale_reads, f.result.faults, to_first_, timeline(e, 80),
               words);
  }
  return tag == "harness" ? exit_harness : exit_finding;
}

int runner::follow(replay const& r, program const& g) {
  running = &g;
  options o = r.world;
  o.mutate = a_.mutate;  // as it is found on the record, it is applied on request only
  engine e(o);
  rerun const again = run_again(e, scenario_, r);
  execution const& x = again.result;
  if (e.sites().mutant_misfit() != op_kind::none) {
    return refuse(p_, fmt::format("--mutate `{}`: this kind does not fit the operation there, which is `{}`",
                                  a_.mutate.text(), name_of(e.sites().mutant_misfit())));
  }
  if (!a_.keep_going && !again.fits) {
    bool const as_found = r.world.mutate.file.empty() || !o.mutate.file.empty();
    return refuse(p_,
                  fmt::format("{}: {}{}; --continue goes on past it", a_.replay_file, again.departure,
                              as_found ? "" : fmt::format(" (it was found with --mutate {})", r.world.mutate.text())));
  }
  if (!a_.trace_file.empty()) {
    std::ofstream out(a_.trace_file, std::ios::binary);
    out << chrome_trace(e);
    out.flush();
    if (!out) return refuse(p_, fmt::format("--trace `{}`: accepted: a file that can be written", a_.trace_file));
  }
  if (a_.json) {
    ordered_json j = {{"kind", "replay"},
                      {"name", p_.name},
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
    for (std::size_t i = 0; i < g.actors.size(); ++i) fmt::print("{}: {}\n", i, text_of(p_, program{{g.actors[i]}}));
    fmt::print("{}{}\n", timeline(e, 200), again.verdict(r));
  }
  return x.failed ? exit_finding : exit_holds;
}

// ---- the command line ---------------------------------------------------------------------------
bool whole(std::string const& text, std::uint64_t& out) {
  bool const hexadecimal = text.starts_with("0x");
  char const* const begin = text.data() + (hexadecimal ? 2 : 0);
  auto const [end, error] = std::from_chars(begin, text.data() + text.size(), out, hexadecimal ? 16 : 10);
  return error == std::errc{} && end == text.data() + text.size() && begin != end;
}

twin const* find_twin(property const& p, std::string const& name) {
  for (twin const& t : p.twins) {
    if (name == t.name) return &t;
  }
  return nullptr;
}

std::string twins_text(property const& p) {
  std::string names;
  for (twin const& t : p.twins) names += (names.empty() ? "" : ", ") + std::string(t.name);
  return names;
}

// True: go on. Else `code` is the exit code, and what had to be said was said.
bool parse(int argc, char** argv, property const& p, arguments& a, int& code) {
  CLI::App app{p.claim};
  std::string seconds, executions, seed, mutate;
  app.add_option("--seconds", seconds, "end after so long");
  app.add_option("--executions", executions, "end after so many (default 20000, when --seconds is not given)");
  app.add_option("--seed", seed, "default 1");
  app.add_flag("--json", a.json, "one JSON line on standard output, nothing else there");
  app.add_option("--out", a.out, "folder for replays");
  app.add_option("--traces", a.traces_file,
                 "a file of the traces of earlier runs: says which are new, and takes them up");
  app.add_flag("--list", a.list, "what it claims, its commands and its faulty twins");
  app.add_option("--replay", a.replay_file, "run one recorded program and schedule");
  app.add_flag("--continue", a.keep_going,
               "with --replay: go on past a divergence, without preemption and with the newest values");
  app.add_option("--trace", a.trace_file, "with --replay: write a Chrome/Perfetto trace");
  app.add_option("--mutate", mutate, "SITE:KIND, as run_queue.hpp:123:relaxed");
  app.add_option("--twin", a.twin_name, "a faulty twin instead of the protocol");
  try {
    app.parse(argc, argv);
  } catch (CLI::CallForHelp const& e) {
    code = app.exit(e);
    return false;
  } catch (CLI::ParseError const& e) {
    std::string const what = e.what();
    code = refuse(p, what.substr(0, what.find('\n')) + "; see --help");
    return false;
  }
  std::string complaint, reason;
  std::uint64_t n = 0;
  for (auto const& [flag, text] :
       {std::pair{"--seconds", &seconds}, {"--executions", &executions}, {"--seed", &seed}, {"--mutate", &mutate}}) {
    if (text->empty() || !complaint.empty()) continue;
    complaint = command_line::complaint(flag, *text);
    if (!complaint.empty()) complaint = fmt::format("{} {}", flag, complaint);
  }
  if (complaint.empty() && !seconds.empty()) a.seconds = std::stod(seconds);
  if (complaint.empty() && whole(executions, n)) a.executions = n;
  if (complaint.empty() && whole(seed, n)) a.seed = n;
  if (!a.seconds && !a.executions) a.executions = 20'000;
  if (complaint.empty() && !mutate.empty() && !mutant::parse(mutate, a.mutate, reason))
    complaint = fmt::format("--mutate `{}`: accepted: {}", mutate, reason);
  if (complaint.empty() && !a.twin_name.empty() && find_twin(p, a.twin_name) == nullptr)
    complaint = fmt::format("--twin `{}`: accepted: {}", a.twin_name, twins_text(p));
  if (complaint.empty() && !a.list && a.replay_file.empty()) {
    std::error_code error;
    std::filesystem::create_directories(a.out, error);
    if (error || access(a.out.c_str(), W_OK) != 0)
      complaint = fmt::format("--out `{}`: accepted: a folder that exists or can be made, and can be written", a.out);
  }
  if (complaint.empty()) return true;
  code = refuse(p, complaint);
  return false;
}

int list(property const& p, bool json) {
  if (json) {
    fmt::print("{}\n", ordered_json{{"kind", "props"}, {"name", p.name}, {"claim", p.claim}}.dump());
    return exit_holds;
  }
  fmt::print("{}: {}\ncommands ", p.name, p.claim);
  for (command_kind const& k : p.commands) fmt::print(" {}", k.name);
  fmt::print("\n");
  for (twin const& t : p.twins) fmt::print("twin {}: {}\n", t.name, t.claim);
  return exit_holds;
}

int replay_file(property const& p, arguments& a) {
  replay r;
  std::string reason;
  if (!replay::read(a.replay_file, r, reason)) return refuse(p, reason);
  std::string const own = fmt::format("{}_properties", p.name);
  std::size_t const slash = r.scenario.find('/');
  std::string const who = r.scenario.substr(0, slash);
  std::size_t const plus = who.find('+');
  if (slash == std::string::npos || who.substr(0, plus) != own)
    return refuse(p, fmt::format("{}: `{}` is not a program of {}", a.replay_file, r.scenario, own));
  twin const* faulty = nullptr;
  if (plus != std::string::npos && (faulty = find_twin(p, who.substr(plus + 1))) == nullptr) {
    return refuse(p, fmt::format("{}: twin `{}`: accepted: {}", a.replay_file, who.substr(plus + 1), twins_text(p)));
  }
  program g;
  if (!parse_program(p, r.scenario.substr(slash + 1), g))
    return refuse(p, fmt::format("{}: `{}` is not a program of {}", a.replay_file, r.scenario, own));
  return runner(p, a, faulty != nullptr ? faulty->body : p.body, who).follow(r, g);
}

}  // namespace

program const& the_program() noexcept { return *running; }

void undecided(char const* why) noexcept { sim::fail(why); }

int property_main(int argc, char** argv, property const& p) {
  arguments a;
  a.program = argv[0];
  return command_line::finish(fmt::format("{}_properties", p.name).c_str(), [&] {
    int code = exit_holds;
    if (!parse(argc, argv, p, a, code)) return code;
    if (a.list) return list(p, a.json);
    if (!a.replay_file.empty()) return replay_file(p, a);
    command_line::watch_interrupts();
    twin const* const faulty = find_twin(p, a.twin_name);
    std::string name = fmt::format("{}_properties", p.name);
    if (faulty != nullptr) name += fmt::format("+{}", faulty->name);
    return runner(p, a, faulty != nullptr ? faulty->body : p.body, std::move(name)).explore();
  });
}

}  // namespace retake::properties
