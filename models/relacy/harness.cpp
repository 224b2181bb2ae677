// harness.cpp: the command line of a model: which suites are searched how, for how long, and what
// is said about it.
//
// Recipe.    Without --search: a suite whose full search ends is searched in full; another by
//            random walks and then depth first with a bound on preemptions. Suites that park are
//            searched once with the kernel's fences and once without. With --mutate every suite
//            first gets a short random search, because most mutants die in the first thousand
//            executions; the search stops at the first finding.
#include "harness.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "command_line/flag_values.hpp"
#include "command_line/interruption.hpp"
#include "command_line/output.hpp"
#include "command_line/told_command.hpp"
#include "durable_file.hpp"
#include "search.hpp"
#include "world/sites.hpp"

namespace retake::model {

namespace {

using nlohmann::json;
using world::relacy::mutation;

constexpr int finding_code = 1, usage_code = 2, fault_code = 4;
constexpr std::uint64_t full_executions_default = 60'000'000;
constexpr std::uint64_t bound_executions_default = 2'000'000;
constexpr std::uint64_t mutant_probes[] = {2'000, 300'000};
constexpr std::pair<char const*, mutation> mutation_names[] = {{"relaxed", mutation::relaxed},
                                                               {"acquire", mutation::acquire},
                                                               {"release", mutation::release},
                                                               {"acq_rel", mutation::acq_rel},
                                                               {"drop", mutation::drop},
                                                               {"split", mutation::split}};

struct options {
  std::string search, park = "both", suite, variant, mutate, out = "out", replay, shard;
  std::uint64_t executions = 0, seed = 1;
  double seconds = 0;
  unsigned bound = 0;
  bool json = false, list = false, must_fail = false, vacuity = false;
};

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

char const* name_of(search_kind kind) {
  switch (kind) {
    case search_kind::random: return "random";
    case search_kind::full: return "full";
    case search_kind::bound: return "bound";
    case search_kind::replay: return "replay";
  }
  return "";
}

[[noreturn]] void refuse(std::string const& flag, std::string const& value, std::string const& accepted) {
  fmt::print(stderr, "{} \"{}\": accepted is {}\n", flag, value, accepted);
  std::exit(usage_code);
}

struct part {
  search_kind kind;
  bool fences;
  std::uint64_t executions_max;
  unsigned bound;
};

struct report {
  explicit report(suite_entry const* s) : suite(s) {}

  suite_entry const* suite;
  std::uint64_t executions = 0, first = 0;
  double seconds = 0, cpu_seconds = 0;
  bool exhausted = false, all_ended = true, truncated = false, ran = false;
  unsigned jobs_left = 0;
  unsigned preemptions_bound = 0;  // 0: no bound
  json parts = json::array();
  verdict found{};
  std::string replay, how;
};

class harness {
 public:
  harness(char const* program, char const* model, std::vector<suite_entry> const& suites, options const& o)
      : program_(program), model_(model), suites_(suites), options_(o) {}

  int list() const {
    for (suite_entry const& s : suites_) {
      if (options_.json) {
        json const must_fail = s.must_fail == nullptr ? json(nullptr) : json(s.must_fail);
        fmt::print("{}\n", json{{"kind", "model"},
                                {"name", name(s)},
                                {"claim", s.claim},
                                {"threads", s.threads},
                                {"must_fail", must_fail}}
                               .dump());
      } else {
        fmt::print("{:<40} {}\n", name(s), s.claim);
      }
    }
    return 0;
  }

  int run() {
    choose_suites();
    std::vector<std::pair<report*, part>> const jobs = plan();
    std::int64_t const start = now_ns();
    std::int64_t const end = options_.seconds > 0 ? start + static_cast<std::int64_t>(options_.seconds * 1e9) : 0;
    for (auto const& job : jobs) ++job.first->jobs_left;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      auto const& [r, p] = jobs[i];
      if (r->found.tag.empty()) {
        std::int64_t deadline = 0;
        if (end != 0) {  // an equal share of what is left
          std::int64_t const left = std::max<std::int64_t>(end - now_ns(), 0);
          deadline = now_ns() + left / static_cast<std::int64_t>(jobs.size() - i);
        }
        if (!search_once(*r, p, deadline)) return fault_code;
      }
      if (command_line::interrupted()) break;
      if (world::relacy::mutant.misfit != nullptr) {
        refuse("--mutate", options_.mutate,
               fmt::format("a kind that weakens the {} at that line", world::relacy::mutant.misfit));
      }
      if (!options_.mutate.empty() && !r->found.tag.empty()) break;
      if (--r->jobs_left == 0 && options_.mutate.empty()) say(*r);
    }
    if (!options_.mutate.empty() || command_line::interrupted()) {
      for (report const& r : reports_) {
        if (r.ran && (!options_.mutate.empty() || was_cut(r))) say(r);
      }
      if (!options_.mutate.empty() && !options_.json && !world::relacy::mutant.reached)
        fmt::print("the mutant's site was not reached\n");
    }
    if (options_.vacuity) say_vacuity();
    return conclude();
  }

