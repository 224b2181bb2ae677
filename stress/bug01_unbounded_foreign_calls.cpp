// bug01_unbounded_foreign_calls.cpp: a service whose every request makes a foreign call of its own has as many threads as requests; a semaphore bounds them
//
// Seed.      Bug 1, "Unbounded Cgo Concurrency": an image service; under a burst its threads climb from about 20 to hundreds in seconds.
// Method.    Requests trickle in, then a burst of them comes; each is a goroutine that reads its image, calls the library (a foreign call of about 50 ms,
//            most of it waiting for a device) and answers. Buggy: that is all. Fixed: a buffered channel of 32 admits so many calls at a time.
//            A sampler reads the kernel's count of threads and the runtime's of Ms.
// Symptom.   The greatest number of threads. The price of the fix is shown too: who waits for admission waits longer.
#include <fmt/format.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hammer.hpp"
#include "retake/channel.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/profile.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "sched/scheduler.hpp"

namespace {

using namespace retake;
using nlohmann::json;
using stress::nap_ns;
using stress::now_ns;

constexpr std::uint32_t admitted_max = 32;
constexpr std::uint32_t few = 8;                    // threads beside admitted calls and Ps: main's, sysmon's, those on their way to sleep
constexpr std::uint32_t trickle_requests = 30;
constexpr std::int64_t trickle_every_ns = 10'000'000;
constexpr std::int64_t device_ns = 50'000'000;
constexpr std::int64_t computing_ns = 200'000;
constexpr std::int64_t sample_every_ns = 2'000'000;
constexpr std::int64_t quiet_after_ns = 300'000'000;

struct settings {
  std::string variant = "both";
  std::uint32_t requests = 400;
  std::uint64_t seed = 1;
  bool as_json = false;
  std::string profile;
};

// A figure of /proc/self/status.
std::uint64_t status_figure(std::string const& name) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name + ":")) return std::stoull(line.substr(name.size() + 1));
  }
  return 0;
}

std::uint32_t machines_now() {
  scheduler& s = this_machine()->home;
  const locked hold(s.lock);
  return s.machine_count.get();
}

// The library: decodes, scales, waits for its device.
std::uint32_t process_image(std::vector<std::uint8_t> const& image) {
  std::uint32_t sum = 0;
  const std::int64_t until_ns = now_ns() + computing_ns;
  while (now_ns() < until_ns) {
    for (std::uint8_t const pixel : image) sum = sum * 31 + pixel;
  }
  nap_ns(device_ns);
  return sum;
}

struct service {
  explicit service(bool bounds_calls) : bounded(bounds_calls), admission(admitted_max) {}

  bool const bounded;
  channel<char> admission;
  wait_group in_flight;
  mutex results;
  std::vector<std::int64_t> latencies_ns;

  void handle(std::int64_t arrived_ns, std::uint64_t body_seed) {
    std::vector<std::uint8_t> body(4096);
    stress::dice d(body_seed);
    for (std::uint8_t& pixel : body) pixel = static_cast<std::uint8_t>(d.next());
    if (bounded) admission.send(0);
    static_cast<void>(foreign_call([&body] { return process_image(body); }));
    if (bounded) static_cast<void>(admission.receive());
    const std::int64_t took_ns = now_ns() - arrived_ns;
    results.lock();
    latencies_ns.push_back(took_ns);
    results.unlock();
    in_flight.done();
  }

  void arrive(std::uint64_t body_seed) {
    in_flight.add(1);
    go([this, arrived_ns = now_ns(), body_seed] { handle(arrived_ns, body_seed); });
  }
};

struct figures {
  std::uint64_t threads_before = 0, threads_peak = 0, machines_peak = 0, threads_after = 0, memory_peak_kb = 0;
  double p50_ms = 0, p99_ms = 0, trickle_p99_ms = 0, seconds = 0;
  std::uint32_t processors = 0;
};

double percentile_ms(std::vector<std::int64_t> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return static_cast<double>(values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))]) * 1e-6;
}

