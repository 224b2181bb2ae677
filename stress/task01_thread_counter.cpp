// task01_thread_counter.cpp: how many threads a program of goroutines has that does nothing, and
// why it is neither one nor GOMAXPROCS
//
// Seed.      Exercise 1, "Thread Counter": read the kernel's count from inside, at the start and
//            for five intervals more; 5 to 8 in Go.
// Method.    The same, in a fresh runtime with 1, 2 and 4 Ps: a goroutine counts, sleeps, counts.
//            Go's other threads serve its garbage collector, which there is none of here.
// Twin.      Six goroutines that sit in foreign calls: the idle program's threads are not the
//            program's own any more.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "hammer.hpp"
#include "observed.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/metrics.hpp"
#include "retake/run.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::worksheet;

constexpr std::int64_t interval_ns = 100'000'000;
constexpr int intervals = 5;
constexpr std::uint32_t intruders = 6;

struct counts {
  std::uint64_t at_start = 0, least = ~0u, most = 0, goroutines = 0, idle = 0;
};

double metric_of(char const* name) {
  for (metric const& one : read_metrics()) {
    if (one.name == name) return one.value;
  }
  return 0;
}

counts idle_program(std::uint32_t processors, bool broken) {
  counts seen;
  options chosen;
  chosen.processors = processors;
  run(chosen, [&] {
    for (std::uint32_t i = 0; broken && i < intruders; ++i)
      go([] { foreign_call([] { stress::nap_ns(intervals * interval_ns); }); });
    seen.at_start = stress::kernel_threads();
    seen.goroutines = goroutine_count();
    for (int i = 0; i < intervals; ++i) {
      sleep_for(std::chrono::nanoseconds(interval_ns));
      seen.least = std::min(seen.least, stress::kernel_threads());
      seen.most = std::max(seen.most, stress::kernel_threads());
    }
    seen.idle = static_cast<std::uint64_t>(metric_of("retake_threads_idle"));
  });
  return seen;
}

void count_threads(worksheet& out) {
  std::vector<counts> all;
  const std::vector<std::uint32_t> sizes{1, 2, 4};
  for (const std::uint32_t processors : sizes) {
    all.push_back(idle_program(processors, out.broken()));
    counts const& one = all.back();
    out.row(fmt::format("threads_at_start_{}", processors),
            fmt::format("threads at the start, {} Ps, {} goroutine", processors, one.goroutines), "5 to 8 (Go)",
            static_cast<double>(one.at_start), "threads");
    out.row(fmt::format("threads_idle_{}", processors), fmt::format("the most in {} intervals of sleep", intervals),
            "the same", static_cast<double>(one.most), "threads");
    out.at_least(fmt::format("{} Ps: the main thread and the monitor's", processors), static_cast<double>(one.most), 2);
    out.at_most(fmt::format("{} Ps: no more than both, and one that looks for work for each P", processors),
                static_cast<double>(one.most), 2.0 + processors);
  }
  out.answer("Why is the count at least 2 even for a hello-world program?",
             fmt::format("With one P there are {} threads. Of the {} that the program with 4 Ps had at the end {} "
                         "slept on the list of idle threads.",
                         all[0].most, all[2].most, all[2].idle),
             "One is main's. The other is sysmon's, which needs no P and is started before the first goroutine: it "
             "takes a P away from a thread that sits in the kernel.");
  out.answer("Why does it not equal GOMAXPROCS?",
             fmt::format("GOMAXPROCS was 1, 2 and 4 and the threads {}, {} and {}.", all[0].most, all[1].most,
                         all[2].most),
             "Ps are permissions to run goroutines. A thread is made when there is work and a P and no thread to run "
             "it, and beside those there are threads that need no P.");
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({1,
                               "task01_thread_counter",
                               "threads of a program that does nothing",
                               "six goroutines sit in foreign calls meanwhile",
                               count_threads,
                               nullptr,
                               {{"runtime/sched/run.cpp", "run_main", "main's goroutine, and the monitor before it"},
                                {"runtime/sched/machines.cpp", "wake",
                                 "a thread is made when there is work, a P and nobody to run it"}}},
                              argc, argv);
}
