#include "matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "durable.hpp"
#include "progress.hpp"
#include "record.hpp"

namespace retake::campaign {

namespace {

std::string cell(mutant_row const& row, std::string const& technique) {
  auto const found = row.by.find(technique);
  if (found == row.by.end()) return "";
  trial_result const& r = found->second;
  if (r.how == verdict::killed)
    return fmt::format("**{}** after {}", r.tag.substr(0, r.tag.find(':')),
                       short_number(static_cast<double>(r.executions)));
  return name_of(r.how);
}

std::string table_of(std::vector<mutant_row> const& rows) {
  std::set<std::string> used;
  for (mutant_row const& row : rows) {
    for (auto const& [technique, r] : row.by) used.insert(technique);
  }
  std::string text = "| mutant | what is broken |";
  for (std::string const& t : used) text += " " + t + " |";
  text += "\n|---|---|";
  for (std::size_t i = 0; i < used.size(); ++i) text += "---|";
  text += "\n";
  for (mutant_row const& row : rows) {
    std::string claim = row.claim;
    for (std::size_t at = 0; (at = claim.find('|', at)) != std::string::npos; at += 2) claim.replace(at, 1, "\\|");
    text += fmt::format("| `{}` | {} |", row.id, row.kind == "site" ? "`" + claim + "`" : claim);
    for (std::string const& t : used) text += " " + cell(row, t) + " |";
    text += "\n";
  }
  return text;
}

}  // namespace

bool mutant_row::killed() const {
  return std::any_of(by.begin(), by.end(), [](auto const& one) { return one.second.how == verdict::killed; });
}

std::string markdown(std::vector<mutant_row> const& rows) {
  std::string text;
  for (std::string const kind : {"patch", "site", "harness"}) {
    std::vector<mutant_row> these, survivors;
    for (mutant_row const& row : rows) {
      if (row.kind != kind) continue;
      these.push_back(row);
      if (!row.killed()) survivors.push_back(row);
    }
    if (these.empty()) continue;
    text += fmt::format("\n### {}: {} of {} killed\n\n",
                        kind == "patch"  ? "Patches"
                        : kind == "site" ? "Site mutants"
                                         : "Mutants of the harness",
                        these.size() - survivors.size(), these.size());
    text += table_of(these);
    if (survivors.empty()) continue;
    text += "\nSurvivors:\n\n";
    for (mutant_row const& row : survivors)
      text += fmt::format("- `{}`: {}\n", row.id,
                          row.survivor_reason.empty() ? "no reason on record" : row.survivor_reason);
  }
  return text;
}

void write_between_markers(std::string const& file, std::string const& text) {
  std::string const begin = "<!-- kill matrix -->", end = "<!-- end of kill matrix -->";
  std::string whole = read_file(file);
  std::size_t const a = whole.find(begin), b = whole.find(end);
  if (a == std::string::npos || b == std::string::npos || b < a)
    throw std::runtime_error(fmt::format("{} lacks the markers \"{}\" and \"{}\"", file, begin, end));
  whole.replace(a + begin.size(), b - a - begin.size(), "\n" + text + "\n");
  write_durably(file, whole);
}

}  // namespace retake::campaign
