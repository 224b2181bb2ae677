#include "report_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <tuple>

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

// The replay of a finding as we reach it: beside the record that names it.
void find_replay(json& line, fs::path const& folder) {
  if (!line.contains("finding") || !line["finding"].is_object()) return;
  json& finding = line["finding"];
  if (!finding.contains("replay") || !finding["replay"].is_string()) return;
  fs::path const on_record = finding["replay"].get<std::string>(), beside = folder / on_record.filename();
  if (fs::is_regular_file(beside)) {
    finding["replay"] = beside.string();
  } else if (!fs::is_regular_file(on_record)) {
    finding["replay"] = nullptr;
    finding["command"] = "";
    finding["lost"] = on_record.string();
  }
}

void read_lines(fs::path const& file, fs::path const& folder, bool counts, report_data& all) {
  std::ifstream in(file);
  std::size_t left_out = 0;
  for (std::string line, wrong; std::getline(in, line);) {
    std::optional<json> object = result_line(line, wrong);
    left_out += object ? 0 : 1;
    if (!object) continue;
    find_replay(*object, folder);
    if (!counts) {
      if (!object->contains("finding") || !(*object)["finding"].is_object()) continue;
      for (char const* figure : {"executions", "rounds", "seconds", "distinct_traces", "new_traces"})
        object->erase(figure);
    }
    std::string const kind = object->value("kind", "");
    if (kind == "hunt")
      all.hunts.push_back(std::move(*object));
    else if (kind == "mutant")
      all.mutants.push_back(std::move(*object));
    else if (kind == "sim" || kind == "model" || kind == "fuzz" || kind == "props" || kind == "stress")
      all.runs.push_back(std::move(*object));
  }
  if (left_out != 0)
    all.remarks.push_back(fmt::format("{}: {} torn or foreign line{} left out", file.string(), left_out,
                                      left_out == 1 ? " was" : "s were"));
}

moment at_time(std::vector<moment> const& curve, double seconds) {
  moment last;
  for (moment const& m : curve) {
    if (m.seconds <= seconds) last = m;
  }
  return last;
}

void add_to(night& sum, night const& shard) {
  std::vector<double> times;
  for (moment const& m : sum.curve) times.push_back(m.seconds);
  for (moment const& m : shard.curve) times.push_back(m.seconds);
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  std::vector<moment> joined;
  for (double const t : times) {
    moment const a = at_time(sum.curve, t), b = at_time(shard.curve, t);
    joined.push_back(
        {t, a.executions + b.executions, a.traces + b.traces, a.features + b.features, a.findings + b.findings});
  }
  sum.curve = std::move(joined);
  for (auto const& [name, t] : shard.techniques) {
    technique_sum& to = sum.techniques[name];
    to = {to.runs + t.runs, to.executions + t.executions, to.fresh + t.fresh, to.faults + t.faults,
          to.seconds + t.seconds};
  }
  for (json const& fault : shard.faults) sum.faults.push_back(fault);
  sum.had_no_turn.insert(sum.had_no_turn.end(), shard.had_no_turn.begin(), shard.had_no_turn.end());
  sum.seen.insert(sum.seen.end(), shard.seen.begin(), shard.seen.end());
  sum.began = sum.began.empty() ? shard.began : std::min(sum.began, shard.began);
  sum.ended = std::max(sum.ended, shard.ended);
  sum.seconds_used = std::max(sum.seconds_used, shard.seconds_used);
  sum.kills += shard.kills;
  if (sum.number == 0 || shard.end != "whole") sum.end = shard.end;
  sum.number = std::max(sum.number, shard.number);
  if (sum.revision.find(shard.revision) == std::string::npos)
    sum.revision += (sum.revision.empty() ? "" : ", ") + shard.revision;
}

void add_finding(std::vector<told_finding>& all, known_finding const& f, std::string const& folder,
                 night const& tonight) {
  bool const is_new = f.first_night == tonight.number, seen = f.last_night == tonight.number;
  auto const same = std::find_if(all.begin(), all.end(), [&](told_finding const& one) { return one.what.id == f.id; });
  if (same == all.end()) {
    all.push_back({f, f.replay.empty() ? "" : folder + "/" + f.replay, is_new, seen});
    return;
  }
  same->is_new &= is_new;  // one shard knew it
  same->tonight |= seen;
  same->what.seen += f.seen;
  same->what.first_seen = std::min(same->what.first_seen, f.first_seen);
  same->what.last_seen = std::max(same->what.last_seen, f.last_seen);
}

