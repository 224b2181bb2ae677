// task08_clock_without_the_kernel.cpp: reading the clock enters no kernel, and costs a fraction of
// a call that does
//
// Seed.      Exercise 8, "Compare VDSO vs Real Syscall": time.Now() 20 to 40 ns, getpid 50 to 200
//            ns.
// Method.    The runtime's clock, getppid(2), which no library answers from memory, and
//            clock_gettime(2) made to enter the kernel; the same once more with the bookkeeping of
//            a system call around it.
// Twin.      The runtime's clock is taken from the kernel.
#include <fmt/format.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "measured.hpp"
#include "retake/clock.hpp"
#include "retake/run.hpp"
#include "retake/syscall.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using stress::worksheet;

constexpr std::uint64_t calls = 5'000;

void kernel_clock() {
  timespec now{};
  ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
}

void compare(worksheet& out) {
  std::string source;
  std::ifstream("/sys/devices/system/clocksource/clocksource0/current_clocksource") >> source;
  if (::getauxval(AT_SYSINFO_EHDR) == 0) out.lacks("this process has no vDSO (AT_SYSINFO_EHDR is 0)");
  options chosen;
  chosen.processors = 1;
  run(chosen, [&] {
    const auto read_clock = [&] { out.broken() ? kernel_clock() : stress::keep(monotonic_now()); };
    const stress::pair_of_costs both = stress::in_turn(
        25, [] { return stress::once_ns(calls, kernel_clock); }, [&] { return stress::once_ns(calls, read_clock); });
    const double through_kernel = both.before, clock = both.after;
    const double entered = stress::cost_ns(calls, [] { ::syscall(SYS_getppid); });
    const double booked = stress::cost_ns(calls, [] { retake::syscall([] { ::syscall(SYS_getppid); }); });
    out.row("clock", "monotonic_now()", "20 to 40 ns", clock, "ns");
    out.row("getppid", "getppid(2)", "50 to 200 ns", entered, "ns");
    out.row("clock_in_kernel", "clock_gettime(2) in the kernel", "about 300 ns", through_kernel, "ns");
    out.row("getppid_booked", "getppid(2) in retake::syscall()", "", booked, "ns");
    out.text(fmt::format("clock source of the kernel: {}", source.empty() ? "not told" : source));
    out.at_least("the kernel's clock against the one in this process' memory", both.ratio, 2);
    out.answer("Why is the clock not in your profiler's hot list even when it is read heavily?",
               fmt::format("A hundred thousand reads a second are {:.2f} % of one processor; in the kernel they would "
                           "be {:.1f} %.",
                           clock * 1e5 * 1e-9 * 100, through_kernel * 1e5 * 1e-9 * 100),
               "No system call is made, so no P changes hands, and nothing counts as one.");
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({8,
                               "task08_clock_without_the_kernel",
                               "what the clock costs, and what a real system call",
                               "the clock is read in the kernel",
                               compare,
                               nullptr,
                               {{"runtime/time/clock.cpp", "monotonic_now", "the clock, by the vDSO"},
                                {"runtime/syscall/syscall.cpp", "enter_syscall",
                                 "the call leaves its P behind, in state Syscall, and keeps its thread"}}},
                              argc, argv);
}
