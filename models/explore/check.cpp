// check.cpp: one check: explores, shrinks what it found, says it; or follows a record instead.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>
#include <vector>

#include "command_line/told_command.hpp"
#include "guard.hpp"
#include "settings.hpp"
#include "sim/campaign.hpp"
#include "sim/choices/depth_first.hpp"
#include "sim/choices/pct.hpp"
#include "sim/choices/pos.hpp"
#include "sim/choices/random_walk.hpp"
#include "sim/choices/surw.hpp"
#include "sim/replay.hpp"
#include "sim/shrink.hpp"
#include "sim/timeline.hpp"

namespace retake::explore {

struct builder {
  result r;

  result holding(std::string text) {
    r.text_ = std::move(text);
    return r;
  }
  result skipping() {
    r.skipped_ = true;
    return holding("skipped: the record is of another check\n");
  }
  void ran(sim::campaign const& c) {
    r.executions_ = c.executions;
    r.seconds_ = c.seconds;
    r.exhausted_ = c.exhausted;
  }
  result nothing_ran(std::string const& name) {
    r.code_ = 4;
    return holding(fmt::format("{}: no execution ran to its end in the time that it was given\n", name));
  }
  result failing(sim::finding const& what, std::string replay, std::string text) {
    r.code_ = 1;
    r.tag_ = what.tag;
    r.claim_ = what.claim;
    r.replay_ = std::move(replay);
    return holding(std::move(text));
  }
};

namespace {

// The check that runs on this OS thread: a scenario's body has no argument.
detail::body_reference the_body;
// A record was asked for, and whether a check of this program had its name.
struct asked_record {
  std::string path, scenario;
  bool met = false;
};
asked_record* asked = nullptr;

void run_body() {
  note_execution();
  try {
    the_body.call(the_body.body);
  } catch (std::exception const& e) {
    sim::fail(fmt::format("exception: {} leaves the body", e.what()).c_str());
  } catch (...) { sim::fail("exception: one that is no std::exception leaves the body"); }
}

std::unique_ptr<sim::chooser> make_strategy(settings const& s) {
  if (s.strategy == "pct") return std::make_unique<sim::pct>(s.seed, static_cast<std::uint32_t>(s.depth));
  if (s.strategy == "pos") return std::make_unique<sim::pos>(s.seed);
  if (s.strategy == "surw") return std::make_unique<sim::surw>(s.seed);
  if (s.strategy == "dfs") return std::make_unique<sim::depth_first>(static_cast<std::uint32_t>(s.preemptions));
  return std::make_unique<sim::random_walk>(s.seed);
}

// The words that started this program, without those that ask for a record.
std::vector<std::string> own_words() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::string const all(std::istreambuf_iterator<char>(in), {});
  std::vector<std::string> words;
  for (std::size_t from = 0; from < all.size();) {
    std::size_t const end = std::min(all.find('\0', from), all.size());
    std::string const word = all.substr(from, end - from);
    bool const value = !words.empty() && (words.back() == "--replay" || words.back() == "--shrink");
    if (value)
      words.pop_back();
    else
      words.push_back(word);
    from = end + 1;
  }
  return words;
}

std::string replay_assignment(std::string const& path) { return "RETAKE_EXPLORE_REPLAY=" + quoted_word(path); }

// What stops a debugger in the thread that fails, below the line that failed.
std::string debug_command(std::string const& path) {
  std::vector<std::string> words{"gdb", "-q",        "-ex",   "break retake::sim::engine::fail", "-ex", "run",
                                 "-ex", "backtrace", "--args"};
  for (std::string const& word : own_words()) words.push_back(word);
  return replay_assignment(path) + " " + told_command(words);
}

std::string describe(sim::engine& e, sim::scenario const& s, sim::replay const& record, sim::execution const& x,
                     std::string const& path, std::string const& why_no_path) {
  static_cast<void>(sim::run_again(e, s, record));  // for the timeline
  std::string text = fmt::format(
      "finding   {}\nclaim     {}\ncheck     {}: {}\nsteps     {}   preemptions {}   stale reads {}   faults "
      "{}\n\n{}\n",
      x.what.tag, x.what.claim, s.name, s.claim, x.steps, x.preemptions, x.stale_reads, x.faults, sim::timeline(e));
  if (path.empty()) return text + fmt::format("the record could not be written: {}\n", why_no_path);
  return text + fmt::format("{} {}\n{}\n", replay_assignment(path), told_command(own_words()), debug_command(path));
}

std::string replay_path(settings const& chosen, sim::execution const& x) {
  std::string tag = x.what.tag;
  for (char& c : tag) c = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' ? c : '_';
  return fmt::format("{}/{}-{}-{:016x}.replay", chosen.out, chosen.name, tag, x.hash);
}

constexpr std::uint32_t shrink_executions = 4000;
constexpr double shrink_seconds = 10;

// Shrinks, writes and describes what the campaign found.
result found(sim::engine& e, sim::scenario const& s, settings const& chosen, sim::campaign const& c, builder& b) {
  sim::execution x = c.last;
  sim::replay record = sim::replay::of(e, s, x.what.tag, c.choices);
  sim::shrunk const small = sim::shrink(e, s, x.what.tag, c.choices, shrink_executions, shrink_seconds);
  if (small.reproduced) {
    x = small.result;
    record = sim::replay::of(e, s, x.what.tag, small.choices);
  }
  std::string path = replay_path(chosen, x);
  std::string reason;
  std::error_code error;
  std::filesystem::create_directories(chosen.out, error);
  if (error) reason = fmt::format("{}: {}", chosen.out, error.message());
  if (error || !record.write(path, reason)) path.clear();
  return b.failing(x.what, path, describe(e, s, record, x, path, reason));
}

// At the end of the program: the name of a record that no check had.
void say_unmet() {
  if (asked->met) return;
  refuse(fmt::format("{}: no check that ran in this program is named `{}`", asked->path, asked->scenario));
}

// True: this check is the one of the record.
bool is_asked(std::string const& path, sim::replay& record, std::string const& name) {
  std::string reason;
  if (!sim::replay::read(path, record, reason)) refuse(reason);
  if (asked == nullptr) {
    asked = new asked_record{path, record.scenario};  // for the end of the program
    std::atexit(say_unmet);
  }
  asked->met |= record.scenario == name;
  return record.scenario == name;
}

result follow(sim::scenario const& unbounded, settings const& chosen, builder& b) {
  bool const shrinks = chosen.replay.empty();
  std::string const& path = shrinks ? chosen.shrink : chosen.replay;
  sim::replay record;
  if (!is_asked(path, record, unbounded.name)) return b.skipping();
  sim::scenario const s = record.bounded(unbounded);
  sim::engine e(record.world);
  sim::rerun const again = sim::run_again(e, s, record);
  if (!again.fits)
    refuse(fmt::format("{}: {}: the record is of another version of this program", path, again.departure));
  sim::execution const& x = again.result;
  if (!x.failed) return b.holding(fmt::format("{}\n{}\n", sim::timeline(e, 200), again.verdict(record)));
  if (!shrinks) return b.failing(x.what, path, fmt::format("{}\n{}\n", sim::timeline(e, 200), again.verdict(record)));
  sim::campaign c;
  c.last = x;
  c.choices.assign(e.choices().begin(), e.choices().end());
  return found(e, s, chosen, c, b);
}

}  // namespace