  int replay() {
    std::error_code error;
    std::uintmax_t const bytes = std::filesystem::is_regular_file(options_.replay, error)
                                     ? std::filesystem::file_size(options_.replay, error)
                                     : 0;
    std::ifstream in;
    if (bytes != 0 && bytes <= history_bytes_max) in.open(options_.replay);
    if (!in.is_open())
      refuse("--replay", options_.replay,
             fmt::format("a history that this model wrote, of at most {} bytes", history_bytes_max));
    std::map<std::string, std::string> header;
    std::string line;
    std::getline(in, line);
    if (line != first_line)
      refuse("--replay", options_.replay, fmt::format("a file that begins with \"{}\"", first_line));
    while (std::getline(in, line) && !line.empty()) {
      std::size_t const colon = line.find(": ");
      if (colon != std::string::npos) header[line.substr(0, colon)] = line.substr(colon + 2);
    }
    suite_entry const* suite = nullptr;
    for (suite_entry const& s : suites_) {
      if (header["model"] == model_ && header["suite"] == s.name) suite = &s;
    }
    if (suite == nullptr) refuse("--replay", options_.replay, fmt::format("a history of {}", model_));
    std::istringstream choices(header["choices"]);
    the_search = search{};
    the_search.kind = search_kind::replay;
    for (std::string one; choices >> one;) {
      choice c{};
      auto const slash = one.find('/');
      if (slash == std::string::npos || !number(one.substr(0, slash), c.chosen) ||
          !number(one.substr(slash + 1), c.alternatives) || c.chosen >= c.alternatives ||
          the_search.given == search::trail_max) {
        refuse("--replay", options_.replay, "choices of the form chosen/alternatives");
      }
      the_search.trail[the_search.given++] = c;
    }
    conditions under{.fences_in_futex = header["park"] != "plain",
                     .spurious = suite->spurious,
                     .timeouts = suite->timeouts,
                     .give_ups = 0};  // a history of an earlier revision: no loop gave up
    number(header["spurious"], under.spurious);
    number(header["timeouts"], under.timeouts);
    number(header["give_ups"], under.give_ups);
    verdict const found = suite->run(under);
    bool const same = found.tag == header["tag"];
    int const code = the_search.diverged || (!found.tag.empty() && !same) ? usage_code
                     : found.tag.empty()                                  ? 0
                                                                          : finding_code;
    if (!options_.json && code == finding_code) {
      std::fflush(stdout);
      suite->write_history(under, "/dev/stdout");
    }
    char const* const how = code == finding_code  ? "reproduced"
                            : code == 0           ? "ended without a finding"
                            : the_search.diverged ? "does not fit: another choice was to be made"
                                                  : "another finding";
    if (options_.json) {
      fmt::print("{}\n", json{{"kind", "replay"},
                              {"name", name(*suite)},
                              {"reproduced", code == finding_code},
                              {"tag", found.tag},
                              {"claim", found.claim},
                              {"steps", the_search.steps},
                              {"how", how}}
                             .dump());
    } else {
      fmt::print("{}: {}{}{}\n", options_.replay, how, found.tag.empty() ? "" : ": ", found.claim);
    }
    return code;
  }

 private:
  static constexpr std::uintmax_t history_bytes_max = 64U << 20;
  static constexpr char const* first_line = "retake relacy history, format 1";

  template <class Number>
  static bool number(std::string const& text, Number& to) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    return error == std::errc{} && end == text.data() + text.size();
  }

  std::string name(suite_entry const& s) const { return fmt::format("{}/{}", model_, s.name); }

