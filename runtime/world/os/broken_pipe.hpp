// broken_pipe.hpp: what the handler of SIGPIPE cannot see in the registers of the call that was
// refused.
#pragma once

namespace retake::world::os {

constexpr bool is_standard_output(int fd) noexcept { return fd == 1 || fd == 2; }

// The descriptor that this thread writes to while its registers do not say so: splice(2) has the
// source first.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local int splice_target;

}  // namespace retake::world::os
