#include "kill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>

#include "children.hpp"
#include "command_line/told_command.hpp"
#include "fuzz_output.hpp"
#include "record.hpp"

namespace retake::campaign {

namespace {

constexpr double grace_seconds = 30;
constexpr double test_timeout_s = 400;  // a test has a bound of its own

// Two trials of one target may run at a time: each writes its line to a file of its own.
std::string line_name(trial const& t) {
  std::string name = "fuzz_" + t.subject + "-" + t.mutate;
  std::replace(name.begin(), name.end(), ':', '-');
  return name;
}

// Empty when the program is not built.
std::vector<std::string> words_of(catalogue const& programs, trial const& t, bool with_mutant) {
  std::vector<std::string> words;
  std::string const seconds = fmt::format("{}", static_cast<long>(std::max(1.0, t.seconds)));
  if (t.technique == "sim") {
    words = {programs.simulator(),
             "sim",
             t.subject,
             "--strategy",
             t.strategy,
             "--memory",
             t.memory,
             "--faults",
             t.faults,
             "--executions",
             std::to_string(t.executions)};
  } else if (t.technique == "model") {
    words = {programs.model(t.subject)};
  } else if (t.technique == "props") {
    words = {programs.property(t.subject)};
  } else if (t.technique == "fuzz") {
    std::string const target = programs.fuzz_target("fuzz_" + t.subject);
    if (target.empty()) return {};
    words = {"env", "RETAKE_FUZZ_OUT=" + t.out, "RETAKE_FUZZ_JSON=" + fuzz_line_file(t.out, line_name(t))};
    if (with_mutant && !t.mutate.empty()) words.push_back("RETAKE_FUZZ_MUTATE=" + t.mutate);
    words.insert(words.end(), {target, "-seed=" + std::to_string(t.seed), "-max_total_time=" + seconds,
                               "-artifact_prefix=" + t.out + "/" + line_name(t) + "-"});
    std::string const corpus = programs.root() + "/fuzz/corpus/fuzz_" + t.subject;
    if (std::filesystem::is_directory(corpus)) words.push_back(corpus);
    return words;
  } else if (t.technique == "stress") {
    words = {programs.hammer("hammer_" + t.subject, "none")};
  }
  if (words.empty() || words[0].empty()) return {};
  words.insert(words.end(), {"--json", "--seconds", seconds, "--seed", std::to_string(t.seed)});
  if (t.technique != "stress") words.insert(words.end(), {"--out", t.out});
  if (with_mutant && !t.mutate.empty()) words.insert(words.end(), {"--mutate", t.mutate});
  return words;
}

// What the first line with a finding says; null when there is none.
json finding_in(std::vector<json> const& lines) {
  for (json const& line : lines) {
    if (line.contains("finding") && line["finding"].is_object()) return line["finding"];
    if (line.value("kind", "") == "stress" && !line.value("holds", true))
      return {{"tag", line.value("tag", "")}, {"replay", nullptr}};
  }
  return nullptr;
}

// "P9" of "P9: a P is wired that somebody else owns".
std::string short_tag(std::string const& tag) { return tag.substr(0, tag.find(':')); }

// The exit code of a replay: 1 it fails again, 0 it ends without the failure.
int replayed(catalogue const& programs, trial const& t, std::string const& file, std::string const& mutate,
             bool go_on) {
  std::vector<std::string> words;
  if (t.technique == "model")
    words = {programs.model(t.subject), "--replay", file, "--json"};
  else if (t.technique == "props")
    words = {programs.property(t.subject), "--replay", file, "--json"};
  else
    words = {programs.simulator(), "replay", file, "--json"};
  if (go_on) words.push_back("--continue");
  if (!mutate.empty()) words.insert(words.end(), {"--mutate", mutate});
  finished const result = run(command_of(words, 120));
  return result.crashed() ? 4 : result.code;
}

// Whether the clean program, with the trial's seed and budget, ends without a finding. Asked once
// per subject: nothing in it depends on the mutant.
bool clean_is_clean(catalogue const& clean, trial t) {
  t.out = (std::filesystem::path(t.out).parent_path() / "clean").string();
  static std::mutex one_at_a_time;
  static std::map<std::string, bool> known;
  std::vector<std::string> const words = words_of(clean, t, false);
  std::string const key = told_command(words);
  std::lock_guard const lock(one_at_a_time);
  auto const found = known.find(key);
  if (found != known.end()) return found->second;
  finished const result = run(command_of(words, t.seconds * 2 + grace_seconds));
  return known[key] = result.code == 0 && finding_in(json_lines(result.lines)).is_null();
}

}  // namespace

std::string name_of(verdict v) {
  switch (v) {
    case verdict::killed: return "killed";
    case verdict::survived: return "survived";
    case verdict::not_reached: return "not reached";
    case verdict::wrong_tag: return "another tag";
    case verdict::not_reproduced: return "not reproduced";
    case verdict::not_the_mutant: return "clean tree fails too";
    case verdict::crashed: return "crash";
    case verdict::timed_out: return "time-out";
    case verdict::unavailable: return "not built";
  }
  return "";
}

test_result run_test(std::string const& build_folder, std::string const& name) {
  std::string pattern = "^";
  for (char const c : name) pattern += c == '.' ? std::string("[.]") : std::string(1, c);
  finished const result =
      run({{"ctest", "--test-dir", build_folder, "--output-on-failure", "--no-tests=error", "-R", pattern + "$"},
           test_timeout_s,
           {},
           {}});
  std::string said = result.complaint;
  bool ran = false;
  for (std::string const& line : result.lines) {
    said += line + "\n";
    ran = ran || line.find("tests passed, ") != std::string::npos;
  }
  if (!ran || result.timed_out || said.find("***Not Run") != std::string::npos)
    return {test_end::not_run, result.seconds, said};
  return {result.code == 0 ? test_end::passed : test_end::failed, result.seconds, said};
}

trial_result judged(test_result const& done, std::string const& name) {
  trial_result r;
  r.seconds = done.seconds;
  r.executions = 1;
  r.tag = name;
  r.how = done.how == test_end::failed   ? verdict::killed
          : done.how == test_end::passed ? verdict::survived
                                         : verdict::unavailable;
  if (r.how == verdict::unavailable) r.why = done.said.substr(0, 1500);
  return r;
}

trial_result attempt(catalogue const& mutated, catalogue const& clean, trial const& t) {
  trial_result r;
  if (t.technique == "test") return judged(run_test(mutated.bin() + "/dev", t.subject), t.subject);
  std::vector<std::string> const words = words_of(mutated, t, true);
  if (words.empty()) {
    r.how = verdict::unavailable;
    r.why = fmt::format("{} {} is not built", t.technique, t.subject);
    return r;
  }
  finished const result = run(command_of(words, t.seconds * 2 + grace_seconds));
  std::vector<json> lines = json_lines(result.lines);
  if (t.technique == "fuzz") lines = {fuzz_line(t.out, line_name(t), result)};
  r.seconds = result.seconds;
  for (json const& line : lines) r.executions += line.value("executions", line.value("rounds", std::uint64_t{0}));
  if (result.timed_out)
    r.how = verdict::timed_out;
  else if (t.technique == "fuzz" ? !fuzz_ended_well(result, lines[0]) : result.crashed() || result.code == 4)
    r.how = verdict::crashed;
  if (r.how != verdict::survived) {
    r.why = fmt::format("{} {}: {}", told_command(words), result.how_it_died(), result.complaint.substr(0, 300));
    return r;
  }
  if (result.code == 2 || result.code == 3) {
    // A program that never executes the site says so; that is no verdict about the mutant.
    r.how = verdict::not_reached;
    r.why = result.complaint.substr(0, result.complaint.find('\n'));
    return r;
  }
  json const finding = finding_in(lines);
  if (finding.is_null()) {
    bool const missed = std::any_of(lines.begin(), lines.end(),
                                    [](json const& line) { return line.value("mutant_reached", true) == false; });
    r.how = missed ? verdict::not_reached : verdict::survived;
    return r;
  }
  r.tag = finding.value("tag", "?");
  if (finding.contains("executions_to_first") && finding["executions_to_first"].is_number())
    r.executions = finding["executions_to_first"].get<std::uint64_t>();
  if (finding.contains("replay") && finding["replay"].is_string()) r.replay = finding["replay"].get<std::string>();
  if (!t.tags.empty() && std::find(t.tags.begin(), t.tags.end(), short_tag(r.tag)) == t.tags.end()) {
    r.how = verdict::wrong_tag;
    r.why = fmt::format("found {}, declared are {}", r.tag, fmt::join(t.tags, " "));
    return r;
  }
  bool const in_simulator = t.technique == "sim" || t.technique == "props" || t.technique == "fuzz";
  if (!r.replay.empty()) {
    int const code = replayed(mutated, t, r.replay, t.mutate, false);
    if (code != 1) {
      r.how = verdict::not_reproduced;
      r.why = fmt::format("its replay {} ends with code {} on the mutant", r.replay, code);
      return r;
    }
  }
  if (!r.replay.empty() && in_simulator) {
    int const code = replayed(clean, t, r.replay, "", true);
    if (code != 0) {
      r.how = verdict::not_the_mutant;
      r.why = fmt::format("its replay {}, continued on the clean tree, ends with code {}", r.replay, code);
      return r;
    }
  } else if (!clean_is_clean(clean, t)) {
    r.how = verdict::not_the_mutant;
    r.why = "the clean program, with the same seed and budget, does not end clean";
    return r;
  }
  r.how = verdict::killed;
  return r;
}

}  // namespace retake::campaign
