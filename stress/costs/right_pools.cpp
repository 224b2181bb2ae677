// right_pools.cpp: how many calls at a time for work that computes and for work that waits, how many connections to keep, and what a lock of every thread leads to
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

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

using stress::now_ns;

const std::uint32_t cpus = std::max(1u, std::thread::hardware_concurrency());

// ---- so many calls at a time -------------------------------------------------------------------------------------------------------

struct load {
  double per_second = 0, p50_ms = 0, p99_ms = 0, threads = 0;
};

// `callers` at once, of whom `most` may be in the foreign call at a time; p50 and p99 are the calls', from their admission on.
template <class Call>
load bounded_load(std::uint32_t callers, std::uint32_t most, Call call) {
  std::vector<double> took_ms(callers);
  load seen;
  options chosen;
  chosen.processors = cpus;
  run(chosen, [&] {
    bounded calls(most);
    wait_group all;
    all.add(static_cast<std::int32_t>(callers));
    stress::thread_peak threads;
    const std::int64_t began_ns = now_ns();
    for (std::uint32_t i = 0; i < callers; ++i) {
      go([&, i] {
        static_cast<void>(calls.foreign_call(background(), [&] {
          const std::int64_t admitted_ns = now_ns();
          call();
          took_ms[i] = static_cast<double>(now_ns() - admitted_ns) * 1e-6;
        }));
        all.done();
      });
    }
    all.wait();
    seen.per_second = callers / (static_cast<double>(now_ns() - began_ns) * 1e-9);
    seen.threads = static_cast<double>(threads.end());
  });
  seen.p50_ms = stress::share_of(took_ms, 0.5);
  seen.p99_ms = stress::share_of(took_ms, 0.99);
  return seen;
}

constexpr std::int64_t piece_ns = 2'000'000;
void compute() { stress::busy_ns(piece_ns); }
// A third of it computes: NumCPU of them leave the processors idle for two thirds of the time.
void mostly_wait() {
  stress::busy_ns(piece_ns / 4);
  stress::nap_ns(piece_ns / 2);
}

template <class Call>
void tell_sweep(ledger& into, char const* what, Call call) {
  into.text(fmt::format("  {}: at a time, calls a second, p50 and p99 of a call, threads", what));
  for (const std::uint32_t times : {1u, 2u, 4u, 8u}) {
    const load one = bounded_load(60 * cpus, times * cpus, call);
    into.text(fmt::format("  {:>3} x {} processors: {:>6.0f} /s {:>6.1f} ms {:>6.1f} ms {:>4.0f}", times, cpus, one.per_second, one.p50_ms, one.p99_ms, one.threads));
  }
}

// More computations at a time than processors are not sooner through: each takes as much longer as there are more of them.
void pool_for_computing(ledger& into) {
  tell_sweep(into, "calls that compute for 2 ms", compute);
  const auto p50 = [](std::uint32_t times) { return bounded_load(40 * cpus, times * cpus, compute).p50_ms; };
  into.compare({"pool_for_computing", "calls that compute, four for each processor at a time: a call takes (median)", "one for each processor", "ms", 1.5,
                "not when: a call also waits (the next row)"},
               5, [&] { return p50(4); }, [&] { return p50(1); });
}

void pool_for_waiting(ledger& into) {
  tell_sweep(into, "calls that compute for 0.5 ms and wait for 1 ms", mostly_wait);
  const auto each_ms = [](std::uint32_t times) { return 1e3 / bounded_load(60 * cpus, times * cpus, mostly_wait).per_second; };
  into.compare({"pool_for_waiting", "calls that wait for two thirds of their time, one for each processor at a time: a call every", "three for each processor", "ms", 1.2,
                "not when: what they wait for serves no more of them at a time"},
               5, [&] { return each_ms(1); }, [&] { return each_ms(3); });
}

// ---- connections -------------------------------------------------------------------------------------------------------------------

