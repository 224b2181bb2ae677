// keeper.hpp: the process between a campaign and a program that it runs: nothing of the program's
// tree outlives either.
//
// Problem.   PR_SET_PDEATHSIG reaches the direct child only. Of `cmake --build`, ninja and the
//            compilers live on when the campaign is killed hard, and a process group loses those
//            that leave it.
// Recipe.    The campaign forks a keeper, the keeper forks the program. The keeper is the subreaper
//            of the tree: whatever loses its parent becomes a child of the keeper, so killing
//            children until there are none kills the tree. It does so when the program has ended,
//            when the campaign has died (PR_SET_PDEATHSIG), and at `bury_signal`. Then it ends as
//            the program did.
// Rejected.  One guard for all children: it is no ancestor of theirs, so orphans do not come to it.
// Not promised: that a process in an uninterruptible sleep is gone when the keeper is.
// Checked by tests/cli/children_test.sh.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <functional>

namespace retake::campaign {

constexpr int bury_signal = SIGUSR1;

// In the process that the campaign has forked: does not return. `program` runs in a process of its
// own and must not return either; descriptors 0, 1 and 2 are those that are open here, every other
// one that is not closed by exec stays with the program alone.
[[noreturn]] void keep(pid_t campaign, std::function<void()> const& program);

}  // namespace retake::campaign
