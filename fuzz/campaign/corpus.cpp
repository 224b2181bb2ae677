#include "corpus.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "children.hpp"
#include "durable.hpp"

namespace retake::campaign {

namespace fs = std::filesystem;

namespace {

constexpr double merge_seconds_max = 600;

void remove_leftovers(std::string const& folder) {  // of a merge that was killed
  for (auto const& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("merging-")) fs::remove_all(entry.path());
  }
}

}  // namespace

merged merge_corpus(catalogue const& programs, program const& target, std::string const& folder) {
  merged result;
  std::string const all = folder + "/corpus/" + target.name, minimal = folder + "/minimised/" + target.name, fresh = folder + "/work/corpus/" + target.name;
  remove_leftovers(folder);
  std::string const staging = fmt::format("{}/merging-{}", folder, ::getpid());
  for (std::string const& one : {all, fresh, staging, folder + "/minimised"}) fs::create_directories(one);
  std::vector<std::string> words{"env", "RETAKE_FUZZ_OUT=" + folder + "/work", target.path, "-merge=1", "-timeout=20", "-artifact_prefix=" + folder + "/work/", staging, all, fresh};
  for (std::string const kind : {"corpus", "regressions"}) {
    std::string const ours = programs.root() + "/fuzz/" + kind + "/" + target.name;
    if (fs::is_directory(ours)) words.push_back(ours);
  }
  finished const ended = run(command_of(words, merge_seconds_max));
  if (ended.code != 0) {
    fs::remove_all(staging);
    result.fault = ended.how_it_died() + "\n" + ended.complaint;
    return result;
  }
  for (auto const& entry : fs::directory_iterator(staging)) {
    std::string const name = entry.path().filename().string();
    result.minimised += 1;
    if (fs::exists(all + "/" + name)) continue;
    copy_durably(entry.path().string(), all + "/" + name);
    result.added.push_back(name);
  }
  fs::remove_all(minimal);
  fs::rename(staging, minimal);
  for (auto const& entry : fs::directory_iterator(fresh)) fs::remove(entry.path());
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