  void choose_suites() {
    std::string names, variants;
    for (suite_entry const& s : suites_) (s.must_fail == nullptr ? names : variants) += std::string(" ") + s.name;
    for (suite_entry const& s : suites_) {
      bool const twin = s.must_fail != nullptr;
      if (!options_.suite.empty() && options_.suite != s.name) continue;
      bool const wanted = !options_.variant.empty() ? twin && (options_.variant == "all" || options_.variant == s.name)
                                                    : twin == (options_.suite == s.name);
      if (wanted || (!options_.suite.empty() && options_.suite == s.name)) reports_.emplace_back(&s);
    }
    if (!reports_.empty()) return;
    if (!options_.variant.empty()) refuse("--variant", options_.variant, "one of all" + variants);
    refuse("--suite", options_.suite, "one of" + names);
  }

  std::vector<part> parts_of(suite_entry const& s, std::uint64_t probe) const {
    std::vector<part> parts;
    for (bool const fences : {true, false}) {
      if (!s.parks && !fences) continue;
      if (s.parks && options_.park != "both" && options_.park != (fences ? "futex" : "plain")) continue;
      unsigned const bound = options_.bound != 0 ? options_.bound : s.bound;
      auto const add = [&](search_kind kind, std::uint64_t most) {
        parts.push_back({kind, fences, options_.executions != 0 ? std::min(options_.executions, most) : most,
                         kind == search_kind::bound ? bound : 0});
      };
      std::uint64_t const given = options_.executions;
      if (options_.search == "random") {
        add(search_kind::random, given != 0 ? given : s.random_executions);
      } else if (options_.search == "full") {
        add(search_kind::full, given != 0 ? given : full_executions_default);
      } else if (options_.search == "bound") {
        add(search_kind::bound, given != 0 ? given : full_executions_default);
      } else if (probe != 0) {
        add(search_kind::random, probe);
      } else if (s.ends) {
        add(search_kind::full, full_executions_default);
      } else {
        add(search_kind::random, s.random_executions);
        add(search_kind::bound, bound_executions_default);
      }
    }
    return parts;
  }

