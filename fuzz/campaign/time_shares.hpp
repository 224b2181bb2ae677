// time_shares.hpp: who runs next, so that a night's time goes where something new is still found.
//
// Problem.   Some hundred jobs share two cores for eight hours. A small scenario has shown all its
//            traces after a second, a large one shows new ones all night; nobody can say before
//            which is which, and it changes with every commit.
// Rule.      The novelty of a job is the part of its last slice that nobody had seen: of the
//            simulator and the properties, traces that no earlier slice or night saw, per
//            execution; of a fuzz target, new features, of which one in a thousand executions
//            counts as all new (a feature is a place reached, a trace only an order of steps). Half
//            of it is the last slice, half what it was before. Models and hammers measure no
//            coverage: theirs is a quarter, always. It never falls below a thirty-second: what was
//            exhausted yesterday is looked at today. A job's claim is its weight (jobs.cpp) times
//            its novelty. Next is the job that is furthest behind: the least core seconds tonight
//            per claim; among equals the one with the fewest in all nights, so that what had no
//            turn yesterday is first today.
// Rejected.  A bandit with confidence bounds: its constants say nothing to who reads them, and
//            novelty only falls, so there is nothing to explore that one turn a night does not.
//            Shares for good: nine tenths of the night would count traces that are known.
// Checked by tests/cli/nightly_test.sh: a scenario that shows new traces gets several times the
// executions of one that repeats itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs.hpp"
#include "nightly_state.hpp"

namespace retake::campaign {

constexpr double novelty_least = 1.0 / 32, novelty_unmeasured = 0.25, executions_per_feature = 1000;

// `fresh`: traces or features of this slice that were not known before it.
double novelty_after(double before, std::string const& technique, std::uint64_t fresh, std::uint64_t executions);

// The index of the job that is furthest behind, of those that `may_run`; jobs.size() when there is
// none.
std::size_t furthest_behind(std::vector<job> const& jobs, std::vector<job_record*> const& records,
                            std::vector<bool> const& may_run);

}  // namespace retake::campaign
