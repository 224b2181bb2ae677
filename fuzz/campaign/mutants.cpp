// mutants.cpp: what can the harness find? Breaks the runtime in many small ways and asks each
// technique.
//
// Problem.   A verification harness is worth what it detects, and that is not known before it is
//            measured.
// Recipe.    Site mutants need no rebuild: `--mutate` weakens one operation of the running program;
//            two run at a time. Patches and mutants of the harness are built one after the other in
//            a private copy, then tried like the others. A mutant is tried with the subjects that
//            its header, its claim or its patch names, then with everything else, until somebody
//            kills it.
// Not promised: that a survivor is equivalent. Those that are known to be stand with their reason
// in models/mutants/survivors.txt.
#include "mutants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "children.hpp"
#include "command_line/interruption.hpp"
#include "durable.hpp"
#include "folder_lock.hpp"
#include "kill.hpp"
#include "matrix.hpp"
#include "patches.hpp"
#include "progress.hpp"
#include "record.hpp"
#include "regressions.hpp"
#include "verdict.hpp"

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t near_executions = 120'000;  // of a subject that is named at the mutant
constexpr std::uint64_t far_executions = 5'000;     // of every other one

std::string base_name(std::string const& file) { return fs::path(file).filename().string(); }

// Two mutants are tried at a time, and what they find may have one name: a folder for each.
std::string folder_of(std::string const& out, std::string id) {
  std::replace(id.begin(), id.end(), ':', '-');
  const fs::path folder = fs::path(out) / id;
  fs::create_directories(folder);
  return folder.string();
}

class mutation_run {
 public:
  mutation_run(catalogue const& programs, mutant_options const& options)
      : programs_(programs),
        options_(options),
        lock_(options.out, fmt::format("--out \"{}\"", options.out)),
        record_(options.out, "mutants", options.json),
        progress_(options.json ? stderr : stdout) {}

  int run() {
    if (programs_.simulator().empty()) {
      fmt::print(stderr, "retake: mutants: the simulator is not built\n");
      return 3;
    }
    for (named const& s : programs_.scenarios()) scenarios_.push_back(s.name);
    for (program const& m : programs_.models()) models_.insert(m.name);
    read_reasons();
    regressions_ = regressions_of(programs_.root());
    if (options_.claims) return claims();
    if (options_.record) return record_regressions();
    if (options_.technique == "harness") {
      harness();
    } else if (!options_.patch.empty()) {
      patches({read_patch(options_.patch)}, true);
    } else {
      if (!options_.patches) sites();
      if (!options_.sites) patches(chosen_from("patches"), false);
    }
    return finish();
  }

 private:
  bool wants(std::string const& technique) const {
    return options_.technique.empty() || options_.technique == technique;
  }
  // The patches of a folder that --only and --shard leave.
  std::vector<patch> chosen_from(std::string const& folder) const {
    std::vector<patch> chosen;
    std::size_t number = 0;
    for (patch const& p : patches_in(programs_.root() + "/models/mutants/" + folder)) {
      if (wants_mutant(p.id) && options_.part.has(number++)) chosen.push_back(p);
    }
    return chosen;
  }
  bool wants_mutant(std::string const& id) const { return options_.only.empty() || options_.only == id; }

  trial trial_of(std::string const& technique, std::string const& subject, std::string const& mutate, bool near,
                 std::string const& id) const {
    trial t;
    t.technique = technique;
    t.subject = subject;
    t.mutate = mutate;
    t.executions = near ? near_executions : far_executions;
    t.seconds = near ? options_.seconds : std::max(2.0, options_.seconds / 4);
    t.seed = options_.seed;
    t.out = folder_of(options_.out, id);
    return t;
  }

  // ---- site mutants ----
  struct site_mutant {
    operation one;
    std::string kind;
    header const* home;
  };

