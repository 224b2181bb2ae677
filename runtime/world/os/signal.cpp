// Signals by sigaction and the thread's mask. See world/signal.hpp.
#include "world/signal.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>

#include "world/require.hpp"

namespace retake::world {

static_assert(sizeof(signal_mask) == sizeof(sigset_t));

signal_mask block_signals(site) noexcept {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  require(::pthread_sigmask(SIG_SETMASK, &all, &before) == 0, "world: signals cannot be blocked");
  signal_mask result;
  std::memcpy(&result, &before, sizeof(result));
  return result;
}

void restore_signals(signal_mask before, site) noexcept {
  sigset_t mask;
  std::memcpy(&mask, &before, sizeof(mask));
  require(::pthread_sigmask(SIG_SETMASK, &mask, nullptr) == 0, "world: signals cannot be restored");
}

void ignore_signal(int) noexcept {}

int install_signal(int number, signal_handler handler, site) noexcept {
  struct sigaction action {};
  action.sa_handler = handler == ignore_signal ? SIG_IGN : handler;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigfillset(&action.sa_mask);
  return ::sigaction(number, &action, nullptr) == 0 ? 0 : -errno;
}

}  // namespace retake::world
