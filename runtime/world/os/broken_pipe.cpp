// SIGPIPE: the end of the process for standard output and standard error, an error for all other
// descriptors, as in Go. See world/signal.hpp.
//
// Problem.   `program | head` has to end the program, whatever writes: a stream, printf, a foreign
//            library. A connection that the peer has closed must not.
// Rejected.  A check in our own writes alone, as Go's os.File does: C++ programs write to standard
//            output by printf. Masking SIGPIPE around each write to a pipe: three system calls for
//            one.
// Recipe.    The kernel sends SIGPIPE to the thread whose call it refuses, before the call returns.
//            On x86-64 the call's first argument, the descriptor, is still in its register. A
//            SIGPIPE that arrives elsewhere was sent by a process: it is dropped.
//
// Not promised: on aarch64 the result has replaced the descriptor; there a broken standard output
// or standard error ends the process at the next refused write to any descriptor.
#include "broken_pipe.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include <poll.h>
#include <ucontext.h>

#include "world/signal.hpp"

namespace retake::world {

namespace os {
constinit thread_local int splice_target = -1;
}

namespace {

[[maybe_unused]] bool is_broken(int fd) noexcept {
  pollfd look{fd, POLLOUT, 0};
  return ::poll(&look, 1, 0) == 1 && (look.revents & (POLLERR | POLLHUP)) != 0;
}

// Whether the call that the signal interrupts was a write to descriptor 1 or 2 that was refused.
bool was_to_standard_output(void* context) noexcept {
  auto const& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
  if (os::splice_target >= 0) return os::is_standard_output(os::splice_target);
#if defined(__x86_64__)
  constexpr unsigned char syscall_instruction[] = {0x0f, 0x05};
  void const* const before = reinterpret_cast<void const*>(machine.gregs[REG_RIP] - 2);
  if (machine.gregs[REG_RAX] != -EPIPE) return false;
  if (std::memcmp(before, syscall_instruction, sizeof(syscall_instruction)) != 0) return false;
  return os::is_standard_output(static_cast<int>(machine.gregs[REG_RDI]));
#else
  constexpr std::uint32_t svc_instruction = 0xd4000001;
  std::uint32_t before = 0;
  std::memcpy(&before, reinterpret_cast<void const*>(machine.pc - 4), sizeof(before));
  if (static_cast<std::int64_t>(machine.regs[0]) != -EPIPE || before != svc_instruction) return false;
  return is_broken(1) || is_broken(2);
#endif
}

void on_broken_pipe(int number, siginfo_t*, void* context) {
  int const errno_before = errno;
  if (was_to_standard_output(context)) {
    std::signal(number, SIG_DFL);
    ::raise(number);  // held back until this handler returns
  }
  errno = errno_before;
}

}  // namespace

int handle_broken_pipes(site) noexcept {
  struct sigaction now {};
  if (::sigaction(SIGPIPE, nullptr, &now) != 0) return -errno;
  if ((now.sa_flags & SA_SIGINFO) != 0 || (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN)) return 0;
  struct sigaction mine {};
  mine.sa_sigaction = on_broken_pipe;
  mine.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  ::sigfillset(&mine.sa_mask);
  return ::sigaction(SIGPIPE, &mine, nullptr) == 0 ? 0 : -errno;
}

}  // namespace retake::world
