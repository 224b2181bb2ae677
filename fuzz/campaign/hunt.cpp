// hunt.cpp: shares a campaign's time out over techniques and subjects, shows it live, keeps what it
// finds.
//
// Problem.   Five techniques with very different programs have to share some minutes on few cores.
//            Some end early because they have seen everything; some find something; one may hang.
//            The time they leave belongs to the others.
// Recipe.    A queue of jobs with weights. Whenever cores are free, the next job that fits gets its
//            share of the time that is left, not of the time there was: what somebody does not use
//            is spread over all who come later. When the queue is empty and there is time, what is
//            neither exhausted nor found runs again with another seed, the thinnest technique
//            first.
// Fixed work is a queue of pieces (fixed_work.hpp) instead: each runs once, to its own end, and is
// then on record (work_record.hpp).
// Findings   are those of the children; a child that crashes, hangs or exercises nothing is a
//            harness fault, never a finding.
#include "hunt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <set>
#include <thread>

#include "children.hpp"
#include "command_line/interruption.hpp"
#include "command_line/told_command.hpp"
#include "fixed_work.hpp"
#include "folder_lock.hpp"
#include "fuzz_output.hpp"
#include "jobs.hpp"
#include "nightly_state.hpp"
#include "outcome.hpp"
#include "progress.hpp"
#include "record.hpp"
#include "report.hpp"
#include "troubles.hpp"
#include "verdict.hpp"
#include "work_record.hpp"

namespace retake::campaign {

namespace {

constexpr double grace_seconds = 45;  // beyond its time, before a child counts as hung
std::vector<std::string> const techniques = {"model", "sim", "fuzz", "props", "stress"};

// What a campaign of two minutes should reach at least; longer ones more, in proportion.
double least_per_second(std::string const& technique) {
  if (technique == "props") return 1e4 / 120;
  if (technique == "fuzz") return 1e5 / 120;
  if (technique == "sim") return 5e5 / 120;
  return 1e6 / 120;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

class campaign {
 public:
  campaign(catalogue const& programs, hunt_options const& options)
      : programs_(programs),
        options_(options),
        lock_(options.out, fmt::format("--out \"{}\"", options.out)),
        workers_(std::max(1u, std::thread::hardware_concurrency())),
        record_(options.out, "hunt", options.json),
        progress_(options.json ? stderr : stdout),
        jobs_(plan(programs, options.out, workers_)) {
    for (std::string const& t : techniques) tallies_.push_back({.technique = t});
  }

  int run() {
    for (std::string const& t : techniques) {
      if (std::none_of(jobs_.begin(), jobs_.end(), [&](job const& j) { return j.technique == t; }))
        missing_.push_back(t);
    }
    if (!missing_.empty()) {
      fmt::print(stderr, "retake: hunt: nothing is built for {}\n", fmt::join(missing_, ", "));
      return 3;
    }
    if (fixed())
      take_pieces();
    else
      take_jobs();
    if (jobs_.empty()) {
      fmt::print(stderr, "retake: hunt: --shard {}: no job is left\n", options_.part.text());
      return 2;
    }
    began_ = now();
    std::string const length = fixed() ? fmt::format("{} executions for each job that can be fixed, {} pieces",
                                                     options_.executions, pieces_.size())
                                       : fmt::format("{:.0f} seconds", options_.seconds);
    progress_.say(fmt::format("hunt: {}, {} jobs, {} at a time, seed {}; everything found is in {}/hunt.jsonl at once",
                              length, jobs_.size(), workers_, options_.seed, options_.out));
    if (fixed())
      begin_record();
    else
      fill_queue();
    troubles_.run([this] {
      while (!command_line::interrupted()) {
        start_what_fits();
        if (alive_.empty()) break;
        if (auto ended = children_.wait(0.2)) take(*ended);
        show();
      }
    });
    if (command_line::interrupted()) progress_.say("interrupted: what was found until now is kept");
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
    std::uint64_t executions = 0;  // while it runs, where the program says so
  };

  bool fixed() const { return options_.executions != 0; }

  // Of fixed work: what is left takes as long as what is done.
  double seconds_left() const {
    if (!fixed()) return began_ + options_.seconds - now();
    auto const done = static_cast<double>(pieces_.size() - queue_.size());
    return (now() - began_) / std::max(1.0, done) * static_cast<double>(queue_.size());
  }

  void take_jobs() {
    std::vector<job> mine;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (options_.part.has(i)) mine.push_back(std::move(jobs_[i]));
    }
    jobs_ = std::move(mine);
  }

  void take_pieces() {
    std::vector<piece> const all = divide(jobs_, {options_.seconds, options_.executions}, options_.seed, workers_);
    work_.whole = {digest_of_sources(programs_.root()), options_.seed, options_.executions, all.size()};
    pieces_ = part_of(all, options_.part);
    keep_jobs_of(pieces_, jobs_);
    for (std::size_t i = 0; i < pieces_.size(); ++i) queue_.push_back(i);
  }

  void begin_record() {
    troubles_.keep([this] { write_work(work_file(options_.out), work_); });
  }

  tally& tally_of(std::string const& technique) {
    return *std::find_if(tallies_.begin(), tallies_.end(), [&](tally const& t) { return t.technique == technique; });
  }

  // A round: everything that can still give something. From the second on, who is furthest below
  // its least comes first.
  void fill_queue() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (!jobs_[i].ended) queue_.push_back(i);
    }
    if (round_++ == 0) return;
    std::stable_sort(queue_.begin(), queue_.end(),
                     [&](std::size_t a, std::size_t b) { return fullness(jobs_[a]) < fullness(jobs_[b]); });
  }
  double fullness(job const& j) {
    return static_cast<double>(tally_of(j.technique).executions) / (least_per_second(j.technique) * options_.seconds);
  }

