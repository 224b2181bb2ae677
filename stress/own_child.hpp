// own_child.hpp: a program that is started once, with what it said and how it ended.
//
// What it says goes to memory files, so that nobody has to read while it runs. The child ends by
// itself or is killed when its time is over.
#pragma once

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

namespace retake::stress {

struct ended {
  int code = -1;        // what it returned; -1: it did not start
  int signal = 0;       // or what ended it
  bool in_time = true;  // false: killed when its time was over
  double seconds = 0;
  std::string out, error;
};

struct child_settings {
  std::vector<std::string> environment;  // "NAME=value", beside ours
  double seconds = 60;                   // it is killed then
};

// By any thread that is not a goroutine's; blocks it. words[0] is looked for in PATH when it has no
// slash.
[[nodiscard]] ended run_child(std::vector<std::string> const& words, child_settings const& chosen = {});
// This very program.
[[nodiscard]] std::string own_path();

// Holds back Ctrl-C and its like while something must be put away first; they come when it ends.
class signals_held {
 public:
  signals_held();
  ~signals_held();
  signals_held(signals_held const&) = delete;
  signals_held& operator=(signals_held const&) = delete;

 private:
  sigset_t before_;
};

}  // namespace retake::stress
