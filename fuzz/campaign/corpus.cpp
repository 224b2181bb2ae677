#include "corpus.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "children.hpp"
#include "durable.hpp"
#include "fuzz_output.hpp"
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

// libFuzzer runs its own children through a shell and quotes nothing. So it works in DIR, where every name that it is given is
// one of ours: `merging-PID/target`, `corpus/T`.
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

  // What the inputs of these folders reach together. A number below 1: they could not be run.
  std::uint64_t features(std::vector<std::string> const& folders) const {
    finished const ended = run_target({"-runs=0"}, folders);
    if (ended.code != 0) return 0;
    std::uint64_t most = 0;
    std::istringstream said(ended.complaint);
    for (std::string line; std::getline(said, line);) most = std::max(most, fuzz_features_in(line));
    return most;
  }

  std::string folder, place, staging;   // the last two below folder
  std::vector<std::string> sources{};   // of inputs, beside the night's own
};

bool same_bytes(std::string const& a, std::string const& b) { return read_file(a) == read_file(b); }

}  // namespace

merged merge_corpus(catalogue const& programs, program const& target, std::string const& folder) {
  merged result;
  remove_leftovers(folder);
  std::string const all = "corpus/" + target.name, fresh = "work/corpus/" + target.name, minimal = folder + "/minimised/" + target.name;
  for (std::string const& one : {folder + "/" + all, folder + "/" + fresh, folder + "/minimised"}) fs::create_directories(one);
  workplace const here(folder, programs, target);
  std::vector<std::string> given{all, fresh};
  given.insert(given.end(), here.sources.begin(), here.sources.end());
  std::vector<std::string> into{here.staging};
  into.insert(into.end(), given.begin(), given.end());
  finished const ended = here.run_target({"-merge=1", "-merge_control_file=" + here.place + "/control"}, into);
  if (ended.code != 0) {
    result.fault = ended.how_it_died() + "\n" + ended.complaint;
    return result;
  }
  // Nothing is taken away before what takes its place was read back, and reaches as much.
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
  std::uint64_t const before = here.features(given), after = here.features({here.staging});
  if (before == 0 || after < before) {
    result.fault = fmt::format("the merged inputs reach {} of {} features: nothing is taken away", after, before);
    return result;
  }
  fs::remove_all(minimal);
  fs::rename(folder + "/" + here.staging, minimal);
  for (auto const& entry : fs::directory_iterator(folder + "/" + fresh)) fs::remove(entry.path());
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
