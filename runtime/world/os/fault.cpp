// Faults by sigaction, sigaltstack and a guard in the thread. See world/fault.hpp.
#include "world/fault.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>

#include <sys/mman.h>
#include <ucontext.h>

#include "registers.hpp"
#include "switch/exception_globals.hpp"
#include "switch/guarded_call.hpp"
#include "world/require.hpp"

namespace retake::world {

namespace {

struct boundary {
  floor::guard guard;
  fault* what;
};

constexpr int watched[] = {SIGSEGV, SIGBUS, SIGFPE};
constexpr std::size_t fault_stack_bytes =
    std::size_t{1} << 20;  // a report reads symbols, with much stack; what is not touched costs nothing

#if defined(__x86_64__)
constexpr std::uintptr_t return_address_bytes = 8;
#else
constexpr std::uintptr_t return_address_bytes = 0;
#endif
constexpr std::uintptr_t red_zone_bytes = 128;
constexpr std::uintptr_t frame_bytes = std::uintptr_t{64} << 10;  // the largest that is thought of

[[gnu::tls_model("initial-exec")]] constinit thread_local boundary* armed = nullptr;
[[gnu::tls_model("initial-exec")]] constinit thread_local char const* last_text =
    nullptr;  // of the fatal error that this thread's fault is

[[gnu::tls_model("initial-exec")]] constinit thread_local thread_registers last_registers;  // where that fault came

constinit std::atomic<fault_report> report{nullptr};
constinit struct sigaction before[3] = {};  // what was there when the first runtime came

void resume_at(void* context, floor::landing where) noexcept {
  auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  machine.gregs[REG_RIP] = static_cast<greg_t>(where.program_counter);
  machine.gregs[REG_RSP] = static_cast<greg_t>(where.stack_pointer);
#else
  machine.pc = where.program_counter;
  machine.sp = where.stack_pointer;
#endif
}

[[noreturn]] void end_here() { fatal(last_text); }

// Where the fault came, or, when it came because that stack is used up, on the alternate one; with
// a call's return address missing, as at a thread's first function.
floor::landing landing_of_end(fault const& what, void* context) noexcept {
  std::uintptr_t top = os::registers_in(context).sp - red_zone_bytes;
  stack_t alternate{};
  if (what.address + frame_bytes > top && what.address < top + frame_bytes && ::sigaltstack(nullptr, &alternate) == 0) {
    top = reinterpret_cast<std::uintptr_t>(alternate.ss_sp) + alternate.ss_size;
  }
  return {reinterpret_cast<std::uintptr_t>(&end_here), (top & ~std::uintptr_t{15}) - return_address_bytes};
}

void on_fault(int number, siginfo_t* info, void* context) {
  int const errno_before = errno;
  bool const raised_here = info->si_code > 0;  // by the processor, and not by kill()
  fault const what{number, reinterpret_cast<std::uintptr_t>(info->si_addr)};
  if (boundary* const b = armed; raised_here && b != nullptr) {
    armed = nullptr;
    *b->what = what;
    resume_at(context, floor::landing_of(b->guard));
    return;
  }
  if (fault_report const ask = report.load(std::memory_order_acquire);
      raised_here && ask != nullptr && last_text == nullptr) {
    last_text = ask(what);
    if (last_text != nullptr) {
      last_registers = os::registers_in(context);
      resume_at(context, landing_of_end(what, context));
      return;
    }
  }
  for (std::size_t i = 0; i != 3; ++i) {
    if (watched[i] == number) ::sigaction(number, &before[i], nullptr);
  }
  if (!raised_here) ::raise(number);  // a fault comes again by itself
  errno = errno_before;
}

}  // namespace

bool fault_boundary(void (*fn)(void*), void* argument, fault& what, site) noexcept {
  boundary mine{{}, &what};
  boundary* const outer = armed;
  floor::exception_globals const exceptions = *floor::this_thread_exception_globals();
  armed = &mine;
  bool const returned = floor::guarded_call(mine.guard, fn, argument);
  armed = outer;
  if (!returned) *floor::this_thread_exception_globals() = exceptions;  // handlers that it stood in are gone
  return returned;
}

void* suspend_fault_boundary() noexcept {
  boundary* const suspended = armed;
  armed = nullptr;
  return suspended;
}

void resume_fault_boundary(void* suspended) noexcept { armed = static_cast<boundary*>(suspended); }

thread_registers const* fatal_fault() noexcept { return last_text != nullptr ? &last_registers : nullptr; }

void watch_faults(fault_report who, site) noexcept {
  report.store(who, std::memory_order_release);
  for (std::size_t i = 0; i != 3; ++i) {
    struct sigaction now {};
    ::sigaction(watched[i], nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_fault) continue;
    before[i] = now;
    struct sigaction mine {};
    mine.sa_sigaction = on_fault;
    mine.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&mine.sa_mask);
    ::sigaction(watched[i], &mine, nullptr);
  }
}

fault_stack::fault_stack() noexcept {
  stack_t now{};
  if (::sigaltstack(nullptr, &now) != 0 || ((now.ss_flags & SS_DISABLE) == 0 && now.ss_size >= fault_stack_bytes))
    return;
  void* const memory = ::mmap(nullptr, fault_stack_bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;  // a fault is told on the stack under the feet, or not at all
  stack_t mine{};
  mine.ss_sp = memory;
  mine.ss_size = fault_stack_bytes;
  if (::sigaltstack(&mine, nullptr) == 0) {
    memory_ = memory;
    before_ = now.ss_sp;  // a sanitizer's, which takes it away itself at the end of the thread
    before_bytes_ = (now.ss_flags & SS_DISABLE) == 0 ? now.ss_size : 0;
  } else {
    ::munmap(memory, fault_stack_bytes);
  }
}

fault_stack::~fault_stack() {
  if (memory_ == nullptr) return;
  stack_t theirs{};
  theirs.ss_sp = before_;
  theirs.ss_size = before_bytes_;
  theirs.ss_flags = before_bytes_ != 0 ? 0 : SS_DISABLE;
  ::sigaltstack(&theirs, nullptr);
  ::munmap(memory_, fault_stack_bytes);
}

}  // namespace retake::world
