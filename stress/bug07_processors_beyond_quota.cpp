// bug07_processors_beyond_quota.cpp: as many Ps as the machine has CPUs use up the group's quota
// early in each period, and all stand still to its end; Ps from the quota do not
//
// Seed.      Bug 7, "GOMAXPROCS Not Honouring Container Limit": half a core is paid for, the node
//            has 16, the service runs 16 Ps and is throttled; its latency is erratic. (The seed has
//            Go 1.16 honour the quota; 1.25 does, and so does this runtime.)
// Method.    A control group of this program's own with a quota of half the machine and a quarter
//            of a CPU; goroutines serve requests of 2 ms of computing, more than all CPUs can.
//            Buggy: GOMAXPROCS is what the seed's node has, 16, or what this machine has, if that
//            is more. Fixed: the quota, rounded down. Runtime: what this runtime chooses, by Go
//            1.25's rule: rounded up, and at least 2. A rule that rounds up is throttled for its
//            remainder; one that rounds down leaves a part of the quota to nobody. So `runtime` is
//            judged by what it leaves unused and by its Ps, and not by its periods.
// Symptom.   The share of the periods in which the group was throttled, which the kernel counts in
// cpu.stat. Where other programs leave the group less than it would use, nothing is
//            throttled and a part of the quota is unused, whatever the variant does: such a turn
//            counts as disturbed.
// Not shown: where no group can be made, throttling; then what is read from recorded trees of both
// versions (exit code 3).
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "cgroup.hpp"
#include "cpu_group.hpp"
#include "hammer.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "twins.hpp"

