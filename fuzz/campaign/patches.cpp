#include "patches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "children.hpp"
#include "record.hpp"

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

constexpr double build_timeout_s = 1800;

// What belongs to the tree: tracked files and new ones, never what is ignored.
std::vector<std::string> files_of(std::string const& root) {
  std::vector<std::string> files;
  finished const listed = run({{"git", "-C", root, "ls-files", "-co", "--exclude-standard"}, 60, {}, {}});
  if (listed.code == 0) {
    for (std::string const& line : listed.lines) {
      if (fs::is_regular_file(root + "/" + line)) files.push_back(line);
    }
    return files;
  }
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    std::string const name = fs::relative(it->path(), root).string();
    if (name == "build" || name == "out" || name == ".git")
      it.disable_recursion_pending();
    else if (it->is_regular_file())
      files.push_back(name);
  }
  return files;
}

std::string first_complaints(std::vector<std::string> const& lines) {
  std::string text;
  int shown = 0;
  for (std::string const& line : lines) {
    if (shown == 0 && line.find("error") == std::string::npos && line.find("FAILED") == std::string::npos) continue;
    text += line + "\n";
    if (++shown == 8) break;
  }
  return text.empty() ? "the build failed" : text;
}

}  // namespace

patch read_patch(std::string const& file) {
  patch p;
  p.file = fs::absolute(file).string();
  p.id = fs::path(file).stem().string();
  std::ifstream in(file);
  static std::regex const pair(R"((sim|model|props|fuzz|stress|test) ([a-z][a-zA-Z0-9_.]*))");
  for (std::string line; std::getline(in, line) && line.starts_with("#");) {
    std::size_t const colon = line.find(": ");
    if (colon == std::string::npos) continue;
    std::string const name = line.substr(2, colon - 2), value = line.substr(colon + 2);
    if (name == "id") p.id = value;
    if (name == "claim") p.claim = value;
    if (name == "dead") p.dead = value;
    if (name == "builds") {
      std::istringstream words(value);
      p.builds.assign(std::istream_iterator<std::string>(words), {});
    }
    if (name == "tags") {
      std::istringstream words(value);
      for (std::string tag; words >> tag;) p.tags.push_back(tag);
    }
    if (name == "scenario") p.kills.push_back({"sim", value});
    if (name == "kills") {
      for (std::sregex_iterator it(value.begin(), value.end(), pair), end; it != end; ++it)
        p.kills.push_back({(*it)[1], (*it)[2]});
    }
  }
  bool const tested =
      std::any_of(p.kills.begin(), p.kills.end(), [](target const& k) { return k.technique == "test"; });
  if (tested && p.builds.empty()) p.builds = {"runtime_tests"};
  return p;
}

std::vector<patch> patches_in(std::string const& folder) {
  std::vector<patch> all;
  if (!fs::is_directory(folder)) return all;
  for (auto const& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".patch") all.push_back(read_patch(entry.path().string()));
  }
  std::sort(all.begin(), all.end(), [](patch const& a, patch const& b) { return a.id < b.id; });
  return all;
}

private_copy::private_copy(std::string root)
    : root_(std::move(root)),
      folder_(root_ + "/build/mutants/tree"),
      lock_(root_ + "/build/mutants", fmt::format("the private copy {}", folder_)) {}

void private_copy::refresh() {
  std::vector<std::string> const wanted = files_of(root_);
  std::set<std::string> const known(wanted.begin(), wanted.end());
  for (std::string const& name : wanted) {
    fs::path const from = root_ + "/" + name, to = folder_ + "/" + name;
    if (fs::exists(to) && read_file(from) == read_file(to)) continue;
    fs::create_directories(to.parent_path());
    fs::copy_file(from, to, fs::copy_options::overwrite_existing);
  }
  for (auto it = fs::recursive_directory_iterator(folder_); it != fs::recursive_directory_iterator(); ++it) {
    std::string const name = fs::relative(it->path(), folder_).string();
    if (name == "build" || name == "out")
      it.disable_recursion_pending();
    else if (it->is_regular_file() && !known.contains(name))
      fs::remove(it->path());
  }
}

std::string private_copy::apply(std::string const& patch_file) {
  // The copy lies inside a repository that must not be found: git apply would silently skip what it
  // takes for another folder's files.
  finished const applied = run({{"git", "apply", "--whitespace=nowarn", patch_file},
                                60,
                                folder_,
                                {{"GIT_CEILING_DIRECTORIES", fs::path(folder_).parent_path().string()}}});
  return applied.code == 0 ? "" : "does not apply: " + applied.complaint.substr(0, applied.complaint.find('\n'));
}

std::string private_copy::build(std::string const& preset, std::vector<std::string> const& targets) {
  // A mutant may leave a variable unused: a warning is no verdict.
  std::string const build_folder = folder_ + "/build/" + preset;
  if (!fs::exists(build_folder + "/build.ninja")) {
    finished const configured =
        run({{"cmake", "--preset", preset, "-DRETAKE_WERROR=OFF"}, build_timeout_s, folder_, {}});
    if (configured.code != 0) return "cannot be configured: " + configured.complaint;
  }
  if (targets.empty()) return "";
  std::vector<std::string> words{"cmake", "--build", build_folder, "--parallel", "--target"};
  words.insert(words.end(), targets.begin(), targets.end());
  finished const built = run({words, build_timeout_s, folder_, {}});
  if (built.code == 0) return "";
  return built.timed_out ? "the build did not end" : first_complaints(built.lines);
}

}  // namespace retake::campaign
