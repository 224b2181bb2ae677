// nightly.cpp: runs every job in turns for hours, tells what is new, and loses nothing to a kill.
//
// Problem.   Hunt forgets: what it saw, what it found, and itself when it is killed. Over many
//            nights a finding must be told once, a corpus must grow, and time must go where
//            something is still to be seen.
// Recipe.    The jobs of hunt (jobs.cpp), each in slices. When a slice has ended: its findings get
//            their names (finding_id.hpp), its novelty moves its share (time_shares.hpp), and the
//            state is written as a whole (nightly_state.hpp) before the next begins. From time to
//            time the corpora are merged (corpus.hpp) and the folder is cut down to its limit
//            (disk_bound.hpp).
// Fixed work  (--executions) runs pieces instead of slices (fixed_work.hpp), each once; those that
//             DIR/work.jsonl has on record are done.
// Resume     reads the state, takes up the replays that a killed child left in DIR/work, and goes
//            on with the time that is left of the night.
// DIR        state.json; findings/ID.replay; corpus/ minimised/; traces/ (what simulator and
//            properties have seen); logs/ (a line per slice, outputs of children at fault); work/
//            (where the children write); nightly.jsonl (the findings and the closing line);
//            report.html
// Exit       verdict.hpp, where a finding is one that no night before had.
#include "nightly.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "children.hpp"
#include "command_line/interruption.hpp"
#include "command_line/told_command.hpp"
#include "corpus.hpp"
#include "disk_bound.hpp"
#include "durable.hpp"
#include "finding_book.hpp"
#include "finding_id.hpp"
#include "fixed_work.hpp"
#include "folder_lock.hpp"
#include "fuzz_output.hpp"
#include "jobs.hpp"
#include "nightly_state.hpp"
#include "outcome.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "time_shares.hpp"
#include "troubles.hpp"
#include "verdict.hpp"
#include "work_record.hpp"

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

constexpr double seconds_default = 8 * 3600, grace_seconds = 45;
constexpr double slice_seconds_max = 60, turns_wanted = 12;
constexpr std::size_t curve_points_max = 100, nights_max = 60, curves_kept = 10;
constexpr unsigned known_in_a_row_max = 3;  // a job that finds nothing but what is known rests

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string key_of(job const& j) { return j.technique + " " + j.subject; }

std::string revision_of(std::string const& root) {
  finished const said = run(command_of({"git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12"}, 20));
  return said.code == 0 && !said.lines.empty() ? said.lines[0] : "unknown";
}

class night_watch {
 public:
  night_watch(catalogue const& programs, nightly_options const& options)
      : programs_(programs),
        options_(options),
        dir_(options.out),
        lock_(dir_, fmt::format("--out \"{}\"", dir_)),
        workers_(std::max(1u, std::thread::hardware_concurrency())),
        progress_(options.json ? stderr : stdout),
        state_(read_state(dir_, torn_state_)),
        book_(dir_, programs.root(), protocol_functions(programs.root()), state_) {
    remove_torn();
    for (char const* folder : {"/findings", "/traces", "/logs", "/work"}) fs::create_directories(dir_ + folder);
    if (goes_on())
      only_ = state_.tonight().only, part_ = shard_in(state_.tonight().shard).value_or(shard{});
    else
      only_ = options.only, part_ = options.part.value_or(shard{});
    executions_ = goes_on() ? state_.tonight().executions_wanted : options.executions.value_or(0);
    std::vector<job> all = plan(programs, dir_ + "/work", workers_);
    for (std::size_t i = 0; i < all.size(); ++i) {
      planned_.push_back(all[i].technique);
      if ((fixed() || part_.has(i)) && wanted(all[i])) jobs_.push_back(std::move(all[i]));
    }
  }

