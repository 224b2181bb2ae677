// signal.hpp: signals of the simulated world.
//
// A handler runs at a system call of a thread that does not block its signal, or wakes one that
// sleeps: in a system call (epoll_wait then answers -EINTR, the others go on sleeping: SA_RESTART),
// in a futex (woken) or until a time (it sleeps on). Who sends them: sim::kernel::raise_signal, and
// the fault `signal`.
// Not promised: that a thread which makes no system call ever runs a handler.
#pragma once

#include <cstdint>

#include "world/site.hpp"

namespace retake::world {

// Which signals a thread holds back. Opaque.
struct signal_mask {
  std::uint64_t words[16];
};

// Blocks all signals of this thread; returns what was blocked before. Does not block the thread.
[[nodiscard]] signal_mask block_signals(site = site::current()) noexcept;
void restore_signals(signal_mask before, site = site::current()) noexcept;

using signal_handler = void (*)(int number);

// Stands for "the kernel drops it": never called.
void ignore_signal(int number) noexcept;

// 0, or -EINVAL for a number that cannot be handled. The handler runs on any thread, between any
// two instructions.
[[nodiscard]] int install_signal(int number, signal_handler handler, site = site::current()) noexcept;
// A write that no reader can get is -EPIPE, and the end of the process by SIGPIPE if it was to
// descriptor 1 or 2, unless the program has its own handler. 0 or -EINVAL.
int handle_broken_pipes(site = site::current()) noexcept;

// Recorded signals, of the whole process, as dispositions are: from now on `number` (1 to 63) sets
// its bit, and an eventfd is made readable; nothing else happens in the handler. The eventfd is the
// last one that was given. The action that was there is remembered. 0 or -EINVAL. Faults (SIGSEGV,
// SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS) mean the thread they come to and are -EINVAL.
[[nodiscard]] int record_signal(int number, int wake_fd, site = site::current()) noexcept;
// Signal n is bit n: all that record_signal() takes, without the one that the runtime itself sends
// (world/interrupt.hpp).
[[nodiscard]] std::uint64_t all_signals(site = site::current()) noexcept;
// The kernel drops `number` from now on; the action that was there is remembered, unless the number
// is recorded. Children are waited for although SIGCHLD is dropped. 0 or -EINVAL.
[[nodiscard]] int drop_signal(int number, site = site::current()) noexcept;
// The remembered action again, if there is one. 0 or -EINVAL.
// When either has returned, a signal that was caught before has its bit set, or takes the action
// that is there now: none is lost. Waits for handlers on other threads.
int give_back_signal(int number, site = site::current()) noexcept;
// The bits that were set since the last call, signal n is bit n; and when the first of them was, by
// nanotime(). Any thread.
struct recorded_signals {
  std::uint64_t numbers;
  std::int64_t since_ns;  // 0: not known, it came while others were being taken
};
[[nodiscard]] recorded_signals take_recorded_signals(site = site::current()) noexcept;

}  // namespace retake::world
