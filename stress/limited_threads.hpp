// limited_threads.hpp: a limit to the threads of this process, by the first mechanism that the machine allows: a pids cgroup, else RLIMIT_NPROC of an unprivileged user
#pragma once

#include <cstdint>
#include <string>

#include "twins.hpp"

namespace retake::stress {

// Before the runtime begins; the process becomes another user for RLIMIT_NPROC, from which root is exempt. So many threads of this process from now on, its first
// included. Returns what limits them. stage::cannot() when nothing can.
std::string limit_threads(stage& s, std::uint32_t most);

}  // namespace retake::stress