namespace detail {

result check(body_reference body, options const& chosen, char const* file, unsigned line) {
  if (sim::running()) refuse(fmt::format("{}:{}: a check within the body of another", file, line));
  settings const s = settle(chosen, file, line);
  if (body.call == nullptr) refuse(fmt::format("{}: there is no body", s.name));
  the_body = body;
  sim::scenario scenario{.name = s.name.c_str(), .claim = s.claim.c_str(), .body = &run_body};
  scenario.chaos_steps = scenario.heal_steps = s.steps;
  scenario.fences_synchronize = true;
  guard const watched(s.name);
  builder b;
  if (!s.replay.empty() || !s.shrink.empty()) return follow(scenario, s, b);
  sim::options world = s.world;
  if (world.fault_mask == sim::every_fault) world.fault_mask = sim::bearable_faults(scenario);
  sim::engine e(world);
  std::unique_ptr<sim::chooser> const strategy = make_strategy(s);
  sim::campaign const c =
      sim::explore(e, scenario, *strategy, {.executions_max = s.executions, .seconds_max = s.seconds});
  b.ran(c);
  if (c.failed) return found(e, scenario, s, c, b);
  if (c.executions == 0) return b.nothing_ran(s.name);
  return b.holding(fmt::format("{}: {} executions in {:.2f} s ({:.0f} a second){}{}\n", s.name, c.executions, c.seconds,
                               c.seconds > 0 ? static_cast<double>(c.executions) / c.seconds : 0.0,
                               c.truncated ? ", truncated" : "", c.exhausted ? ", exhausted" : ""));
}

}  // namespace detail

std::ostream& operator<<(std::ostream& to, result const& r) { return to << r.text(); }

void require(bool condition, char const* tag_and_claim, char const* file, unsigned line, char const* function) {
  if (!condition) sim::fail(tag_and_claim, {file, line, function});
}

std::uint32_t choose(std::uint32_t n, char const* file, unsigned line, char const* function) {
  return n < 2 ? 0 : sim::choose("choose", n, {file, line, function});
}

int finish(result const& r) {
  std::fputs(r.text().c_str(), stdout);
  return r.code();
}

}  // namespace retake::explore
