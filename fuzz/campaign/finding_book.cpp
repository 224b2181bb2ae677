#include "finding_book.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "command_line/told_command.hpp"
#include "durable_file.hpp"
#include "finding_id.hpp"
#include "torn.hpp"

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

// Of a line of a replay: `tag P9` of the simulator, `tag: P9` of Relacy.
std::string value_in(std::string const& replay_text, std::string const& name) {
  std::size_t const at = replay_text.find("\n" + name);
  if (at == std::string::npos) return "?";
  std::size_t const begin = at + 1 + name.size();
  return replay_text.substr(begin, replay_text.find('\n', begin) - begin);
}

}  // namespace

finding_book::finding_book(std::string folder, std::string root, std::set<std::string> protocol_functions,
                           nightly_state& state)
    : dir_(std::move(folder)), root_(std::move(root)), functions_(std::move(protocol_functions)), state_(state) {}

bool finding_book::keep(std::string const& technique, std::string const& subject, json const& finding,
                        std::function<void(known_finding const&)> const& when_new) {
  std::string const tag = finding.value("tag", "?");
  std::string found =
      finding.contains("replay") && finding["replay"].is_string() ? finding["replay"].get<std::string>() : "";
  if (!fs::is_regular_file(found)) found.clear();
  std::vector<std::string> const steps =
      found.empty() ? std::vector<std::string>{} : last_protocol_steps(read_file(found), functions_);
  std::string const id = finding_id(tag, steps, technique + " " + subject.substr(0, subject.find(' ')));
  night& tonight = state_.tonight();
  known_finding& k = state_.findings[id];
  bool const is_new = k.id.empty();
  if (is_new) {
    k = {.id = id,
         .tag = tag,
         .claim = claim_of(finding),
         .technique = technique,
         .subject = subject,
         .replay = "",
         .command = finding.value("command", ""),
         .revision = tonight.revision,
         .first_seen = utc_now(),
         .last_seen = "",
         .first_night = tonight.number,
         .last_night = 0,
         .seen = 0,
         .steps = finding.value("steps", std::uint64_t{0}),
         .last_steps = steps};
  }
  bool kept = found.empty() || !k.replay.empty();
  if (!kept) {
    std::string const replay = fmt::format("findings/{}{}", id, fs::path(found).extension().string());
    kept = !durable::write(dir_ + "/" + replay, read_file(found));
    if (kept) k.replay = replay;
    k.command =
        replay_command(root_, kept ? dir_ + "/" + replay : found);  // what could not be copied stays where it is
  }
  k.last_seen = utc_now();
  k.last_night = tonight.number;
  k.seen += 1;
  if (std::find(tonight.seen.begin(), tonight.seen.end(), id) == tonight.seen.end()) tonight.seen.push_back(id);
  if (is_new) when_new(k);
  std::error_code ignored;
  if (!found.empty() && kept && !fs::equivalent(found, dir_ + "/" + k.replay, ignored)) fs::remove(found, ignored);
  return is_new;
}

std::vector<std::string> finding_book::take_up(std::string const& folder,
                                               std::function<void(known_finding const&)> const& when_new) {
  std::vector<std::string> found, remarks;
  for (auto const& entry : fs::directory_iterator(dir_ + folder)) {
    std::string const path = entry.path().string();
    if (path.ends_with(".replay") || path.ends_with(".history")) found.push_back(path);
  }
  std::sort(found.begin(), found.end());  // a folder has no order
  for (std::string const& path : found) {
    if (look_at_replay(path) == replay_condition::torn) {
      remarks.push_back(set_aside(path));
      continue;
    }
    std::string const text = read_file(path);
    bool const relacy = text.starts_with("retake relacy");
    std::string const subject = value_in(text, relacy ? "model: " : "scenario ");
    std::size_t const properties = subject.find("_properties");
    std::string const technique = relacy ? "model" : properties != std::string::npos ? "props" : "sim";
    json const finding{{"tag", value_in(text, relacy ? "tag: " : "tag ")},
                       {"claim", "found as the night was killed; the replay shows what"},
                       {"replay", path}};
    keep(technique, subject.substr(0, properties), finding, when_new);
  }
  return remarks;
}

}  // namespace retake::campaign