void add_nights(report_data& all, std::string const& folder, bool counts) {
  std::string remark;
  nightly_state state = read_state(folder, remark);
  if (!remark.empty()) all.remarks.push_back(remark);
  if (state.nights.empty()) return;
  if (!all.nights) all.nights.emplace();
  nights_read& to = *all.nights;
  for (auto const& [id, f] : state.findings) add_finding(to.findings, f, folder, state.tonight());
  if (!counts) return;
  to.shards += 1;
  read_lines(fmt::format("{}/logs/night-{:04}.jsonl", folder, state.tonight().number), folder, true, all);
  add_to(to.last, state.tonight());
  if (state.nights.size() > 1) {
    if (!to.before) to.before.emplace();
    add_to(*to.before, state.nights[state.nights.size() - 2]);
  }
  for (night const& n : state.nights) {
    auto same =
        std::find_if(to.earlier.begin(), to.earlier.end(), [&](night const& one) { return one.number == n.number; });
    if (same == to.earlier.end()) same = to.earlier.insert(to.earlier.end(), night{});
    add_to(*same, n);
  }
}

// Which part of which run a folder holds.
struct part {
  std::string shard;  // i/n; empty: it does not say
  std::string run;    // the same in a copy
};

part part_in(std::string const& folder, std::vector<std::string>& remarks) {
  std::string remark;
  nightly_state state = read_state(folder, remark);
  if (!remark.empty()) remarks.push_back(remark);
  if (!state.nights.empty()) {
    night const& tonight = state.tonight();
    return {tonight.shard, fmt::format("nightly {} {} {}", tonight.shard, tonight.seed, tonight.began)};
  }
  part found;
  std::ifstream in(folder + "/hunt.jsonl");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(R"({"kind":"hunt")")) continue;
    json const last = json::parse(line, nullptr, false);
    if (last.is_object() && last.contains("shard"))
      found = {last["shard"].get<std::string>(),
               "hunt " + last["shard"].dump() + last.value("seed", json()).dump() + last.value("began", json()).dump()};
  }
  return found;
}

class shards_seen {
 public:
  enum class use { whole, findings_only, nothing };

  use take(std::string const& folder, report_data& all) {
    std::string const canonical = fs::canonical(folder).string();
    part const one = part_in(folder, all.remarks);
    std::string const run = one.run.empty() ? canonical : one.run;
    if (auto const same = runs_.find(run); same != runs_.end()) {
      all.shard_remarks.push_back(fmt::format("{} and {} hold the same run: it counts once", same->second, folder));
      return use::nothing;
    }
    runs_[run] = folder;
    if (one.shard.empty() || one.shard.ends_with("/1")) return use::whole;
    if (auto const same = parts_.find(one.shard); same != parts_.end()) {
      all.shard_remarks.push_back(
          fmt::format("shard {} is there twice: of {} the findings count, the figures do not; {} has the shard's "
                      "figures",
                      one.shard, folder, same->second));
      return use::findings_only;
    }
    parts_[one.shard] = folder;
    return use::whole;
  }

  std::vector<std::string> missing() const {
    std::vector<std::string> names;
    std::set<std::size_t> counts;
    for (auto const& [shard, folder] : parts_) counts.insert(std::stoul(shard.substr(shard.find('/') + 1)));
    for (std::size_t const count : counts) {
      for (std::size_t i = 0; i < count; ++i) {
        if (std::string const name = fmt::format("{}/{}", i, count); !parts_.contains(name)) names.push_back(name);
      }
    }
    return names;
  }

 private:
  std::map<std::string, std::string> runs_, parts_;  // with their folders
};

}  // namespace

bool report_data::nothing_run() const {
  auto const executed = [](json const& line) {
    return executions_of(line) != 0 || (line.contains("finding") && line["finding"].is_object());
  };
  if (!mutants.empty() || std::any_of(runs.begin(), runs.end(), executed)) return false;
  if (!nights) return true;
  auto const& techniques = nights->last.techniques;
  return std::all_of(techniques.begin(), techniques.end(), [](auto const& t) { return t.second.executions == 0; });
}

report_data read_report_data(std::vector<std::string> const& folders) {
  report_data all;
  shards_seen shards;
  for (std::string const& folder : folders) {
    shards_seen::use const use = shards.take(folder, all);
    if (use == shards_seen::use::nothing) continue;
    bool const counts = use == shards_seen::use::whole;
    std::vector<fs::path> files;
    for (auto const& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (fs::path const& file : files) read_lines(file, folder, counts, all);
    add_nights(all, folder, counts);
  }
  for (std::string const& name : shards.missing()) {
    all.shard_remarks.push_back(fmt::format("shard {} is missing: none of the folders holds its end", name));
    all.shard_missing = true;
  }
  if (all.nights) {
    std::stable_sort(all.nights->findings.begin(), all.nights->findings.end(),
                     [](told_finding const& a, told_finding const& b) {
                       return std::tuple(!a.is_new, !a.tonight, a.what.steps) <
                              std::tuple(!b.is_new, !b.tonight, b.what.steps);
                     });
    std::sort(all.nights->earlier.begin(), all.nights->earlier.end(),
              [](night const& a, night const& b) { return a.number < b.number; });
  }
  return all;
}

}  // namespace retake::campaign
