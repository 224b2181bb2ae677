// task02_poller_against_blocking.cpp: 5,000 connections cost no thread, 100 cached reads cost none
// either, 100 opens that block cost 100
//
// Seed.      Exercise 2, "Demonstrate Netpoller vs Blocking Path": 5,000 connections give 10 to 15
//            threads, 100 file reads 30 to 60.
// Method.    As there, with 4 Ps: connections whose server waits in read while their clients sleep;
//            then 100 goroutines that read a small file, which memory holds; then 100 that open a
//            FIFO which nobody writes to. The seed's 100 reads are the second row, and the thread
//            counts it hopes for are the third's: a read that memory answers is over before the
//            monitor looks.
// Twin.      The server's reads are system calls that block their threads, around the poller.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>

#include "blocked_opens.hpp"
#include "observed.hpp"
#include "retake/file.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/tcp.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::worksheet;

constexpr std::uint32_t connections_wanted = 5'000, connections_of_twin = 300;
constexpr std::uint32_t readers = 100;
constexpr std::uint32_t dialers = 64;  // at a time: what waits to be accepted is bounded
constexpr std::uint32_t descriptors_beside = 100;
constexpr auto hold = 300ms;
constexpr std::uint32_t few = 10;

// As many connections as there are descriptors for, both ends of each.
std::uint32_t connections_possible() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const auto most = static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, 1'000'000));
  return most > descriptors_beside ? std::min(connections_wanted, (most - descriptors_beside) / 2) : 0;
}