  void sites() {
    std::vector<header> const headers = scan_protocols(programs_.root());
    std::vector<site_mutant> all;
    std::size_t number = 0;
    for (header const& h : headers) {
      for (operation const& one : h.operations) {
        for (std::string const& kind : one.weakenings()) {
          if (wants_mutant(site_name(one, kind)) && options_.part.has(number++)) all.push_back({one, kind, &h});
        }
      }
    }
    planned_ += all.size();
    if (!options_.json)
      progress_.say(fmt::format("{} site mutants in {} headers; nothing is rebuilt", all.size(), headers.size()));
    std::atomic<std::size_t> next{0};
    auto const work = [&] {
      for (std::size_t i; !command_line::interrupted() && (i = next.fetch_add(1)) < all.size();) add(try_site(all[i]));
    };
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) workers.emplace_back(work);
    for (std::thread& w : workers) w.join();
  }

  mutant_row try_site(site_mutant const& m) const {
    std::string const id = site_name(m.one, m.kind);
    mutant_row row{.id = id,
                   .kind = "site",
                   .claim = m.one.text,
                   .by = {},
                   .survivor_reason = reason_of(m.one, m.kind)};
    std::vector<std::string> near = m.home->scenarios, near_models = m.home->models;
    for (claim const& c : m.one.claims)
      (c.technique == "sim" ? near : near_models)
          .insert((c.technique == "sim" ? near : near_models).begin(), c.subject);
    if (wants("model")) {
      std::vector<trial> trials;
      std::set<std::string> seen;
      for (std::string const& name : near_models) {
        if (models_.contains(name) && seen.insert(name).second) trials.push_back(trial_of("model", name, id, true, id));
      }
      if (!trials.empty()) row.by["model"] = best(trials);
    }
    if (options_.technique == "fuzz") row.by["fuzz"] = best({trial_of("fuzz", "schedule", id, true, id)});
    if (wants("sim")) {
      std::vector<trial> trials;
      std::set<std::string> const first(near.begin(), near.end());
      for (bool const is_near : {true, false}) {
        for (std::string const& name : scenarios_) {
          if (first.contains(name) != is_near) continue;
          trials.push_back(trial_of("sim", name, id, is_near, id));
          trials.push_back(trials.back());
          trials.back().strategy = "random";
        }
      }
      if (!trials.empty()) row.by["sim"] = best(trials);
    }
    return row;
  }

  // Until one kills; otherwise the most telling of the others.
  trial_result best(std::vector<trial> const& trials) const { return best(trials, programs_); }
  trial_result best(std::vector<trial> const& trials, catalogue const& mutated) const {
    trial_result sum;
    sum.how = verdict::not_reached;
    double seconds = 0;
    std::uint64_t executions = 0;
    std::set<std::string> unreached;  // a subject that does not reach the site with one strategy need not try another
    for (trial const& t : trials) {
      if (unreached.contains(t.subject)) continue;
      trial_result r = attempt(mutated, programs_, t);
      seconds += r.seconds;
      if (r.how == verdict::not_reached) unreached.insert(t.subject);
      if (r.how == verdict::killed) {
        r.executions += executions;
        r.seconds = seconds;
        return r;
      }
      executions += r.executions;
      if (sum.how == verdict::not_reached ||
          (sum.how == verdict::survived && r.how != verdict::not_reached && r.how != verdict::unavailable))
        sum = r;
    }
    sum.executions = executions;
    sum.seconds = seconds;
    return sum;
  }

  // ---- patches ----
  void patches(std::vector<patch> all, bool foreign) {
    std::erase_if(all, [this](patch const& p) { return !wants_mutant(p.id); });
    if (all.empty()) return;
    planned_ += all.size();
    private_copy copy(programs_.root());
    if (std::string const problem = clean_tests(copy, all); !problem.empty()) return fault("the clean tree", problem);
    for (patch const& p : all) {
      if (command_line::interrupted()) break;
      mutant_row row{.id = p.id, .kind = "patch", .claim = p.claim, .by = {}, .survivor_reason = ""};
      std::vector<trial> trials = trials_of(p, foreign);
      if (options_.first_kill && !trials.empty()) {
        target const first = p.kills.front();
        std::erase_if(trials,
                      [&](trial const& t) { return t.technique != first.technique || t.subject != first.subject; });
      }
      copy.refresh();
      std::string problem = copy.apply(p.file);
      if (!problem.empty()) {
        fault(p.id, problem);
        continue;
      }
      std::set<std::string> targets, techniques;
      for (trial const& t : trials) {
        techniques.insert(t.technique);
        if (t.technique == "sim") targets.insert("retake-sim");
        if (t.technique == "model") targets.insert(t.subject + "_model");
        if (t.technique == "props") targets.insert({t.subject + "_properties", "retake-sim"});
        if (t.technique == "stress") targets.insert("hammer_" + t.subject);
        if (t.technique == "fuzz") targets.insert({"fuzz_" + t.subject, "retake-sim"});
      }
      if (techniques.contains("test") && problem.empty()) problem = copy.build("dev", p.builds);
      std::map<std::string, std::vector<std::string>> by_preset;
      for (std::string const& name : targets)
        by_preset[name.starts_with("hammer_") ? "release"
                  : name.starts_with("fuzz_") ? "fuzz"
                                              : "models"]
            .push_back(name);
      for (auto const& [preset, names] : by_preset) {
        if (problem.empty()) problem = copy.build(preset, names);
      }
      if (!problem.empty()) {
        fault(p.id, "does not compile: " + problem);
        continue;
      }
      if (techniques.contains("sim")) follow_regressions(p, copy.programs());
      for (std::string const& technique : techniques) {
        std::vector<trial> these;
        std::copy_if(trials.begin(), trials.end(), std::back_inserter(these),
                     [&](trial const& t) { return t.technique == technique; });
        row.by[technique] = best(these, copy.programs());
      }
      add(row);
    }
    copy.refresh();
  }

  // Empty when every test that is to notice a patch passes without one.
  std::string clean_tests(private_copy& copy, std::vector<patch> const& all) const {
    std::set<std::string> targets, tests;
    for (patch const& p : all) {
      if (!wants("test")) continue;
      for (target const& k : p.kills) {
        if (k.technique != "test") continue;
        tests.insert(k.subject);
        targets.insert(p.builds.begin(), p.builds.end());
      }
    }
    if (tests.empty()) return {};
    copy.refresh();
    return green(copy, targets, tests);
  }

  // Empty when these tests pass in the copy; else what the first that does not says.
  static std::string green(private_copy& copy, std::set<std::string> const& targets,
                           std::set<std::string> const& tests) {
    std::string problem = copy.build("dev", {targets.begin(), targets.end()});
    for (std::string const& name : tests) {
      if (!problem.empty()) break;
      test_result const clean = run_test(copy.programs().bin() + "/dev", name);
      if (clean.how != test_end::passed) {
        problem = fmt::format("{} {}: {}", name, clean.how == test_end::failed ? "fails" : "cannot be run",
                              clean.said.substr(0, 1500));
      }
    }
    return problem;
  }

  std::vector<trial> trials_of(patch const& p, bool foreign) const {
    std::vector<trial> trials;
    for (target const& k : p.kills) {
      if (!wants(k.technique)) continue;
      trial t = trial_of(k.technique, k.subject, "", true, p.id);
      t.tags = p.tags;
      trials.push_back(t);
      if (k.technique == "sim") {
        t.strategy = "random";
        trials.push_back(t);
        t.memory = "sc";
        trials.push_back(t);
        t.memory = "c11";
        t.faults = "all";
        trials.push_back(t);
        t.strategy = "pct";
        trials.push_back(t);
      }
    }
    if (!foreign || !p.kills.empty()) return trials;
    for (std::string const& name : scenarios_) {
      if (wants("sim")) trials.push_back(trial_of("sim", name, "", true, p.id));
    }
    for (std::string const& name : models_) {
      if (wants("model")) trials.push_back(trial_of("model", name, "", true, p.id));
    }
    for (trial& t : trials) t.tags = p.tags;
    return trials;
  }

  // ---- schedules that are kept ----
  std::vector<regression> of_patch(patch const& p) const {
    std::vector<regression> all;
    std::copy_if(regressions_.begin(), regressions_.end(), std::back_inserter(all),
                 [&](regression const& r) { return r.patch == p.id; });
    return all;
  }

  // On the mutant a schedule is followed to its end, and fails as it did. The clean tree is a quick
  // test's.
  void follow_regressions(patch const& p, catalogue const& mutated) {
    for (regression const& r : of_patch(p)) {
      replay_said const said = replay(mutated.simulator(), replay_file(programs_.root(), r), false);
      if (said.reproduced) continue;
      std::string const why = !said.problem.empty()      ? said.problem
                              : !said.divergence.empty() ? said.divergence
                                                         : "it ends without the failure";
      fault(p.id, fmt::format("the schedule {} is stale: {}; ./retake mutants --record --only {} records it anew",
                              r.name, why, p.id));
    }
  }

  // Finds each schedule anew on the tree with its patch, and asks the clean tree how far it
  // follows. Nothing is written of one that fails.
  int record_regressions() {
    private_copy copy(programs_.root());
    for (patch const& p : patches_in(programs_.root() + "/models/mutants/patches")) {
      if (!wants_mutant(p.id) || of_patch(p).empty()) continue;
      planned_ += 1;
      copy.refresh();
      std::string problem = copy.apply(p.file);
      if (problem.empty()) problem = copy.build("models", {"retake-sim"});
      if (!problem.empty()) {
        fault(p.id, problem);
        continue;
      }
      std::vector<trial> trials = trials_of(p, false);
      std::erase_if(trials, [](trial const& t) { return t.technique != "sim"; });
      trial_result const found = best(trials, copy.programs());
      mutant_row const row{.id = p.id,
                           .kind = "patch",
                           .claim = p.claim,
                           .by = {{"sim", found}},
                           .survivor_reason = ""};
      add(row);
      if (found.how != verdict::killed) continue;
      campaign::run(command_of({copy.programs().simulator(), "shrink", found.replay, "--json", "--seconds", "20",
                                "--out", fs::path(found.replay).parent_path().string()},
                               60));
      for (regression& r : regressions_) {
        if (r.patch != p.id) continue;
        replay_said const clean = replay(programs_.simulator(), found.replay, true);
        if (!clean.problem.empty() || clean.reproduced) {
          fault(p.id, fmt::format("{} on the clean tree: {}", found.replay,
                                  clean.reproduced ? "fails as on the mutant" : clean.problem));
          continue;
        }
        copy_durably(found.replay, replay_file(programs_.root(), r));
        r.followed = clean.followed;
        progress_.say(fmt::format("{}: {} choices, the clean tree follows {}", r.name, clean.choices, r.followed));
      }
    }
    copy.refresh();
    write_regressions(programs_.root(), regressions_);
    return finish();
  }

  // ---- mutants of the harness ----
  // With each applied, the quick test that it names must go red. Without any, all of these tests
  // must be green.
  void harness() {
    std::vector<patch> const all = chosen_from("harness");
    planned_ += all.size();
    private_copy copy(programs_.root());
    copy.refresh();
    std::set<std::string> targets, tests;
    for (patch const& p : all) {
      targets.insert(p.builds.begin(), p.builds.end());
      tests.insert(p.dead);
    }
    if (std::string const problem = green(copy, targets, tests); !problem.empty())
      return fault("the clean tree", problem);
    for (patch const& p : all) {
      if (command_line::interrupted()) break;
      copy.refresh();
      std::string problem = copy.apply(p.file);
      if (problem.empty() && !p.builds.empty()) problem = copy.build("dev", p.builds);
      if (!problem.empty()) {
        fault(p.id, problem);
        continue;
      }
      add({.id = p.id,
           .kind = "harness",
           .claim = p.claim,
           .by = {{"harness", judged(run_test(copy.programs().bin() + "/dev", p.dead), p.dead)}},
           .survivor_reason = ""});
    }
    copy.refresh();
  }

  // ---- claims ----
  // Each numbered order, weakened in each way it can be, is found by the subject its comment names.
  int claims() {
    struct one_claim {
      operation one;
      std::string kind;
      claim by;
    };
    std::vector<one_claim> all;
    std::uint32_t broken = 0;
    for (header const& h : scan_protocols(programs_.root())) {
      for (operation const& one : h.operations) {
        if (one.strong() && one.claims.empty() && !one.not_killed.empty()) {
          progress_.say(fmt::format("{}:{}: [{}] is not claimed to be killed: {}", one.file, one.line, one.number,
                                    one.not_killed));
        } else if (one.strong() && (one.number.empty() || one.claims.empty())) {
          progress_.say(fmt::format("{}:{}: {} without {}: {}", one.file, one.line, one.order,
                                    one.number.empty() ? "a number" : "\"Killed by:\"", one.text));
          broken += 1;
        }
        if (one.number.empty()) continue;
        for (std::string const& kind : one.weakenings()) {
          if (kind == "split" || !wants_mutant(site_name(one, kind))) continue;  // the comment speaks of the order
          for (claim const& c : one.claims) all.push_back({one, kind, c});
        }
      }
    }
    planned_ += all.size();
    std::atomic<std::size_t> next{0};
    auto const work = [&] {
      for (std::size_t i; !command_line::interrupted() && (i = next.fetch_add(1)) < all.size();) {
        one_claim const& c = all[i];
        std::string const id = site_name(c.one, c.kind);
        trial near = trial_of(c.by.technique, c.by.subject, id, true, id);
        if (!c.by.memory.empty()) near.memory = c.by.memory;
        std::vector<trial> trials{near};
        if (near.technique == "sim") {
          near.strategy = "random";
          trials.push_back(near);
        }
        mutant_row row{.id = id,
                       .kind = "site",
                       .claim = fmt::format("[{}] {}", c.one.number, c.one.text),
                       .by = {},
                       .survivor_reason = ""};
        row.by[c.by.technique] = best(trials);
        row.by[c.by.technique].why += fmt::format(" (claimed: {} {})", c.by.technique, c.by.subject);
        add(row);
      }
    };
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) workers.emplace_back(work);
    for (std::thread& w : workers) w.join();
    int const code = finish();
    return broken != 0 ? 1 : code;
  }

  // ---- results ----
  void add(mutant_row const& row) {
    if (command_line::interrupted()) return;  // its trials were cut short: no verdict
    std::lock_guard const lock(mutex_);
    for (auto const& [technique, r] : row.by) {
      json line{{"kind", "mutant"},
                {"mutant", row.id},
                {"mutant_kind", row.kind},
                {"technique", technique},
                {"killed", r.how == verdict::killed},
                {"executions", r.executions},
                {"seconds", r.seconds},
                {"tag", r.tag.empty() ? json(nullptr) : json(r.tag)}};
      if (r.how != verdict::killed) line["verdict"] = name_of(r.how);
      if (r.how != verdict::killed && !r.why.empty()) line["why"] = r.why;
      if (!r.replay.empty()) line["replay"] = r.replay;
      record_.add(line);
      if (r.how == verdict::killed)
        progress_.say(
            fmt::format("{:<44} {:<7} killed    {} after {} executions", row.id, technique, r.tag, r.executions));
      else
        progress_.say(fmt::format("{:<44} {:<7} {:<9} {}", row.id, technique, name_of(r.how), r.why));
    }
    if (row.by.empty()) progress_.say(fmt::format("{:<44} nobody to try it", row.id));
    rows_.push_back(row);
  }

  void fault(std::string const& id, std::string const& why) {
    if (command_line::interrupted()) return;
    faults_ += 1;
    progress_.say(fmt::format("{:<44} {}", id, why));
    record_.add({{"kind", "mutant"},
                 {"mutant", id},
                 {"mutant_kind", "patch"},
                 {"technique", nullptr},
                 {"killed", false},
                 {"executions", 0},
                 {"seconds", 0},
                 {"tag", nullptr},
                 {"verdict", "fault"},
                 {"why", why}});
  }

  int finish() {
    std::sort(rows_.begin(), rows_.end(), [](mutant_row const& a, mutant_row const& b) { return a.id < b.id; });
    std::size_t const killed = static_cast<std::size_t>(
        std::count_if(rows_.begin(), rows_.end(), [](mutant_row const& r) { return r.killed(); }));
    std::size_t const total = rows_.size() + faults_;
    std::size_t const had_no_turn = planned_ - std::min(planned_, total);
    record_.add({{"kind", "mutants"},
                 {"killed", killed},
                 {"total", total},
                 {"had_no_turn", had_no_turn},
                 {"interrupted", command_line::interrupted()}});
    std::size_t unexplained = 0;
    for (mutant_row const& row : rows_) {
      if (row.killed()) continue;
      progress_.say(fmt::format("survivor {}: {}", row.id,
                                row.survivor_reason.empty() ? "no reason on record" : row.survivor_reason));
      if (row.survivor_reason.empty()) unexplained += 1;
    }
    progress_.say(fmt::format("{} of {} killed{}{}", killed, total,
                              had_no_turn != 0 ? fmt::format("; {} had no turn", had_no_turn) : "",
                              command_line::interrupted() ? "; interrupted" : ""));
    if (options_.write_readme && !command_line::interrupted())
      write_between_markers(programs_.root() + "/models/README.md", markdown(rows_));
    if (planned_ == 0 && faults_ == 0 && !command_line::interrupted()) {
      fmt::print(stderr, "retake: no such mutant: \"{}\"; ./retake list names them\n", options_.only);
      return 2;
    }
    return code_of({.findings = unexplained,
                    .faults = faults_,
                    .jobs = planned_,
                    .had_no_turn = had_no_turn,
                    .was_interrupted = command_line::interrupted()});
  }

  // models/mutants/survivors.txt: `note.hpp | text of the line | kind | why nobody can kill it`, a
  // part of the line's text is enough.
  void read_reasons() {
    std::ifstream in(programs_.root() + "/models/mutants/survivors.txt");
    for (std::string line; std::getline(in, line);) {
      if (line.empty() || line[0] == '#') continue;
      std::vector<std::string> const parts = columns_of(line, 4);
      if (parts.size() == 4) reasons_.push_back(parts);
    }
  }
  std::string reason_of(operation const& one, std::string const& kind) const {
    for (auto const& parts : reasons_) {
      if (parts[0] == base_name(one.file) && one.text.find(parts[1]) != std::string::npos && parts[2] == kind)
        return parts[3];
    }
    return "";
  }

  catalogue const& programs_;
  mutant_options const& options_;
  folder_lock lock_;  // before the record, which begins anew
  record record_;
  progress progress_;
  std::vector<std::string> scenarios_;
  std::vector<regression> regressions_;
  std::set<std::string> models_;
  std::vector<std::vector<std::string>> reasons_;
  std::mutex mutex_;
  std::vector<mutant_row> rows_;
  std::size_t faults_ = 0, planned_ = 0;
};

}  // namespace

std::string site_name(operation const& one, std::string const& kind) {
  return fmt::format("{}:{}:{}", base_name(one.file), one.line, kind);
}

int mutants(catalogue const& programs, mutant_options const& options) { return mutation_run(programs, options).run(); }

}  // namespace retake::campaign