// Keeps so many connections that nobody uses; makes another when there is none. At most `open_most` are open: who finds none free then waits.
class connection_pool {
 public:
  connection_pool(std::uint16_t port, std::size_t idle_most, std::uint32_t open_most) : port_(port), idle_most_(idle_most), turns_(open_most) {}

  template <class Use>
  bool with(Use use) {
    turns_.acquire();
    std::unique_ptr<tcp_stream> one = take();
    if (one == nullptr) {
      if (result<tcp_stream> made = tcp_connect(loopback_address, port_)) one = std::make_unique<tcp_stream>(std::move(*made));
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
            sleep_for_ns(1'000'000);  // the service's own work
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
    seen = {static_cast<double>(pool.opened()), stress::share_of(took_ms, 0.5), stress::share_of(took_ms, 0.99), static_cast<double>(sockets_of(listener->port()))};
    listener->close();
    server.wait();
  });
  return seen;
}

void idle_connections(ledger& into) {
  into.text(fmt::format("  {} bursts of {} requests: connections opened, p50 and p99 of a request, sockets at the end", bursts, callers));
  const auto tell = [&](std::string const& what, traffic const& seen) {
    into.text(fmt::format("  {:<34} {:>4.0f} {:>6.1f} ms {:>6.1f} ms {:>5.0f}", what, seen.opened, seen.p50_ms, seen.p99_ms, seen.sockets));
  };
  tell("no connection is kept", through_pool(0, callers));
  tell("2 are kept", through_pool(2, callers));
  tell("10 are kept", through_pool(10, callers));
  tell("2 at most are open, and both kept", through_pool(2, 2));
  into.compare({"idle_connections", "20 bursts of 10 requests by a pool that keeps 2 connections: connections opened", "that keeps 10", "connections", 2,
                "not when: there are fewer callers than that; a pool needs an age too"},
               3, [] { return through_pool(2, callers).opened; }, [] { return through_pool(10, callers).opened; });
}

void open_connections(ledger& into) {
  into.compare({"open_connections", "20 bursts of 10 requests by a pool of 2 connections at most: a request takes (median)", "of 10 at most", "ms", 2,
                "not when: the server serves no more than 2 at a time: then it is there that they queue"},
               3, [] { return through_pool(10, 2).p50_ms; }, [] { return through_pool(10, 10).p50_ms; });
}

// ---- a lock for everybody ----------------------------------------------------------------------------------------------------------

// A ring of goroutines, each of which waits for the one before it, on one P: the lock of every one of them. What it costs is a thread for each; a deadlock it is not, for a
// locked goroutine that waits holds no P.
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
      while (waiting < members) sleep_for_ns(1'000'000);
      links[0].send(0);
      came_round = came_round && *links[members].receive() == static_cast<int>(members);
      all.wait();
      threads = static_cast<double>(seen.end());
    });
    return threads;
  };
  into.compare({"pinned_ring", "200 goroutines in a ring on one P, each locked to a thread: threads", "not locked", "threads", 10,
                "instead: lock the goroutine whose library asks for it; the threads end in the limit of bug 11"},
               3, [&] { return threads_of_ring(true); }, [&] { return threads_of_ring(false); });
  into.text(came_round ? "\"may deadlock\" does not hold here: each ring came round; a locked goroutine that waits gives its P away" : "a ring did not come round");
}

struct row {
  char const* name;
  void (*measure)(ledger&);
};
constexpr row rows[] = {{"pool_for_computing", pool_for_computing}, {"pool_for_waiting", pool_for_waiting}, {"idle_connections", idle_connections},
                        {"open_connections", open_connections},     {"pinned_ring", pinned_ring}};

}  // namespace

void right_pools(ledger& into) {
  into.heading("The right size");
  for (row const& one : rows) {
    if (into.wanted(one.name)) one.measure(into);
  }
}

}  // namespace retake::costs
