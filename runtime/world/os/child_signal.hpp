// child_signal.hpp: a process that ignores SIGCHLD has no children to wait for: the kernel takes
// each away when it ends, and its status with it.
#pragma once

#include <csignal>

namespace retake::world::os {

// The default action drops SIGCHLD as well, and keeps children that have ended. True: `action` is
// another now.
inline bool keep_children(struct sigaction& action) noexcept {
  bool const ignores = (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
  if (!ignores && (action.sa_flags & SA_NOCLDWAIT) == 0) return false;
  if (ignores) action.sa_handler = SIG_DFL;
  action.sa_flags &= ~SA_NOCLDWAIT;
  return true;
}

}  // namespace retake::world::os
