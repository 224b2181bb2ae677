// See world/last_words.hpp.
#include "world/last_words.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "world/print.hpp"

namespace retake::world {

constinit last_reporter at_fatal;

namespace {

constinit last_reporter at_quit;
constexpr int nobody_yet = -1;
constinit std::atomic<int> keeper{0};  // its thread id; nobody_yet; 0: no runtime asks for SIGQUIT
constinit std::atomic<last_wake> wake_keeper{nullptr};
constinit std::atomic<int> open{0};      // the keeper sleeps with empty hands
constinit std::atomic<int> asked{0};     // 1: SIGQUIT came; 2: and one answers it, the keeper gone
constinit std::atomic<int> speaking{0};  // the thread that reports: one report is enough

int self() noexcept { return static_cast<int>(::syscall(SYS_gettid)); }

void say(last_reporter& who) noexcept {
  int nobody = 0;
  if (!speaking.compare_exchange_strong(nobody, self())) {
    if (nobody == self()) return;  // it failed while it reported
    for (;;) ::pause();            // the other one ends the process
  }
  last_report const report = who.report.load(std::memory_order_acquire);
  if (report != nullptr) report(who.argument.load(std::memory_order_relaxed));
}

void say_quit() noexcept {
  constexpr char text[] = "SIGQUIT: quit\n";
  print(text, sizeof(text) - 1);
}

[[noreturn]] void quit() noexcept {
  say_quit();
  say(at_quit);
  ::_exit(2);
}

// The signal came while the keeper went: its handler and forget_quit() may both see that, and one
// of them answers.
bool answers() noexcept {
  int came = 1;
  return asked.compare_exchange_strong(came, 2);
}

// The mark before the look at the keeper; a keeper that comes stores its id before it looks at the
// mark: one of the two sees the other.
void handle(int) noexcept {
  int const errno_before = errno;
  int none = 0;
  asked.compare_exchange_strong(none, 1);
  int const whose = keeper.load();
  if (whose == 0) {
    if (answers()) {
      say_quit();  // there is no runtime any more, and nothing to report
      ::_exit(2);
    }
  } else if (whose == self()) {
    if (open.load(std::memory_order_relaxed) != 0)
      wake_keeper.load(std::memory_order_relaxed)(at_quit.argument.load(std::memory_order_relaxed));
  } else if (whose != nobody_yet) {
    ::syscall(SYS_tgkill, ::getpid(), whose, SIGQUIT);
  }
  errno = errno_before;
}

sigset_t quit_alone() noexcept {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGQUIT);
  return set;
}

bool keeps_for(void* argument) noexcept {
  return keeper.load() != 0 && at_quit.argument.load(std::memory_order_relaxed) == argument;
}

void set(last_reporter& who, last_report report, void* argument) noexcept {
  who.report.store(nullptr, std::memory_order_relaxed);
  who.argument.store(argument, std::memory_order_relaxed);
  who.report.store(report, std::memory_order_release);
}

}  // namespace

void on_fatal(last_report report, void* argument) noexcept { set(at_fatal, report, argument); }

namespace detail {
void speak_last() noexcept { say(at_fatal); }
}  // namespace detail

void keep_quit(last_report report, last_wake wake, void* argument) noexcept {
  struct sigaction before {};
  if (::sigaction(SIGQUIT, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) return;
  wake_keeper.store(wake, std::memory_order_relaxed);
  set(at_quit, report, argument);
  asked.store(0, std::memory_order_relaxed);
  keeper.store(nobody_yet);
  struct sigaction mine {};
  mine.sa_handler = handle;
  mine.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigfillset(&mine.sa_mask);
  ::sigaction(SIGQUIT, &mine, nullptr);
}

void attend_quit(void* argument) noexcept {
  if (!keeps_for(argument)) return;
  keeper.store(self());
  sigset_t const quit_only = quit_alone();
  ::pthread_sigmask(SIG_UNBLOCK, &quit_only, nullptr);  // the keeper began with all signals blocked
  if (asked.load() != 0) quit();
}

void leave_quit(void* argument) noexcept {
  if (!keeps_for(argument)) return;
  sigset_t const quit_only = quit_alone();
  ::pthread_sigmask(SIG_BLOCK, &quit_only, nullptr);
}

// A signal that was sent to the process waits for a thread that sleeps: this thread takes it when
// its mask has changed.
void await_quit() noexcept {
  sigset_t const quit_only = quit_alone();
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &quit_only, &before);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  while (asked.load() != 0 && keeper.load() != 0) ::pause();
}

void forget_quit(void* argument) noexcept {
  if (!keeps_for(argument)) return;
  struct sigaction now {};
  if (::sigaction(SIGQUIT, nullptr, &now) == 0 && now.sa_handler == handle) {
    now.sa_handler = SIG_DFL;
    ::sigaction(SIGQUIT, &now, nullptr);
  }
  keeper.store(0);
  if (answers()) quit();
}

void quit_open() noexcept {
  open.store(1, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (asked.load(std::memory_order_relaxed) != 0) quit();
}

void quit_shut() noexcept {
  open.store(0, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (asked.load(std::memory_order_relaxed) != 0) quit();
}

}  // namespace retake::world