  std::vector<std::pair<report*, part>> plan() {
    unsigned shard = 0, shards = 1;
    if (!options_.shard.empty()) {
      std::size_t const slash = options_.shard.find('/');
      number(options_.shard.substr(0, slash), shard);
      number(options_.shard.substr(slash + 1), shards);
    }
    bool const probing = (!options_.mutate.empty() || !options_.variant.empty()) && options_.search.empty();
    std::vector<std::pair<report*, part>> jobs;
    unsigned next = 0;
    std::vector<std::uint64_t> stages;
    if (probing) stages.assign(std::begin(mutant_probes), std::end(mutant_probes));
    stages.push_back(0);
    for (std::uint64_t const probe : stages) {
      for (report& r : reports_) {
        for (part const& p : parts_of(*r.suite, probe)) {
          if (next++ % shards == shard) jobs.emplace_back(&r, p);
        }
      }
    }
    // A faulty twin's line stands when all its parts are through.
    if (!options_.variant.empty())
      std::stable_sort(jobs.begin(), jobs.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
    return jobs;
  }

  // False: a fault of the harness.
  bool search_once(report& r, part const& p, std::int64_t deadline) {
    conditions const under{.fences_in_futex = p.fences,
                           .spurious = r.suite->spurious,
                           .timeouts = r.suite->timeouts,
                           .give_ups = r.suite->give_ups};
    the_search.kind = p.kind;
    the_search.bound = p.bound;
    the_search.seed = options_.seed + (p.fences ? 0 : 1'000'003);
    the_search.executions_max = p.executions_max;
    the_search.deadline_ns = deadline;
    the_search.executions = 0;
    the_search.exhausted = the_search.truncated = the_search.diverged = false;
    the_search.depth = the_search.given = 0;
    std::int64_t const start = now_ns();
    std::clock_t const cpu_start = std::clock();
    r.found = r.suite->run(under);
    r.cpu_seconds += static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
    double const seconds = static_cast<double>(now_ns() - start) * 1e-9;
    if (the_search.diverged) {
      fmt::print(stderr, "{}: the {} search is not deterministic: an execution did not repeat its choices\n",
                 name(*r.suite), name_of(p.kind));
      return false;
    }
    std::uint64_t const n = the_search.executions;
    bool const ended = the_search.exhausted && r.found.tag.empty();
    if (p.kind != search_kind::random) {
      r.all_ended = r.all_ended && ended;
      r.exhausted = r.all_ended;
    }
    r.truncated = r.truncated || (!ended && p.kind != search_kind::random);
    if (p.kind == search_kind::bound) r.preemptions_bound = p.bound;
    r.ran = true;
    r.executions += n;
    total_ += n;
    r.seconds += seconds;
    json one{{"search", name_of(p.kind)}, {"executions", n}, {"seconds", seconds}, {"exhausted", ended}};
    if (r.suite->parks) one["park"] = p.fences ? "futex" : "plain";
    if (p.kind == search_kind::bound) one["preemptions"] = p.bound;
    r.parts.push_back(one);
    if (!r.found.tag.empty()) {
      r.first = total_;
      r.how = fmt::format("{}{}", name_of(p.kind), r.suite->parks ? (p.fences ? ", park futex" : ", park plain") : "");
      write_replay(r, p, under);
    }
    return true;
  }

  void write_replay(report& r, part const& p, conditions const& under) {
    std::string tag;
    for (char const c : r.found.tag) tag += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    std::string const base = fmt::format("{}/{}-{}", options_.out, model_, tag);
    bool const alone = r.suite->must_fail == nullptr && written_.insert(base).second;
    std::string const path = alone ? base + ".history" : fmt::format("{}-{}.history", base, r.suite->name);
    std::error_code error;
    std::filesystem::create_directories(options_.out, error);
    std::string const temporary = path + ".part";
    {
      std::ofstream file(temporary);
      file << first_line << "\nmodel: " << model_ << "\nsuite: " << r.suite->name << "\nclaim: " << r.found.claim
           << "\ntag: " << r.found.tag << "\nsearch: " << name_of(p.kind) << "\nseed: " << options_.seed
           << "\niteration: " << the_search.executions << "\npark: " << (p.fences ? "futex" : "plain")
           << "\nspurious: " << under.spurious << "\ntimeouts: " << under.timeouts << "\ngive_ups: " << under.give_ups
           << "\nmutate: " << (options_.mutate.empty() ? "none" : options_.mutate) << "\nchoices:";
      for (std::uint32_t i = 0; i < the_search.depth; ++i)
        file << ' ' << the_search.trail[i].chosen << '/' << the_search.trail[i].alternatives;
      file << "\n\n";
      if (!file.flush()) {  // the finding is told all the same, with the command that finds it again
        fmt::print(stderr, "--out \"{}\": the history of a finding cannot be written\n", options_.out);
        std::filesystem::remove(temporary, error);
        return;
      }
    }
    search_kind const was = the_search.kind;
    std::uint64_t const executions = the_search.executions;
    the_search.kind = search_kind::replay;
    the_search.given = the_search.depth;
    r.suite->write_history(under, temporary.c_str());
    the_search.kind = was;
    the_search.executions = executions;
    std::stringstream text;
    text << std::ifstream(temporary).rdbuf();
    std::filesystem::remove(temporary, error);
    if (std::error_code const failed = durable::write(path, text.str())) {
      fmt::print(stderr, "{}: cannot be written: {}\n", path, failed.message());
      return;
    }
    r.replay = path;
  }

  // An interruption came before all of its searches were through.
  static bool was_cut(report const& r) { return r.jobs_left != 0 && command_line::interrupted(); }

  // What shows a finding again: its history, or the search that found it.
  std::string again(report const& r) const {
    if (!r.replay.empty()) return replay_command("", r.replay, options_.mutate);
    std::vector<std::string> words{program_, r.suite->must_fail != nullptr ? "--variant" : "--suite", r.suite->name,
                                   "--seed", std::to_string(options_.seed)};
    auto const add = [&words](char const* flag, std::string const& value) { words.insert(words.end(), {flag, value}); };
    if (!options_.search.empty()) add("--search", options_.search);
    if (options_.park != "both") add("--park", options_.park);
    if (options_.bound != 0) add("--bound", std::to_string(options_.bound));
    if (options_.executions != 0) add("--executions", std::to_string(options_.executions));
    if (!options_.mutate.empty()) add("--mutate", options_.mutate);
    return told_command(words);
  }

  void say(report const& r) const {
    double const rate = r.seconds > 0 ? static_cast<double>(r.executions) / r.seconds : 0;
    double const cpu_rate = r.cpu_seconds > 0 ? static_cast<double>(r.executions) / r.cpu_seconds : 0;
    if (!options_.json) {
      std::string searches;
      for (json const& one : r.parts) {
        std::string const how =
            fmt::format("{}{}", one["search"].get<std::string>(),
                        one.contains("preemptions") ? " " + std::to_string(one["preemptions"].get<unsigned>()) : "");
        if (searches.find(how) == std::string::npos) searches += (searches.empty() ? "" : ", ") + how;
      }
      std::string const ending = !r.found.tag.empty() ? r.found.tag
                                 : was_cut(r)         ? "interrupted"
                                 : r.exhausted        ? "exhausted"
                                                      : "no finding";
      fmt::print("{:<44} {:<16} {:>11} executions {:>7.1f} s {:>9.0f}/CPU s  {}\n", name(*r.suite), searches,
                 r.executions, r.seconds, cpu_rate, ending);
      std::fflush(stdout);
      return;
    }
    json scope{{"memory", "c11 (Relacy)"},
               {"history", 3},
               {"preemptions", r.preemptions_bound == 0 ? json(nullptr) : json(r.preemptions_bound)},
               {"threads", r.suite->threads},
               {"spurious_wakes", r.suite->spurious},
               {"timeouts", r.suite->timeouts},
               {"give_ups", r.suite->give_ups}};
    json finding = nullptr;
    if (!r.found.tag.empty()) {
      finding = {{"tag", r.found.tag},
                 {"claim", r.found.claim},
                 {"replay", r.replay.empty() ? json(nullptr) : json(r.replay)},
                 {"command", again(r)},
                 {"steps", r.found.steps},
                 {"preemptions", r.found.preemptions},
                 {"executions_to_first", r.first},
                 {"search", r.how}};
    }
    json one{{"kind", "model"},
             {"name", name(*r.suite)},
             {"model", model_},
             {"suite", r.suite->name},
             {"executions", r.executions},
             {"seconds", r.seconds},
             {"executions_per_second", rate},
             {"executions_per_cpu_second", cpu_rate},
             {"truncated", r.truncated},
             {"exhausted", r.exhausted && !was_cut(r)},
             {"interrupted", was_cut(r)},
             {"scope", scope},
             {"parts", r.parts},
             {"seed", options_.seed},
             {"finding", finding}};
    if (!options_.mutate.empty())
      one["mutate"] = options_.mutate, one["mutant_reached"] = world::relacy::mutant.reached;
    if (r.suite->must_fail != nullptr) one["must_fail"] = r.suite->must_fail;
    fmt::print("{}\n", one.dump(-1, ' ', false, json::error_handler_t::replace));
    std::fflush(stdout);
  }

  // Sites of the protocols that were asked a two-sided question and saw one answer only.
  void say_vacuity() const {
    constexpr char const* answers[3][3] = {{"won", "lost", nullptr},
                                           {"true", "false", nullptr},
                                           {"slept", "changed", nullptr}};
    constexpr char const* questions[3] = {"cas", "recheck", "futex_wait"};
    for (world::relacy::outcome_record const& r : world::relacy::outcomes) {
      if (r.file == nullptr) continue;
      std::string const file = world::relacy::base_name(r.file);
      if (file.ends_with("_model.cpp")) continue;
      std::size_t const q = static_cast<std::size_t>(r.what);
      if (options_.json) {
        fmt::print("{}\n", json{{"kind", "site"},
                                {"name", model_},
                                {"file", file},
                                {"line", r.line},
                                {"question", questions[q]},
                                {answers[q][0], r.seen[0]},
                                {answers[q][1], r.seen[1]}}
                               .dump());
      } else if (r.seen[0] == 0 || r.seen[1] == 0) {
        fmt::print("one-sided: {}:{} {} never {}\n", file, r.line, questions[q], answers[q][r.seen[0] == 0 ? 0 : 1]);
      }
    }
  }

  int conclude() const {
    bool missed = false, found = false;
    report const* last = nullptr;
    for (report const& r : reports_) {
      if (options_.must_fail) {
        missed = missed || r.found.tag != r.suite->must_fail;
        if (r.found.tag != r.suite->must_fail) {
          fmt::print(stderr, "{}: a faulty twin that must fail with {} {}\n", name(*r.suite), r.suite->must_fail,
                     r.found.tag.empty() ? "was not found" : "failed with " + r.found.tag);
        }
      } else if (!r.found.tag.empty()) {
        found = true;
        last = &r;
      }
    }
    if (missed) return command_line::interrupted() ? command_line::interrupted_code : fault_code;
    if (!found) return command_line::code_without_finding(model_.c_str(), total_);
    if (!options_.json) { fmt::print("\n{}\n{}\n", last->found.claim, again(*last)); }
    return finding_code;
  }

  std::string const program_, model_;
  std::vector<suite_entry> const& suites_;
  options const& options_;
  std::vector<report> reports_;
  std::set<std::string> written_;
  std::uint64_t total_ = 0;
};

void choose_mutant(std::string const& text) {
  static std::string file;  // the sites keep a pointer to it
  std::string const accepted =
      "FILE:LINE:KIND as run_queue.hpp:123:relaxed; KIND is relaxed, acquire, release, acq_rel, drop or split";
  std::size_t const second = text.rfind(':');
  std::size_t const first =
      second == std::string::npos || second == 0 ? std::string::npos : text.rfind(':', second - 1);
  if (first == std::string::npos) refuse("--mutate", text, accepted);
  file = world::relacy::base_name(text.substr(0, first).c_str());
  std::string const line = text.substr(first + 1, second - first - 1);
  auto const [end, error] = std::from_chars(line.data(), line.data() + line.size(), world::relacy::mutant.line);
  bool fits =
      error == std::errc{} && end == line.data() + line.size() && world::relacy::mutant.line != 0 && !file.empty();
  world::relacy::mutant.file = file.c_str();
  for (auto const& [name, kind] : mutation_names) {
    if (text.substr(second + 1) == name) world::relacy::mutant.kind = kind;
  }
  fits = fits && world::relacy::mutant.kind != mutation::none;
  if (!fits) refuse("--mutate", text, accepted);
}

}  // namespace