  void start_what_fits() {
    if (fixed()) return start_pieces();
    if (queue_.empty() && alive_.empty() && seconds_left() > 2) fill_queue();
    while (!queue_.empty() && seconds_left() >= jobs_[queue_.front()].slice_seconds_min) {
      std::size_t const index = queue_.front();
      job const& j = jobs_[index];
      if (slots_used() + j.slots > workers_) return;  // nobody overtakes it, else it would wait for ever
      double weight = 0, promised = 0;
      for (std::size_t const i : queue_) weight += jobs_[i].weight;
      for (auto const& [id, one] : alive_) promised += std::max(0.0, one.ends_at - now()) * jobs_[one.job].slots;
      double const available = std::max(0.0, seconds_left() * workers_ - promised);
      double const slice = std::clamp(available * j.weight / weight / j.slots, j.slice_seconds_min,
                                      std::max(j.slice_seconds_min, seconds_left()));
      start(index, 0, {.seconds = slice}, mixed(options_.seed, 1000003 * round_ + index), slice);
      queue_.pop_front();
    }
  }

  void start_pieces() {
    for (; !queue_.empty(); queue_.pop_front()) {
      piece const& one = pieces_[queue_.front()];
      if (slots_used() + jobs_[one.job].slots > workers_) return;
      start(one.job, queue_.front(), one.bound, one.seed, one.seconds_max());
    }
  }

  unsigned slots_used() const {
    unsigned used = 0;
    for (auto const& [id, one] : alive_) used += jobs_[one.job].slots;
    return used;
  }

  void start(std::size_t index, std::size_t piece_index, budget const& bound, std::uint64_t seed, double seconds_max) {
    bool const tells_executions = jobs_[index].technique == "fuzz";
    int const id = children_.start(command_of(jobs_[index].words(bound, seed), seconds_max * 1.5 + grace_seconds),
                                   [this, tells_executions, id = next_id_](std::string const& line, bool error) {
                                     if (!tells_executions || !error) return;
                                     auto const found = alive_.find(id);
                                     if (found != alive_.end())
                                       found->second.executions =
                                           std::max(found->second.executions, fuzz_executions_in(line));
                                   });
    next_id_ = id + 1;
    alive_.emplace(id, running{index, piece_index, now() + seconds_max, 0});
  }

  // `stopped`: how it ended is our doing.
  void take(finished const& result, bool stopped = false) {
    running const was = alive_.at(result.id);
    job& j = jobs_[was.job];
    alive_.erase(result.id);
    outcome const o = outcome_of(j, result, options_.out, programs_.root());
    tally& sum = tally_of(j.technique);
    sum.subjects += 1;
    sum.seconds += result.seconds * j.slots;  // as it passes on the cores, whatever a program says about itself
    sum.executions += o.executions;
    sum.distinct_traces += o.distinct_traces;
    for (std::string const& remark : o.remarks) progress_.say(remark);
    for (json const& line : o.lines) troubles_.keep([&] { record_.add(line); });
    for (json const& finding : o.findings) add_finding(j, finding, sum);
    if (!o.fault.empty() && !stopped) add_fault(j, o, result, sum);
    j.ended |= o.exhausted || !o.findings.empty() || !o.fault.empty();
    j.had_turn |= o.had_turn();
    if (fixed() && !stopped && ran_to_its_end(o, result)) record_piece(pieces_[was.piece], o.lines);
  }

