#include "verdict.hpp"

#include "command_line/interruption.hpp"

#include <fmt/format.h>

namespace retake::campaign {

namespace {

std::string counted(std::size_t n, std::string const& noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

}  // namespace

int code_of(evidence const& e) {
  if (e.findings != 0) return 1;
  if (e.was_interrupted) return command_line::interrupted_code;
  if (e.environment_lacks) return 3;
  return e.faults != 0 || e.harness_broken || e.nothing_run() ? 4 : 0;
}

std::string sentence_of(evidence const& e, std::string const& kind) {
  std::string text = e.findings != 0   ? counted(e.findings, kind + "finding")
                     : e.nothing_run() ? "Nothing was run: no verdict"
                                       : "No " + kind + "finding";
  if (!e.nothing_run()) text += fmt::format(" in {} of {}", e.jobs - e.had_no_turn, counted(e.jobs, "job"));
  if (e.had_no_turn != 0) text += fmt::format("; {} had no turn", e.had_no_turn);
  if (e.faults != 0) text += "; " + counted(e.faults, "harness fault");
  return text + (e.was_interrupted ? "; interrupted" : "");
}

}  // namespace retake::campaign
