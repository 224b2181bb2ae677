// busy_programs.cpp NAME [SECONDS]: programs that diagnose_busy_test.py looks at: busy and healthy
// ones, which get no pattern, and one that takes in more than it can do, which gets pattern 2.
//
// A program without an argument prints the names, a line each: NAME and the pattern that it must
// get, 0 for none.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "hammer.hpp"
#include "retake/bounded.hpp"
#include "retake/channel.hpp"
#include "retake/clock.hpp"
#include "retake/context.hpp"
#include "retake/foreign_call.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/go.hpp"
#include "retake/process.hpp"
#include "retake/run.hpp"
#include "retake/signal.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/tcp.hpp"
#include "retake/thread_lock.hpp"
#include "retake/timer.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::busy_ns;
using stress::nap_ns;

constexpr std::int64_t millisecond_ns = 1'000'000;
constexpr std::uint32_t loopback = INADDR_LOOPBACK;

template <class Work>
void crew(std::uint32_t how_many, Work work) {
  for (std::uint32_t i = 0; i < how_many; ++i) {
    go([work] {
      for (;;) work();
    });
  }
}

void foreign_nap() {
  foreign_call([] { nap_ns(5 * millisecond_ns); });
}

// ---- calls -------------------------------------------------------------------------------------

void pool_of_48_locked_workers() {
  static channel<int> jobs(48);
  for (int i = 0; i < 48; ++i) {
    go([] {
      const os_thread_lock own;
      while (jobs.receive()) foreign_nap();
    });
  }
  crew(4, [] { jobs.send(1); });
}

void pool_of_48_locked_workers_that_sleep() {
  for (int i = 0; i < 48; ++i) {
    go([] {
      const os_thread_lock own;
      for (;;) sleep_for(20ms), foreign_nap();
    });
  }
}

void foreign_pool_of_64() {
  static foreign_pool workers(64);
  crew(200, [] { static_cast<void>(workers.call(background(), [] { nap_ns(5 * millisecond_ns); })); });
}

void bounded_by_64() {
  static bounded room(64);
  crew(64, [] { static_cast<void>(room.foreign_call(background(), [] { nap_ns(5 * millisecond_ns); })); });
}

void bounded_by_160_with_a_queue() {
  static bounded room(160);
  crew(400, [] { static_cast<void>(room.syscall_blocking(background(), [] { nap_ns(20 * millisecond_ns); })); });
}

// A bound of the program's own.
void reads_in_turn(semaphore& permits) {
  permits.acquire();
  foreign_call([] { nap_ns(20 * millisecond_ns); });
  permits.release();
}
void semaphore_of_160_with_a_queue() {
  static semaphore permits(160);
  crew(400, [] { reads_in_turn(permits); });
}

void locked_main_thread() {
  go([] {
    const os_thread_lock own;
    for (;;) foreign_nap();
  });
  crew(8, [] { busy_ns(millisecond_ns), sleep_for(1ms); });
}

// ---- computing ---------------------------------------------------------------------------------

// All of it comes at once and is worked off, again and again.
void batches_of_5000() {
  crew(1, [] {
    wait_group done;
    done.add(5'000);
    for (int i = 0; i < 5'000; ++i) go([&] { busy_ns(100'000), done.done(); });
    done.wait();
  });
}

void crowd_of_2000_that_takes_turns() {
  crew(2'000, [] { busy_ns(20'000), yield(); });
}