  void record_piece(piece const& one, std::vector<json> const& lines) {
    json const line = line_of(one, lines);
    work_.pieces[one.name].insert(text_of(line));
    troubles_.keep([&] { append_line(work_file(options_.out), line); });
  }

  void add_finding(job const& j, json const& finding, tally& sum) {
    std::string const key = j.technique + finding.value("tag", "?");
    if (!known_.insert(key).second) return;
    sum.findings += 1;
    findings_.push_back({{"technique", j.technique}, {"subject", j.subject}, {"finding", finding}});
    progress_.say(
        fmt::format("FOUND by {} {}: {}: {}", j.technique, j.subject, finding.value("tag", "?"), claim_of(finding)));
    tell_again(finding);
  }

  // What shows it again: its replay, or the command that found it.
  void tell_again(json const& finding) {
    std::string const replay =
        finding.contains("replay") && finding["replay"].is_string() ? finding["replay"].get<std::string>() : "";
    if (!replay.empty())
      progress_.say(fmt::format("  {}\n  {}", replay, replay_command(programs_.root(), replay)));
    else if (finding.contains("command"))
      progress_.say("  " + finding["command"].get<std::string>());
  }

  void add_fault(job const& j, outcome const& o, finished const& result, tally& sum) {
    sum.faults += 1;
    lacking_faults_ += o.lacking ? 1 : 0;
    std::string path;
    troubles_.decorate("the output of a child at fault",
                       [&] { path = keep_fault(options_.out + "/faults", j, result); });
    faults_.push_back({{"technique", j.technique}, {"subject", j.subject}, {"why", o.fault}, {"output", path}});
    progress_.say(fmt::format("harness fault: {} {} {}; its output: {}", j.technique, j.subject, o.fault, path));
  }

  void show() {
    std::vector<tally> shown = tallies_;
    std::vector<std::string> names;
    for (auto const& [id, one] : alive_) {
      names.push_back(jobs_[one.job].technique + " " + jobs_[one.job].subject);
      for (tally& t : shown) {
        if (t.technique == jobs_[one.job].technique) t.executions += one.executions;
      }
    }
    progress_.show(shown, names, seconds_left());
  }

  int finish() {
    double const seconds = now() - began_;
    json sums = json::array();
    for (tally const& t : tallies_) {
      sums.push_back({{"technique", t.technique},
                      {"runs", t.subjects},
                      {"executions", t.executions},
                      {"seconds", t.seconds},
                      {"executions_per_second", t.rate()},
                      {"distinct_traces", t.distinct_traces},
                      {"findings", t.findings},
                      {"faults", t.faults}});
    }
    json not_run = json::array();
    for (job const& j : jobs_) {
      if (!j.had_turn) not_run.push_back(j.technique + " " + j.subject);
    }
    evidence seen{.findings = findings_.size(),
                  .faults = faults_.size(),
                  .jobs = jobs_.size(),
                  .had_no_turn = not_run.size(),
                  .was_interrupted = command_line::interrupted()};
    std::string const page = options_.out + "/report.html";
    if (fixed()) troubles_.keep([this] { write_work(work_file(options_.out), work_); });
    json last{{"kind", "hunt"},
              {"findings", findings_.size()},
              {"techniques", sums},
              {"seconds", seconds},
              {"seed", options_.seed},
              {"faults", faults_},
              {"jobs", jobs_.size()},
              {"had_no_turn", not_run.size()},
              {"not_run", not_run},
              {"interrupted", command_line::interrupted()},
              {"verdict", sentence_of(seen)},
              {"shard", options_.part.text()},
              {"began", began_utc_},
              {"report", page}};
    if (fixed())
      last["work"] = {{"executions", options_.executions},
                      {"pieces", pieces_.size()},
                      {"done", work_.pieces.size()},
                      {"digest", work_.digest()}};
    troubles_.keep([&] { record_.add(last); });
    progress_.table(tallies_, seconds);
    if (!not_run.empty()) {
      progress_.say(
          fmt::format("{} of {} jobs had no turn in this time, the last line of {}/hunt.jsonl names them: {}{}",
                      not_run.size(), jobs_.size(), options_.out, not_run[0].get<std::string>(),
                      not_run.size() > 1 ? ", ..." : ""));
    }
    if (troubles_.decorate("report", [&] { write_report(programs_, {options_.out}); }))
      progress_.say("report: " + page);
    for (json const& one : findings_) {
      json const& f = one["finding"];
      progress_.say(fmt::format("{} ({} {}): {}", f.value("tag", "?"), one.value("technique", ""),
                                one.value("subject", ""), claim_of(f)));
      tell_again(f);
    }
    seen.environment_lacks = troubles_.lacking() || (lacking_faults_ != 0 && lacking_faults_ == faults_.size());
    seen.harness_broken = troubles_.broken();
    progress_.say(sentence_of(seen));
    return code_of(seen);
  }

