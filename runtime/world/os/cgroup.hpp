// cgroup.hpp: how much CPU time the control groups of this process allow.
//
// Problem.   In a container with two CPUs' worth of quota on a machine of 64, 64 Ps run for a few
//            milliseconds and then all stand still together until the period ends (seeds 001, bug
//            7). Affinity does not show the quota.
// Recipe.    /proc/self/cgroup says which group, /proc/self/mountinfo where its file system is
//            mounted and from which group downwards. From the group up to the mount point each
//            level may have a quota (version 2: cpu.max; version 1: cpu.cfs_quota_us over
//            cpu.cfs_period_us); the smallest of them holds. Groups above the mount point cannot be
//            seen from in here.
//
// Checked by tests/world/cgroup_test.cpp, on file trees written by the test.
// Not promised: that the quota stays; ask again. Burst and weight do not count.
#pragma once

#include <optional>
#include <string>

namespace retake::world::detail {

// Processors' worth of time per period (1.5, say), or nothing when there is no limit or nothing can
// be read. `root` goes before every absolute path: "" in production, a directory of the test's own
// else. Allocates; at most two small files and one per level are read.
[[nodiscard]] std::optional<double> cgroup_quota(std::string const& root);

// What a quota makes of `affinity` processors: rounded up, never below 2, never above `affinity`.
// As Go 1.25.
[[nodiscard]] int limited_processors(int affinity, std::optional<double> quota) noexcept;

}  // namespace retake::world::detail
