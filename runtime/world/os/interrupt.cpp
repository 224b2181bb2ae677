// One desk, one signal. See world/interrupt.hpp.
#include "world/interrupt.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>

#include <sys/syscall.h>
#include <unistd.h>

#include "registers.hpp"
#include "world/clock.hpp"
#include "world/futex.hpp"

namespace retake::world {

namespace {

constexpr std::uint32_t free_desk = 0, asked = 1, held = 2;

constinit std::atomic<std::uint32_t> state{free_desk};
constinit std::atomic<long> wanted{0};  // the thread that is asked
constinit thread_registers found;       // held: the looker's
constinit std::atomic<std::uint32_t> lookers{0};

void stand_still(int, siginfo_t*, void* context) {
  int const errno_before = errno;
  if (state.load(std::memory_order_acquire) == asked &&
      wanted.load(std::memory_order_relaxed) == ::syscall(SYS_gettid)) {
    found = os::registers_in(context);  // two lookers, of which the first was late, would both be answered by this
                                        // thread: with where it stands now
    std::uint32_t expected = asked;
    if (state.compare_exchange_strong(expected, held, std::memory_order_acq_rel)) {
      detail::futex_rouse(&state, 1);
      while (state.load(std::memory_order_acquire) == held) static_cast<void>(detail::futex_sleep(&state, held));
    }
  }
  errno = errno_before;
}

bool install() noexcept {
  struct sigaction now {};
  if (::sigaction(SIGURG, nullptr, &now) != 0) return false;
  if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == stand_still) return true;
  if ((now.sa_flags & SA_SIGINFO) != 0 || (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN)) return false;
  struct sigaction mine {};
  mine.sa_sigaction = stand_still;
  mine.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  ::sigfillset(&mine.sa_mask);
  return ::sigaction(SIGURG, &mine, nullptr) == 0;
}

}  // namespace

bool look_at_thread(std::uint64_t id, void (*look)(thread_registers const&, void*) noexcept, void* argument,
                    std::int64_t patience_ns) noexcept {
  if (lookers.exchange(1, std::memory_order_acquire) != 0) return false;
  bool seen = false;
  if (install()) {
    wanted.store(static_cast<long>(id), std::memory_order_relaxed);
    state.store(asked, std::memory_order_release);
    if (::syscall(SYS_tgkill, ::getpid(), static_cast<pid_t>(id), SIGURG) == 0) {
      std::int64_t const late_ns = nanotime() + patience_ns;
      while (state.load(std::memory_order_acquire) == asked && nanotime() < late_ns)
        static_cast<void>(detail::futex_sleep_until(&state, asked, late_ns));
    }
    std::uint32_t still = asked;
    seen = !state.compare_exchange_strong(still, free_desk, std::memory_order_acq_rel);
    if (seen) {
      look(found, argument);
      state.store(free_desk, std::memory_order_release);
      detail::futex_rouse(&state, 1);
    }
  }
  lookers.store(0, std::memory_order_release);
  return seen;
}

}  // namespace retake::world
