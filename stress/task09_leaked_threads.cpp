// task09_leaked_threads.cpp: a goroutine that locks its thread and blocks for ever keeps the
// thread; one that returns locked takes the thread with it
//
// Seed.      Exercise 9, "Detect an M Leak": five goroutines lock and block; the threads climb by
//            one each, and stay.
// Method.    The same; then five that lock and return. The first kind is found among the goroutines
//            (locked to a thread, waiting, since when, where), the second in the runtime's list of
//            locks that were never undone.
// Twin.      Both unlock.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <vector>

#include "observed.hpp"
#include "retake/channel.hpp"
#include "retake/debug.hpp"
#include "retake/go.hpp"
#include "retake/metrics.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::worksheet;

constexpr int leaks = 5;
constexpr auto settle = 60ms;

double threads_now() {
  sleep_for(settle);
  return static_cast<double>(stress::kernel_threads());
}

double metric_of(char const* name) {
  for (metric const& one : read_metrics()) {
    if (one.name == name) return one.value;
  }
  return 0;
}
// Threads that nobody can use but the goroutine that is locked to them, which waits.
double kept() { return metric_of("retake_threads_waiting_locked"); }

// The innermost line that is not the library's own.
std::string users_line(std::vector<stack_frame> const& stack) {
  for (stack_frame const& one : stack) {
    if (one.file.find("include/retake/") == std::string::npos) return fmt::format("{}:{}", one.file, one.line);
  }
  return "an unknown place";
}

std::uint64_t never_undone(std::string* where) {
  std::array<unreleased_lock, 16> all{};
  const std::size_t count = threads_ended_locked(all);
  std::uint64_t times = 0;
  for (std::size_t i = 0; i < count && i < all.size(); ++i) {
    times += all[i].times;
    *where = fmt::format("{}:{}", all[i].file, all[i].line);
  }
  return times;
}

void leak(worksheet& out) {
  options chosen;
  chosen.processors = 2;
  run(chosen, [&] {
    {
      // The first lock starts the thread that others are cloned from; a burst makes the threads
      // that the Ps want.
      const os_thread_lock once;
      sleep_for(settle);
    }
    const double baseline = threads_now();
    out.row("baseline", "baseline", "", baseline, "threads");
    channel<char> never;
    wait_group blocked;
    blocked.add(leaks);
    const double idle_at_first = metric_of("retake_threads_idle");
    double least_step = 1e9, before = kept(), after = 0;
    const double kept_at_first = before;
    for (int i = 1; i <= leaks; ++i) {
      go([&] {
        lock_os_thread();
        if (out.broken()) unlock_os_thread();
        static_cast<void>(never.receive());
        blocked.done();
      });
      after = threads_now();
      out.row(fmt::format("after_{}", i), fmt::format("after {} that block for ever", i),
              fmt::format("baseline + {}", i), after, "threads");
      least_step = std::min(least_step, kept() - before);
      before = kept();
    }
    for (int i = 0; i < 5; ++i) sleep_for(settle);
    const double final_count = threads_now(), kept_at_last = kept();
    out.row("final", "after waiting", "still", final_count, "threads");
    out.row("kept", "  of them asleep for a locked goroutine alone", "", kept_at_last, "threads");
    out.row("idle_at_first", "threads that were idle at the baseline", "", idle_at_first, "threads");
    std::vector<std::string> lines;
    for (goroutine_info const& one : all_goroutines()) {
      if (one.locked_to_thread && one.state == "waiting")
        lines.push_back(fmt::format("goroutine {}: locked to its thread, {}, at {}", one.id, one.wait_reason,
                                    users_line(one.stack)));
    }
    for (std::string const& one : lines) out.text(one);

    const double made_before = metric_of("retake_thread_create_total");
    wait_group all;
    all.add(leaks);
    for (int i = 0; i < leaks; ++i) {
      go([&] {
        lock_os_thread();
        if (out.broken()) unlock_os_thread();
        all.done();
      });
      sleep_for(settle / 4);
    }
    all.wait();
    const double returned = threads_now(), made = metric_of("retake_thread_create_total") - made_before;
    std::string where = "nowhere";
    const std::uint64_t counted = never_undone(&where);
    out.row("after_returns", fmt::format("after {} that return locked", leaks), "M is destroyed", returned, "threads");
    out.row("made_meanwhile", "  threads made in their place", "", made, "threads");
    out.row("ended_locked", "  locks never undone, by the runtime's list", "", static_cast<double>(counted), "locks");

    out.at_least("threads kept for each that blocks", least_step, 1);
    out.at_least("threads kept for all, after waiting", kept_at_last - kept_at_first, leaks);
    out.at_least("threads more than at first, but for those that were idle then", final_count - baseline,
                 leaks - idle_at_first);
    out.at_most("threads more than at first, at most", final_count - baseline, leaks + 2);
    out.at_least("goroutines that the dump shows locked and waiting", static_cast<double>(lines.size()), leaks);
    out.at_most("threads more for those that return locked", returned - final_count, 1);
    out.at_least("locks never undone, by the runtime's list", static_cast<double>(counted), leaks);
    out.answer("How would you find this in a real codebase?",
               fmt::format("The program's dump lists {} goroutines that are locked to a thread and wait, with the line "
                           "they wait at; and "
                           "threads_ended_locked() says that {} locks taken at {} were never undone.",
                           lines.size(), counted, where),
               "First ask the program, then read for a lock without its unlock; os_thread_lock is one that cannot "
               "forget.");
    out.answer("What if the locked goroutine returns and has not unlocked?",
               fmt::format("{} returned so, {} locks are on the list, the count of threads moved by {:.0f}, and {:.0f} "
                           "threads were made meanwhile.",
                           leaks, counted, returned - final_count, made),
               "Its thread ends with it: the leak is churn instead of growth.");
    never.close();  // nothing blocks longer than the program
    blocked.wait();
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({9,
                               "task09_leaked_threads",
                               "a lock of a thread that is never undone: kept threads, or lost ones",
                               "both kinds unlock",
                               leak,
                               nullptr,
                               {{"runtime/thread/lock_os_thread.cpp", "lock_os_thread",
                                 "the lock, and the line that asked for it"},
                                {"runtime/sched/goroutines.cpp", "after_end",
                                 "a goroutine that ends locked takes its thread with it"},
                                {"runtime/sched/machines.cpp", "stop_locked_machine",
                                 "a thread sleeps for its goroutine alone"}}},
                              argc, argv);
}
