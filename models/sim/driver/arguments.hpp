// arguments.hpp: the driver's command line, checked. Every bad value is one line that names flag,
// value and what is accepted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/engine.hpp"

namespace retake::sim::driver {

inline constexpr int exit_holds = 0, exit_finding = 1, exit_usage = 2, exit_environment = 3, exit_harness = 4;

struct arguments {
  std::string word;     // sim, replay, shrink, list
  std::string subject;  // scenario or file
  std::string strategy = "random";
  std::optional<std::uint64_t> executions;
  std::optional<double> seconds;
  std::uint64_t seed = 1;
  std::uint32_t preemptions = 2;
  bool preemptions_given = false;
  std::uint32_t depth = 3;
  std::uint64_t shard = 0;
  std::uint64_t shards = 1;
  bool vacuity = false;
  bool keep_going = false;  // replay --continue
  bool json = false;
  std::string trace;
  std::string traces;  // file of the traces of earlier runs
  std::string out = "out";
  std::string bytes_file;
  options world;
};

// True: go on. False: `code` is the exit code, and what had to be said was said.
bool parse(int argc, char** argv, arguments& out, int& code);

// One line on standard error; returns exit_usage.
int refuse(std::string const& line);

int run_sim(arguments const& a);
int run_replay(arguments const& a);
int run_shrink(arguments const& a);
int run_list(arguments const& a);

}  // namespace retake::sim::driver