  catalogue const& programs_;
  hunt_options const& options_;
  folder_lock lock_;  // before the record, which begins anew
  unsigned workers_;
  record record_;
  progress progress_;
  std::vector<job> jobs_;
  std::deque<std::size_t> queue_;  // of jobs, or of pieces
  std::vector<piece> pieces_;      // this shard's, of fixed work
  work_record work_;
  std::uint64_t round_ = 0;
  std::vector<std::string> missing_;
  std::map<int, running> alive_;
  int next_id_ = 1;
  std::vector<tally> tallies_;
  std::set<std::string> known_;
  std::vector<json> findings_;
  json faults_ = json::array();
  std::size_t lacking_faults_ = 0;  // of these
  troubles troubles_{[this](std::string const& line) { progress_.say(line); }};
  double began_ = 0;
  std::string const began_utc_ = utc_now();
  children children_;  // last: its callbacks use what stands above
};

}  // namespace

int hunt(catalogue const& programs, hunt_options const& options) { return campaign(programs, options).run(); }

int fuzz_one(catalogue const& programs, std::string const& target, hunt_options const& options) {
  folder_lock const lock(options.out, fmt::format("--out \"{}\"", options.out));
  progress shown(options.json ? stderr : stdout);
  for (job const& j : plan(programs, options.out, 1)) {
    if (j.technique != "fuzz" || j.subject != target) continue;
    children one;
    tally sum{.technique = "fuzz"};
    double const began = now();
    one.start(command_of(j.words({.seconds = options.seconds}, options.seed), options.seconds * 1.5 + grace_seconds),
              [&](std::string const& line, bool error) {
                if (error) sum.executions = std::max(sum.executions, fuzz_executions_in(line));
              });
    for (;;) {
      std::optional<finished> result = one.wait(0.2);
      if (command_line::interrupted()) one.stop([&result](finished const& ended) { result = ended; });
      sum.seconds = now() - began;
      shown.show({sum}, {target}, options.seconds - sum.seconds);
      if (!result && !command_line::interrupted()) continue;
      if (!result) result.emplace();
      json const line = fuzz_line(options.out, target, *result);
      troubles beside([&shown](std::string const& text) { shown.say(text); });
      beside.keep([&] { record(options.out, target, options.json).add(line); });
      if (line["finding"].is_object()) {
        shown.say(fmt::format("{}: {}\n{}", line["finding"].value("tag", ""), claim_of(line["finding"]),
                              replay_command(programs.root(), line["finding"].value("replay", ""))));
        return 1;
      }
      std::uint64_t const executions = std::max(sum.executions, line.value("executions", std::uint64_t{0}));
      evidence seen{.jobs = 1, .had_no_turn = executions == 0, .was_interrupted = command_line::interrupted()};
      if (!seen.was_interrupted && !fuzz_ended_well(*result, line)) {
        shown.say(fmt::format("{} {}\n{}", target, result->how_it_died(), result->complaint));
        return 4;
      }
      seen.environment_lacks = beside.lacking();
      shown.say(fmt::format("{}: {} executions. {}", target, executions, sentence_of(seen)));
      return code_of(seen);
    }
  }
  fmt::print(stderr, "retake: fuzz: {} is not built\n", target);
  return 3;
}

}  // namespace retake::campaign
