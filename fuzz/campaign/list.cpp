// list.cpp: scenarios are asked of the simulator; all else is read off the tree, so that a list
// needs no build of what it names.
#include "list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "mutants.hpp"
#include "patches.hpp"
#include "protocol_scan.hpp"
#include "record.hpp"

namespace retake::campaign {

namespace {

// The claim of a source file is the first sentence of its head comment: `// name.cpp: claim`.
std::string claim_of(std::filesystem::path const& file) {
  std::ifstream in(file);
  std::string first;
  std::getline(in, first);
  std::size_t const colon = first.find(": ");
  return first.starts_with("//") && colon != std::string::npos ? first.substr(colon + 2) : "";
}

void add_files(std::vector<named>& all, std::string const& kind, std::string const& folder, std::string const& prefix,
               std::string const& suffix) {
  if (!std::filesystem::is_directory(folder)) return;
  std::vector<named> here;
  for (auto const& entry : std::filesystem::directory_iterator(folder)) {
    std::string const stem = entry.path().stem().string();
    if (entry.path().extension() != ".cpp" || !stem.starts_with(prefix) || !stem.ends_with(suffix) ||
        stem == "fuzz_canary")
      continue;
    here.push_back({kind,
                    stem.substr(kind == "bug" || kind == "task" ? 0 : prefix.size(),
                                stem.size() - suffix.size() - (kind == "bug" || kind == "task" ? 0 : prefix.size())),
                    claim_of(entry.path())});
  }
  std::sort(here.begin(), here.end(), [](named const& a, named const& b) { return a.name < b.name; });
  all.insert(all.end(), here.begin(), here.end());
}

}  // namespace

int list(catalogue const& programs, bool as_json) {
  std::string const root = programs.root();
  std::vector<named> all = programs.scenarios();
  for (named const& n : programs.scenarios(true)) all.push_back(n);
  add_files(all, "model", root + "/models/relacy", "", "_model");
  add_files(all, "fuzz", root + "/fuzz", "fuzz_", "");
  add_files(all, "props", root + "/properties", "", "_properties");
  add_files(all, "stress", root + "/stress", "hammer_", "");
  add_files(all, "bug", root + "/stress", "bug", "");
  add_files(all, "task", root + "/stress", "task", "");
  add_files(all, "bench", root + "/stress/bench", "bench_", "");
  for (patch const& p : patches_in(root + "/models/mutants/patches")) all.push_back({"mutant", p.id, p.claim});
  for (patch const& p : patches_in(root + "/models/mutants/harness")) all.push_back({"mutant", p.id, p.claim});
  for (header const& h : scan_protocols(root)) {
    for (operation const& one : h.operations) {
      for (std::string const& kind : one.weakenings()) all.push_back({"mutant", site_name(one, kind), one.text});
    }
  }
  for (named const& n : all) {
    if (as_json)
      fmt::print("{}\n", text_of(json{{"kind", n.kind}, {"name", n.name}, {"claim", n.claim}}));
    else
      fmt::print("{:<9} {:<48} {}\n", n.kind, n.name, n.claim);
  }
  return 0;
}

}  // namespace retake::campaign
