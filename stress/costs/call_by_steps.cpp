// call_by_steps.cpp: a foreign call taken apart, a sleeping thread that is woken, how often the
// monitor looks, and what the date costs beside the clock
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "ledger.hpp"
#include "retake/clock.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"

namespace retake::costs {

namespace {

using namespace std::chrono_literals;

using stress::now_ns;

template <class Body>
void on_one_processor(Body body) {
  options chosen;
  chosen.processors = 1;
  run(chosen, body);
}

// ---- a foreign call ----------------------------------------------------------------------------

// Each is the least mean of several rounds, for interruptions only add to it, less what a look at
// the clock costs.
struct steps {
  double enter = 1e18, exit = 1e18;                   // of a system call: the bookkeeping alone
  double there = 1e18, function = 1e18, back = 1e18;  // of a foreign call: with the change of stacks
};

void (*volatile noop)() = [] {};

// `work_ns`: what the function does meanwhile.
steps measure_steps(std::int64_t work_ns) {
  constexpr int passes = 1'000, rounds = 30;
  steps least;
  double least_look = 1e18;
  for (int round = 0; round < rounds; ++round) {
    std::int64_t look = 0, enter = 0, exit = 0, there = 0, function = 0, back = 0;
    for (int i = 0; i < passes; ++i) {
      const std::int64_t t0 = now_ns(), t1 = now_ns();
      look += t1 - t0;
    }
    for (int i = 0; i < passes; ++i) {
      const std::int64_t t0 = now_ns();
      detail::enter_syscall();
      const std::int64_t t1 = now_ns();
      detail::exit_syscall();
      const std::int64_t t2 = now_ns();
      enter += t1 - t0;
      exit += t2 - t1;
    }
    for (int i = 0; i < passes; ++i) {
      std::int64_t t1 = 0, t2 = 0;
      const std::int64_t t0 = now_ns();
      foreign_call([&] {
        t1 = now_ns();
        noop();
        if (work_ns != 0) stress::busy_ns(work_ns);
        t2 = now_ns();
      });
      const std::int64_t t3 = now_ns();
      there += t1 - t0;
      function += t2 - t1;
      back += t3 - t2;
    }
    const auto take = [](double& into, std::int64_t sum) { into = std::min(into, static_cast<double>(sum) / passes); };
    take(least_look, look);
    take(least.enter, enter);
    take(least.exit, exit);
    take(least.there, there);
    take(least.function, function);
    take(least.back, back);
  }
  for (double* const one : {&least.enter, &least.exit, &least.there, &least.function, &least.back})
    *one = std::max(0.0, *one - least_look);
  return least;
}

// The steps are measured one by one and the call as a whole: they have to come to the same. The
// twin's function is one that works, which the whole knows nothing of.
void foreign_steps(ledger& into) {
  steps seen;
  double whole = 0;
  on_one_processor([&] {
    seen = measure_steps(into.broken() ? 2'000 : 0);
    whole = stress::cost_ns(50'000, [] { foreign_call([] { noop(); }); });
  });
  const double stacks = std::max(0.0, seen.there - seen.enter), stacks_back = std::max(0.0, seen.back - seen.exit);
  into.text("a foreign call, step by step: expected, measured");
  const auto line = [&](char const* what, char const* expected, double ns) {
    into.text(fmt::format("  {:<28} {:>6} ns {:>8.1f} ns", what, expected, ns));
  };
  line("enter", "30", seen.enter);
  line("change of stacks, there", "10", stacks);
  line("the function", "1", seen.function);
  line("change of stacks, back", "10", stacks_back);
  line("exit by the fast path", "30", seen.exit);
  const double sum = seen.enter + stacks + seen.function + stacks_back + seen.exit;
  line("together", "81", sum);
  line("the call as a whole", "80-150", whole);
  into.at_most("foreign_steps", "the steps together against the call as a whole, or the other way round",
               std::max(sum / whole, whole / sum), 4, "x");
}

// ---- a thread that sleeps ----------------------------------------------------------------------

// Two Ps, one of them idle. What go() costs when it wakes the thread that sleeps there, against
// what it costs when there is none to wake; and how long it takes until that thread runs the
// goroutine.
struct wakes {
  double submit_ns = 0, until_it_runs_ns = 0;
};
wakes submit_beside(std::uint32_t processors) {
  constexpr int turns = 60;
  constexpr std::int64_t asleep_after_ns = 1'000'000;
  std::vector<double> submit, ran;
  options chosen;
  chosen.processors = processors;
  run(chosen, [&] {
    for (int i = 0; i < turns; ++i) {
      std::atomic<std::int64_t> began_ns{0};
      wait_group other;
      other.add(1);
      stress::nap_ns(asleep_after_ns);  // this thread with its P: the other one goes to sleep
      const std::int64_t asked_ns = now_ns();
      go([&] {
        began_ns = now_ns();
        other.done();
      });
      submit.push_back(static_cast<double>(now_ns() - asked_ns));
      for (const std::int64_t until_ns = now_ns() + asleep_after_ns;
           processors > 1 && began_ns == 0 && now_ns() < until_ns;) {}
      other.wait();
      ran.push_back(static_cast<double>(began_ns - asked_ns));
    }
  });
  return {stress::median(submit), stress::median(ran)};
}

void woken_thread(ledger& into) {
  std::vector<double> runs_after;
  into.compare(
      {"woken_thread", "go() while a thread of the pool sleeps beside an idle P, which it wakes",
       "go() with one P: nobody to wake", "ns", 1.3,
       "expected: 0.1 us for the pool and 1 us for the futex. Nothing to apply: it is what the first of a burst pays, "
       "and 5 to 50 us less than a new thread"},
      7,
      [&] {
        const wakes seen = submit_beside(2);
        runs_after.push_back(seen.until_it_runs_ns * 1e-3);
        return seen.submit_ns;
      },
      [] { return submit_beside(1).submit_ns; });
  into.text(fmt::format("woken, the thread runs the goroutine after {:.0f} us (median)", stress::median(runs_after)));
}

// ---- the monitor -------------------------------------------------------------------------------

std::vector<std::string> threads_now() {
  std::vector<std::string> all;
  std::error_code ignored;
  for (auto const& one : std::filesystem::directory_iterator("/proc/self/task", ignored))
    all.push_back(one.path().filename().string());
  return all;
}

// How often a thread has slept, by the kernel's count. -1: it is not told.
double sleeps_of(std::string const& thread) {
  std::ifstream in("/proc/self/task/" + thread + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("voluntary_ctxt_switches:")) return std::stod(line.substr(line.find(':') + 1));
  }
  return -1;
}

// Looks of the monitor in a second, which sleeps between two of them. It is the first thread that a
// runtime makes.
template <class Load>
double looks_a_second(Load load) {
  const std::vector<std::string> before = threads_now();
  double rate = -1;
  options chosen;
  chosen.processors = 2;
  run(chosen, [&] {
    std::string monitor;
    for (std::string const& one : threads_now()) {
      if (std::find(before.begin(), before.end(), one) != before.end()) continue;
      if (monitor.empty() || std::stoul(one) < std::stoul(monitor)) monitor = one;
    }
    const double began = sleeps_of(monitor);
    const std::int64_t began_ns = now_ns();
    load();
    if (began >= 0) rate = (sleeps_of(monitor) - began) / static_cast<double>(now_ns() - began_ns) * 1e9;
  });
  return rate;
}

void monitor_rate(ledger& into) {
  static constexpr std::int64_t long_ns = 400'000'000;
  constexpr double least_told = 0.5;
  const auto at_rest = [&] {
    return std::max(least_told, looks_a_second([] { sleep_for(std::chrono::nanoseconds(long_ns)); }));
  };
  const auto computing = [] { return looks_a_second([] { stress::busy_ns(long_ns); }); };
  const auto call_after_call = [] {
    for (const std::int64_t until_ns = now_ns() + long_ns; now_ns() < until_ns;)
      retake::syscall([] { stress::nap_ns(200'000); });
  };
  const auto in_calls = [&] { return std::max(least_told, looks_a_second(call_after_call)); };
  if (looks_a_second([] {}) < 0) return into.text("monitor_rate: /proc/self/task/*/status tells nothing here");
  into.compare({"monitor_rate", "looks of the monitor, beside calls of 0.2 ms", "at rest", "Hz", 3,
                "expected: about 50 Hz under load. Nothing to apply: what it costs is the row `monitor`"},
               3, in_calls, at_rest);
  into.text(fmt::format("beside a computation: {:.0f} Hz", computing()));
}

// ---- the date ----------------------------------------------------------------------------------

// What people hope for when they subtract dates instead of asking how long it took: that it is
// cheaper. The twin's clock is the kernel's.
void date_arithmetic(ledger& into) {
  const bool broken = into.broken();
  const auto by_clock = [&] {
    return stress::once_ns(20'000, [&] {
      for (int i = 0; broken && i < 4; ++i) ::syscall(SYS_getppid);
      const time_point began = monotonic_now();
      stress::keep(monotonic_now() - began);
    });
  };
  const auto by_dates = [] {
    return stress::once_ns(20'000, [] {
      const auto began = wall_now();
      stress::keep(wall_now() - began);
    });
  };
  stress::pair_of_costs seen;
  on_one_processor([&] { seen = stress::in_turn(9, by_clock, by_dates); });
  into.text(fmt::format("a duration: {:.0f} ns by the clock, {:.0f} ns by two dates", seen.before, seen.after));
  into.at_most("date_arithmetic", "a duration by the clock, against one by two dates, which `bug 8` shows to be wrong",
               seen.ratio, 1.5, "x");
}

struct row {
  char const* name;
  void (*measure)(ledger&);
};
constexpr row rows[] = {{"foreign_steps", foreign_steps},
                        {"woken_thread", woken_thread},
                        {"monitor_rate", monitor_rate},
                        {"date_arithmetic", date_arithmetic}};

}  // namespace

void call_by_steps(ledger& into) {
  into.heading("Steps");
  for (row const& one : rows) {
    if (into.wanted(one.name)) one.measure(into);
  }
}

}  // namespace retake::costs