namespace {

using namespace retake;
using stress::cpu_group;
using stress::now_ns;
using stress::stage;

constexpr std::int64_t computing_ns = 2'000'000;
constexpr std::int64_t plays_ns = 3'000'000'000;
constexpr std::int64_t look_every_ns = 100'000'000;
constexpr double remainder = 0.25;
constexpr std::uint32_t seeds_node = 16;
constexpr double granted_least = 0.92;  // of the processor time that a variant can use

std::uint32_t machine() { return std::max(1u, std::thread::hardware_concurrency()); }
double quota() { return machine() / 2 + remainder; }
std::uint32_t node() { return std::max(machine(), seeds_node); }

double used_s() {
  rusage all{};
  ::getrusage(RUSAGE_SELF, &all);
  return static_cast<double>(all.ru_utime.tv_sec + all.ru_stime.tv_sec) +
         static_cast<double>(all.ru_utime.tv_usec + all.ru_stime.tv_usec) * 1e-6;
}

// ---- where there is no group -------------------------------------------------------------------

// The files that a container with this quota has, and what is read from them.
double recorded_quota(bool version_2) {
  char name[] = "/tmp/retake_bug07_XXXXXX";
  if (::mkdtemp(name) == nullptr) return 0;
  const std::string root = name;
  const auto put = [&](std::string const& path, std::string const& text) {
    std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  };
  const std::string amount = fmt::format("{:.0f}", quota() * 100'000);
  if (version_2) {
    put("/proc/self/cgroup", "0::/\n");
    put("/proc/self/mountinfo", "31 22 0:27 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n");
    put("/sys/fs/cgroup/cpu.max", amount + " 100000\n");
  } else {
    put("/proc/self/cgroup", "4:cpu,cpuacct:/docker/a\n0::/docker/a\n");
    put("/proc/self/mountinfo",
        "42 30 0:32 /docker/a /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", amount + "\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  }
  const double read = world::detail::cgroup_quota(root).value_or(0);
  std::filesystem::remove_all(root);
  return read;
}

// ---- the service -------------------------------------------------------------------------------

void serve(stage& s, stress::latencies& took) {
  const std::int64_t until_ns = now_ns() + plays_ns;
  wait_group done;
  const std::uint32_t goroutines = 4 * node();
  done.add(static_cast<std::int32_t>(goroutines));
  for (std::uint32_t i = 0; i < goroutines; ++i) {
    go([&] {
      while (now_ns() < until_ns || s.holds()) {
        const std::int64_t began_ns = now_ns();
        stress::busy_ns(computing_ns);
        took.add(now_ns() - began_ns);
        yield();
      }
      done.done();
    });
  }
  done.wait();
}

// What part of the time the group stood still, for each CPU.
void watch(stage& s, cpu_group const& group, std::atomic<bool> const& over) {
  for (cpu_group::counts last = group.read(); !over;) {
    const std::int64_t before_ns = now_ns();
    stress::nap_ns(look_every_ns);
    const cpu_group::counts now = group.read();
    s.level("throttled",
            100 * (now.throttled_ms - last.throttled_ms) * 1e6 / static_cast<double>(now_ns() - before_ns) / machine(),
            "% of the time");
    last = now;
  }
}

enum class chooses { machine, quota, runtime };

void play(stage& s, chooses who) {
  const auto rounded_down = static_cast<std::uint32_t>(std::floor(quota()));
  const double rounded_up = std::max(2.0, std::ceil(quota()));
  s.figure("processors_of_machine", machine(), "CPUs");
  s.given("quota", quota(), "CPUs");
  s.given("quota_rounded_up", rounded_up, "CPUs");
  s.given("quota_remainder", remainder, "CPUs");
  if (machine() < 2) s.cannot("a second CPU: no quota of one can be below the Ps and let one of them run freely");
  std::string why;
  const std::optional<cpu_group> group = cpu_group::make(s, quota(), why);
  if (!group) {
    s.figure("quota_read_version_1", recorded_quota(false), "CPUs");
    s.figure("quota_read_version_2", recorded_quota(true), "CPUs");
    s.cannot(fmt::format("throttling, for want of a control group ({})", why));
  }
  s.note("group", group->directory());
  options chosen;
  chosen.processors = who == chooses::machine ? node() : who == chooses::quota ? rounded_down : 0;
  run(chosen, [&] {
    s.figure("processors", processors(), "Ps");
    std::atomic<bool> over{false};
    std::thread watcher([&] { watch(s, *group, over); });
    stress::latencies took(s);
    const cpu_group::counts before = group->read();
    s.phase("serves");
    const double used_before_s = used_s();
    const std::int64_t began_ns = now_ns();
    serve(s, took);
    const double used = (used_s() - used_before_s) / (static_cast<double>(now_ns() - began_ns) * 1e-9);
    const cpu_group::counts after = group->read();
    over = true;
    watcher.join();
    const double usable = std::min({quota(), static_cast<double>(processors()), static_cast<double>(machine())});
    if (used < granted_least * usable)
      s.disturbed(fmt::format("other programs left the group {:.2f} CPUs of the {:.2f} that it can use", used, usable));
    s.figure("used", used, "CPUs");
    s.figure("quota_unused", std::max(0.0, quota() - used), "CPUs");
    s.figure("periods", static_cast<double>(after.periods - before.periods), "periods");
    s.figure("periods_throttled", static_cast<double>(after.throttled - before.throttled), "periods");
    s.figure("throttled_time", after.throttled_ms - before.throttled_ms, "ms, of all CPUs");
    s.figure("latency_p50", took.percentile_ms(0.5), "ms");
    s.figure("latency_p99", took.percentile_ms(0.99), "ms");
    s.figure("served", static_cast<double>(took.count()), "requests");
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_bug({.number = 7,
                          .name = "bug07_processors_beyond_quota",
                          .title = "more Ps than the control group's CPU quota: throttled in every period",
                          .variants = {{"buggy", "GOMAXPROCS is the number of CPUs of the node",
                                        [](stage& s) { play(s, chooses::machine); }},
                                       {"fixed", "GOMAXPROCS is the quota, rounded down",
                                        [](stage& s) { play(s, chooses::quota); }},
                                       {"runtime", "this runtime's choice: the quota, rounded up, at least 2",
                                        [](stage& s) { play(s, chooses::runtime); }}},
                          .measures = {{.name = "periods that are throttled",
                                        .figure = "periods_throttled",
                                        .baseline = "periods",
                                        .from = 0.4,
                                        .twins = 4},
                                       {.name = "Ps, of what the quota can use",
                                        .figure = "processors",
                                        .baseline = "quota_rounded_up",
                                        .from = 1.5,
                                        .fixed = "runtime"},
                                       {.name = "of the quota's remainder, left unused",
                                        .figure = "quota_unused",
                                        .baseline = "quota_remainder",
                                        .from = 0.6,
                                        .buggy = "fixed",
                                        .fixed = "runtime"}},
                          .looks = {{"RETAKE_DEBUG=gomaxprocs=1 ./retake bug 7 --variant buggy",
                                     "how many Ps there are, and what affinity and cgroup allow",
                                     R"(gomaxprocs=\d+; affinity and cgroup allow \d)"}},
                          .seed = {{"processors_of_machine", "16"},
                                   {"processors", "16"},
                                   {"quota", "0.5"},
                                   {"used", "8"},
                                   {"latency_p99", "erratic"}},
                          .explained = {{"runtime/world/os/cgroup.hpp", "cgroup_quota",
                                         "the strictest quota on the way up, of both versions"},
                                        {"runtime/sched/resize.cpp", "processors_allowed",
                                         "the number of Ps when the program names none; asked again each second"}},
                          .pattern = "6",
                          .pictures = {"throttled", "latency"},
                          .leaves_directories = true},
                         argc, argv);
}
