// settings.hpp: what a check runs under: its options, overridden by the environment, each value
// checked.
#pragma once

#include <string>

#include "retake/explore.hpp"
#include "sim/options.hpp"

namespace retake::explore {

struct settings {
  sim::options world;
  std::string name;
  std::string claim;
  std::string strategy = "random";
  std::string replay;  // a record to follow
  std::string shrink;  // a record to make smaller
  std::string out = "out";
  double seconds = 1e18;
  std::uint64_t executions = UINT64_MAX;
  std::uint64_t seed = 1;
  std::uint64_t preemptions = 2;
  std::uint64_t depth = 3;
  std::uint32_t steps = 0;
};

settings settle(options const& chosen, char const* file, unsigned line);

// One line on standard error; exit code 2.
[[noreturn]] void refuse(std::string const& line);

}  // namespace retake::explore
