#include "settings.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace retake::explore {

namespace {

constexpr std::string_view prefix = "RETAKE_EXPLORE_";
constexpr std::array<std::string_view, 5> strategies = {"random", "pct", "pos", "surw", "dfs"};

std::string variable_of(std::string_view option) {
  std::string name(prefix);
  for (char const c : option) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

[[noreturn]] void refuse_value(std::string_view what, std::string_view value, std::string_view accepted) {
  refuse(std::string(what) + " `" + std::string(value) + "`: accepted: " + std::string(accepted));
}

// One option of ours: by its name, and how a text becomes its value.
struct own_option {
  char const* name;
  bool (*parse)(std::string const& text, settings& out, std::string& accepted);
};

template <auto Member>
bool parse_text(std::string const& text, settings& out, std::string& accepted) {
  accepted = "a text that is not empty";
  out.*Member = text;
  return !text.empty();
}

template <auto Member, std::uint64_t Low, std::uint64_t High>
bool parse_number(std::string const& text, settings& out, std::string& accepted) {
  accepted = "a whole number from " + std::to_string(Low) + " to " + std::to_string(High);
  std::uint64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < Low || value > High) return false;
  out.*Member = value;
  return true;
}

bool parse_seconds(std::string const& text, settings& out, std::string& accepted) {
  accepted = "a number of seconds above 0";
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.seconds);
  return error == std::errc{} && end == text.data() + text.size() && out.seconds > 0;
}

bool parse_strategy(std::string const& text, settings& out, std::string& accepted) {
  accepted.clear();
  for (std::string_view const one : strategies) accepted += (accepted.empty() ? "" : ", ") + std::string(one);
  out.strategy = text;
  return std::find(strategies.begin(), strategies.end(), text) != strategies.end();
}

bool parse_name(std::string const& text, settings& out, std::string& accepted) {
  accepted = "letters, digits, `.`, `_`, `-`";
  out.name = text;
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

constexpr own_option own_options[] = {
    {"strategy", parse_strategy},
    {"seconds", parse_seconds},
    {"executions", parse_number<&settings::executions, 1, UINT64_MAX>},
    {"seed", parse_number<&settings::seed, 0, UINT64_MAX>},
    {"preemptions", parse_number<&settings::preemptions, 0, UINT32_MAX>},
    {"depth", parse_number<&settings::depth, 1, UINT32_MAX>},
    {"out", parse_text<&settings::out>},
    {"replay", parse_text<&settings::replay>},
    {"shrink", parse_text<&settings::shrink>},
};

// "stack.40" of "tests/stack.cpp", 40.
std::string name_of(char const* file, unsigned line) {
  std::string_view name(file);
  name = name.substr(name.rfind('/') + 1);
  std::string clean(name.substr(0, name.find('.')));
  for (char& c : clean) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return clean + "." + std::to_string(line);
}

// False: no option has that name.
bool set_option(std::string_view variable, std::string const& value, settings& out) {
  std::string accepted;
  for (own_option const& o : own_options) {
    if (variable_of(o.name) != variable) continue;
    if (!o.parse(value, out, accepted)) refuse_value(variable, value, accepted);
    return true;
  }
  for (sim::option const& o : sim::option_list()) {
    if (variable_of(o.name) != variable) continue;
    if (!o.parse(value, out.world, accepted)) refuse_value(variable, value, accepted);
    return true;
  }
  return false;
}

std::string accepted_names() {
  std::string names;
  for (own_option const& o : own_options) names += (names.empty() ? "" : ", ") + variable_of(o.name);
  for (sim::option const& o : sim::option_list()) names += ", " + variable_of(o.name);
  return names;
}

}  // namespace

void refuse(std::string const& line) {
  std::fflush(stdout);
  std::fprintf(stderr, "retake explore: %s\n", line.c_str());
  std::fflush(stderr);
  _exit(2);  // no destructor of what a check was called within, no other test
}

settings settle(options const& chosen, char const* file, unsigned line) {
  settings s;
  std::string accepted;
  std::string const name = chosen.name.empty() ? name_of(file, line) : chosen.name;
  if (!parse_name(name, s, accepted)) refuse_value("options::name", name, accepted);
  if (chosen.claim.find('\n') != std::string::npos) refuse_value("options::claim", chosen.claim, "one line");
  s.claim = chosen.claim.empty() ? "nothing that it requires fails" : chosen.claim;
  s.steps = chosen.steps;
  auto const take = [&](char const* option, std::string const& value) {
    if (value.empty()) return;
    for (own_option const& o : own_options) {
      if (std::strcmp(o.name, option) != 0) continue;
      if (!o.parse(value, s, accepted)) refuse_value("options::" + std::string(option), value, accepted);
    }
    for (sim::option const& o : sim::option_list()) {
      if (std::strcmp(o.name, option) != 0) continue;
      if (!o.parse(value, s.world, accepted)) refuse_value("options::" + std::string(option), value, accepted);
    }
  };
  auto const take_number = [&](char const* option, auto const& value) {
    if (value) take(option, std::to_string(*value));
  };
  take("strategy", chosen.strategy);
  take("memory", chosen.memory);
  take("faults", chosen.faults);
  take("out", chosen.out);
  take_number("seconds", chosen.seconds);
  take_number("executions", chosen.executions);
  take_number("seed", chosen.seed);
  take_number("preemptions", chosen.preemptions);
  take_number("depth", chosen.depth);
  for (char** v = environ; *v != nullptr; ++v) {
    std::string_view const entry(*v);
    if (!entry.starts_with(prefix)) continue;
    std::size_t const equals = entry.find('=');
    if (!set_option(entry.substr(0, equals), std::string(entry.substr(equals + 1)), s)) {
      refuse(std::string(entry.substr(0, equals)) + ": there is no such option: accepted: " + accepted_names());
    }
  }
  if (s.steps == 0) refuse_value("options::steps", "0", "a whole number above 0");
  if (s.executions == UINT64_MAX && s.seconds == 1e18 && s.strategy != "dfs") s.executions = 100'000;
  return s;
}

void take_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::string_view const flag(argv[i]);
    settings unused;
    std::string const variable = flag.starts_with("--") ? variable_of(flag.substr(2)) : "";
    std::string const names = accepted_names() + ",";
    if (variable.size() <= prefix.size() || names.find(variable + ",") == std::string::npos) {
      refuse("`" + std::string(flag) +
             "`: there is no such option: accepted: --replay FILE, --shrink FILE, --seed N "
             "and each other override of retake/explore.hpp");
    }
    if (i + 1 == argc) refuse("`" + std::string(flag) + "`: a value must follow");
    static_cast<void>(set_option(variable, argv[++i], unused));  // refuses a bad value at once
    setenv(variable.c_str(), argv[i], 1);
  }
}

}  // namespace retake::explore