bool search::end_execution() noexcept {
  ++executions;
  if (kind == search_kind::replay) return true;
  if (kind != search_kind::random && !advance()) {
    exhausted = !truncated;
    return true;
  }
  if (executions >= executions_max || command_line::interrupted() ||
      ((executions & 255) == 0 && deadline_ns != 0 && now_ns() >= deadline_ns)) {
    truncated = kind != search_kind::random;
    return true;
  }
  return false;
}

int harness_main(int argc, char** argv, char const* model, std::vector<suite_entry> const& suites) {
  options o;
  CLI::App app{fmt::format("the protocol {} under the Relacy model checker", model)};
  app.set_help_flag("--help", "what you read");
  app.add_option("--search", o.search, "instead of each suite's own plan")->check(command_line::accepted("--search"));
  app.add_option("--executions", o.executions, "at most so many for each search")
      ->check(command_line::accepted("--executions"));
  app.add_option("--seconds", o.seconds, "at most, for all searches together")
      ->check(command_line::accepted("--seconds"));
  app.add_option("--bound", o.bound, "preemptions of a bounded search")->check(CLI::Range(1u, 1000u));
  app.add_option("--seed", o.seed, "of the random walks")->check(command_line::accepted("--seed"));
  app.add_option("--park", o.park, "futex: with the kernel's fences; plain: without")
      ->check(CLI::IsMember({"futex", "plain", "both"}));
  app.add_option("--suite", o.suite, "this one alone");
  app.add_option("--variant", o.variant, "a faulty twin, or all of them");
  app.add_flag("--must-fail", o.must_fail, "with --variant: 0 when each twin fails as it must, 4 when not");
  app.add_option("--mutate", o.mutate, "FILE:LINE:KIND, KIND: relaxed, acquire, release, acq_rel, drop, split");
  app.add_option("--replay", o.replay,
                 "runs the execution of a history again: 1 reproduced, 0 ended well, 2 does not fit");
  app.add_option("--out", o.out, "folder for the histories of findings");
  app.add_option("--shard", o.shard, "i/n: every n-th search")->check(command_line::accepted("--shard"));
  app.add_flag("--vacuity", o.vacuity, "sites that saw one outcome only");
  app.add_flag("--json", o.json, "JSON lines on standard output");
  app.add_flag("--list", o.list, "the suites and faulty twins");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "{}_model: {}\n", model, e.what());
    return usage_code;
  }
  if (o.must_fail && o.variant.empty()) o.variant = "all";
  if (!o.mutate.empty() && o.mutate != "none")
    choose_mutant(o.mutate);
  else
    o.mutate.clear();
  return command_line::finish(fmt::format("{}_model", model).c_str(), [&] {
    harness h(argv[0], model, suites, o);
    if (o.list) return h.list();
    if (!o.replay.empty()) return h.replay();
    command_line::watch_interrupts();
    return h.run();
  });
}

}  // namespace retake::model
