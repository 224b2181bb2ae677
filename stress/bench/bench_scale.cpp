// bench_scale.cpp: figures that are not the price of one operation: many of something, a latency,
// an idle process
//
// Method.    Each row is measured runs_per_figure times and its median said; what Go's side
//            (peers/scale.go) does is the same, in turn. A row that this machine cannot show
//            (descriptors, memory) says so and is left out.
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include "echo.hpp"
#include "measure.hpp"
#include "peer.hpp"
#include "retake/channel.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/timer.hpp"

namespace retake::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t runs_per_figure = 3;
constexpr std::int64_t ms = 1'000'000;

std::int64_t clock_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double resident_bytes() {
  double whole = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> whole >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double threads() {
  double count = 0;
  for ([[maybe_unused]] auto const& one : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

double part_of(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

// What a row says: some numbers by name, those of Go's side likewise.
struct number {
  char const* what;
  char const* unit;
  double value;
};
using numbers = std::vector<number>;

template <class Main>
void on(std::uint32_t processors, Main&& main) {
  options chosen;
  chosen.processors = processors;
  run(chosen, std::forward<Main>(main));
}

numbers parked_goroutines() {
  constexpr std::uint32_t count = 1'000'000;
  numbers seen;
  on(2, [&] {
    channel<int> gate;
    std::atomic<std::uint32_t> arrived{0};
    wait_group all;
    all.add(count);
    const double before = resident_bytes();
    const std::int64_t began_ns = clock_ns();
    for (std::uint32_t i = 0; i < count; ++i) {
      go([&] {
        arrived.fetch_add(1, std::memory_order_relaxed);
        static_cast<void>(gate.receive());
        all.done();
      });
    }
    while (arrived.load(std::memory_order_relaxed) < count) yield();
    seen = {{"bytes", "bytes each", (resident_bytes() - before) / count},
            {"threads", "threads", threads()},
            {"made", "ns each", static_cast<double>(clock_ns() - began_ns) / count}};
    gate.close();
    all.wait();
  });
  return seen;
}

// Each fires once, at a time of its own within a second that begins when all are set.
numbers timers() {
  constexpr std::uint32_t count = 100'000;
  numbers seen;
  on(2, [&] {
    std::vector<delayed_call> all;
    all.reserve(count);
    std::atomic<std::int64_t> latest_ns{0};
    wait_group fired;
    fired.add(count);
    const double before = resident_bytes();
    const std::int64_t first_ns = clock_ns() + 500 * ms;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::int64_t due_ns = first_ns + std::int64_t{i} * 10'000;
      all.push_back(after_func(std::chrono::nanoseconds(due_ns - clock_ns()), [&, due_ns] {
        const std::int64_t late_ns = clock_ns() - due_ns;
        for (std::int64_t known = latest_ns.load();
             late_ns > known && !latest_ns.compare_exchange_weak(known, late_ns);) {}
        fired.done();
      }));
    }
    const double bytes = (resident_bytes() - before) / count;
    fired.wait();
    seen = {{"bytes", "bytes each", bytes},
            {"threads", "threads", threads()},
            {"latest", "ms late", static_cast<double>(latest_ns.load()) / ms}};
  });
  return seen;
}

// One P, whose goroutine enters a call that blocks while another is runnable: how long that one
// waits. `compute_ns`: what the P does before; the monitor backs off.
numbers handoff_after(std::int64_t compute_ns, int rounds) {
  std::vector<double> waited_us;
  on(1, [&] {
    int ends[2];
    if (::pipe(ends) != 0) return;
    for (int i = 0; i < rounds; ++i) {
      for (const std::int64_t until_ns = clock_ns() + compute_ns; clock_ns() < until_ns;) {}
      const std::int64_t entered_ns = clock_ns();
      go([&waited_us, entered_ns, to = ends[1]] {
        waited_us.push_back(static_cast<double>(clock_ns() - entered_ns) / 1e3);
        static_cast<void>(!::write(to, "x", 1));
      });
      char byte;
      retake::syscall([&] { return ::read(ends[0], &byte, 1); });
    }
    ::close(ends[0]);
    ::close(ends[1]);
  });
  return {{"p50", "us", part_of(waited_us, 0.5)}, {"p99", "us", part_of(waited_us, 0.99)}};
}
numbers handoff_hot() { return handoff_after(0, 500); }
numbers handoff_after_computing() { return handoff_after(50 * ms, 40); }

// A process that waits for a timer for three seconds.
numbers idle() {
  constexpr double seconds = 3;
  numbers seen;
  on(2, [&] {
    rusage before{}, after{};
    ::getrusage(RUSAGE_SELF, &before);
    sleep_for(std::chrono::duration<double>(seconds));
    ::getrusage(RUSAGE_SELF, &after);
    const auto cpu_s = [](rusage const& r) {
      return static_cast<double>(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
             static_cast<double>(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
    };
    seen = {{"cpu", "% of a CPU", (cpu_s(after) - cpu_s(before)) / seconds * 100},
            {"wakeups", "a second", static_cast<double>(after.ru_nvcsw - before.ru_nvcsw) / seconds}};
  });
  return seen;
}

// One P, one goroutine that computes and calls preempt_point() now and then: how long another waits
// that is made runnable beside it.
numbers beside_hog() {
  std::vector<double> waited_ms;
  on(1, [&] {
    constexpr int rounds = 40;
    std::int64_t ready_ns = 0;
    bool ran = false;
    for (int i = 0; i < rounds; ++i) {
      ran = false;
      ready_ns = clock_ns();
      go([&] {
        waited_ms.push_back(static_cast<double>(clock_ns() - ready_ns) / ms);
        ran = true;
      });
      while (!ran) {
        for (const std::int64_t until_ns = clock_ns() + 20'000; clock_ns() < until_ns;) {}
        preempt_point();
      }
    }
  });
  return {{"p50", "ms", part_of(waited_ms, 0.5)}, {"p99", "ms", part_of(waited_ms, 0.99)}};
}

numbers of_load(echo_result const& seen, std::uint32_t wanted) {
  if (seen.connections != wanted) return {};
  return {{"echoes", "a second", seen.per_second},
          {"threads", "threads", static_cast<double>(seen.threads)},
          {"bytes", "bytes each", seen.bytes_per_connection}};
}
numbers connections(std::vector<std::string> const& server, std::uint32_t count) {
  constexpr double seconds = 2;
  const echo_server one(server);
  return one.port() != 0 ? of_load(load(one, count, seconds), count) : numbers{};
}

struct limit {
  char const* what;
  double most;     // 0: none
  char const* of;  // whose figure it is a share of; nullptr: it is the figure itself
  double least = 0;
};

struct row {
  char const* name;
  numbers (*ours)();
  std::uint32_t connections;  // > 0: an echo server's, and `ours` is nothing
  std::uint32_t processors;
  std::vector<limit> limits;
};

std::vector<row> rows() {
  return {
      {"parked_million", parked_goroutines, 0, 2, {{"bytes", 4'600, nullptr}}},
      {"timers_100k", timers, 0, 2, {}},
      {"handoff_hot", handoff_hot, 0, 1, {{"p99", 1'000, nullptr}}},
      {"handoff_after_computing", handoff_after_computing, 0, 1, {{"p99", 1'000, nullptr}}},
      {"idle", idle, 0, 2, {{"cpu", 0.2, nullptr}, {"wakeups", 50, nullptr}}},
      {"beside_hog", beside_hog, 0, 1, {{"p50", 12, nullptr}}},
      {"echo_64", nullptr, 64, 1, {{"echoes", 0, "epoll", 0.95}, {"echoes", 0, "go", 1.2}}},
      {"connections_5k", nullptr, 5'000, 2, {{"threads", 6, nullptr}}},
      {"connections_10k", nullptr, 10'000, 2, {{"threads", 6, nullptr}}},
  };
}

// "what unit value" lines, as peers/scale.go says them.
numbers parsed(std::string const& text, std::vector<std::string>& names) {
  numbers seen;
  std::istringstream in(text);
  std::string what;
  double value = 0;
  names.reserve(16);
  while (names.size() < 16 && in >> what >> value) {
    names.push_back(what);
    seen.push_back({names.back().c_str(), "", value});
  }
  return seen;
}

// Runs of one side: by the number's name, its values.
struct side {
  std::string peer;
  std::vector<std::pair<std::string, std::string>> order;  // name, unit
  std::vector<std::vector<double>> values;

  void add(numbers const& one) {
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (i == order.size()) {
        order.emplace_back(one[i].what, one[i].unit);
        values.emplace_back();
      }
      values[i].push_back(one[i].value);
    }
  }
  [[nodiscard]] double median(std::string const& what) const {
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (order[i].first == what) return summarize(values[i]).median;
    }
    return 0;
  }
};

void say_side(settings const& chosen, row const& which, side const& one, side const& units) {
  for (std::size_t i = 0; i < one.order.size(); ++i) {
    std::string const& unit = i < units.order.size() ? units.order[i].second : one.order[i].second;
    say(chosen, "runtime", std::string(which.name) + "_" + one.order[i].first, unit.c_str(), summarize(one.values[i]),
        one.peer);
  }
}

void bench_row(settings const& chosen, row const& which, peer const* go) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string(),
                    processors = std::to_string(which.processors);
  std::vector<side> sides{{"retake", {}, {}}};
  if (which.connections == 64) sides.push_back({"epoll", {}, {}});
  if (go != nullptr) sides.push_back({"go", {}, {}});
  for (std::uint32_t run = 0; run < runs_per_figure; ++run) {
    for (side& one : sides) {
      std::vector<std::string> names;
      if (which.connections == 0) {
        one.add(one.peer == "go" ? parsed(go->figure(which.name, which.processors), names) : which.ours());
      } else {
        one.add(connections(one.peer == "go"
                                ? go->server(which.processors)
                                : std::vector<std::string>{self, "--serve", one.peer, "--processors", processors},
                            which.connections));
      }
    }
  }
  if (sides.front().order.empty()) {
    say_text(chosen, std::string(which.name) + ": not to be had here: too few descriptors or ports (ulimit -n)");
    return;
  }
  for (side const& one : sides) say_side(chosen, which, one, sides.front());
  for (limit const& l : which.limits) {
    const double mine = sides.front().median(l.what);
    const std::string metric = std::string(which.name) + "_" + l.what;
    if (l.of == nullptr) {
      say_limit(chosen, metric, mine, l.most);
      continue;
    }
    for (side const& one : sides) {
      if (one.peer == l.of && one.median(l.what) > 0)
        say_share(chosen, metric, mine / one.median(l.what), l.least, l.of);
    }
  }
}

}  // namespace

int bench_scale(settings const& chosen, peer const* go) {
  int count = 0;
  for (row const& one : rows()) {
    if (!wanted(chosen, "runtime", one.name)) continue;
    bench_row(chosen, one, go);
    ++count;
  }
  return count;
}

}  // namespace retake::bench