figures serve(bool bounded, settings const& chosen) {
  figures seen;
  run([&] {
    seen.processors = this_machine()->home.processors.count();
    service s(bounded);
    stress::dice bodies(chosen.seed);
    for (std::uint32_t i = 0; i < trickle_requests; ++i) {
      s.arrive(bodies.next());
      sleep_for_ns(trickle_every_ns);
    }
    s.in_flight.wait();
    seen.threads_before = status_figure("Threads");
    seen.trickle_p99_ms = percentile_ms(s.latencies_ns, 0.99);
    s.latencies_ns.clear();

    std::atomic<bool> over{false};
    wait_group sampler;
    sampler.add(1);
    go([&] {
      while (!over) {
        seen.threads_peak = std::max(seen.threads_peak, status_figure("Threads"));
        seen.machines_peak = std::max(seen.machines_peak, std::uint64_t{machines_now()});
        sleep_for_ns(sample_every_ns);
      }
      sampler.done();
    });
    const std::int64_t began_ns = now_ns();
    for (std::uint32_t i = 0; i < chosen.requests; ++i) {
      s.arrive(bodies.next());
      if (i % 16 == 15) yield();
    }
    s.in_flight.wait();
    seen.seconds = static_cast<double>(now_ns() - began_ns) * 1e-9;
    over = true;
    sampler.wait();
    seen.p50_ms = percentile_ms(s.latencies_ns, 0.5);
    seen.p99_ms = percentile_ms(s.latencies_ns, 0.99);
    sleep_for_ns(quiet_after_ns);
    seen.threads_after = status_figure("Threads");
    seen.memory_peak_kb = status_figure("VmHWM");
    if (!chosen.profile.empty()) std::ofstream(chosen.profile, std::ios::binary) << threadcreate_pprof();
  });
  return seen;
}

json figure(double value, char const* unit) { return {{"value", value}, {"unit", unit}}; }
json figure(std::uint64_t value, char const* unit) { return {{"value", value}, {"unit", unit}}; }

// Exit code of one variant.
int show(char const* variant, bool bounded, settings const& chosen) {
  const figures seen = serve(bounded, chosen);
  const std::uint64_t bound = admitted_max + seen.processors + few;
  const bool reproduced = seen.threads_peak > bound;
  if (chosen.as_json) {
    const json line{{"kind", "bug"},
                    {"name", "bug01_unbounded_foreign_calls"},
                    {"bug", 1},
                    {"variant", variant},
                    {"reproduced", reproduced},
                    {"symptom",
                     {{"threads_peak", figure(seen.threads_peak, "threads")},
                      {"machines_peak", figure(seen.machines_peak, "Ms")},
                      {"threads_allowed", figure(bound, "threads")},
                      {"latency_p50", figure(seen.p50_ms, "ms")},
                      {"latency_p99", figure(seen.p99_ms, "ms")},
                      {"threads_after", figure(seen.threads_after, "threads")},
                      {"memory_peak", figure(seen.memory_peak_kb, "kB")},
                      {"burst", figure(std::uint64_t{chosen.requests}, "requests")},
                      {"burst_served_in", figure(seen.seconds, "s")}}},
                    {"baseline", {{"threads", figure(seen.threads_before, "threads")}, {"latency_p99", figure(seen.trickle_p99_ms, "ms")}}}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("bug 1, unbounded foreign calls, {}: a burst of {} requests, each with a foreign call of 50 ms, on {} Ps\n", variant, chosen.requests, seen.processors);
    fmt::print("  threads   {} before the burst, {} at its peak ({} Ms), {} afterwards; allowed: {} ({} calls + {} Ps + {})\n", seen.threads_before, seen.threads_peak,
               seen.machines_peak, seen.threads_after, bound, admitted_max, seen.processors, few);
    fmt::print("  latency   {:.0f} ms p99 before the burst; in it {:.0f} ms p50, {:.0f} ms p99; served in {:.2f} s\n", seen.trickle_p99_ms, seen.p50_ms, seen.p99_ms, seen.seconds);
    fmt::print("  {}\n", reproduced ? "the symptom shows: the threads climb with the requests" : "no symptom: the threads are bounded");
  }
  std::fflush(stdout);
  return reproduced == !bounded ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  CLI::App app{"Threads climb with requests: foreign calls without a bound, and with one"};
  app.add_option("--variant", chosen.variant, "buggy, fixed or both")->check(CLI::IsMember({"buggy", "fixed", "both"}));
  app.add_option("--requests", chosen.requests, "in the burst")->check(CLI::Range(100, 5'000));
  app.add_option("--seed", chosen.seed, "what the images are made of");
  app.add_flag("--json", chosen.as_json, "JSON lines");
  app.add_option("--profile", chosen.profile, "a file for the profile threadcreate: go tool pprof -top FILE");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "bug 1: {}\n", e.what());
    return 2;
  }
  int code = 0;
  if (chosen.variant != "fixed") code = std::max(code, show("buggy", false, chosen));
  if (chosen.variant != "buggy") code = std::max(code, show("fixed", true, chosen));
  return code;
}
