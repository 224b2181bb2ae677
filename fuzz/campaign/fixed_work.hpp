// fixed_work.hpp: a campaign of so many executions instead of so many seconds, in pieces that can
// be divided among machines.
//
// Problem.   Two runs of five minutes never execute the same, and n machines less so: nobody can
//            say that they did what one machine does.
// Recipe.    Each job has N executions, in pieces of at most piece_executions_max. A piece is named
//            by its job and its number; its seed is a function of the campaign's and that name. So
//            neither the number of shards nor their order, nor a kill between two pieces, changes
//            what is executed. A piece ends at its first finding; the next piece is not affected.
// Shards     take every n-th piece of the list, which is the same on all machines.
// By time    are hammers, which run on real threads, and fuzz targets, whose libFuzzer looks at the
//            clock: one piece each, with its job's share of `seconds`. A record says so
//            (work_record.hpp).
// Not promised: the same pieces at another revision: their seeds are, their executions are not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs.hpp"

namespace retake::campaign {

constexpr std::uint64_t piece_executions_max = 20'000;
constexpr double piece_seconds_max = 3600;  // a fixed piece that takes longer hangs

struct piece {
  std::size_t job = 0;  // its place in the plan
  std::string name;     // technique, subject and number: `sim wake_up pct c11 #2`
  budget bound;
  std::uint64_t seed = 0;

  double seconds_max() const { return bound.fixed() ? piece_seconds_max : bound.seconds; }
};

// `whole`: executions for each job that can be fixed, seconds for all that cannot.
std::vector<piece> divide(std::vector<job> const& plan, budget const& whole, std::uint64_t seed, unsigned workers);

std::vector<piece> part_of(std::vector<piece> const& all, shard const& mine);

// Leaves the jobs that the pieces belong to, and names the pieces' places among them.
void keep_jobs_of(std::vector<piece>& pieces, std::vector<job>& plan);

}  // namespace retake::campaign
