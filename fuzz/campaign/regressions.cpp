#include "regressions.hpp"

#include <fmt/format.h>

#include <charconv>
#include <fstream>

#include "children.hpp"
#include "durable.hpp"
#include "record.hpp"
#include "troubles.hpp"

namespace retake::campaign {

namespace {

std::string folder_of(std::string const& root) { return root + "/models/scenarios/regressions"; }
std::string index_file(std::string const& root) { return folder_of(root) + "/index.txt"; }

}  // namespace

std::vector<regression> regressions_of(std::string const& root) {
  std::vector<regression> all;
  std::ifstream in(index_file(root));
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> const columns = columns_of(line, 3);
    std::string const number = columns.back();
    regression r;
    auto const [end, error] = std::from_chars(number.data(), number.data() + number.size(), r.followed);
    if (columns.size() != 3 || error != std::errc{} || end != number.data() + number.size()) {
      throw environment_error(fmt::format("{}: \"{}\" is not NAME | patch | number", index_file(root), line));
    }
    r.name = columns[0];
    r.patch = columns[1];
    all.push_back(r);
  }
  return all;
}

void write_regressions(std::string const& root, std::vector<regression> const& all) {
  std::string text;
  std::ifstream in(index_file(root));
  for (std::string line; std::getline(in, line) && line.starts_with("#");) text += line + "\n";
  for (regression const& r : all) text += fmt::format("{} | {} | {}\n", r.name, r.patch, r.followed);
  write_durably(index_file(root), text);
}

std::string replay_file(std::string const& root, regression const& r) {
  return folder_of(root) + "/" + r.name + ".replay";
}

replay_said replay(std::string const& simulator, std::string const& file, bool go_on) {
  replay_said said;
  std::vector<std::string> words{simulator, "replay", file, "--json"};
  if (go_on) words.push_back("--continue");
  finished const done = run(command_of(words, 120));
  for (json const& line : json_lines(done.lines)) {
    if (line.value("kind", "") != "replay") continue;
    said.reproduced = line.value("reproduced", false);
    said.followed = line.value("followed", std::uint64_t{0});
    said.choices = line.value("choices", std::uint64_t{0});
    if (line.contains("divergence") && line["divergence"].is_string()) said.divergence = line["divergence"];
    return said;
  }
  said.problem = done.complaint.empty() ? fmt::format("{} said nothing of {}", simulator, file) : done.complaint;
  return said;
}

}  // namespace retake::campaign
