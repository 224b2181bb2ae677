#include "outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "command_line/interruption.hpp"
#include "command_line/told_command.hpp"
#include "durable.hpp"
#include "fuzz_output.hpp"
#include "torn.hpp"

namespace retake::campaign {

namespace {

// Real threads leave no replay: the same hammer once more.
std::string again(json const& line, std::string const& root) {
  std::string const sanitizer = line.value("sanitizer", "none");
  std::vector<std::string> words{launcher_of(root), "stress", line.value("name", ""), "--seed",
                                 std::to_string(line.value("seed", std::uint64_t{1}))};
  if (sanitizer != "none") words.insert(words.end(), {"--sanitizer", sanitizer});
  return told_command(words);
}

// A replay that can be followed stays; of any other it is said why, and the finding has none.
void take_replay(json& finding, std::string const& out, std::vector<std::string>& remarks) {
  std::string const told =
      finding.contains("replay") && finding["replay"].is_string() ? finding["replay"].get<std::string>() : "";
  finding["replay"] = nullptr;
  if (told.empty()) return;
  // JSON has no name that is not UTF-8: the child's folder has it.
  std::string const path =
      std::filesystem::exists(told) ? told : out + "/" + std::filesystem::path(told).filename().string();
  switch (look_at_replay(path)) {
    case replay_condition::whole: finding["replay"] = path; break;
    case replay_condition::missing:
      remarks.push_back(fmt::format("{}, the replay of a finding, is missing", told));
      break;
    case replay_condition::torn: remarks.push_back(set_aside(path)); break;
  }
}

std::string fault_of(outcome const& o, finished const& result, bool crashed) {
  if (crashed) return result.how_it_died();
  bool const found = !o.findings.empty();
  if (result.was_interrupted()) return command_line::interrupted() ? "" : "was interrupted from outside";
  if (!found && result.code == 4) return "did not exercise what it hammers, or is broken";
  if ((!found && result.code == 1) || result.code == 2 || result.code == 3)
    return fmt::format("ended with code {}", result.code);
  if (o.lines.empty()) return "printed no result";
  return found || o.executions != 0 ? "" : "executed nothing";
}

}  // namespace

outcome outcome_of(job const& j, finished const& result, std::string const& out, std::string const& root) {
  outcome o;
  std::string foreign;
  o.lines = json_lines(result.lines, &foreign);
  std::erase_if(o.lines, [](json const& line) { return line.value("kind", "") == "progress"; });
  bool crashed = result.crashed();
  if (j.technique == "fuzz") {
    o.lines = {fuzz_line(out, j.subject, result)};
    crashed = !fuzz_ended_well(result, o.lines[0]);
  }
  for (json& line : o.lines) {
    if (j.technique == "stress" && j.subject.find(' ') != std::string::npos)
      line["sanitizer"] = j.subject.substr(j.subject.find(' ') + 1);
    o.executions += executions_of(line);
    if (line.contains("distinct_traces") && line["distinct_traces"].is_number())
      o.distinct_traces += line["distinct_traces"].get<std::uint64_t>();
    o.exhausted |= line.value("exhausted", false);
    if (!line.contains("finding") || !line["finding"].is_object()) continue;
    json finding = line["finding"];
    take_replay(finding, out, o.remarks);
    if (j.technique == "stress") finding["command"] = again(line, root);
    if (finding["replay"].is_null() && !finding.contains("command")) finding["command"] = told_command(result.words);
    line["finding"] = finding;
    o.findings.push_back(std::move(finding));
  }
  o.fault = fault_of(o, result, crashed);
  o.lacking = !crashed && o.findings.empty() && result.code == 3;
  if (o.fault.empty() && !foreign.empty()) o.fault = "printed a line that is no result: " + foreign;
  return o;
}

bool ran_to_its_end(outcome const& o, finished const& result) {
  auto const cut = [](json const& line) { return line.value("interrupted", json(false)) == true; };
  return o.fault.empty() && !result.was_interrupted() && std::none_of(o.lines.begin(), o.lines.end(), cut);
}

std::string keep_fault(std::string const& folder, job const& j, finished const& result) {
  std::string name = j.technique + "-" + j.subject;
  std::replace(name.begin(), name.end(), ' ', '-');
  std::filesystem::create_directories(folder);
  std::string const path = folder + "/" + name + ".txt";
  std::string text = told_command(j.words({.seconds = 1}, 1)) + "\n" + result.complaint;
  for (std::string const& line : result.lines) text += line + "\n";
  write_durably(path, text);
  return path;
}

}  // namespace retake::campaign
