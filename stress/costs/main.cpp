// main.cpp: what the operations cost on this machine, what each optimisation brings, and what the
// false ones take
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "command_line/output.hpp"
#include "ledger.hpp"

namespace retake::costs {

namespace {

using nlohmann::ordered_json;

std::string plain(double value) {
  return value > 0 && value < 0.1 ? fmt::format("{:.2g}", value)
         : value >= 100           ? fmt::format("{:.0f}", value)
         : value >= 10            ? fmt::format("{:.1f}", value)
                                  : fmt::format("{:.2f}", value);
}

}  // namespace

void ledger::begin_row() {
  ++rows_;
  if (heading_ != nullptr && !as_json_) fmt::print("\n{}\n", heading_);
  heading_ = nullptr;
}
void ledger::text(std::string const& line) const {
  if (as_json_)
    fmt::print(stderr, "{}\n", line);
  else
    fmt::print("    {}\n", line);
  std::fflush(stdout);
}

void ledger::cost(char const* name, char const* what, expectation const& seed, double value, char const* unit) {
  begin_row();
  constexpr double half_an_order = 3.16;
  const std::string verdict =
      value < seed.low / half_an_order    ? fmt::format("does not hold here, less: {}", seed.why_less)
      : value > seed.high * half_an_order ? fmt::format("does not hold here, more: {}", seed.why_more)
                                          : "holds";
  if (as_json_)
    fmt::print("{}\n", ordered_json{{"kind", "costs"},
                                    {"group", "table"},
                                    {"name", name},
                                    {"value", value},
                                    {"unit", unit},
                                    {"seed", seed.text},
                                    {"verdict", verdict}}
                           .dump());
  else
    fmt::print("  {:<52} {:>16} {:>9} {:<3} {}\n", what, seed.text, plain(value), unit, verdict);
  std::fflush(stdout);
}

void ledger::enter(claim const& what, pair_of_costs const& seen) {
  begin_row();
  std::vector<double> reached;
  for (double const one : seen.ratios) reached.push_back(what.least <= 0 ? 1 : one / what.least);
  const stress::finding verdict = stress::of_turns(reached);
  const bool holds = verdict == stress::finding::holds, noisy = verdict == stress::finding::noisy;
  failed_ += verdict == stress::finding::refuted ? 1 : 0;
  noisy_ += noisy ? 1 : 0;
  if (as_json_) {
    fmt::print("{}\n", ordered_json{{"kind", "costs"},
                                    {"group", "pair"},
                                    {"name", what.name},
                                    {"before", {{"what", what.before}, {"value", seen.before}}},
                                    {"after", {{"what", what.after}, {"value", seen.after}}},
                                    {"unit", what.unit},
                                    {"ratio", seen.ratio},
                                    {"claimed", what.least},
                                    {"holds", holds},
                                    {"noisy", noisy},
                                    {"caveat", what.caveat}}
                           .dump());
  } else {
    const std::string said = what.least <= 0 ? "(no claim)"
                                             : fmt::format("{} (claimed: {}x)",
                                                           holds   ? "holds"
                                                           : noisy ? "TOO NOISY"
                                                                   : "FAILS",
                                                           plain(what.least));
    fmt::print("  {}: {}x, {}\n    before: {}: {} {}\n    after:  {}: {} {}\n    {}\n", what.name, plain(seen.ratio),
               said, what.before, plain(seen.before), what.unit, what.after, plain(seen.after), what.unit, what.caveat);
  }
  std::fflush(stdout);
}

void ledger::at_most(char const* name, std::string const& what, double value, double bound, char const* unit) {
  begin_row();
  const bool holds = value <= bound;
  failed_ += holds ? 0 : 1;
  if (as_json_) {
    fmt::print("{}\n", ordered_json{{"kind", "costs"},
                                    {"group", "bound"},
                                    {"name", name},
                                    {"value", value},
                                    {"unit", unit},
                                    {"bound", bound},
                                    {"holds", holds}}
                           .dump());
  } else {
    fmt::print("  {}: {}: {} {}, {} (at most {})\n", name, what, plain(value), unit, holds ? "holds" : "FAILS",
               plain(bound));
  }
  std::fflush(stdout);
}

}  // namespace retake::costs

namespace {

int run(int argc, char** argv) {
  bool as_json = false, broken = false;
  std::string only;
  CLI::App app{
      "What operations cost here beside the seed's figures, each optimisation before and after, and the false ones"};
  app.add_option("name", only, "part of a row's name; none: all rows");
  app.add_flag("--json", as_json, "JSON lines on standard output, nothing else there");
  app.add_flag("--broken", broken, "before and after are swapped: every claim has to fail");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "costs: {}\n", e.what());
    return 2;
  }
  retake::costs::ledger all(as_json, broken, only);
  all.text(fmt::format("{} processors", std::thread::hardware_concurrency()));
  using group = void (*)(retake::costs::ledger&);
  for (const group one :
       {group{retake::costs::cost_table}, group{retake::costs::fewer_calls}, group{retake::costs::fewer_threads},
        group{retake::costs::better_waits}, group{retake::costs::call_by_steps}, group{retake::costs::right_pools},
        group{retake::costs::round_trips}, group{retake::costs::false_economies}})
    one(all);
  if (all.rows() == 0) {
    fmt::print(stderr, "costs: no row's name has \"{}\" in it\n", only);
    return 2;
  }
  if (all.failed() != 0) {
    all.text(fmt::format("{} claims do not hold", all.failed()));
    return 1;
  }
  all.text(all.noisy() == 0
               ? "every claim holds"
               : fmt::format("too noisy: {} claims are neither held nor refuted by their rounds", all.noisy()));
  return all.noisy() == 0 ? 0 : 4;
}

}  // namespace

int main(int argc, char** argv) {
  return retake::command_line::finish("costs", [&] { return run(argc, argv); });
}
