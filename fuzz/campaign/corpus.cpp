#include "corpus.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "children.hpp"
#include "durable.hpp"
#include "record.hpp"

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

constexpr double merge_seconds_max = 600;

void remove_leftovers(std::string const& folder) {  // of a merge that was killed
  for (auto const& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("merging-")) fs::remove_all(entry.path());
  }
}

struct looked {
  std::set<std::uint64_t> features;  // of all inputs together
  std::set<std::string> ending;      // inputs that ended the target
};

// libFuzzer runs its own children through a shell and quotes nothing. So it works in DIR, where
// every name that it is given is one of ours: `merging-PID/target`, `corpus/T`.
struct workplace {
  workplace(std::string dir, catalogue const& programs, program const& target)
      : folder(std::move(dir)), place(fmt::format("merging-{}", ::getpid())), staging(place + "/kept") {
    fs::create_directories(folder + "/" + staging);
    fs::create_symlink(fs::absolute(target.path), folder + "/" + place + "/target");
    for (std::string const kind : {"corpus", "regressions"}) {
      fs::path const ours = fs::absolute(programs.root() + "/fuzz/" + kind + "/" + target.name);
      if (!fs::is_directory(ours)) continue;
      fs::create_directory_symlink(ours, folder + "/" + place + "/" + kind);
      sources.push_back(place + "/" + kind);
    }
  }
  ~workplace() {
    std::error_code ignored;
    fs::remove_all(folder + "/" + place, ignored);
  }
  workplace(workplace const&) = delete;
  workplace& operator=(workplace const&) = delete;

  finished run_target(std::vector<std::string> const& flags, std::vector<std::string> const& folders) const {
    std::vector<std::string> words{"./" + place + "/target"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {"-timeout=20", "-artifact_prefix=work/"});
    words.insert(words.end(), folders.begin(), folders.end());
    return run({std::move(words), merge_seconds_max, folder, {{"RETAKE_FUZZ_OUT", "work"}, {"TMPDIR", place}}});
  }

  // -merge=1 of these folders into an empty one, which survives inputs that end the target.
  finished merge(std::string const& into, std::vector<std::string> folders, std::string const& control) const {
    folders.insert(folders.begin(), into);
    return run_target({"-merge=1", "-merge_control_file=" + place + "/" + control}, folders);
  }

  // What a merge wrote down of its inputs.
  looked looked_at(std::string const& control) const {
    looked seen;
    std::ifstream in(folder + "/" + place + "/" + control);
    std::size_t count = 0;
    std::string line;
    if (std::getline(in, line)) count = static_cast<std::size_t>(std::strtoul(line.c_str(), nullptr, 10));
    std::getline(in, line);  // how many lie in the folder that it merges into
    std::vector<std::string> names;
    while (names.size() < count && std::getline(in, line)) names.push_back(line);
    std::set<std::size_t> begun;
    while (std::getline(in, line)) {
      std::istringstream words(line);
      std::string kind;
      std::size_t number = 0;
      if (!(words >> kind >> number)) continue;
      if (kind == "STARTED") begun.insert(number);
      if (kind != "FT") continue;
      begun.erase(number);
      for (std::uint64_t feature; words >> feature;) seen.features.insert(feature);
    }
    for (std::size_t const number : begun) {
      if (number < names.size()) seen.ending.insert(names[number]);
    }
    return seen;
  }

  std::string folder, place, staging;  // the last two below folder
  std::vector<std::string> sources{};  // of inputs, beside the night's own
};

bool same_bytes(std::string const& a, std::string const& b) { return read_file(a) == read_file(b); }

}  // namespace

merged merge_corpus(catalogue const& programs, program const& target, std::string const& folder) {
  merged result;
  remove_leftovers(folder);
  std::string const all = "corpus/" + target.name, fresh = "work/corpus/" + target.name,
                    minimal = folder + "/minimised/" + target.name;
  for (std::string const& one : {folder + "/" + all, folder + "/" + fresh, folder + "/minimised"})
    fs::create_directories(one);
  workplace const here(folder, programs, target);
  std::vector<std::string> given{all, fresh};
  given.insert(given.end(), here.sources.begin(), here.sources.end());
  finished const ended = here.merge(here.staging, given, "control");
  if (ended.code != 0) {
    result.fault = ended.how_it_died() + "\n" + ended.complaint;
    return result;
  }
  // Nothing is taken away before what takes its place was read back, and reaches all of it.
  for (auto const& entry : fs::directory_iterator(folder + "/" + here.staging)) {
    std::string const name = entry.path().filename().string(), kept = folder + "/" + all + "/" + name;
    result.minimised += 1;
    if (fs::exists(kept) && same_bytes(entry.path().string(), kept)) continue;
    copy_durably(entry.path().string(), kept);
    if (!same_bytes(entry.path().string(), kept)) {
      result.fault = fmt::format("{} cannot be read back", kept);
      return result;
    }
    result.added.push_back(name);
  }
  fs::create_directory(folder + "/" + here.place + "/again");
  finished const again = here.merge(here.place + "/again", {here.staging}, "control-again");
  looked const before = here.looked_at("control"), after = here.looked_at("control-again");
  std::size_t const lost = static_cast<std::size_t>(
      std::ranges::count_if(before.features, [&](std::uint64_t one) { return !after.features.contains(one); }));
  if (again.code != 0 || before.features.empty() || lost != 0) {
    result.fault = fmt::format("of {} features the merged inputs do not reach {}: nothing is taken away",
                               before.features.size(), lost);
    return result;
  }
  fs::remove_all(minimal);
  fs::rename(folder + "/" + here.staging, minimal);
  for (auto const& entry : fs::directory_iterator(folder + "/" + fresh)) {
    if (!before.ending.contains(fresh + "/" + entry.path().filename().string())) fs::remove(entry.path());
  }
  return result;
}

std::string start_inputs(std::string const& folder, std::string const& target) {
  for (std::string const kind : {"minimised", "corpus"}) {
    std::string const path = folder + "/" + kind + "/" + target;
    if (fs::is_directory(path) && !fs::is_empty(path)) return path;
  }
  return "";
}

}  // namespace retake::campaign
