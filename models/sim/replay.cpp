#include "sim/replay.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#ifndef RETAKE_REVISION
#define RETAKE_REVISION "unknown"
#endif

namespace retake::sim {

namespace {

constexpr char const* kind_names[] = {"thread", "read", "random", "fault", "named"};

std::string word(std::string_view text) {
  std::string w(text.empty() ? "-" : text);
  std::replace(w.begin(), w.end(), ' ', '_');
  return w;
}

bool number(std::string_view text, std::uint32_t& out) {
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

std::string name_of_choice(choice_kind kind, char const* name, site_record const& s) {
  bool const named = kind == choice_kind::fault || kind == choice_kind::named;
  return word(named && name != nullptr ? std::string_view(name) : s.function_name());
}

bool parse_choice(std::string const& line, replay_choice& c) {
  std::istringstream in(line);
  std::string kind, thread, arrow, to, extra;
  if (!(in >> kind >> thread >> c.op >> c.function >> arrow >> to) || arrow != "->" || (in >> extra)) return false;
  auto const* const k = std::find(std::begin(kind_names), std::end(kind_names), kind);
  if (k == std::end(kind_names) || !number(thread, c.thread) || c.thread >= threads_max) return false;
  if (std::find(op_names.begin(), op_names.end(), c.op) == op_names.end()) return false;
  c.kind = static_cast<choice_kind>(k - kind_names);
  if (c.kind == choice_kind::thread) {
    if (to == "clock") c.to = clock_slot;
    else if (!number(to, c.to) || c.to >= threads_max) return false;
    return true;
  }
  auto const slash = to.find('/');
  return slash != std::string::npos && number(std::string_view(to).substr(0, slash), c.chosen) && number(std::string_view(to).substr(slash + 1), c.n) && c.chosen < c.n;
}

}  // namespace

std::string replay_choice::text() const {
  char const* const name = kind_names[static_cast<std::size_t>(kind)];
  if (kind != choice_kind::thread) return fmt::format("{} {} {} {} -> {}/{}", name, thread, op, function, chosen, n);
  if (to == clock_slot) return fmt::format("{} {} {} {} -> clock", name, thread, op, function);
  return fmt::format("{} {} {} {} -> {}", name, thread, op, function, to);
}

replay replay::of(engine const& e, char const* scenario, char const* tag, std::vector<choice_record> const& choices) {
  replay r;
  r.scenario = scenario;
  r.world = e.settings();
  r.tag = tag;
  r.mutate = e.settings().mutate.text();
  r.revision = sim::revision();
  for (choice_record const& c : choices) {
    r.choices.push_back({c.kind, c.thread, std::string(name_of(c.op)), name_of_choice(c.kind, c.name, e.sites()[c.site]), c.to, c.chosen, c.n});
  }
  return r;
}

std::string replay::text() const {
  std::string t = "retake-replay 1\n";
  t += fmt::format("scenario {}\nmemory {}\nhistory {}\nfaults {}\nfault_budget {}\nticks {}\nspins {}\ntag {}\nmutate {}\nrevision {}\n", scenario,
                   world.memory == memory_mode::sc ? "sc" : "c11", world.history, faults_text(world.fault_mask), world.fault_budget, world.ticks_max,
                   world.spins_free, word(tag), word(mutate), word(revision));
  for (auto const& c : choices) t += c.text() + "\n";
  return t + fmt::format("end {}\n", choices.size());
}

bool replay::parse(std::string const& text, replay& out, std::string& reason) {
  std::istringstream in(text);
  std::string line;
  std::size_t at = 1;
  if (!std::getline(in, line) || line.rfind("retake-replay ", 0) != 0) {
    reason = "line 1: not a replay (it starts with `retake-replay 1`)";
    return false;
  }
  if (line != "retake-replay 1") {
    reason = fmt::format("line 1: version `{}`; this build reads version 1", line.substr(14));
    return false;
  }
  replay r;
  std::string memory, faults, unknown;
  struct field {
    char const* name;
    std::string* text;
    std::uint32_t* value;
  };
  field const fields[] = {{"scenario", &r.scenario, nullptr}, {"memory", &memory, nullptr}, {"history", nullptr, &r.world.history},
                          {"faults", &faults, nullptr}, {"fault_budget", nullptr, &r.world.fault_budget}, {"ticks", nullptr, &r.world.ticks_max},
                          {"spins", nullptr, &r.world.spins_free}, {"tag", &r.tag, nullptr}, {"mutate", &r.mutate, nullptr},
                          {"revision", &r.revision, nullptr}};
  for (auto const& f : fields) {
    ++at;
    std::string name, value, extra;
    if (std::getline(in, line)) {
      std::istringstream words(line);
      words >> name >> value >> extra;
    }
    if (name != f.name || value.empty() || !extra.empty() || (f.value != nullptr && !number(value, *f.value))) {
      reason = fmt::format("line {}: expected `{} ...`, found `{}`", at, f.name, line);
      return false;
    }
    if (f.text != nullptr) *f.text = value == "-" ? "" : value;
  }
  if (memory != "sc" && memory != "c11") {
    reason = fmt::format("line 3: memory `{}`; sc or c11", memory);
    return false;
  }
  r.world.memory = memory == "sc" ? memory_mode::sc : memory_mode::c11;
  if (r.world.history < 1 || r.world.history > history_max) {
    reason = fmt::format("line 4: history {}; 1 to {}", r.world.history, history_max);
    return false;
  }
  if (!parse_faults(faults, r.world.fault_mask, unknown)) {
    reason = fmt::format("line 5: fault `{}` is not known", unknown);
    return false;
  }
  while (std::getline(in, line)) {
    ++at;
    if (line.rfind("end ", 0) == 0) {
      std::uint32_t n = 0;
      if (!number(std::string_view(line).substr(4), n) || n != r.choices.size()) {
        reason = fmt::format("line {}: `{}`, but {} choices stand above it", at, line, r.choices.size());
        return false;
      }
      if (std::getline(in, line)) {
        reason = fmt::format("line {}: text behind the end", at + 1);
        return false;
      }
      out = std::move(r);
      return true;
    }
    replay_choice c;
    if (!parse_choice(line, c)) {
      reason = fmt::format("line {}: not a choice: `{}`", at, line);
      return false;
    }
    r.choices.push_back(std::move(c));
  }
  reason = fmt::format("line {}: truncated: there is no `end {}`", at, r.choices.size());
  return false;
}

bool replay::write(std::string const& path, std::string& reason) const {
  std::string const temporary = fmt::format("{}.{}.tmp", path, getpid());
  {
    std::ofstream out(temporary, std::ios::binary);
    out << text();
    out.flush();
    if (!out) {
      reason = fmt::format("{}: {}", temporary, std::strerror(errno));
      std::remove(temporary.c_str());
      return false;
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()) == 0) return true;
  reason = fmt::format("{}: {}", path, std::strerror(errno));
  std::remove(temporary.c_str());
  return false;
}

bool replay::read(std::string const& path, replay& out, std::string& reason) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in) {
    reason = fmt::format("{}: cannot be read", path);
    return false;
  }
  if (parse(text.str(), out, reason)) return true;
  reason = fmt::format("{}: {}", path, reason);
  return false;
}

