// right_pools.cpp: how many calls at a time for work that computes, that waits, and for a disk; how
// many connections to keep; what a lock of every thread leads to
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bounded_load.hpp"
#include "ledger.hpp"
#include "observed.hpp"
#include "retake/bounded.hpp"
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/tcp.hpp"
#include "retake/thread_lock.hpp"

namespace retake::costs {

namespace {

using namespace std::chrono_literals;

using stress::now_ns;

const std::uint32_t cpus = std::max(1u, std::thread::hardware_concurrency());

// ---- so many calls at a time -------------------------------------------------------------------

// A computation takes the processor's time, whatever the clock says; several of the kernel's
// slices.
void compute_for(std::int64_t cpu_ns) {
  const auto used_ns = [] {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
  };
  const std::int64_t until_ns = used_ns() + cpu_ns;
  while (used_ns() < until_ns) {}
}
constexpr std::int64_t computation_ns = 20'000'000;
void compute() { compute_for(computation_ns); }
// A third of it computes: NumCPU of them leave the processors idle for two thirds of the time.
void mostly_wait() {
  compute_for(500'000);
  stress::nap_ns(1'000'000);
}

template <class Call>
void tell_sweep(ledger& into, char const* what, std::uint32_t callers, Call call) {
  into.text(fmt::format("  {}: at a time, calls a second, p50 and p99 of a call, threads that they cost", what));
  for (const std::uint32_t times : {1u, 2u, 4u, 8u}) {
    const load one = bounded_load(cpus, callers, times * cpus, call);
    into.text(fmt::format("  {:>3} x {} processors: {:>6.0f} /s {:>6.1f} ms {:>6.1f} ms {:>4.0f}", times, cpus,
                          one.per_second, one.p50_ms, one.p99_ms, one.threads));
  }
}

// More computations at a time than processors are not sooner through: each takes as much longer as
// there are more of them.
void pool_for_computing(ledger& into) {
  tell_sweep(into, "calls that compute for 20 ms", 24 * cpus, compute);
  const auto p50 = [](std::uint32_t times) { return bounded_load(cpus, 24 * cpus, times * cpus, compute).p50_ms; };
  into.compare(
      {"pool_for_computing", "calls that compute, four for each processor at a time: a call takes (median)",
       "one for each processor", "ms", 1.5, "not when: a call also waits (the next row)"},
      5, [&] { return p50(4); }, [&] { return p50(1); });
}

void pool_for_waiting(ledger& into) {
  tell_sweep(into, "calls that compute for 0.5 ms and wait for 1 ms", 60 * cpus, mostly_wait);
  const auto each_ms = [](std::uint32_t times) {
    return 1e3 / bounded_load(cpus, 60 * cpus, times * cpus, mostly_wait).per_second;
  };
  into.compare(
      {"pool_for_waiting",
       "calls that wait for two thirds of their time, one for each processor at a time: a call every",
       "three for each processor", "ms", 1.2, "not when: what they wait for serves no more of them at a time"},
      5, [&] { return each_ms(1); }, [&] { return each_ms(3); });
}

// ---- a disk ------------------------------------------------------------------------------------

// What the kernel counts of the block device that a file lies on: the line of /proc/diskstats that
// iostat reads.
struct device_counts {
  bool told = false;
  double reads = 0, queued_ms = 0;  // the latter: in the queue or with the device, summed over the requests
};
device_counts counts_of_device(int fd) {
  struct stat what {};
  if (::fstat(fd, &what) != 0) return {};
  std::ifstream in("/proc/diskstats");
  for (std::string text; std::getline(in, text);) {
    std::istringstream line(text);
    unsigned of_kind = 0, number = 0;
    std::string name;
    std::array<double, 11> counted{};
    line >> of_kind >> number >> name;
    for (double& one : counted) line >> one;
    if (line && of_kind == major(what.st_dev) && number == minor(what.st_dev)) return {true, counted[0], counted[10]};
  }
  return {};
}

double context_switches() {
  std::ifstream in("/proc/stat");
  for (std::string name; in >> name;) {
    double value = 0;
    if (name == "ctxt" && in >> value) return value;
  }
  return 0;
}

struct disk_load {
  double queue = 0, reads = 0, switches = 0;  // iostat's aqu-sz; vmstat's cs
};

constexpr std::uint32_t disk_readers = 64;
constexpr std::size_t disk_bytes = 32 << 20, sector_bytes = 4'096;

// Readers past the page cache, of which `most` may be in their read at a time.
disk_load read_disk(int fd, std::uint32_t most) {
  constexpr std::int64_t long_ns = 300'000'000;
  disk_load seen;
  options chosen;
  chosen.processors = 4;
  run(chosen, [&] {
    bounded turns(most);
    wait_group all;
    all.add(disk_readers);
    const device_counts before = counts_of_device(fd);
    const double switches_before = context_switches();
    const std::int64_t began_ns = now_ns(), until_ns = began_ns + long_ns;
    for (std::uint32_t i = 0; i < disk_readers; ++i) {
      go([&, i] {
        stress::dice dice(i);
        while (now_ns() < until_ns) {
          static_cast<void>(turns.syscall_blocking(background(), [&] {
            alignas(sector_bytes) static thread_local std::array<char, sector_bytes> room;
            const auto sector = dice.below(static_cast<std::uint32_t>(disk_bytes / sector_bytes));
            stress::keep(
                ::pread(fd, room.data(), room.size(), static_cast<off_t>(sector) * static_cast<off_t>(sector_bytes)));
          }));
        }
        all.done();
      });
    }
    all.wait();
    const double took_ms = static_cast<double>(now_ns() - began_ns) * 1e-6;
    const device_counts after = counts_of_device(fd);
    seen = {(after.queued_ms - before.queued_ms) / took_ms, (after.reads - before.reads) / took_ms * 1e3,
            (context_switches() - switches_before) / took_ms * 1e3};
  });
  return seen;
}

// A file on a block device, or -1.
int file_on_disk() {
  for (std::string const folder : {"/tmp", "/var/tmp", "."}) {
    std::string name = folder + "/retake-costs-XXXXXX";
    const int made = ::mkstemp(name.data());
    if (made < 0) continue;
    const std::vector<char> content(disk_bytes, 'd');
    const bool whole =
        ::pwrite(made, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()) && ::fsync(made) == 0;
    const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
    ::unlink(name.c_str());
    ::close(made);
    if (whole && fd >= 0 && counts_of_device(fd).told) return fd;
    if (fd >= 0) ::close(fd);
  }
  return -1;
}

void disk_queue(ledger& into) {
  const int fd = file_on_disk();
  if (fd < 0)
    return into.text(
        "disk_queue: not shown here: no folder for a file lies on a block device that /proc/diskstats tells of");
  std::vector<disk_load> seen;
  const auto queue = [&](std::uint32_t most) {
    seen.push_back(read_disk(fd, most));
    return std::max(0.01, seen.back().queue);
  };
  into.compare(
      {"disk_queue", "64 readers of a real disk, past the page cache: its queue, as iostat says it (aqu-sz)",
       "the same, four at a time", "requests", 2,
       "not when: the disk serves that many at a time; the reads a second say so"},
      3, [&] { return queue(disk_readers); }, [&] { return queue(4); });
  for (std::size_t i = seen.size() - 2; i < seen.size(); ++i) {
    into.text(fmt::format("{}: queue {:.1f}, {:.0f} reads a second, {:.0f} context switches a second (vmstat's cs)",
                          i % 2 == 0 ? "all at once" : "four at a time", seen[i].queue, seen[i].reads,
                          seen[i].switches));
  }
  ::close(fd);
}

// ---- connections -------------------------------------------------------------------------------

// Keeps so many connections that nobody uses; makes another when there is none. At most `open_most`
// are open: who finds none free then waits.
class connection_pool {
 public:
  connection_pool(std::uint16_t port, std::size_t idle_most, std::uint32_t open_most)
      : port_(port), idle_most_(idle_most), turns_(open_most) {}

  template <class Use>
  bool with(Use use) {
    turns_.acquire();
    std::unique_ptr<tcp_stream> one = take();
    if (one == nullptr) {
      if (result<tcp_stream> made = tcp_connect(loopback_address, port_))
        one = std::make_unique<tcp_stream>(std::move(*made));
      ++opened_;
    }
    const bool good = one != nullptr && use(*one);
    if (good) give_back(std::move(one));
    turns_.release();
    return good;
  }
  [[nodiscard]] std::uint32_t opened() const noexcept { return opened_; }

 private:
  std::unique_ptr<tcp_stream> take() {
    const std::lock_guard hold(guard_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<tcp_stream> one = std::move(idle_.back());
    idle_.pop_back();
    return one;
  }
  void give_back(std::unique_ptr<tcp_stream> one) {
    const std::lock_guard hold(guard_);
    if (idle_.size() < idle_most_) idle_.push_back(std::move(one));
  }

  std::uint16_t const port_;
  std::size_t const idle_most_;
  semaphore turns_;
  mutex guard_;
  std::vector<std::unique_ptr<tcp_stream>> idle_;
  std::atomic<std::uint32_t> opened_{0};
};

// Sockets of this port that the kernel has, in whatever state: what netstat -ant would show.
std::uint32_t sockets_of(std::uint16_t port) {
  const std::string local = fmt::format(":{:04X} ", port);
  std::uint32_t count = 0;
  std::ifstream in("/proc/self/net/tcp");
  for (std::string line; std::getline(in, line);) count += line.find(local) != std::string::npos ? 1 : 0;
  return count;
}

struct traffic {
  double opened = 0, p50_ms = 0, p99_ms = 0, sockets = 0;
};

constexpr std::uint32_t callers = 10, bursts = 20;

traffic through_pool(std::size_t idle_most, std::uint32_t open_most) {
  traffic seen;
  options chosen;
  chosen.processors = 2;
  run(chosen, [&] {
    result<tcp_listener> listener = tcp_listen(loopback_address, 0);
    if (!listener) return;
    wait_group server;
    server.add(1);
    go([&] {
      while (result<tcp_stream> next = listener->accept()) {
        go([connection = std::make_shared<tcp_stream>(std::move(*next))] {
          std::array<std::byte, 64> room;
          for (;;) {
            const result<std::size_t> n = connection->read(room);
            if (!n || *n == 0) return;
            sleep_for(1ms);  // the service's own work
            if (!connection->write(std::span(room).first(*n))) return;
          }
        });
      }
      server.done();
    });
    connection_pool pool(listener->port(), idle_most, open_most);
    std::vector<double> took_ms(callers * bursts);
    for (std::uint32_t k = 0; k < bursts; ++k) {
      wait_group all;
      all.add(callers);
      for (std::uint32_t i = 0; i < callers; ++i) {
        go([&, i] {
          const std::int64_t asked_ns = now_ns();
          const bool answered = pool.with([](tcp_stream& over) {
            std::array<std::byte, 32> message{};
            return over.write(message) && over.read(message);
          });
          took_ms[k * callers + i] = answered ? static_cast<double>(now_ns() - asked_ns) * 1e-6 : 1e6;
          all.done();
        });
      }
      all.wait();
    }
    seen = {static_cast<double>(pool.opened()), stress::share_of(took_ms, 0.5), stress::share_of(took_ms, 0.99),
            static_cast<double>(sockets_of(listener->port()))};
    listener->close();
    server.wait();
  });
  return seen;
}

void idle_connections(ledger& into) {
  into.text(fmt::format("  {} bursts of {} requests: connections opened, p50 and p99 of a request, sockets at the end",
                        bursts, callers));
  const auto tell = [&](std::string const& what, traffic const& seen) {
    into.text(fmt::format("  {:<34} {:>4.0f} {:>6.1f} ms {:>6.1f} ms {:>5.0f}", what, seen.opened, seen.p50_ms,
                          seen.p99_ms, seen.sockets));
  };
  tell("no connection is kept", through_pool(0, callers));
  tell("2 are kept", through_pool(2, callers));
  tell("10 are kept", through_pool(10, callers));
  tell("2 at most are open, and both kept", through_pool(2, 2));
  into.compare(
      {"idle_connections", "20 bursts of 10 requests by a pool that keeps 2 connections: connections opened",
       "that keeps 10", "connections", 2, "not when: there are fewer callers than that; a pool needs an age too"},
      3, [] { return through_pool(2, callers).opened; }, [] { return through_pool(10, callers).opened; });
}

void open_connections(ledger& into) {
  into.compare(
      {"open_connections", "20 bursts of 10 requests by a pool of 2 connections at most: a request takes (median)",
       "of 10 at most", "ms", 2,
       "not when: the server serves no more than 2 at a time: then it is there that they queue"},
      3, [] { return through_pool(10, 2).p50_ms; }, [] { return through_pool(10, 10).p50_ms; });
}

// ---- a lock for everybody ----------------------------------------------------------------------

// A ring of goroutines, each of which waits for the one before it, on one P: the lock of every one
// of them. What it costs is a thread for each; a deadlock it is not, for a locked goroutine that
// waits holds no P.
void pinned_ring(ledger& into) {
  constexpr std::uint32_t members = 200;
  bool came_round = true;
  const auto threads_of_ring = [&](bool locks) {
    double threads = 0;
    options chosen;
    chosen.processors = 1;
    run(chosen, [&] {
      std::vector<channel<int>> links(members + 1);
      wait_group all;
      all.add(members);
      std::atomic<std::uint32_t> waiting{0};
      stress::thread_peak seen;
      for (std::uint32_t i = 0; i < members; ++i) {
        go([&, i] {
          if (locks) lock_os_thread();
          ++waiting;
          if (auto const value = links[i].receive()) links[i + 1].send(*value + 1);
          if (locks) unlock_os_thread();
          all.done();
        });
      }
      while (waiting < members) sleep_for(1ms);
      links[0].send(0);
      came_round = came_round && *links[members].receive() == static_cast<int>(members);
      all.wait();
      threads = static_cast<double>(seen.end());
    });
    return threads;
  };
  into.compare(
      {"pinned_ring", "200 goroutines in a ring on one P, each locked to a thread: threads", "not locked", "threads",
       10, "instead: lock the goroutine whose library asks for it; the threads end in the limit of bug 11"},
      3, [&] { return threads_of_ring(true); }, [&] { return threads_of_ring(false); });
  into.text(
      came_round
          ? "\"may deadlock\" does not hold here: each ring came round; a locked goroutine that waits gives its P away"
          : "a ring did not come round");
}

struct row {
  char const* name;
  void (*measure)(ledger&);
};
constexpr row rows[] = {{"pool_for_computing", pool_for_computing},
                        {"pool_for_waiting", pool_for_waiting},
                        {"disk_queue", disk_queue},
                        {"idle_connections", idle_connections},
                        {"open_connections", open_connections},
                        {"pinned_ring", pinned_ring}};

}  // namespace

void right_pools(ledger& into) {
  into.heading("The right size");
  for (row const& one : rows) {
    if (into.wanted(one.name)) one.measure(into);
  }
}

}  // namespace retake::costs
