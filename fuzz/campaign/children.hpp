// children.hpp: child processes, several at a time, from one thread.
//
// Problem.   A campaign runs hundreds of programs, two at a time; some hang, some crash, some print
//            a million lines. None of that may stop the campaign, and none may survive it.
// Recipe.    start() forks a keeper (keeper.hpp) that runs the program; wait() polls all pipes and
//            reaps; a child past its deadline is killed with its whole tree. The tree dies with the
//            campaign, also when that is killed hard. A program that a build going on beside is
//            linking is waited for.
// Not promised: order among the output of different children.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "command_line/interruption.hpp"

namespace retake::campaign {

struct command {
  std::vector<std::string> words;                  // program and arguments
  double timeout_s = 600;                          // then it is killed, and that is a harness fault
  std::string folder{};                            // working directory; empty: ours
  std::map<std::string, std::string> variables{};  // added to the environment
};

inline command command_of(std::vector<std::string> words, double timeout_s) {
  return {std::move(words), timeout_s, {}, {}};
}

struct finished {
  int id = 0;
  int code = -1;   // exit code, or -1
  int signal = 0;  // what killed it
  bool timed_out = false;
  std::string flood;  // what it printed too much of, and was killed for; empty: nothing
  double seconds = 0;
  std::vector<std::string> words;  // what was run
  std::vector<std::string> lines;  // standard output
  std::string complaint;           // the end of standard error

  bool was_interrupted() const { return code == command_line::interrupted_code; }
  bool crashed() const {
    return timed_out || !flood.empty() || signal != 0 || code < 0 || (code > 4 && !was_interrupted());
  }
  std::string how_it_died() const;
};

class children {
 public:
  using line_seen = std::function<void(std::string const& line, bool from_standard_error)>;

  ~children();

  int start(command const& what, line_seen on_line = {});
  // The next child that ended, or nothing when none did within the time.
  std::optional<finished> wait(double seconds);
  std::size_t running() const { return alive_.size(); }
  // Asks all to end; whoever has not within two seconds is killed. Those that ended by themselves
  // are handed over.
  void stop(std::function<void(finished const&)> const& ended = {});

 private:
  struct child {
    int pid;       // of its keeper
    int out, err;  // -1: closed
    std::string out_rest, err_rest;
    line_seen on_line;
    std::chrono::steady_clock::time_point began;
    double timeout_s;
    finished result;
    std::size_t output_bytes = 0;  // of both pipes
  };

  void drain(child& c, int& fd, std::string& rest, bool error);
  std::map<int, child> alive_;  // by id
  int next_id_ = 1;
};

// One child, to its end, or to the interruption of this process: then it is stopped, and has no
// exit code if it did not end by itself.
finished run(command const& what);

}  // namespace retake::campaign
