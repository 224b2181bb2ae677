// nightly.hpp: hours of every technique, which survive a kill and know what they have seen before.
// See nightly.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalogue.hpp"
#include "jobs.hpp"

namespace retake::campaign {

struct nightly_options {
  std::optional<double> seconds;            // 8 hours; of a night that goes on: what it was begun with
  std::optional<std::uint64_t> executions;  // for each job that can be fixed (fixed_work.hpp); none: time is the bound
  std::optional<std::uint64_t> seed;
  std::string out = "out/nightly";
  bool json = false;
  bool resume = false;
  std::optional<shard> part;      // like what follows: of a night that goes on, what it was begun with
  std::vector<std::string> only;  // jobs whose technique and subject contain one of these words
  std::uint64_t disk_mb = 2048;
};

int nightly(catalogue const& programs, nightly_options const& options);

}  // namespace retake::campaign