  int run() {
    if (int const code = refuse(); code != 0) return code;
    if (!torn_state_.empty()) progress_.say(torn_state_);
    begin_or_go_on();
    if (jobs_.empty()) return nothing_to_do();
    for (job const& j : jobs_) records_.push_back(&state_.jobs[key_of(j)]);
    troubles_.run([this] {
      auto const tell = [this](known_finding const& k) { tell_new(k); };
      std::vector<std::string> torn = book_.take_up("/work", tell);  // what children wrote whose line was lost
      if (!torn_state_.empty()) {
        for (std::string& one : book_.take_up("/findings", tell)) torn.push_back(std::move(one));
      }
      for (std::string const& remark : torn) progress_.say(remark);
      save();
      while (!command_line::interrupted()) {
        start_what_fits();
        if (alive_.empty()) break;
        if (auto const ended = children_.wait(0.2)) take(*ended);
        look_after();
      }
    });
    if (command_line::interrupted()) progress_.say("interrupted: what was found until now is kept; --resume goes on");
    troubles_.run([this] {
      children_.stop(
          [this](finished const& result) { take(result, true); });  // a finding may have come with the last breath
    });
    return finish();
  }

 private:
  struct running {
    std::size_t job, piece;  // the piece: of fixed work
    double ends_at;
    std::uint64_t executions = 0, features_first = 0, features_last = 0;  // of a fuzz target, while it runs
  };

  bool fixed() const { return executions_ != 0; }
  bool goes_on() const { return options_.resume && !state_.nights.empty() && state_.nights.back().end != "whole"; }

  bool wanted(job const& j) const {
    return only_.empty() || std::any_of(only_.begin(), only_.end(), [&](std::string const& word) {
             return key_of(j).find(word) != std::string::npos;
           });
  }

  // A night that goes on has the jobs and the seed that it was begun with.
  std::string differs_from_its_begin() const {
    if (!goes_on()) return "";
    night const& begun = state_.nights.back();
    if (options_.seed && *options_.seed != begun.seed) return fmt::format("--seed {}", begun.seed);
    if (options_.executions && *options_.executions != begun.executions_wanted) {
      return begun.executions_wanted == 0 ? "no --executions" : fmt::format("--executions {}", begun.executions_wanted);
    }
    if (options_.part && options_.part->text() != begun.shard) return fmt::format("--shard {}", begun.shard);
    if (!options_.only.empty() && options_.only != begun.only)
      return begun.only.empty() ? "no --only"
                                : fmt::format("--only {}", quoted_word(fmt::format("{}", fmt::join(begun.only, ","))));
    return "";
  }

  int refuse() const {
    if (std::string const begun = differs_from_its_begin(); !begun.empty()) {
      fmt::print(stderr,
                 "retake: nightly: --resume: the night in {} was begun with {}; leave the flag out, or begin a new "
                 "night without --resume\n",
                 quoted_word(dir_), begun);
      return 2;
    }
    for (std::string const technique : {"model", "sim", "fuzz", "props", "stress"}) {
      if (!only_.empty() || std::find(planned_.begin(), planned_.end(), technique) != planned_.end()) continue;
      fmt::print(stderr, "retake: nightly: nothing is built for {}\n", technique);
      return 3;
    }
    return jobs_.empty() ? nothing_to_do() : 0;
  }

  int nothing_to_do() const {
    fmt::print(stderr, "retake: nightly: --only \"{}\" --shard {}: no job is left; ./retake list names the subjects\n",
               fmt::join(only_, ","), part_.text());
    return 2;
  }

  // What a kill kept from its name.
  void remove_torn() const {
    std::vector<fs::path> torn;
    for (auto const& entry : fs::recursive_directory_iterator(dir_)) {
      if (entry.path().extension() == ".tmp") torn.push_back(entry.path());
    }
    for (fs::path const& one : torn) fs::remove(one);
  }

