// retake-board: looks for every bug of the board by the default strategy, and holds its repaired
// form as long.
//
//     retake-board [NAME] [--seconds N] [--executions N] [--json]
//
// --seconds    for each buggy form; default 60. --executions: of each repaired form; default
//              100,000. Exit code 0: every bug was found and every repair held; 1: not so.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "board.hpp"

namespace retake::board {

namespace {

bug const* const bugs[] = {&parking_lot_count,     &read_modify_write_as_fence, &store_then_load,
                           &freeze_before_tail,    &bit_cleared_outside,        &one_token,
                           &minimum_published_late};

struct chosen {
  std::string only;
  double seconds = 60;
  std::uint64_t executions = 100'000;
  bool as_json = false;
};

bool look(bug const& b, chosen const& how) {
  explore::options buggy;
  buggy.name = b.name;
  buggy.claim = b.claim;
  buggy.seconds = how.seconds;
  explore::options repaired = buggy;
  repaired.name += "-repaired";
  repaired.seconds.reset();
  repaired.executions = how.executions;
  explore::result const found = explore::check(b.buggy, buggy);
  explore::result const held = explore::check(b.repaired, repaired);
  bool const right = found.tag() == b.tag && held.holds();
  if (how.as_json) {
    fmt::print("{}\n", nlohmann::json{{"kind", "board"},
                                      {"name", b.name},
                                      {"report", b.report},
                                      {"tag", found.tag()},
                                      {"executions_to_first", found.executions()},
                                      {"seconds_to_first", found.seconds()},
                                      {"repaired_executions", held.executions()},
                                      {"right", right}}
                           .dump());
  } else {
    fmt::print("{:<28}{:<30}{:<10}{:>10}{:>9.2f} s   {}\n", b.name, b.report,
               found.tag().empty() ? "nothing" : found.tag(), found.executions(), found.seconds(),
               held.holds() ? fmt::format("holds in {}", held.executions()) : held.claim());
  }
  return right;
}

}  // namespace

}  // namespace retake::board

int main(int argc, char** argv) {
  using namespace retake::board;
  chosen how;
  CLI::App app{"Looks for public bugs, and holds their repairs."};
  app.add_option("name", how.only, "of one bug");
  app.add_option("--seconds", how.seconds, "for each buggy form")->check(CLI::PositiveNumber);
  app.add_option("--executions", how.executions, "of each repaired form")->check(CLI::PositiveNumber);
  app.add_flag("--json", how.as_json, "one JSON line for each bug");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) { return app.exit(e) == 0 ? 0 : 2; }
  bool any = false, right = true;
  if (!how.as_json)
    fmt::print("{:<28}{:<30}{:<10}{:>10}{:>11}   {}\n", "bug", "report", "finding", "executions", "seconds",
               "repaired");
  for (bug const* const b : bugs) {
    if (!how.only.empty() && how.only != b->name) continue;
    any = true;
    right &= look(*b, how);
  }
  if (!any) {
    fmt::print(stderr, "retake-board: \"{}\" is no bug of the board\n", how.only);
    return 2;
  }
  return right ? 0 : 1;
}
