#include "work_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "digest.hpp"
#include "durable.hpp"

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t format = 1;

// What of a result is a function of its seed. With a finding, what its shrinking did is not.
json repeated_in(json const& result) {
  json facts = json::object();
  for (char const* name : {"kind", "name", "executions", "distinct_traces", "trace_hash"}) {
    if (result.contains(name)) facts[name] = result[name];
  }
  if (!result.contains("finding") || !result["finding"].is_object()) return facts;
  for (char const* name : {"tag", "executions_to_first"}) {
    if (result["finding"].contains(name)) facts["finding"][name] = result["finding"][name];
  }
  return facts;
}

json line_of(fixed_campaign const& c) {
  return {{"kind", "work"}, {"format", format},           {"sources", c.sources},
          {"seed", c.seed}, {"executions", c.executions}, {"pieces", c.pieces}};
}

bool is_piece(json const& line) {
  return line.is_object() && line.value("kind", json()) == "piece" && line.contains("name") && line["name"].is_string();
}

// The first line of a record. False: it is none.
bool read_campaign(json const& line, fixed_campaign& found) {
  if (!line.is_object() || !line.contains("sources") || !line["sources"].is_string()) return false;
  for (auto const& [name, to] :
       {std::pair{"seed", &found.seed}, {"executions", &found.executions}, {"pieces", &found.pieces}}) {
    if (!line.contains(name) || !line[name].is_number_unsigned()) return false;
    *to = line[name].get<std::uint64_t>();
  }
  found.sources = line["sources"];
  return true;
}

}  // namespace

std::string work_file(std::string const& folder) { return folder + "/work.jsonl"; }

std::string merged_file(std::string const& folder) { return folder + "/work.merged"; }

std::string work_record::digest() const {
  std::uint64_t all = digest_begin;
  for (auto const& [name, lines] : pieces) {
    for (std::string const& line : lines) all = digest_of(line + "\n", all);
  }
  return fmt::format("{:016x}", all);
}

std::vector<std::string> work_record::contradictory() const {
  std::vector<std::string> names;
  for (auto const& [name, lines] : pieces) {
    if (lines.size() > 1) names.push_back(name);
  }
  return names;
}

void work_record::merge(work_record const& other) {
  for (auto const& [name, lines] : other.pieces) pieces[name].insert(lines.begin(), lines.end());
}

json line_of(piece const& one, std::vector<json> const& results) {
  json line{{"kind", "piece"}, {"name", one.name}};
  if (!one.bound.fixed()) {
    line["by_time"] = true;
    return line;
  }
  std::set<std::string> facts, tags;  // a child's lines have no order of their own
  std::uint64_t executions = 0;
  for (json const& result : results) {
    executions += executions_of(result);
    facts.insert(text_of(repeated_in(result)));
    if (result.contains("finding") && result["finding"].is_object()) tags.insert(result["finding"].value("tag", "?"));
  }
  std::uint64_t digest = digest_begin;
  for (std::string const& fact : facts) digest = digest_of(fact + "\n", digest);
  line.update(
      {{"seed", one.seed}, {"executions", executions}, {"digest", fmt::format("{:016x}", digest)}, {"tags", tags}});
  return line;
}

std::string digest_of_sources(std::string const& root) {
  std::set<std::string> const kinds{".hpp", ".cpp", ".def", ".S"};
  std::set<fs::path> files;
  for (char const* room : {"runtime", "models", "properties", "fuzz", "stress"}) {
    if (!fs::is_directory(root + "/" + room)) continue;
    for (auto const& entry : fs::recursive_directory_iterator(root + "/" + room)) {
      if (entry.is_regular_file() && kinds.contains(entry.path().extension().string())) files.insert(entry.path());
    }
  }
  std::uint64_t all = digest_begin;
  for (fs::path const& file : files) {
    all = digest_of(fs::relative(file, root).string() + "\n", all);
    all = digest_of(read_file(file.string()) + "\n", all);
  }
  return fmt::format("{:016x}", all);
}

work_record read_work(std::string const& folder, std::string& refusal) {
  refusal.clear();
  work_record found;
  std::ifstream in(work_file(folder));
  std::string text;
  if (!in || !std::getline(in, text)) return found;
  json const first = json::parse(text, nullptr, false);
  if (first.is_object() && first.value("format", json()) != format) {
    refusal = fmt::format("{}: its record of work has the format {}, and this revision reads {}: not merged", folder,
                          text_of(first.value("format", json())), format);
    return found;
  }
  if (!read_campaign(first, found.whole)) {
    refusal = fmt::format("{}: its record of work is torn at its begin: not merged", folder);
    return {};
  }
  while (std::getline(in, text)) {
    json const line = json::parse(text, nullptr, false);
    if (is_piece(line)) found.pieces[line["name"]].insert(text_of(line));
  }
  return found;
}

std::string differs(fixed_campaign const& wanted, fixed_campaign const& found, std::string const& folder) {
  std::string const end = ": not merged";
  if (found.sources != wanted.sources) {
    return fmt::format("{}: its sources are {}, and those of the others {}{}", folder, found.sources, wanted.sources,
                       end);
  }
  if (found == wanted) return "";
  auto const shown = [](fixed_campaign const& c) {
    return fmt::format("seed {}, {} executions, {} pieces", c.seed, c.executions, c.pieces);
  };
  return fmt::format("{}: it is another campaign ({}, and the others {}){}", folder, shown(found), shown(wanted), end);
}

void write_work(std::string const& path, work_record const& all) {
  std::string text = text_of(line_of(all.whole)) + "\n";
  for (auto const& [name, lines] : all.pieces) {
    for (std::string const& line : lines) text += line + "\n";
  }
  write_durably(path, text);
}

}  // namespace retake::campaign
