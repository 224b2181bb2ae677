// hunt.hpp: a campaign of some minutes with every technique. See hunt.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "catalogue.hpp"
#include "jobs.hpp"

namespace retake::campaign {

struct hunt_options {
  double seconds = 300;
  std::uint64_t executions = 0;  // for each job that can be fixed (fixed_work.hpp); 0: time is the bound
  std::uint64_t seed = 0;
  std::string out = "out";
  bool json = false;
  shard part;
};

int hunt(catalogue const& programs, hunt_options const& options);

// One libFuzzer target for some seconds, reported like any other technique.
int fuzz_one(catalogue const& programs, std::string const& target, hunt_options const& options);

}  // namespace retake::campaign
