// catalogue.hpp: which programs there are, and what they are called with.
//
// Programs are found by their names in the build folders: <name>_model, <name>_properties,
// hammer_<name>, fuzz_<name>, retake-sim. `--bin` is either the folder of all builds (build: then
// each technique has its preset) or one build (build/dev: then that one).
#pragma once

#include <string>
#include <vector>

namespace retake::campaign {

struct program {
  std::string name;  // note, hammer_syscall, fuzz_schedule
  std::string path;
};

struct named {
  std::string kind, name, claim;
};

class catalogue {
 public:
  catalogue(std::string root, std::string bin);

  std::string const& root() const { return root_; }
  std::string const& bin() const { return bin_; }

  // Empty when it is not built.
  std::string simulator() const { return find("models", "retake-sim"); }
  std::string model(std::string const& name) const { return find("models", name + "_model"); }
  std::string property(std::string const& name) const { return find("models", name + "_properties"); }
  std::string hammer(std::string const& name, std::string const& sanitizer) const;
  std::string fuzz_target(std::string const& name) const { return find("fuzz", name); }

  std::vector<program> models() const { return all("models", "", "_model"); }
  std::vector<program> properties() const { return all("models", "", "_properties"); }
  std::vector<program> hammers(std::string const& sanitizer) const;
  std::vector<program> fuzz_targets() const { return all("fuzz", "fuzz_", ""); }
  // What the simulator lists as its scenarios; faulty: those that are there to fail.
  std::vector<named> scenarios(bool faulty = false) const;

 private:
  std::vector<std::string> folders(std::string const& preset) const;
  std::string find(std::string const& preset, std::string const& file) const;
  std::vector<program> all(std::string const& preset, std::string const& prefix, std::string const& suffix) const;

  std::string root_, bin_;
};

}  // namespace retake::campaign
