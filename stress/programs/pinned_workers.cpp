// pinned_workers.cpp: a library that keeps its state in the thread, behind a pool of workers that
// keep theirs
//
//     pinned_workers --workers 4 --callers 64
//
// The library opens a handle in each thread that it sees, and a call takes it some time. Many
// goroutines call; the pool has few workers. So there are as many handles as workers and no more
// threads than Ps and workers need, whatever the number of callers. With --deadline-ms callers give
// up: those that wait leave the queue.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <vector>

#include "leftovers.hpp"
#include "retake/clock.hpp"
#include "retake/context.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;

struct settings {
  std::uint32_t workers = 4, callers = 64, calls = 2'000, call_us = 500;
  double deadline_ms = 0;
  bool as_json = false;
};

class library {
 public:
  explicit library(std::uint32_t call_us) : length_{0, std::int64_t{call_us} * 1'000} {}
  // Foreign code: knows nothing of goroutines.
  void call() {
    thread_local bool opened = false;
    if (!opened) ++handles_;
    opened = true;
    ::nanosleep(&length_, nullptr);
  }
  [[nodiscard]] std::uint32_t handles() const { return handles_; }

 private:
  std::timespec const length_;
  std::atomic<std::uint32_t> handles_{0};
};

struct figures {
  std::uint32_t processors = 0, threads_before = 0, threads_peak = 0, handles = 0, given_up = 0;
  double seconds = 0, p50_ms = 0, p99_ms = 0;
};

// Of one caller.
struct tally {
  std::vector<std::int64_t> took_ns;
  std::uint32_t given_up = 0;
};

void call_often(foreign_pool& pool, library& lib, settings const& chosen, std::uint32_t calls, tally& mine) {
  for (std::uint32_t i = 0; i < calls; ++i) {
    const time_point began = monotonic_now();
    std::error_code why;
    if (chosen.deadline_ms > 0) {
      const cancellable soon =
          with_timeout(background(), std::chrono::duration<double, std::milli>(chosen.deadline_ms));
      why = pool.call(soon.ctx, [&lib] { lib.call(); });
    } else {
      why = pool.call(background(), [&lib] { lib.call(); });
    }
    if (why) {
      ++mine.given_up;
    } else {
      mine.took_ns.push_back((monotonic_now() - began) / 1ns);
    }
  }
}

figures work(settings const& chosen) {
  figures seen;
  seen.processors = processors();
  seen.threads_before = programs::kernel_threads();
  library lib(chosen.call_us);
  std::vector<tally> tallies(chosen.callers);
  std::atomic<bool> over{false};
  wait_group callers, sampler;
  const time_point began = monotonic_now();
  {
    foreign_pool pool(chosen.workers);
    sampler.add(1);
    go([&] {
      for (; !over; sleep_for(2ms)) seen.threads_peak = std::max(seen.threads_peak, programs::kernel_threads());
      sampler.done();
    });
    callers.add(static_cast<std::int32_t>(chosen.callers));
    for (std::uint32_t i = 0; i < chosen.callers; ++i) {
      const std::uint32_t calls = chosen.calls / chosen.callers + (i < chosen.calls % chosen.callers ? 1 : 0);
      go([&, i, calls] {
        call_often(pool, lib, chosen, calls, tallies[i]);
        callers.done();
      });
    }
    callers.wait();
  }
  seen.seconds = std::chrono::duration<double>(monotonic_now() - began).count();
  over = true;
  sampler.wait();
  seen.handles = lib.handles();
  std::vector<std::int64_t> all;
  for (tally const& one : tallies) {
    all.insert(all.end(), one.took_ns.begin(), one.took_ns.end());
    seen.given_up += one.given_up;
  }
  std::sort(all.begin(), all.end());
  const auto at = [&](double share) {
    return all.empty()
               ? 0.0
               : static_cast<double>(all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))]) * 1e-6;
  };
  seen.p50_ms = at(0.5);
  seen.p99_ms = at(0.99);
  return seen;
}

void show(settings const& chosen, figures const& seen) {
  if (chosen.as_json) {
    fmt::print("{}\n", nlohmann::json{{"kind", "program"},
                                      {"name", "pinned_workers"},
                                      {"workers", chosen.workers},
                                      {"callers", chosen.callers},
                                      {"calls", chosen.calls},
                                      {"processors", seen.processors},
                                      {"threads_before", seen.threads_before},
                                      {"threads_peak", seen.threads_peak},
                                      {"handles", seen.handles},
                                      {"given_up", seen.given_up},
                                      {"seconds", seen.seconds},
                                      {"p50_ms", seen.p50_ms},
                                      {"p99_ms", seen.p99_ms}}
                           .dump());
    return;
  }
  fmt::print("{} calls of {} us by {} goroutines on {} workers, {} Ps: {:.2f} s\n", chosen.calls, chosen.call_us,
             chosen.callers, chosen.workers, seen.processors, seen.seconds);
  fmt::print("  threads   {} before, {} at their peak; {} handles of the library\n", seen.threads_before,
             seen.threads_peak, seen.handles);
  fmt::print("  latency   {:.2f} ms p50, {:.2f} ms p99, the wait for a worker included; {} gave up\n", seen.p50_ms,
             seen.p99_ms, seen.given_up);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  CLI::App app{"Many goroutines call a library whose state is in the thread, by few pinned workers"};
  app.add_option("--workers", chosen.workers, "threads of the pool")
      ->check(CLI::Range(1u, 1'000u))
      ->capture_default_str();
  app.add_option("--callers", chosen.callers, "goroutines")->check(CLI::Range(1u, 100'000u))->capture_default_str();
  app.add_option("--calls", chosen.calls, "of all together")->check(CLI::Range(1u, 10'000'000u))->capture_default_str();
  app.add_option("--call-us", chosen.call_us, "how long a call takes")
      ->check(CLI::Range(0u, 999'999u))
      ->capture_default_str();
  app.add_option("--deadline-ms", chosen.deadline_ms, "a caller's patience; 0: without end")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_flag("--json", chosen.as_json, "a JSON line");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "pinned_workers: {}\n", e.what());
    return 2;
  }
  figures seen;
  retake::run([&] { seen = work(chosen); });
  show(chosen, seen);
  return 0;
}
