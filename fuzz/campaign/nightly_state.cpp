#include "nightly_state.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <filesystem>
#include <stdexcept>

#include "durable.hpp"
#include "result_line.hpp"
#include "torn.hpp"
#include "troubles.hpp"

namespace retake::campaign {

namespace {

constexpr int format = 1;

json json_of(known_finding const& f) {
  return {{"id", f.id},
          {"tag", f.tag},
          {"claim", f.claim},
          {"technique", f.technique},
          {"subject", f.subject},
          {"replay", f.replay},
          {"command", f.command},
          {"revision", f.revision},
          {"first_seen", f.first_seen},
          {"last_seen", f.last_seen},
          {"first_night", f.first_night},
          {"last_night", f.last_night},
          {"seen", f.seen},
          {"steps", f.steps},
          {"last_steps", f.last_steps}};
}

known_finding finding_of(json const& j) {
  return {j.at("id"),          j.at("tag"),        j.at("claim"),    j.at("technique"),  j.at("subject"),
          j.at("replay"),      j.at("command"),    j.at("revision"), j.at("first_seen"), j.at("last_seen"),
          j.at("first_night"), j.at("last_night"), j.at("seen"),     j.at("steps"),      j.at("last_steps")};
}

json json_of(job_record const& r) {
  return {{"runs", r.runs},       {"executions", r.executions}, {"known", r.known}, {"seconds", r.seconds},
          {"novelty", r.novelty}, {"tonight", r.tonight},       {"rests", r.rests}, {"had_turn", r.had_turn}};
}

job_record job_of(json const& j) {
  return {j.at("runs"),    j.at("executions"), j.at("known"), j.at("seconds"),
          j.at("novelty"), j.at("tonight"),    j.at("rests"), j.value("had_turn", j.at("tonight") > 0)};
}

json json_of(night const& n) {
  json techniques = json::object(), curve = json::array();
  for (auto const& [name, t] : n.techniques) {
    techniques[name] = {{"runs", t.runs},
                        {"executions", t.executions},
                        {"fresh", t.fresh},
                        {"faults", t.faults},
                        {"seconds", t.seconds}};
  }
  for (moment const& m : n.curve) curve.push_back({m.seconds, m.executions, m.traces, m.features, m.findings});
  return {{"number", n.number},
          {"began", n.began},
          {"ended", n.ended},
          {"revision", n.revision},
          {"seconds_wanted", n.seconds_wanted},
          {"seconds_used", n.seconds_used},
          {"seed", n.seed},
          {"executions_wanted", n.executions_wanted},
          {"shard", n.shard},
          {"only", n.only},
          {"end", n.end},
          {"closed", n.closed},
          {"kills", n.kills},
          {"techniques", techniques},
          {"curve", curve},
          {"seen", n.seen},
          {"had_no_turn", n.had_no_turn},
          {"faults", n.faults}};
}

night night_of(json const& j) {
  night n{.number = j.at("number"),
          .began = j.at("began"),
          .ended = j.at("ended"),
          .revision = j.at("revision"),
          .seconds_wanted = j.at("seconds_wanted"),
          .seconds_used = j.at("seconds_used"),
          .seed = j.at("seed"),
          .executions_wanted = j.value("executions_wanted", std::uint64_t{0}),
          .shard = j.at("shard"),
          .only = j.value("only", std::vector<std::string>{}),
          .end = j.at("end"),
          .closed = j.value("closed", true),
          .kills = j.at("kills"),
          .techniques = {},
          .curve = {},
          .seen = j.at("seen"),
          .had_no_turn = j.at("had_no_turn"),
          .faults = j.at("faults")};
  for (auto const& [name, t] : j.at("techniques").items()) {
    n.techniques[name] = {t.at("runs"), t.at("executions"), t.at("fresh"), t.at("faults"), t.at("seconds")};
  }
  for (json const& m : j.at("curve")) n.curve.push_back({m.at(0), m.at(1), m.at(2), m.at(3), m.at(4)});
  return n;
}

}  // namespace

std::uint64_t nightly_state::known(std::string const& technique) const {
  std::uint64_t sum = 0;
  for (auto const& [name, r] : jobs) {
    if (name.starts_with(technique + " ")) sum += r.known;
  }
  return sum;
}

nightly_state read_state(std::string const& folder, std::string& remark) {
  std::string const path = folder + "/state.json";
  nightly_state state;
  if (!std::filesystem::exists(path)) return state;
  try {
    json const all = json::parse(read_file(path));
    if (all.contains("format") && all["format"] != format) {
      throw usage_error(fmt::format("{} has the format {}, and this revision reads {}; move it away to begin anew",
                                    path, text_of(all["format"]), format));
    }
    for (json const& f : all.at("findings")) state.findings[f.at("id")] = finding_of(f);
    for (auto const& [name, r] : all.at("jobs").items()) state.jobs[name] = job_of(r);
    for (auto const& [target, hashes] : all.at("corpus").items())
      state.corpus[target] = hashes.get<std::vector<std::string>>();
    for (json const& n : all.at("nights")) state.nights.push_back(night_of(n));
  } catch (json::exception const&) {  // cut short, or of foreign types
    remark = set_aside(path) + "; a state begins anew";
    return {};
  }
  return state;
}

void write_state(std::string const& folder, nightly_state const& state) {
  json findings = json::array(), jobs = json::object(), nights = json::array();
  for (auto const& [id, f] : state.findings) findings.push_back(json_of(f));
  for (auto const& [name, r] : state.jobs) jobs[name] = json_of(r);
  for (night const& n : state.nights) nights.push_back(json_of(n));
  json const all{{"format", format},
                 {"findings", findings},
                 {"nights", nights},
                 {"corpus", state.corpus},
                 {"jobs", jobs}};
  write_durably(folder + "/state.json", text_of(all, 1) + "\n");
}

std::string utc_now() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

}  // namespace retake::campaign
