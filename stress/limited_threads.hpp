// limited_threads.hpp: a limit to the threads of this process, by the first mechanism that the
// machine allows: a pids cgroup, else RLIMIT_NPROC of an unprivileged user
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace retake::stress {

// Before the runtime begins; the process becomes another user for RLIMIT_NPROC, from which root is
// exempt. So many threads of this process from now on, its first included. `made` is told of a
// cgroup's directory as soon as it is there: it can be removed when this process is gone. Returns
// what limits them; "": nothing can.
[[nodiscard]] std::string limit_threads(std::uint32_t most, std::function<void(std::string const&)> const& made);

// What a program says that gets "".
inline constexpr char const* no_thread_limit =
    "neither a pids cgroup nor RLIMIT_NPROC of an unprivileged user can be set here";

}  // namespace retake::stress