void contended_mutex() {
  static mutex guard;
  crew(200, [] {
    guard.lock();
    busy_ns(20'000);
    guard.unlock();
  });
}

void pipeline() {
  static channel<int> first(16), second(16);
  crew(20, [] { first.send(1); });
  crew(20, [] { second.send(*first.receive()); });
  crew(20, [] { static_cast<void>(second.receive()), busy_ns(50'000); });
}

void sleepers_3000() {
  crew(3'000, [] { sleep_for(200ms); });
}

// As many as can be done: who makes them waits for a permit.
void short_tasks_bounded_at_the_front() {
  static semaphore permits(64);
  crew(1, [] {
    permits.acquire();
    go([] { busy_ns(200'000), permits.release(); });
  });
}

// ---- input and output --------------------------------------------------------------------------

void serve(tcp_listener& listener, std::int64_t limit_ns) {
  while (result<tcp_stream> peer = listener.accept()) {
    go([limit_ns, connection = std::make_shared<tcp_stream>(std::move(*peer))] {
      std::array<std::byte, 64> buffer;
      for (;;) {
        if (limit_ns != 0) connection->set_read_deadline(deadline_in(std::chrono::nanoseconds(limit_ns)));
        const result<std::size_t> n = connection->read(buffer);
        if (!n || *n == 0) return;
        static_cast<void>(connection->write(std::span(buffer).first(*n)));
      }
    });
  }
}

void connect_clients(std::uint32_t how_many, bool talk, std::int64_t limit_ns, keep_alive const& probes) {
  static result<tcp_listener> listener = tcp_listen(ipv4(loopback, 0), {.probes = probes});
  if (!listener) std::exit(3);
  go([limit_ns] { serve(*listener, limit_ns); });
  static std::vector<tcp_stream> clients;
  for (std::uint32_t i = 0; i < how_many; ++i)
    clients.push_back(std::move(*tcp_connect(ipv4(loopback, listener->port()), {.probes = probes})));
  if (!talk) return;
  for (tcp_stream& one : clients) {
    go([&one] {
      std::array<std::byte, 64> buffer{};
      for (;;) {
        if (!one.write(buffer) || !one.read(buffer)) std::exit(3);
        sleep_for(20ms);
      }
    });
  }
}

void echo_to_300_connections() { connect_clients(300, true, 0, {}); }
void keeps_200_silent_connections_with_deadlines() { connect_clients(200, false, 60'000 * millisecond_ns, {}); }
void keeps_200_silent_connections_with_probes() { connect_clients(200, false, 0, {}); }

void starts_processes() {
  crew(2, [] {
    process_options chosen;
    chosen.arguments = {"/bin/true"};
    result<process> child = spawn(chosen);
    if (child) static_cast<void>(child->wait());
  });
}

void handles_signals() {
  static channel<int> came(8);
  static constexpr std::array numbers{SIGUSR1};
  static_cast<void>(notify(came, numbers));
  crew(1, [] { static_cast<void>(came.receive()); });
  crew(1, [] { ::kill(::getpid(), SIGUSR1), sleep_for(5ms); });
  crew(2, [] { busy_ns(millisecond_ns), sleep_for(1ms); });
}

void dates_its_log() {
  crew(20, [] { static_cast<void>(wall_now()), sleep_for(1ms); });
}

// ---- more comes than can be done ---------------------------------------------------------------

void queue_without_limit_before_a_bound() {
  static bounded room(4);
  crew(1, [] {
    for (int i = 0; i < 100; ++i)
      go([] { static_cast<void>(room.foreign_call(background(), [] { nap_ns(10 * millisecond_ns); })); });
    sleep_for(20ms);
  });
}

// Timers are due at twice the rate at which their functions compute: they stand in the run queues,
// before whatever answers for the process.
void timers_that_compute_more_than_there_is() {
  constexpr std::int64_t each_ns = 250'000;
  for (std::int64_t i = 0; i < 100'000; ++i)
    static_cast<void>(after_func(std::chrono::nanoseconds(i * each_ns), [] { busy_ns(4 * each_ns); }));
}

struct program {
  char const* name;
  int pattern;
  void (*begin)();
};
#define RETAKE_BUSY(pattern, name) \
  { #name, pattern, name }
constexpr program programs[] = {
    RETAKE_BUSY(0, pool_of_48_locked_workers),
    RETAKE_BUSY(0, pool_of_48_locked_workers_that_sleep),
    RETAKE_BUSY(0, foreign_pool_of_64),
    RETAKE_BUSY(0, bounded_by_64),
    RETAKE_BUSY(0, bounded_by_160_with_a_queue),
    RETAKE_BUSY(0, semaphore_of_160_with_a_queue),
    RETAKE_BUSY(0, locked_main_thread),
    RETAKE_BUSY(0, batches_of_5000),
    RETAKE_BUSY(0, crowd_of_2000_that_takes_turns),
    RETAKE_BUSY(0, contended_mutex),
    RETAKE_BUSY(0, pipeline),
    RETAKE_BUSY(0, sleepers_3000),
    RETAKE_BUSY(0, short_tasks_bounded_at_the_front),
    RETAKE_BUSY(0, echo_to_300_connections),
    RETAKE_BUSY(0, keeps_200_silent_connections_with_deadlines),
    RETAKE_BUSY(0, keeps_200_silent_connections_with_probes),
    RETAKE_BUSY(0, starts_processes),
    RETAKE_BUSY(0, handles_signals),
    RETAKE_BUSY(0, dates_its_log),
    RETAKE_BUSY(2, queue_without_limit_before_a_bound),
    RETAKE_BUSY(2, timers_that_compute_more_than_there_is),
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    for (program const& one : programs) fmt::print("{} {}\n", one.name, one.pattern);
    return 0;
  }
  for (program const& one : programs) {
    if (std::string_view(argv[1]) != one.name) continue;
    const std::int64_t seconds = argc > 2 ? std::atoi(argv[2]) : 60;
    options chosen;
    chosen.processors = 2;
    run(chosen, [&] {
      one.begin();
      sleep_for(seconds * 1s);
    });
    std::_Exit(0);
  }
  fmt::print(stderr, "\"{}\" is no program of these\n", argv[1]);
  return 2;
}
