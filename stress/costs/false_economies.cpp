// false_economies.cpp: seven changes that are made in the hope of speed, each beside what it
// replaced: `before` is the change, `after` what it was better to leave
#include <fmt/format.h>
#include <malloc.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "ledger.hpp"
#include "observed.hpp"
#include "retake/channel.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/policy.hpp"
#include "retake/run.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"
#include "retake/unix.hpp"

namespace retake::costs {

namespace {

using namespace std::chrono_literals;

using stress::now_ns;

template <class Body>
double on(options const& chosen, Body body) {
  double seen = 0;
  run(chosen, [&] { seen = body(); });
  return seen;
}
options with(std::uint32_t processors, policy const* rules = nullptr) {
  options chosen;
  chosen.processors = processors;
  chosen.rules = rules;
  return chosen;
}

// Of the thread that runs the caller: a computation without a call of the runtime stays on it.
std::int64_t thread_cpu_ns() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

void burn_ns(std::int64_t duration_ns) {
  for (const std::int64_t until_ns = now_ns() + duration_ns; now_ns() < until_ns;) {}
}

// What it costs a program to know the time that looks at it ten thousand times a second: the
// processor time of all its threads, for each look. How old the time from the variable is stands
// beside it.
void cached_clock(ledger& into) {
  constexpr int looks = 500;
  constexpr auto window = 50ms, renewed_each = 1ms;
  const auto used_ns = [] {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) * 1e9 + static_cast<double>(used.tv_nsec);
  };
  std::vector<double> age_us;
  const auto cost_of_a_look = [&](bool from_variable) {
    return on(with(2), [&] {
      std::atomic<time_point> cached{monotonic_now()};
      std::atomic<bool> over{false};
      wait_group updater;
      updater.add(1);
      go([&] {
        for (; from_variable && !over; sleep_for(renewed_each)) cached = monotonic_now();
        updater.done();
      });
      sleep_for(2 * renewed_each);
      const double before_ns = used_ns();
      sleep_for(window);
      for (int i = 0; i < looks; ++i) stress::keep(from_variable ? cached.load() : monotonic_now());
      const double cost_ns = (used_ns() - before_ns) / looks;
      if (from_variable)
        age_us.push_back(std::chrono::duration<double, std::micro>(monotonic_now() - cached.load()).count());
      over = true;
      updater.wait();
      return cost_ns;
    });
  };
  into.compare(
      {"cached_clock", "10,000 looks a second at a variable that a goroutine sets each millisecond: each costs",
       "at the clock", "ns of processor time", 2,
       "instead: read the clock; the variable also wakes an idle program a thousand times a second, and is old"},
      7, [&] { return cost_of_a_look(true); }, [&] { return cost_of_a_look(false); });
  into.text(fmt::format("the time from the variable was {:.0f} us old", stress::median(age_us)));
}

// One P: how long a goroutine waits beside one that computes for 120 ms and asks now and then
// whether it should yield.
void never_asked_to_yield(ledger& into) {
  const auto wait_beside = [](policy const& rules) {
    return on(with(1, &rules), [] {
      std::atomic<std::int64_t> ran_ns{0};
      const std::int64_t ready_ns = now_ns();
      wait_group both;
      both.add(1);
      go([&] {
        ran_ns = now_ns();
        both.done();
      });
      for (const std::int64_t until_ns = now_ns() + 120'000'000; now_ns() < until_ns;) {
        burn_ns(20'000);
        preempt_point();
      }
      both.wait();
      return static_cast<double>(ran_ns - ready_ns) * 1e-6;
    });
  };
  policy never;
  never.time_slice = 1h;
  const policy usual;
  into.compare(
      {"no_preemption", "beside a computation, with requests to yield switched off: wait", "with them", "ms", 1.5,
       "instead: leave them on; what is measured away is the others' wait"},
      5, [&] { return wait_beside(never); }, [&] { return wait_beside(usual); });
}

void yields_in_loops(ledger& into) {
  const auto loop = [](bool yields) {
    return on(with(1), [&] {
      constexpr int turns = 50'000;
      const std::int64_t began_ns = now_ns();
      for (int i = 0; i < turns; ++i) {
        if (yields)
          yield();
        else
          preempt_point();
      }
      return static_cast<double>(now_ns() - began_ns) / turns;
    });
  };
  into.compare(
      {"yield_in_loops", "a turn of a hot loop that yields", "one that yields when it is asked to", "ns", 3,
       "instead: preempt_point(), which costs two loads"},
      7, [&] { return loop(true); }, [&] { return loop(false); });
}

// Of all threads of this process: ready to run, and waiting for a processor.
double ready_ns() {
  double sum = 0;
  std::error_code gone;
  for (std::filesystem::directory_iterator task("/proc/self/task", gone), end; !gone && task != end;
       task.increment(gone)) {
    std::ifstream in(task->path() / "schedstat");
    double ran_ns = 0, waited_ns = 0;
    if (in >> ran_ns >> waited_ns) sum += waited_ns;
  }
  return sum;
}

// 24 computations: how long threads are ready and have no processor, which is what the kernel's
// turns between them cost, for each ms of computing. Other load makes both wait, and the many still
// for each other.
void more_processors(ledger& into) {
  const std::uint32_t cpus = std::max(1u, std::thread::hardware_concurrency());
  std::vector<double> threads_many, threads_few;
  const auto wait_share = [&](std::uint32_t processors) {
    return on(with(processors), [&] {
      constexpr std::uint32_t tasks = 24;
      constexpr std::uint64_t steps = 4'000'000;
      wait_group all;
      all.add(tasks);
      std::atomic<std::int64_t> computed_ns{0};
      stress::thread_peak threads;
      const double before_ns = ready_ns();
      for (std::uint32_t i = 0; i < tasks; ++i) {
        go([&, i] {
          const std::int64_t began_ns = thread_cpu_ns();
          std::uint64_t state = i;
          for (std::uint64_t k = 0; k < steps; ++k)
            stress::keep(state = state * 6364136223846793005u + 1442695040888963407u);
          computed_ns += thread_cpu_ns() - began_ns;
          all.done();
        });
      }
      all.wait();
      const double waited_ns = ready_ns() - before_ns;
      (processors > cpus ? threads_many : threads_few).push_back(static_cast<double>(threads.end()));
      return std::max(waited_ns, 1.0) / static_cast<double>(computed_ns.load());
    });
  };
  into.compare(
      {"more_processors", "24 computations over 12 Ps for each processor: threads are ready and wait",
       "over one P for each", "ms for each ms of computing", 1.5,
       "instead: one P for each processor: the kernel's turns between threads help nobody who computes"},
      5, [&] { return wait_share(12 * cpus); }, [&] { return wait_share(cpus); });
  into.text(fmt::format("threads: {:.0f} and {:.0f}", stress::median(threads_many), stress::median(threads_few)));
}

void pinned_everywhere(ledger& into) {
  const auto ping_pong = [](bool locks) {
    return on(with(2), [&] {
      constexpr int turns = 1'500;
      channel<int> there, back;
      wait_group other;
      other.add(1);
      go([&] {
        if (locks) lock_os_thread();
        while (auto const value = there.receive()) back.send(*value);
        if (locks) unlock_os_thread();
        other.done();
      });
      if (locks) lock_os_thread();
      const std::int64_t began_ns = now_ns();
      for (int i = 0; i < turns; ++i) {
        there.send(i);
        static_cast<void>(back.receive());
      }
      const auto took = static_cast<double>(now_ns() - began_ns) / turns;
      if (locks) unlock_os_thread();
      there.close();
      other.wait();
      return took;
    });
  };
  into.compare(
      {"pinned_everywhere", "two goroutines that talk, each locked to a thread", "the same, not locked",
       "ns there and back", 2, "instead: lock the goroutine whose library asks for it, and no other"},
      5, [&] { return ping_pong(true); }, [&] { return ping_pong(false); });
}

// There is no collector to call. What a forced one does here: the world stops, and all free memory
// goes back to the system, which the program then faults in again.
void forced_collection(ledger& into) {
  const auto work = [](bool forces) {
    return on(with(2), [&] {
      constexpr int rounds = 120;
      constexpr std::size_t blocks = 32,
                            block_bytes = 96 * 1024;  // below the size from which malloc takes pages of its own
      const std::int64_t began_ns = now_ns();
      for (int i = 0; i < rounds; ++i) {
        std::vector<std::unique_ptr<char[]>> held;
        for (std::size_t k = 0; k < blocks; ++k) {
          held.push_back(std::unique_ptr<char[]>(new char[block_bytes]));
          for (std::size_t at = 0; at < block_bytes; at += 4'096) held.back()[at] = 1;
        }
        held.clear();
        if (forces && i % 4 == 3) {
          stop_the_world();
          ::malloc_trim(0);
          start_the_world();
        }
      }
      return static_cast<double>(now_ns() - began_ns) * 1e-3 / rounds;
    });
  };
  into.compare(
      {"forced_collection", "a round of allocations, with the world stopped and memory given back at every fourth",
       "without", "us", 1.2, "instead: let the allocator keep what the next round needs"},
      7, [&] { return work(true); }, [&] { return work(false); });
}

// 100 connections whose readers wait: in the poller, or each in a read of its own.
void around_the_poller(ledger& into) {
  constexpr std::uint32_t connections = 100, turns = 10;
  std::vector<double> blocking_us, polled_us;
  const auto talk = [&](bool around) {
    return on(with(2), [&] {
      const auto before = static_cast<double>(stress::kernel_threads());
      std::vector<std::array<int, 2>> raw(connections);
      std::vector<unix_pair_ends> polled;
      wait_group servers;
      servers.add(connections);
      for (std::uint32_t i = 0; i < connections; ++i) {
        if (around) {
          if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, raw[i].data()) != 0) return 0.0;
        } else {
          result<unix_pair_ends> made = unix_pair();
          if (!made) return 0.0;
          polled.push_back(std::move(*made));
        }
      }
      for (std::uint32_t i = 0; i < connections; ++i) {
        go([&, i] {
          std::array<std::byte, 8> room;
          for (bool open = true; open;) {
            if (around) {
              open = retake::syscall([&] { return ::read(raw[i][1], room.data(), room.size()); }) > 0 &&
                     ::write(raw[i][1], room.data(), room.size()) > 0;
            } else {
              const result<std::size_t> n = polled[i].second.read(room);
              open = n && *n > 0 && polled[i].second.write(room);
            }
          }
          servers.done();
        });
      }
      stress::thread_peak threads;
      const std::int64_t began_ns = now_ns();
      std::array<std::byte, 8> message{};
      for (std::uint32_t turn = 0; turn < turns; ++turn) {
        for (std::uint32_t i = 0; i < connections; ++i) {
          if (around)
            static_cast<void>(::write(raw[i][0], message.data(), message.size()));
          else
            static_cast<void>(polled[i].first.write(message));
        }
        for (std::uint32_t i = 0; i < connections; ++i) {
          if (around)
            static_cast<void>(retake::syscall([&] { return ::read(raw[i][0], message.data(), message.size()); }));
          else
            static_cast<void>(polled[i].first.read(message));
        }
      }
      (around ? blocking_us : polled_us)
          .push_back(static_cast<double>(now_ns() - began_ns) * 1e-3 / (turns * connections));
      const double cost = static_cast<double>(threads.end()) - before;
      for (std::uint32_t i = 0; i < connections; ++i) {
        if (around)
          ::close(raw[i][0]);
        else
          polled[i].first = unix_stream();
      }
      servers.wait();
      for (std::uint32_t i = 0; around && i < connections; ++i) ::close(raw[i][1]);
      return std::max(1.0, cost);
    });
  };
  into.compare(
      {"around_the_poller", "100 connections read by blocking calls: threads that they cost", "read through the poller",
       "threads", 5, "instead: leave waiting to the poller, which waits for all with one thread"},
      3, [&] { return talk(true); }, [&] { return talk(false); });
  into.text(fmt::format("an echo took {:.1f} us around the poller and {:.1f} us through it",
                        stress::median(blocking_us), stress::median(polled_us)));
}

struct row {
  char const* name;
  void (*measure)(ledger&);
};
constexpr row rows[] = {{"cached_clock", cached_clock},           {"no_preemption", never_asked_to_yield},
                        {"yield_in_loops", yields_in_loops},      {"more_processors", more_processors},
                        {"pinned_everywhere", pinned_everywhere}, {"forced_collection", forced_collection},
                        {"around_the_poller", around_the_poller}};

}  // namespace

void false_economies(ledger& into) {
  into.heading("False economies (before: the false one)");
  for (row const& one : rows) {
    if (into.wanted(one.name)) one.measure(into);
  }
}

}  // namespace retake::costs