  void begin_or_go_on() {
    bool const again = goes_on();
    if (again) {
      state_.tonight().kills += 1;
      state_.tonight().end = "running";
    } else {
      night next;
      next.number = state_.nights.empty() ? 1 : state_.tonight().number + 1;
      next.began = utc_now();
      next.seed = options_.seed.value_or(
          static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()));
      next.seconds_wanted = seconds_default;
      for (auto& [name, r] : state_.jobs) r.tonight = 0, r.had_turn = false, r.rests.clear();
      for (auto& [id, f] : state_.findings) {
        if (!state_.nights.empty() && !state_.tonight().closed && f.first_night == state_.tonight().number)
          f.first_night = next.number;
      }
      state_.nights.push_back(std::move(next));
      forget_old_nights();
    }
    night& tonight = state_.tonight();
    if (options_.seconds) tonight.seconds_wanted = *options_.seconds;
    tonight.executions_wanted = executions_;
    if (fixed()) take_pieces(again);
    tonight.closed = false;
    tonight.shard = part_.text();
    tonight.only = only_;
    tonight.revision = revision_of(programs_.root());
    used_before_ = tonight.seconds_used;
    began_ = now();
    log_ = fmt::format("{}/logs/night-{:04}.jsonl", dir_, tonight.number);
    slice_ = std::clamp(tonight.seconds_wanted * workers_ / (turns_wanted * static_cast<double>(jobs_.size())), 1.0,
                        slice_seconds_max);
    std::string const length =
        fixed()
            ? fmt::format("{} executions for each job that can be fixed, {} pieces left", executions_, pieces_.size())
            : fmt::format("{:.0f} of {:.0f} seconds left", seconds_left(), tonight.seconds_wanted);
    progress_.say(fmt::format("night {} {}: {}, {} jobs, {} at a time, seed {}, {} findings known; all of it is in {}",
                              tonight.number, again ? "goes on" : "begins", length, jobs_.size(), workers_,
                              tonight.seed, state_.findings.size(), dir_));
  }

  // Those of tonight that are not on record yet. A record of other sources is of no use: the night
  // has to do it all again.
  void take_pieces(bool again) {
    night const& tonight = state_.nights.back();
    std::vector<piece> const all = divide(jobs_, {tonight.seconds_wanted, executions_}, tonight.seed, workers_);
    std::string refusal;
    work_record const before = again ? read_work(dir_, refusal) : work_record{};
    work_.whole = {digest_of_sources(programs_.root()), tonight.seed, executions_, all.size()};
    if (before.whole == work_.whole)
      work_ = before;
    else if (again && before.whole.pieces != 0)
      progress_.say(differs(work_.whole, before.whole, dir_));
    pieces_ = part_of(all, part_);
    keep_jobs_of(pieces_, jobs_);
    std::erase_if(pieces_, [this](piece const& one) { return work_.pieces.contains(one.name); });
    write_work(work_file(dir_), work_);
  }

  void record_piece(piece const& one, std::vector<json> const& lines) {
    json const line = line_of(one, lines);
    work_.pieces[one.name].insert(text_of(line));
    troubles_.keep([&] { append_line(work_file(dir_), line); });
  }

  void forget_old_nights() {
    std::vector<night>& all = state_.nights;
    if (all.size() > nights_max) all.erase(all.begin(), all.end() - nights_max);
    for (std::size_t i = 0; i + curves_kept < all.size(); ++i) all[i].curve.clear();
  }

  double seconds_used() const { return used_before_ + now() - began_; }
  // Of fixed work: what is left takes as long as what is done.
  double seconds_left() const {
    if (!fixed()) return state_.nights.back().seconds_wanted - seconds_used();
    return (now() - began_) / std::max(1.0, static_cast<double>(next_piece_)) *
           static_cast<double>(pieces_.size() - next_piece_);
  }

  // ---- turns ------------------------------------------------------------------------------------
  void start_what_fits() {
    if (fixed()) return start_pieces();
    for (;;) {
      std::vector<bool> may_run(jobs_.size());
      unsigned used = 0;
      for (auto const& [id, one] : alive_) used += jobs_[one.job].slots;
      for (std::size_t i = 0; i < jobs_.size(); ++i) {
        bool const alive =
            std::any_of(alive_.begin(), alive_.end(), [&](auto const& one) { return one.second.job == i; });
        may_run[i] = !alive && records_[i]->rests.empty() && seconds_left() >= jobs_[i].slice_seconds_min;
      }
      std::size_t const next = furthest_behind(jobs_, records_, may_run);
      if (next == jobs_.size() || used + jobs_[next].slots > workers_)
        return;  // nobody overtakes it, else it would wait for ever
      start_slice(next);
    }
  }

  // Two pieces of a job that ran beside each other would overwrite each other's traces.
  void start_pieces() {
    for (; next_piece_ < pieces_.size(); ++next_piece_) {
      piece const& next = pieces_[next_piece_];
      unsigned used = 0;
      for (auto const& [id, one] : alive_) {
        if (one.job == next.job) return;
        used += jobs_[one.job].slots;
      }
      if (used + jobs_[next.job].slots > workers_) return;
      start(next.job, next_piece_, next.bound, next.seed, next.seconds_max());
    }
  }

  void start_slice(std::size_t index) {
    job const& j = jobs_[index];
    double const seconds = std::clamp(slice_, j.slice_seconds_min, std::max(j.slice_seconds_min, seconds_left()));
    start(index, 0, {.seconds = seconds}, mixed(state_.tonight().seed, records_[index]->runs * 1000003 + index),
          seconds);
  }

  void start(std::size_t index, std::size_t piece_index, budget const& bound, std::uint64_t seed, double seconds) {
    job const& j = jobs_[index];
    std::vector<std::string> words = j.words(bound, seed);
    if (j.technique == "sim" || j.technique == "props") {
      std::string name = key_of(j);
      std::replace(name.begin(), name.end(), ' ', '-');
      words.insert(words.end(), {"--traces", dir_ + "/traces/" + name});
    }
    if (std::string const inputs = j.technique == "fuzz" ? start_inputs(dir_, j.subject) : ""; !inputs.empty())
      words.push_back(inputs);
    int const id =
        children_.start(command_of(std::move(words), seconds * 1.5 + grace_seconds),
                        [this, id = next_id_](std::string const& line, bool error) {
                          auto const found = alive_.find(id);
                          if (!error || found == alive_.end() || jobs_[found->second.job].technique != "fuzz") return;
                          running& one = found->second;
                          one.executions = std::max(one.executions, fuzz_executions_in(line));
                          std::uint64_t const features = fuzz_features_in(line);
                          if (one.features_first == 0) one.features_first = features;
                          one.features_last = std::max(one.features_last, features);
                        });
    next_id_ = id + 1;
    alive_.emplace(id, running{index, piece_index, now() + seconds});
  }

  // `stopped`: how it ended is our doing.
  void take(finished const& result, bool stopped = false) {
    running const was = alive_.at(result.id);
    alive_.erase(result.id);
    job const& j = jobs_[was.job];
    job_record& r = *records_[was.job];
    outcome const o = outcome_of(j, result, dir_ + "/work", programs_.root());
    for (std::string const& remark : o.remarks) progress_.say(remark);
    std::uint64_t fresh = was.features_last - was.features_first, known = was.features_last;
    for (json const& line : o.lines) {
      fresh += line.value("new_traces", std::uint64_t{0});
      known += line.value("known_traces", std::uint64_t{0});
      troubles_.keep([&] { append_line(log_, line); });
    }
    bool const exhausted = o.exhausted && std::all_of(o.lines.begin(), o.lines.end(),
                                                      [](json const& line) { return line.value("exhausted", false); });
    r.runs += 1;
    r.executions += o.executions;
    r.seconds += result.seconds * j.slots;
    r.tonight += result.seconds * j.slots;
    r.had_turn |= o.had_turn();
    r.known = std::max(r.known, known);
    r.novelty = novelty_after(r.novelty, j.technique, fresh, o.executions);
    technique_sum& sum = state_.tonight().techniques[j.technique];
    sum.runs += 1;
    sum.executions += o.executions;
    sum.fresh += fresh;
    sum.seconds += result.seconds * j.slots;
    bool anything_new = false;
    for (json const& f : o.findings) {
      troubles_.keep([&] {
        anything_new |= book_.keep(j.technique, j.subject, f, [this](known_finding const& k) { tell_new(k); });
      });
    }
    unsigned& in_a_row = known_in_a_row_[was.job];
    in_a_row = o.findings.empty() || anything_new ? 0 : in_a_row + 1;
    if (exhausted) r.rests = "exhausted";
    if (in_a_row >= known_in_a_row_max) r.rests = "finds only what is known";
    if (!o.fault.empty() && !stopped) keep_fault_of(j, r, o, result, sum);
    save();
    // After the state: a kill between the two has the piece run again, and no finding lost.
    if (fixed() && !stopped && ran_to_its_end(o, result)) record_piece(pieces_[was.piece], o.lines);
  }

  void keep_fault_of(job const& j, job_record& r, outcome const& o, finished const& result, technique_sum& sum) {
    std::string const& why = o.fault;
    sum.faults += 1;
    lacking_faults_ += o.lacking ? 1 : 0;
    r.rests = why;
    std::string path;
    troubles_.decorate("the output of a child at fault", [&] { path = keep_fault(dir_ + "/logs", j, result); });
    state_.tonight().faults.push_back(
        {{"technique", j.technique}, {"subject", j.subject}, {"why", why}, {"output", path}});
    progress_.say(fmt::format("harness fault: {} {} {}; its output: {}", j.technique, j.subject, why, path));
  }

  // From where we stand: the folder may have been moved since.
  std::string command_for(known_finding const& k) const {
    return k.replay.empty() ? k.command : replay_command(programs_.root(), dir_ + "/" + k.replay);
  }

  void tell_new(known_finding const& k) {
    progress_.say(
        fmt::format("NEW {}, found by {} {}: {}\n  {}", k.id, k.technique, k.subject, k.claim, command_for(k)));
    save();
  }

  // ---- what has to be looked after --------------------------------------------------------------
  void look_after() {
    if (!alive_.empty()) show();
    if (merge_due_) merge_corpora();
    if (seconds_used() < looked_at_ + std::clamp(state_.tonight().seconds_wanted / 20, 1.0, 900.0)) return;
    looked_at_ = seconds_used();
    merge_due_ = true;
    keep_bound();
    save();
  }

  void keep_bound() {
    std::uint64_t const bytes_max = options_.disk_mb << 20U;
    full_ = !keep_below(dir_, bytes_max, log_);
  }

  // A target's inputs are merged while it does not run.
  void merge_corpora() {
    merge_due_ = false;
    for (program const& target : programs_.fuzz_targets()) {
      auto const mine = [&](job const& j) { return j.technique == "fuzz" && j.subject == target.name; };
      bool const alive =
          std::any_of(alive_.begin(), alive_.end(), [&](auto const& one) { return mine(jobs_[one.second.job]); });
      auto const found = std::find_if(jobs_.begin(), jobs_.end(), mine);
      if (full_ || found == jobs_.end()) continue;
      merge_due_ |= alive;
      if (alive) continue;
      std::string const fresh = dir_ + "/work/corpus/" + target.name;
      if (!start_inputs(dir_, target.name).empty() && (!fs::is_directory(fresh) || fs::is_empty(fresh))) continue;
      merged const m = merge_corpus(programs_, target, dir_);
      std::vector<std::string>& hashes = state_.corpus[target.name];
      hashes.insert(hashes.end(), m.added.begin(), m.added.end());
      if (!m.fault.empty())
        progress_.say(
            fmt::format("the corpus of {} was not merged: {}", target.name, m.fault.substr(0, m.fault.find('\n'))));
    }
  }

  void show() {
    std::vector<tally> shown;
    for (auto const& [name, t] : state_.tonight().techniques) {
      shown.push_back({.technique = name,
                       .subjects = static_cast<std::uint32_t>(t.runs),
                       .executions = t.executions,
                       .distinct_traces = name == "fuzz" ? 0 : t.fresh,
                       .seconds = t.seconds,
                       .findings = found_by(name),
                       .faults = static_cast<std::uint32_t>(t.faults)});
    }
    std::vector<std::string> names;
    for (auto const& [id, one] : alive_) names.push_back(key_of(jobs_[one.job]));
    if (alive_.empty())
      progress_.table(shown, seconds_used());
    else
      progress_.show(shown, names, seconds_left());
  }
  std::uint32_t found_by(std::string const& technique) const {
    auto const& seen = state_.nights.back().seen;
    return static_cast<std::uint32_t>(std::count_if(seen.begin(), seen.end(), [&](std::string const& id) {
      return state_.findings.at(id).technique == technique;
    }));
  }

  void save() {
    night& tonight = state_.tonight();
    tonight.seconds_used = seconds_used();
    tonight.ended = utc_now();
    double const step = tonight.seconds_wanted / static_cast<double>(curve_points_max);
    if (tonight.curve.empty() || tonight.seconds_used >= tonight.curve.back().seconds + step ||
        tonight.end != "running") {
      std::uint64_t executions = 0;
      for (auto const& [name, t] : tonight.techniques) executions += t.executions;
      tonight.curve.push_back({tonight.seconds_used, executions, state_.known("sim") + state_.known("props"),
                               state_.known("fuzz"), state_.findings.size()});
    }
    troubles_.keep([this] { write_state(dir_, state_); });
  }

  // ---- the end ----------------------------------------------------------------------------------
  int finish() {
    night& tonight = state_.tonight();
    keep_bound();
    tonight.had_no_turn.clear();
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (!records_[i]->had_turn) tonight.had_no_turn.push_back(key_of(jobs_[i]));
    }
    std::size_t fresh = 0;
    for (auto const& [id, f] : state_.findings) fresh += f.first_night == tonight.number ? 1 : 0;
    tonight.end = command_line::interrupted() ? "interrupted" : "whole";
    if (fixed()) troubles_.keep([this] { write_work(work_file(dir_), work_); });
    save();
    if (!command_line::interrupted())
      troubles_.decorate("the merge of the corpora",
                         [this] { merge_corpora(); });  // it goes on with --resume, and merges then
    save();
    show();
    troubles_.keep([&] { write_lines(fresh); });
    bool const shown = troubles_.decorate("report", [this] { write_report(programs_, {dir_}); });
    if (full_)
      progress_.say(
          fmt::format("the folder is above {} MB without anything that may go: nothing more was taken into the corpus "
                      "(--disk-mb)",
                      options_.disk_mb));
    if (!tonight.had_no_turn.empty())
      progress_.say(fmt::format("{} of {} jobs had no turn; those that have run least come first next time",
                                tonight.had_no_turn.size(), jobs_.size()));
    progress_.say(fmt::format("{} findings, {} new{}", state_.findings.size(), fresh,
                              shown ? fmt::format("; report: {}/report.html", dir_) : ""));
    for (auto const& [id, f] : state_.findings) {
      if (f.first_night == tonight.number)
        progress_.say(fmt::format("NEW {} ({} {}): {}\n  {}", id, f.technique, f.subject, f.claim, command_for(f)));
    }
    evidence seen = evidence_of(fresh);
    seen.environment_lacks = troubles_.lacking() || (lacking_faults_ != 0 && lacking_faults_ == tonight.faults.size());
    seen.harness_broken = troubles_.broken();
    progress_.say(sentence_of(seen, "new "));
    tonight.closed = true;  // last: what a kill kept from being told is new again
    save();
    return code_of(seen);
  }

  evidence evidence_of(std::size_t fresh) const {
    night const& tonight = state_.nights.back();
    return {.findings = fresh,
            .faults = tonight.faults.size(),
            .jobs = jobs_.size(),
            .had_no_turn = tonight.had_no_turn.size(),
            .was_interrupted = command_line::interrupted()};
  }

  // A line per finding, and the closing one.
  void write_lines(std::size_t fresh) {
    night const& tonight = state_.tonight();
    record lines(dir_, "nightly", options_.json);
    for (auto const& [id, f] : state_.findings) {
      bool const is_new = f.first_night == tonight.number;
      lines.add({{"kind", "finding"},
                 {"name", id},
                 {"id", id},
                 {"tag", f.tag},
                 {"claim", f.claim},
                 {"technique", f.technique},
                 {"subject", f.subject},
                 {"replay", f.replay.empty() ? json(nullptr) : json(dir_ + "/" + f.replay)},
                 {"command", command_for(f)},
                 {"last_steps", f.last_steps},
                 {"revision", f.revision},
                 {"first_seen", f.first_seen},
                 {"last_seen", f.last_seen},
                 {"seen", f.seen},
                 {"new", is_new}});
    }
    json sums = json::array();
    for (auto const& [name, t] : tonight.techniques) {
      sums.push_back({{"technique", name},
                      {"runs", t.runs},
                      {"executions", t.executions},
                      {"seconds", t.seconds},
                      {"new_traces_or_features", t.fresh},
                      {"faults", t.faults}});
    }
    json last = {{"kind", "nightly"},
                 {"name", fmt::format("night {}", tonight.number)},
                 {"findings", state_.findings.size()},
                 {"new_findings", fresh},
                 {"techniques", sums},
                 {"seconds", tonight.seconds_used},
                 {"seed", tonight.seed},
                 {"shard", tonight.shard},
                 {"revision", tonight.revision},
                 {"faults", tonight.faults},
                 {"jobs", jobs_.size()},
                 {"had_no_turn", tonight.had_no_turn.size()},
                 {"not_run", tonight.had_no_turn},
                 {"interrupted", command_line::interrupted()},
                 {"verdict", sentence_of(evidence_of(fresh), "new ")},
                 {"report", dir_ + "/report.html"}};
    if (fixed())
      last["work"] = {{"executions", executions_},
                      {"pieces", work_.whole.pieces},
                      {"done", work_.pieces.size()},
                      {"digest", work_.digest()}};
    lines.add(last);
  }

  catalogue const& programs_;
  nightly_options const& options_;
  std::string dir_;
  folder_lock lock_;
  unsigned workers_;
  progress progress_;
  std::string torn_state_;  // what is said of it
  nightly_state state_;
  finding_book book_;
  shard part_;
  std::vector<std::string> only_;
  std::vector<job> jobs_;
  std::vector<std::string> planned_;  // techniques
  std::vector<job_record*> records_;
  std::map<std::size_t, unsigned> known_in_a_row_;
  std::map<int, running> alive_;
  int next_id_ = 1;
  std::uint64_t executions_ = 0;  // of fixed work
  std::vector<piece> pieces_;     // this shard's that are left
  std::size_t next_piece_ = 0;
  work_record work_;
  std::string log_;
  double began_ = 0, used_before_ = 0, slice_ = 1, looked_at_ = 0;
  bool merge_due_ = false, full_ = false;
  std::size_t lacking_faults_ = 0;  // of tonight's
  troubles troubles_{[this](std::string const& line) { progress_.say(line); }};
  children children_;  // last: its callbacks use what stands above
};

}  // namespace

int nightly(catalogue const& programs, nightly_options const& options) { return night_watch(programs, options).run(); }

}  // namespace retake::campaign
