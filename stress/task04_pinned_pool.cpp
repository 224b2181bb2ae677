// task04_pinned_pool.cpp: 200 foreign calls of 50 ms on 8 pinned workers need 8 threads and 1.25 s;
// on their own they need 200 threads
//
// Seed.      Exercise 4, "Cgo Worker Pool with Pinning": threads stay near 15 with the pool and
//            climb to about 200 without; 160 calls a second at most.
// Method.    The same, with foreign_pool, then with a foreign call in each goroutine, of 50 ms and
//            until all have begun.
// Twin.      The callers go around the pool.
#include <fmt/format.h>

#include <atomic>
#include <chrono>

#include "hammer.hpp"
#include "observed.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::worksheet;

constexpr std::uint32_t calls = 200, workers = 8, few = 10;
constexpr std::int64_t call_ns = 50'000'000, patience_ns = 5'000'000'000;
constexpr double bound_per_second = workers / (static_cast<double>(call_ns) * 1e-9);

struct outcome {
  double threads = 0, per_second = 0;
};

template <class Call>
outcome burst(Call call) {
  stress::thread_peak threads;
  wait_group all;
  all.add(calls);
  const std::int64_t began = stress::now_ns();
  for (std::uint32_t i = 0; i < calls; ++i) {
    go([&] {
      call();
      all.done();
    });
  }
  all.wait();
  const double seconds = static_cast<double>(stress::now_ns() - began) * 1e-9;
  return {static_cast<double>(threads.end()), calls / seconds};
}

void slow_work() { stress::nap_ns(call_ns); }

// Every caller on its own. On a machine that has other work the threads for them come slowly: a
// call lasts until all have begun.
outcome burst_without_pool() {
  std::atomic<std::uint32_t> begun{0};
  return burst([&] {
    foreign_call([&] {
      ++begun;
      const std::int64_t until_ns = stress::now_ns() + patience_ns;
      do slow_work();
      while (begun < calls && stress::now_ns() < until_ns);
    });
  });
}

void compare(worksheet& out) {
  options chosen;
  chosen.processors = 4;
  run(chosen, [&] {
    sleep_for(20ms);
    const auto baseline = static_cast<double>(stress::kernel_threads());
    out.row("threads_baseline", "baseline", "", baseline, "threads");
    foreign_pool pool(workers);
    outcome pooled;
    if (out.broken())
      pooled = burst_without_pool();
    else
      pooled = burst([&pool] { static_cast<void>(pool.call(background(), slow_work)); });
    const outcome free = burst_without_pool();
    out.row("threads_pooled", fmt::format("{} calls on {} pinned workers: threads at most", calls, workers), "about 15",
            pooled.threads, "threads");
    out.row("throughput_pooled", "  calls a second", "at most 160", pooled.per_second, "/s");
    out.row("threads_unpooled", fmt::format("{} calls on their own: threads at most", calls), "about 200", free.threads,
            "threads");
    out.row("throughput_unpooled", "  calls a second", "", free.per_second, "/s");
    out.at_most("threads of the pool, beside the baseline's", pooled.threads - baseline, workers + few);
    out.at_least("threads without it, beside the baseline's", free.threads - baseline, calls * 0.75);
    out.at_least("threads without it, against the pool's", free.threads / pooled.threads, 4);
    out.at_most("calls a second, against the bound that the seed computes", pooled.per_second / bound_per_second, 1.02);
    out.at_least("calls a second, against the bound that the seed computes", pooled.per_second / bound_per_second, 0.5);
    out.answer("Why pin?",
               fmt::format("Each worker's thread is in foreign code for nearly all of its time: {:.0f} calls a second "
                           "of 50 ms are {:.1f} of {} threads.",
                           pooled.per_second, pooled.per_second * static_cast<double>(call_ns) * 1e-9, workers),
               "The lock takes nothing away that another goroutine would have used, and makes the count of threads a "
               "property of the program.");
    out.answer("What is the bound on throughput?",
               fmt::format("{} workers / 50 ms = {:.0f} a second; the pool made {:.0f} ({:.0f} % of it). Without a "
                           "pool the bound is the number of threads: {:.0f} made "
                           "{:.0f} a second.",
                           workers, bound_per_second, pooled.per_second, pooled.per_second / bound_per_second * 100,
                           free.threads, free.per_second));
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({4,
                               "task04_pinned_pool",
                               "a pool of pinned workers fixes the number of threads of slow foreign calls",
                               "the callers go around the pool",
                               compare,
                               nullptr,
                               {{"runtime/thread/lock_os_thread.cpp", "lock_os_thread",
                                 "the lock, and the line that asked for it"},
                                {"runtime/syscall/foreign.cpp", "enter_foreign",
                                 "a foreign call is a system call to the scheduler"}}},
                              argc, argv);
}
