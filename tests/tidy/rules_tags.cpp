// rules_tags.cpp: every invariant that the runtime names is listed in models/README.md and stands
// in four places: the header that owns the state, the assertion that guards it, the checker that
// watches it, the model, property or scenario that proves it. A checker is a row of the table that
// the watcher walks, and models/README.md lists the rows as they are.
//
// Exceptions stand in allowed.txt as `tag P6.checker: reason`.
#include <fmt/format.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "tidy.hpp"

namespace retake::tidy {

namespace {

std::regex const tag(R"(\b([PMGQLNV](?:[1-9]|1[0-9]))\b)");

std::set<std::string> listed(std::string const& root) {
  static std::regex const row(R"(^\| ([PMGQLNV][0-9]+) \|)");
  std::set<std::string> tags;
  std::ifstream in(root + "/models/README.md");
  for (std::string line; std::getline(in, line);) {
    std::smatch m;
    if (std::regex_search(line, m, row)) tags.insert(m[1]);
  }
  return tags;
}

constexpr char const* table_file = "models/sim/checkers/table.hpp";

// moment -> tags, as a text: what the table of checkers says.
std::map<std::string, std::set<std::string>> asked(tree const& t) {
  static std::regex const row(R"re(^ *\{"([PMGQLNV][0-9]+)", check_\w+, ([a-z_ |]+)\},)re");
  static std::regex const moment(R"(at_(\w+))");
  std::map<std::string, std::set<std::string>> at;
  source const* const table = t.find(table_file);
  if (table == nullptr) return at;
  for (std::string const& line : table->lines) {
    std::smatch m;
    if (!std::regex_search(line, m, row)) continue;
    std::string const moments = m[2];
    for (std::sregex_iterator it(moments.begin(), moments.end(), moment), end; it != end; ++it)
      at[(*it)[1]].insert(m[1]);
  }
  return at;
}

// The same, as models/README.md says it: `| commit | P3 P4 |`.
std::map<std::string, std::set<std::string>> documented(std::string const& root) {
  static std::regex const row(R"(^\| (commit|step|stillness|rest) \| ([^|]+) \|)");
  std::map<std::string, std::set<std::string>> at;
  std::ifstream in(root + "/models/README.md");
  for (std::string line; std::getline(in, line);) {
    std::smatch m;
    if (!std::regex_search(line, m, row)) continue;
    std::string const tags = m[2];
    for (std::sregex_iterator it(tags.begin(), tags.end(), tag), end; it != end; ++it) at[m[1]].insert((*it)[1]);
  }
  return at;
}

}  // namespace

void check_tags(tree const& t, exceptions& allowed, complaints& out) {
  static std::regex const asserted(R"re("([PMGQLNV][0-9]+)(?: [PMGQLNV][0-9]+)*:)re");
  std::map<std::string, std::set<std::string>> places;  // tag -> header, assertion, checker, proof
  std::map<std::string, std::string> first_use;
  for (source const& s : t.files) {
    bool const runtime = s.name.starts_with("runtime/");
    bool const proof = s.name.starts_with("models/relacy/") || s.name.starts_with("models/scenarios/") ||
                       s.name.starts_with("properties/");
    if (!runtime && !proof) continue;
    bool const is_header = runtime && s.name.ends_with(".hpp");
    for (std::size_t i = 0; i < s.lines.size(); ++i) {
      std::string const& line = s.lines[i];
      for (std::sregex_iterator it(line.begin(), line.end(), runtime ? asserted : tag), end; it != end; ++it) {
        std::string const name = (*it)[1];
        places[name].insert(runtime ? "assertion" : "proof");
        if (runtime) first_use.emplace(name, fmt::format("{}:{}", s.name, i + 1));
      }
      // In a header, what its comments name.
      std::size_t const comment = line.find("//");
      if (!is_header || comment == std::string::npos) continue;
      std::string const said = line.substr(comment);
      for (std::sregex_iterator it(said.begin(), said.end(), tag), end; it != end; ++it) {
        places[(*it)[1]].insert("header");
        first_use.emplace((*it)[1], fmt::format("{}:{}", s.name, i + 1));
      }
    }
  }
  std::set<std::string> const known = listed(t.root);
  std::map<std::string, std::set<std::string>> const rows = asked(t);
  for (auto const& [moment, tags] : rows) {
    for (std::string const& name : tags) {
      places[name].insert("checker");
      if (!known.contains(name)) out.add("tag", table_file, 1, name + " is not in the list of models/README.md");
    }
  }
  if (rows != documented(t.root))
    out.add("tag", table_file, 1, "models/README.md lists other checkers at a moment than this table");
  for (auto const& [name, where] : first_use) {
    std::size_t const colon = where.rfind(':');
    std::string const file = where.substr(0, colon);
    std::size_t const line = std::stoul(where.substr(colon + 1));
    if (!known.contains(name)) out.add("tag", file, line, name + " is not in the list of models/README.md");
    for (char const* const place : {"header", "assertion", "checker", "proof"}) {
      if (places[name].contains(place) || allowed.allows("tag", name + "." + std::string(place))) continue;
      out.add("tag", file, line,
              fmt::format("{} lacks its {}; or say why in tests/tidy/allowed.txt: `tag {}.{}: reason`", name,
                          std::string_view(place) == "proof" ? "model, property or scenario" : place, name, place));
    }
  }
}

}  // namespace retake::tidy
