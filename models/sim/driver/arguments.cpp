#include "arguments.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>

#include "command_line/flag_values.hpp"
#include "sim/replay.hpp"

namespace retake::sim::driver {

namespace {

// Texts as they were typed; checked below, so that every complaint has one form.
struct typed {
  std::string strategy = "random", executions, seconds, seed, preemptions, depth, shard;
  std::vector<std::string> world = std::vector<std::string>(option_list().size());  // by place in the list
};

bool whole(std::string text, std::uint64_t& out) {
  int base = 10;
  if (text.rfind("0x", 0) == 0) {
    base = 16;
    text.erase(0, 2);
  }
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::string complaint(char const* flag, std::string const& value, std::string const& accepted) {
  return fmt::format("{} `{}`: accepted: {}", flag, value, accepted);
}

// Empty, or the complaint.
std::string check_number(char const* flag, std::string const& text, std::uint64_t low, std::uint64_t high,
                         std::uint64_t& out) {
  if (text.empty()) return "";
  std::uint64_t v = 0;
  if (!whole(text, v) || v < low || v > high)
    return complaint(flag, text, fmt::format("a whole number from {} to {}", low, high));
  out = v;
  return "";
}

std::string check_all(typed const& t, arguments& a) {
  std::string c;
  auto const narrow = [&](char const* flag, std::string const& text, std::uint32_t low, std::uint32_t high,
                          std::uint32_t& out) {
    std::uint64_t v = out;
    if (c.empty()) c = check_number(flag, text, low, high, v);
    out = static_cast<std::uint32_t>(v);
  };
  for (auto const& [flag, text] : {std::pair{"--strategy", &t.strategy},
                                   {"--executions", &t.executions},
                                   {"--seconds", &t.seconds},
                                   {"--seed", &t.seed},
                                   {"--preemptions", &t.preemptions},
                                   {"--depth", &t.depth},
                                   {"--shard", &t.shard}}) {
    if (text->empty()) continue;
    if (c = command_line::complaint(flag, *text); !c.empty()) return fmt::format("{} {}", flag, c);
  }
  a.strategy = t.strategy;
  if (a.strategy == "bytes" && a.word == "sim" && a.bytes_file.empty()) return "--strategy `bytes`: needs --bytes FILE";
  for (std::size_t i = 0; i < t.world.size(); ++i) {
    option const& o = option_list()[i];
    if (t.world[i].empty()) continue;
    std::string const flag = flag_of(o);
    if (c = command_line::complaint(flag, t.world[i]); !c.empty()) return fmt::format("{} {}", flag, c);
    std::string accepted;
    if (!o.parse(t.world[i], a.world, accepted)) return complaint(flag.c_str(), t.world[i], accepted);
  }
  std::uint64_t executions = 0;
  if (whole(t.executions, executions)) a.executions = executions;
  if (!t.seconds.empty()) a.seconds = std::stod(t.seconds);
  whole(t.seed, a.seed);
  narrow("--preemptions", t.preemptions, 0, UINT32_MAX, a.preemptions);
  a.preemptions_given = !t.preemptions.empty();
  narrow("--depth", t.depth, 0, UINT32_MAX, a.depth);
  if (!c.empty()) return c;
  if (auto const slash = t.shard.find('/'); slash != std::string::npos) {
    whole(t.shard.substr(0, slash), a.shard);
    whole(t.shard.substr(slash + 1), a.shards);
  }
  return "";
}

}  // namespace

int refuse(std::string const& line) {
  fmt::print(stderr, "retake-sim: {}\n", line);
  return exit_usage;
}

bool parse(int argc, char** argv, arguments& a, int& code) {
  CLI::App app{"The deterministic simulator: finds, replays and shrinks schedules"};
  app.require_subcommand(1);
  typed t;
  auto const json = [&](CLI::App* w) {
    w->add_flag("--json", a.json, "JSON lines on standard output, nothing else there");
  };
  auto const bounded = [&](CLI::App* w) {
    w->add_option("--out", a.out, "folder for replays");
    w->add_option("--seconds", t.seconds, "end after so long");
  };
  auto const world = [&](CLI::App* w, std::string_view wanted) {  // wanted: an option's name; empty: all
    for (std::size_t i = 0; i < t.world.size(); ++i) {
      option const& o = option_list()[i];
      if (wanted.empty() || wanted == o.name) w->add_option(flag_of(o), t.world[i], o.help);
    }
  };
  CLI::App* const sim = app.add_subcommand("sim", "explore one scenario");
  sim->add_option("SCENARIO", a.subject, "see list")->required();
  json(sim);
  bounded(sim);
  world(sim, "");
  sim->add_option("--strategy", t.strategy, "random, pct, pos, surw, dfs, bytes");
  sim->add_option("--bytes", a.bytes_file, "the byte string that decides (strategy bytes)");
  sim->add_option("--executions", t.executions, "end after so many (default 100000; dfs: none)");
  sim->add_option("--seed", t.seed, "default 1");
  sim->add_option("--preemptions", t.preemptions, "dfs: the bound, default 2");
  sim->add_option("--depth", t.depth, "pct: depth, default 3");
  sim->add_option("--shard", t.shard, "i/n: this part of the executions");
  sim->add_option("--traces", a.traces, "a file of the traces of earlier runs: says which are new, and takes them up");
  sim->add_flag("--vacuity", a.vacuity, "print the sites that saw one outcome only");
  CLI::App* const replay = app.add_subcommand("replay", "run one recorded schedule");
  replay->add_option("FILE", a.subject, "a .replay")->required();
  json(replay);
  world(replay, "mutate");
  replay->add_option("--trace", a.trace, "write a Chrome/Perfetto trace");
  replay->add_flag("--continue", a.keep_going,
                   "go on past a divergence, without preemption and with the newest values");
  CLI::App* const shrink = app.add_subcommand("shrink", "the smallest replay that still fails with the same tag");
  shrink->add_option("FILE", a.subject, "a .replay")->required();
  json(shrink);
  bounded(shrink);
  world(shrink, "mutate");
  CLI::App* const list = app.add_subcommand("list", "scenarios and their claims");
  list->add_flag("--json", a.json, "JSON lines");
  try {
    app.parse(argc, argv);
  } catch (CLI::CallForHelp const& e) {
    code = app.exit(e);
    return false;
  } catch (CLI::ParseError const& e) {
    std::string line = e.what();
    line = line.substr(0, line.find('\n'));
    code = refuse(line + "; see --help");
    return false;
  }
  a.word = app.get_subcommands().front()->get_name();
  std::string const c = check_all(t, a);
  if (c.empty()) return true;
  code = refuse(c);
  return false;
}

}  // namespace retake::sim::driver
