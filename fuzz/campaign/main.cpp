// main.cpp: retake-campaign: hunt, nightly, report, list, mutants, demo, fuzz. The launcher's words
// become its sub-commands.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>

#include "catalogue.hpp"
#include "command_line/flag_values.hpp"
#include "command_line/interruption.hpp"
#include "command_line/output.hpp"
#include "demo.hpp"
#include "folder_lock.hpp"
#include "hunt.hpp"
#include "jobs.hpp"
#include "list.hpp"
#include "mutants.hpp"
#include "nightly.hpp"
#include "report.hpp"
#include "troubles.hpp"

using namespace retake::campaign;
namespace command_line = retake::command_line;

namespace {

int run(int argc, char** argv) {
  CLI::App app{"Runs retake's programs: campaigns, mutants, reports.", "retake-campaign"};
  app.require_subcommand(1);
  std::string root = RETAKE_SOURCE_DIR, bin = RETAKE_SOURCE_DIR "/build";

  hunt_options hunting;
  mutant_options mutating;
  std::vector<std::string> folders;
  std::string target, demo_out = "out/demo";
  std::optional<std::uint64_t> seed;

  auto const common = [&](CLI::App* sub) {
    sub->add_option("--bin", bin, "folder of the builds, or of one build")->check(CLI::ExistingDirectory);
    sub->add_option("--root", root, "folder of the sources")->check(CLI::ExistingDirectory);
    return sub;
  };

  // A flag whose values flag_values.def names.
  auto const option = [](CLI::App* sub, char const* flag, auto& value, char const* help) {
    return sub->add_option(flag, value, help)->check(command_line::accepted(flag));
  };
  auto const shard_option = [](CLI::App* sub, auto& part, char const* help) {
    sub->add_option_function<std::string>(
           "--shard", [&part](std::string const& text) { part = shard_in(text).value(); }, help)
        ->check(command_line::accepted("--shard"));
  };

  CLI::App* const hunt_command = common(app.add_subcommand("hunt", "a campaign with every technique"));
  option(hunt_command, "--seconds", hunting.seconds, "length of the campaign");
  option(hunt_command, "--executions", hunting.executions, "fixed work: so many for each job");
  option(hunt_command, "--seed", seed, "every random choice derives from it");
  hunt_command->add_option("--out", hunting.out, "folder for findings and report");
  hunt_command->add_flag("--json", hunting.json, "JSON lines on standard output");

  shard_option(hunt_command, hunting.part, "i/n: this part of the jobs");

  nightly_options nightly_chosen;
  CLI::App* const nightly_command =
      common(app.add_subcommand("nightly", "hours of every technique; told is what is new"));
  option(nightly_command, "--seconds", nightly_chosen.seconds, "length of the night, default 8 hours");
  option(nightly_command, "--executions", nightly_chosen.executions, "fixed work: so many for each job");
  option(nightly_command, "--seed", nightly_chosen.seed, "every random choice derives from it");
  nightly_command->add_option("--out", nightly_chosen.out, "folder of the state, default out/nightly");
  nightly_command->add_option("--only", nightly_chosen.only, "jobs whose name contains one of these words")
      ->delimiter(',');
  option(nightly_command, "--disk-mb", nightly_chosen.disk_mb, "limit of the folder, default 2048");
  shard_option(nightly_command, nightly_chosen.part, "i/n: this part of the jobs");
  nightly_command->add_flag("--resume", nightly_chosen.resume, "the night that was interrupted goes on");
  nightly_command->add_flag("--json", nightly_chosen.json, "JSON lines on standard output");

  CLI::App* const fuzz_command = common(app.add_subcommand("fuzz", "one libFuzzer target"));
  hunt_options fuzzing;
  fuzzing.seconds = 60;
  fuzz_command->add_option("target", target, "schedule, ...")->required();
  option(fuzz_command, "--seconds", fuzzing.seconds, "");
  option(fuzz_command, "--seed", seed, "");
  fuzz_command->add_option("--out", fuzzing.out);
  fuzz_command->add_flag("--json", fuzzing.json);

  CLI::App* const report_command = common(app.add_subcommand("report", "HTML from JSON lines"));
  report_command->add_option("folders", folders)->required()->check(CLI::ExistingDirectory);

  CLI::App* const list_command = common(app.add_subcommand("list", "everything that has a name"));
  bool list_json = false;
  list_command->add_flag("--json", list_json);

  CLI::App* const mutants_command = common(app.add_subcommand("mutants", "what the harness can find"));
  mutants_command->add_option("--only", mutating.only);
  option(mutants_command, "--technique", mutating.technique, "");
  mutants_command->add_option("--patch", mutating.patch)->check(CLI::ExistingFile);
  mutants_command->add_flag("--sites", mutating.sites, "site mutants only");
  mutants_command->add_flag("--patches", mutating.patches, "patches only");
  mutants_command->add_flag("--claims", mutating.claims, "what the comments at the orders claim");
  mutants_command->add_flag("--first-kill", mutating.first_kill, "of a patch, the first technique it names");
  mutants_command->add_flag("--write-readme", mutating.write_readme, "the matrix, into models/README.md");
  mutants_command->add_flag("--record", mutating.record, "the schedules of models/scenarios/regressions, anew");
  mutants_command->add_flag("--json", mutating.json);
  option(mutants_command, "--seed", mutating.seed, "");
  option(mutants_command, "--seconds", mutating.seconds, "of one trial");
  mutants_command->add_option("--out", mutating.out);
  shard_option(mutants_command, mutating.part, "i/n: this part of the mutants");

  CLI::App* const demo_command = common(app.add_subcommand("demo", "one mutant, from finding to picture"));
  option(demo_command, "--seed", seed, "");
  demo_command->add_option("--out", demo_out);

  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "retake: {}\n", e.what());
    return 2;
  }

  // With a handler instead of SIG_IGN, which a child would inherit: a closed pipe and a limit of
  // size are errors of write.
  for (int const signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, [](int) {});
  command_line::watch_interrupts();
  set_own_command({argv, argv + argc});
  for (std::string* const out : {&hunting.out, &nightly_chosen.out, &fuzzing.out}) {
    if (out->starts_with('-')) out->insert(0, "./");  // for a child, a name that begins with a dash is a flag
  }
  try {
    catalogue const programs(root, bin);
    hunting.seed =
        seed.value_or(static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()));
    fuzzing.seed = seed.value_or(1);
    if (*hunt_command) return hunt(programs, hunting);
    if (*nightly_command) return nightly(programs, nightly_chosen);
    if (*fuzz_command) return fuzz_one(programs, target.starts_with("fuzz_") ? target : "fuzz_" + target, fuzzing);
    if (*list_command) return list(programs, list_json);
    if (*mutants_command) return mutants(programs, mutating);
    if (*demo_command) return demo(programs, seed.value_or(1), demo_out);
    return report(programs, folders);
  } catch (std::exception const& e) {
    if (std::ferror(stdout) != 0) throw;
    fmt::print(stderr, "retake: {}\n", e.what());
    return code_of(e);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return retake::command_line::finish("retake", [&] { return run(argc, argv); });
}
