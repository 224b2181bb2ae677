// mutants.hpp: runs the mutants and says who found them. See mutants.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "catalogue.hpp"
#include "jobs.hpp"
#include "protocol_scan.hpp"

namespace retake::campaign {

struct mutant_options {
  std::string only;         // an id, or a site FILE:LINE:KIND
  std::string technique;    // empty: all but harness
  std::string patch;        // anybody's
  bool sites = false;       // site mutants only
  bool patches = false;     // patches only
  bool claims = false;      // what the comments at the orders claim
  bool first_kill = false;  // patches: the first technique that they name, and no other
  bool write_readme = false;
  bool record = false;  // the schedules that are kept, anew (regressions.hpp)
  bool json = false;
  std::uint64_t seed = 1;
  double seconds = 10;  // of one trial, at most
  shard part;           // of the mutants, in the order of their ids
  std::string out = "out/mutants";
};

// note.hpp:43:relaxed
std::string site_name(operation const& one, std::string const& kind);

int mutants(catalogue const& programs, mutant_options const& options);

}  // namespace retake::campaign
