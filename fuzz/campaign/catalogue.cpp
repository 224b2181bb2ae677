#include "catalogue.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "children.hpp"
#include "record.hpp"

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

std::string preset_of(std::string const& sanitizer) {
  if (sanitizer == "thread") return "tsan";
  if (sanitizer == "address") return "asan";
  return "release";
}

bool executable(fs::path const& path) { return fs::is_regular_file(path) && ::access(path.c_str(), X_OK) == 0; }

}  // namespace

catalogue::catalogue(std::string root, std::string bin)
    : root_(std::move(root)), bin_(fs::absolute(bin).lexically_normal().string()) {}

std::vector<std::string> catalogue::folders(std::string const& preset) const {
  if (fs::is_directory(bin_ + "/bin")) {  // one build: it stands for every unsanitized preset
    if (preset == "models" || preset == "release") return {bin_ + "/bin"};
    return {};
  }
  return {bin_ + "/" + preset + "/bin"};
}

std::string catalogue::find(std::string const& preset, std::string const& file) const {
  for (std::string const& folder : folders(preset)) {
    if (executable(folder + "/" + file)) return folder + "/" + file;
  }
  return {};
}

std::vector<program> catalogue::all(std::string const& preset, std::string const& prefix,
                                    std::string const& suffix) const {
  std::vector<program> found;
  for (std::string const& folder : folders(preset)) {
    if (!fs::is_directory(folder)) continue;
    for (auto const& entry : fs::directory_iterator(folder)) {
      std::string const name = entry.path().filename().string();
      if (!name.starts_with(prefix) || !name.ends_with(suffix) || !executable(entry.path())) continue;
      found.push_back({name.substr(0, name.size() - suffix.size()), entry.path().string()});
    }
  }
  std::sort(found.begin(), found.end(), [](program const& a, program const& b) { return a.name < b.name; });
  return found;
}

std::string catalogue::hammer(std::string const& name, std::string const& sanitizer) const {
  return find(preset_of(sanitizer), name);
}

std::vector<program> catalogue::hammers(std::string const& sanitizer) const {
  return all(preset_of(sanitizer), "hammer_", "");
}

std::vector<named> catalogue::scenarios(bool faulty) const {
  std::vector<named> found;
  if (simulator().empty()) return found;
  finished const listed = run(command_of({simulator(), "list", "--json"}, 60));
  for (json const& line : json_lines(listed.lines)) {
    bool const must_fail = line.contains("must_fail") && line["must_fail"].is_string();
    if (line.value("kind", "") == "scenario" && must_fail == faulty)
      found.push_back({"scenario", line.value("name", ""), line.value("claim", "")});
  }
  return found;
}

}  // namespace retake::campaign
