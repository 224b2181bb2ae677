// fewer_threads.cpp: a bound on calls, the right size of a pool, pinning, and what the monitor
// takes
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bounded_load.hpp"
#include "ledger.hpp"
#include "observed.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "slow_drive.hpp"

namespace retake::costs {

namespace {

using namespace std::chrono_literals;

using stress::now_ns;

constexpr std::uint32_t heads = 8;

load calls_of_drive(std::uint32_t drive_heads, std::int64_t call_ns, std::uint32_t callers, std::uint32_t most) {
  stress::slow_drive drive(drive_heads, call_ns);
  return bounded_load(4, callers, most, [&] { drive.read(); });
}

void bound_on_calls(ledger& into) {
  constexpr std::uint32_t callers = 400;
  constexpr std::int64_t call_ns = 8'000'000;
  std::vector<double> free_rates, bounded_rates;
  std::vector<load> seen;
  const auto storm = [&](std::uint32_t most, std::vector<double>& rates) {
    const load one = calls_of_drive(heads, call_ns, callers, most);
    rates.push_back(one.per_second);
    seen.push_back(one);
    return one.threads;
  };
  const std::uint32_t most = into.broken() ? 1 : heads;  // the twin's bound is too small for the drive
  into.compare(
      {"bound", "400 foreign calls at once: threads that they cost", "the same, 8 at a time", "threads", 10,
       "not when: the calls are few, or each is waited for by another of them (a bound would be a deadlock)"},
      3, [&] { return storm(callers, free_rates); }, [&] { return storm(most, bounded_rates); });
  into.at_most("bound_throughput", "calls a second without the bound, against with it (80 % of it would be 1.25)",
               stress::median(free_rates) / stress::median(bounded_rates), 1.25, "x");
  for (std::size_t i = seen.size() - 2; i < seen.size(); ++i) {
    into.text(fmt::format("{}: {:.0f} calls a second; from its arrival a call takes {:.1f} ms (p50), {:.1f} ms (p99)",
                          i % 2 == 0 ? "without the bound" : "with it          ", seen[i].per_second,
                          seen[i].whole_p50_ms, seen[i].whole_p99_ms));
  }
}

void pool_size(ledger& into) {
  const std::uint32_t drive_heads = into.broken() ? 1 : heads;  // the twin's drive is another one than the row is told
  struct tried {
    std::uint32_t size;
    load seen;
  };
  std::vector<tried> all;
  double best = 0;
  for (const std::uint32_t size : {1u, 2u, 4u, 8u, 16u, 32u, 64u}) {
    all.push_back({size, calls_of_drive(drive_heads, 2'000'000, 30 * std::min(size, 2 * drive_heads), size)});
    best = std::max(best, all.back().seen.per_second);
  }
  constexpr double plateau = 0.75;
  std::uint32_t knee = 0;
  into.text("  pool size: calls a second, p99 of a call, threads that they cost");
  for (tried const& one : all) {
    if (knee == 0 && one.seen.per_second >= plateau * best) knee = one.size;
    into.text(fmt::format("  {:>4}: {:>6.0f} /s {:>7.1f} ms {:>5.0f}{}", one.size, one.seen.per_second, one.seen.p99_ms,
                          one.seen.threads, one.size == knee ? "  <- the knee: three quarters of the best" : ""));
  }
  const double off = knee == 0 ? 1e9 : std::max(knee / static_cast<double>(heads), heads / static_cast<double>(knee));
  into.at_most("pool_size",
               fmt::format("the knee is at {}, the drive serves {} at a time: how far it is off", knee, heads), off, 2,
               "x");
}

void pinning(ledger& into) {
  constexpr int calls = 20'000;
  const auto loop = [](bool pinned) {
    if (pinned) lock_os_thread();
    const std::int64_t began_ns = now_ns();
    for (int i = 0; i < calls; ++i) foreign_call([] {});
    const auto took = static_cast<double>(now_ns() - began_ns) / calls;
    if (pinned) unlock_os_thread();
    return took;
  };
  options chosen;
  chosen.processors = 2;
  run(chosen, [&] {
    into.compare(
        {"pinning", "foreign calls in a loop", "the same, locked to its thread", "ns a call", 0,
         "the seed says 10 to 20 % at best; not when: the library does not ask for it. A goroutine that blocks while "
         "locked costs two thread switches"},
        9, [&] { return loop(false); }, [&] { return loop(true); });
  });
}

std::vector<std::string> threads_now() {
  std::vector<std::string> all;
  std::error_code ignored;
  for (auto const& one : std::filesystem::directory_iterator("/proc/self/task", ignored))
    all.push_back(one.path().filename().string());
  return all;
}

// -1: it cannot be told.
double cpu_of_thread_ns(std::string const& id) {
  double ns = -1;
  std::ifstream("/proc/self/task/" + id + "/schedstat") >> ns;
  return ns;
}

// The share of one processor that the monitor takes meanwhile, in percent. It is the first thread
// that a runtime makes.
template <class Load>
double monitor_share(Load load) {
  const std::vector<std::string> before = threads_now();
  double share = -1;
  options chosen;
  chosen.processors = 8;
  run(chosen, [&] {
    std::string monitor;
    for (std::string const& one : threads_now()) {
      if (std::find(before.begin(), before.end(), one) == before.end())
        monitor = monitor.empty() ? one : std::min(monitor, one, [](auto const& a, auto const& b) {
          return std::stoul(a) < std::stoul(b);
        });
    }
    const double began_cpu = cpu_of_thread_ns(monitor);
    const std::int64_t began_ns = now_ns();
    load();
    if (began_cpu >= 0)
      share = (cpu_of_thread_ns(monitor) - began_cpu) / static_cast<double>(now_ns() - began_ns) * 100;
  });
  return share;
}

void calls_at_once(std::uint32_t count) {
  std::atomic<bool> over{false};
  wait_group all;
  all.add(static_cast<std::int32_t>(count));
  for (std::uint32_t i = 0; i < count; ++i) {
    go([&] {
      while (!over) retake::syscall([] { stress::nap_ns(100'000); });
      all.done();
    });
  }
  sleep_for(300ms);
  over = true;
  all.wait();
}

constexpr double least_told = 0.001;  // percent: less than that is nothing

void monitor(ledger& into) {
  const auto at_rest = [] { return std::max(least_told, monitor_share([] { sleep_for(300ms); })); };
  const auto beside = [](std::uint32_t count) {
    return std::max(least_told, monitor_share([count] { calls_at_once(count); }));
  };
  if (monitor_share([] {}) < 0) return into.text("monitor: /proc/self/task/*/schedstat tells nothing here");
  into.compare(
      {"monitor", "the monitor's share of a processor, beside 64 goroutines in calls of 0.1 ms", "at rest", "%", 3,
       "not when: it is below 1 % of the whole machine, as the seed says; above that, fewer calls at a time are the "
       "remedy"},
      3, [&] { return beside(64); }, at_rest);
  into.text(fmt::format("beside 2 goroutines in such calls: {:.2f} %", beside(2)));
}

}  // namespace

void fewer_threads(ledger& into) {
  into.heading("Fewer threads");
  if (into.wanted("bound")) bound_on_calls(into);
  if (into.wanted("pool_size")) pool_size(into);
  if (into.wanted("pinning")) pinning(into);
  if (into.wanted("monitor")) monitor(into);
}

}  // namespace retake::costs