bool parse_faults(std::string const& list, std::uint32_t& mask, std::string& unknown) {
  mask = 0;
  if (list == "none" || list.empty()) return true;
  if (list == "all") {
    mask = (1U << fault_names.size()) - 1;
    return true;
  }
  std::istringstream in(list);
  std::string name;
  while (std::getline(in, name, ',')) {
    auto const* const f = std::find(fault_names.begin(), fault_names.end(), name);
    if (f == fault_names.end()) {
      unknown = name;
      return false;
    }
    mask |= 1U << (f - fault_names.begin());
  }
  return true;
}

std::string faults_text(std::uint32_t mask) {
  std::string t;
  for (std::size_t i = 0; i < fault_names.size(); ++i) {
    if ((mask >> i & 1U) == 0) continue;
    if (!t.empty()) t += ',';
    t += fault_names[i];
  }
  return t.empty() ? "none" : t;
}

char const* revision() noexcept { return RETAKE_REVISION; }

std::uint32_t replay_chooser::choose(choice_point const& p) {
  if (!divergence_.empty()) return 0;
  replay_choice asked{p.kind, p.running, std::string(name_of(p.op)), name_of_choice(p.kind, p.name, sites_[p.site]), 0, 0, p.n};
  auto const diverge = [&](std::string const& why) {
    divergence_ = fmt::format("diverged at choice {} of {}: {}", place_ + 1, replay_.choices.size(), why);
    return 0U;
  };
  std::string const asks = fmt::format("{} {} {} {}", kind_names[static_cast<std::size_t>(p.kind)], asked.thread, asked.op, asked.function);
  if (place_ == replay_.choices.size()) return diverge(fmt::format("the record is at its end, the run asks `{}`", asks));
  replay_choice const& c = replay_.choices[place_];
  if (c.kind != asked.kind || c.thread != asked.thread || c.op != asked.op || c.function != asked.function) {
    return diverge(fmt::format("the record has `{}`, the run asks `{}`", c.text(), asks));
  }
  std::uint32_t chosen = c.chosen;
  if (p.kind == choice_kind::thread) {
    chosen = p.alternative_of(c.to);
    if (chosen >= p.n) return diverge(fmt::format("the record has `{}`, but that thread cannot run", c.text()));
  } else if (c.n != p.n) {
    return diverge(fmt::format("the record has `{}`, the run has {} alternatives", c.text(), p.n));
  }
  ++place_;
  return chosen;
}

}  // namespace retake::sim