// One end: reads until the other end closes.
void discard(tcp_stream& from, bool around_the_poller) {
  std::array<std::byte, 512> room;
  for (;;) {
    if (!around_the_poller) {
      const result<std::size_t> n = from.read(room);
      if (!n || *n == 0) return;
      continue;
    }
    const int fd = from.descriptor();
    const ssize_t n = retake::syscall([fd] {
      char byte = 0;
      timeval patience{5, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
      ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
      return ::recv(fd, &byte, 1, 0);
    });
    if (n <= 0) return;
  }
}

struct network_figures {
  std::uint64_t threads = 0, goroutines = 0;
  std::uint32_t open = 0;
};

network_figures network(std::uint32_t count, bool around_the_poller) {
  network_figures seen;
  result<tcp_listener> listener = tcp_listen(loopback_address, 0);
  if (!listener) return seen;
  wait_group servers, clients;
  servers.add(1);
  go([&] {
    while (result<tcp_stream> next = listener->accept()) {
      servers.add(1);
      go([&, connection = std::make_shared<tcp_stream>(std::move(*next))] {
        discard(*connection, around_the_poller);
        servers.done();
      });
    }
    servers.done();
  });
  stress::thread_peak threads;
  semaphore dialing(dialers);
  std::atomic<std::uint32_t> open{0};
  wait_group all_open;
  all_open.add(static_cast<std::int32_t>(count));
  clients.add(static_cast<std::int32_t>(count));
  for (std::uint32_t i = 0; i < count; ++i) {
    go([&, port = listener->port()] {
      dialing.acquire();
      const result<tcp_stream> connection = tcp_connect(loopback_address, port);
      dialing.release();
      if (connection) open.fetch_add(1);
      all_open.done();
      all_open.wait();
      sleep_for(hold);
      clients.done();
    });
  }
  all_open.wait();
  sleep_for(hold / 2);
  seen.goroutines = goroutine_count();
  seen.open = open;
  clients.wait();
  seen.threads = threads.end();
  listener->close();
  servers.wait();
  return seen;
}

std::uint64_t cached_reads() {
  stress::thread_peak threads;
  wait_group all;
  all.add(readers);
  for (std::uint32_t i = 0; i < readers; ++i) {
    go([&all] {
      std::array<std::byte, 256> room;
      if (result<file> opened = open_file("/proc/self/exe", open_mode::read))
        static_cast<void>(opened->read_at(room, 0));
      sleep_for(hold);
      all.done();
    });
  }
  all.wait();
  return threads.end();
}

std::uint64_t blocking_opens() {
  stress::blocked_opens fifo;
  stress::thread_peak threads;
  wait_group all;
  all.add(readers);
  for (std::uint32_t i = 0; i < readers; ++i) {
    go([&] {
      static_cast<void>(open_file(fifo.path(), open_mode::read));
      all.done();
    });
  }
  // Until all of them sit in the kernel, or for a second.
  for (int i = 0; i < 100 && stress::kernel_threads() < readers; ++i) sleep_for(10ms);
  sleep_for(hold / 3);
  fifo.let_go();
  all.wait();
  return threads.end();
}

void compare(worksheet& out) {
  const std::uint32_t count = out.broken() ? connections_of_twin : connections_possible();
  if (!out.broken() && count < connections_wanted)
    out.lacks(fmt::format("{} connections need {} descriptors, and there are enough for {} (ulimit -Hn)",
                          connections_wanted, 2 * connections_wanted + descriptors_beside, count));
  options chosen;
  chosen.processors = 4;
  run(chosen, [&] {
    sleep_for(20ms);
    const auto baseline = static_cast<double>(stress::kernel_threads());
    out.row("threads_baseline", "baseline", "about 6", baseline, "threads");
    const network_figures sockets = network(count, out.broken());
    const auto network_threads = static_cast<double>(sockets.threads);
    out.row("connections", "connections open at once", "5000", sockets.open, "connections");
    out.row("goroutines_network", "goroutines meanwhile, both ends", "", static_cast<double>(sockets.goroutines),
            "goroutines");
    out.row("threads_network", fmt::format("network, {} connections", sockets.open), "10 to 15", network_threads,
            "threads");
    const auto after_network = static_cast<double>(stress::kernel_threads());
    out.row("threads_after_network", "after the network", "", after_network, "threads");
    const auto cached = static_cast<double>(cached_reads());
    out.row("threads_cached_reads", fmt::format("{} reads of a file that memory holds", readers), "30 to 60", cached,
            "threads");
    const auto blocked = static_cast<double>(blocking_opens());
    out.row("threads_blocking_opens", fmt::format("{} opens that block", readers), "(the figure meant)", blocked,
            "threads");
    out.row("threads_after_files", "after the files", "", static_cast<double>(stress::kernel_threads()), "threads");

    out.at_least("connections that stood at once, of those tried", sockets.open, count);
    out.at_most(fmt::format("threads that {} connections cost", sockets.open), network_threads - baseline, few);
    out.at_most("threads that cached reads cost", cached - after_network, readers * 0.2);
    out.at_least("threads that blocking opens cost", blocked - after_network, readers * 0.9);
    const double per_connection = (network_threads - baseline) / sockets.open,
                 per_open = (blocked - after_network) / readers;
    out.answer("Why such a big difference for 50 times fewer operations?",
               fmt::format("An open that blocks cost {:.2f} threads, a connection {:.4f}. The file reads as the seed "
                           "has them cost {:.0f}.",
                           per_open, per_connection, cached - after_network),
               "A connection's goroutine is parked in the poller's table, and one thread waits for all of them. It is "
               "not files that hold threads, but calls that stay in the kernel.");
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({2,
                               "task02_poller_against_blocking",
                               "network waits hold no thread, calls that block hold one each",
                               "300 connections are read around the poller",
                               compare,
                               nullptr,
                               {{"runtime/poll/poller.cpp", "commit_wait",
                                 "the goroutine is parked in its descriptor's entry: no thread waits"},
                                {"runtime/poll/poller.cpp", "collect",
                                 "one epoll_wait finds whose descriptors are ready"},
                                {"runtime/syscall/syscall.cpp", "enter_syscall",
                                 "the call leaves its P behind, in state Syscall, and keeps its thread"},
                                {"runtime/sched/machines.cpp", "handoff",
                                 "the P goes to another thread, a new one if none is idle"}}},
                              argc, argv);
}
