// bench_runtime.cpp: what each operation of the runtime costs, beside Go's
//
// Method.    Each body does n operations in a runtime of its own and says how long they took; n
//            grows until a run lasts as long as it should. On one P processor time is counted, on
//            two the wall clock.
//            Go's side is peers/operations.go, the same operations in the same shapes; it is built
//            and run here with --peers, in turn with ours.
//            enter_exit: on Go's side what Syscall costs more than RawSyscall; on ours the
//            bookkeeping around an empty function.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>

#include "measure.hpp"
#include "peer.hpp"
#include "retake/channel.hpp"
#include "retake/file.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"
#include "retake/timer.hpp"
#include "retake/trace.hpp"

namespace retake::bench {

namespace {

using namespace std::chrono_literals;

double wall_ns() {
  return static_cast<double>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

double cpu_ns() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ns = [](timeval const& t) {
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_usec) * 1e3;
  };
  return ns(used.ru_utime) + ns(used.ru_stime);
}

constexpr std::uint64_t batch = 1'000;

// On one P what counts is processor time: on a shared machine the wall clock measures the
// neighbours. On two it is the wall clock.
using clock = double (*)();

// Each: n operations, the time they took in ns by `now_ns`.
double enter_exit(std::uint64_t n, clock now_ns) {
  const double begin = now_ns();
  for (std::uint64_t i = 0; i < n; ++i) retake::syscall([] {});
  return now_ns() - begin;
}

double foreign(std::uint64_t n, clock now_ns) {
  const double begin = now_ns();
  for (std::uint64_t i = 0; i < n; ++i) foreign_call([] {});
  return now_ns() - begin;
}

double go_exit(std::uint64_t n, clock now_ns) {
  const double begin = now_ns();
  for (std::uint64_t done = 0; done < n; done += batch) {
    wait_group all;
    all.add(batch);
    for (std::uint64_t i = 0; i < batch; ++i) go([&all] { all.done(); });
    all.wait();
  }
  return now_ns() - begin;
}

double create_join(std::uint64_t n, clock now_ns) {
  channel<int> ended;
  const double begin = now_ns();
  for (std::uint64_t i = 0; i < n; ++i) {
    go([&ended] { ended.send(1); });
    static_cast<void>(ended.receive());
  }
  return now_ns() - begin;
}

double yields(std::uint64_t n, clock now_ns) {
  wait_group both;
  both.add(2);
  const double begin = now_ns();
  for (int k = 0; k < 2; ++k) {
    go([&both, n] {
      for (std::uint64_t i = 0; i < n / 2; ++i) yield();
      both.done();
    });
  }
  both.wait();
  return now_ns() - begin;
}

double ping_pong_between(std::uint64_t n, clock now_ns, bool locks) {
  channel<std::uint64_t> there, back;
  wait_group other;
  other.add(1);
  go([&, locks] {
    if (locks) lock_os_thread();
    while (auto const value = there.receive()) back.send(*value);
    if (locks) unlock_os_thread();
    other.done();
  });
  if (locks) lock_os_thread();
  const double begin = now_ns();
  for (std::uint64_t i = 0; i < n; ++i) {
    there.send(i);
    static_cast<void>(back.receive());
  }
  const double took = now_ns() - begin;
  there.close();
  other.wait();
  if (locks) unlock_os_thread();
  return took;
}
double ping_pong(std::uint64_t n, clock now_ns) { return ping_pong_between(n, now_ns, false); }
// The price of a trace that is left on: against ping_pong_1p and ping_pong_2p of the same run.
double traced_ping_pong(std::uint64_t n, clock now_ns) {
  static_cast<void>(start_trace());
  const double took = ping_pong_between(n, now_ns, false);
  static_cast<void>(stop_trace());
  return took;
}
double locked_ping_pong(std::uint64_t n, clock now_ns) { return ping_pong_between(n, now_ns, true); }

double buffered_send_recv(std::uint64_t n, clock now_ns) {
  channel<std::uint64_t> c(128);
  const double begin = now_ns();
  for (std::uint64_t i = 0; i < n; ++i) {
    c.send(i);
    static_cast<void>(c.receive());
  }
  return now_ns() - begin;
}

double mutex_pair(std::uint64_t n, clock now_ns) {
  mutex m;
  const double begin = now_ns();
  for (std::uint64_t i = 0; i < n; ++i) {
    m.lock();
    m.unlock();
  }
  return now_ns() - begin;
}

double sleeps(std::uint64_t n, clock now_ns) {
  const double begin = now_ns();
  for (std::uint64_t done = 0; done < n; done += batch) {
    wait_group all;
    all.add(batch);
    for (std::uint64_t i = 0; i < batch; ++i) {
      go([&all] {
        sleep_for(1ms);
        all.done();
      });
    }
    all.wait();
  }
  return now_ns() - begin;
}

// Of four that are closed, so always ready.
double select_ready(std::uint64_t n, clock now_ns) {
  channel<int> a, b, c, d;
  for (channel<int>* const one : {&a, &b, &c, &d}) one->close();
  const auto nothing = [](auto) {};
  const double begin = now_ns();
  for (std::uint64_t i = 0; i < n; ++i)
    select(on_receive(a, nothing), on_receive(b, nothing), on_receive(c, nothing), on_receive(d, nothing));
  return now_ns() - begin;
}

// There and back, each end waiting in a select of four.
double select_blocking(std::uint64_t n, clock now_ns) {
  channel<std::uint64_t> there, back, never, stop;
  wait_group other;
  other.add(1);
  go([&] {
    for (bool on = true; on;) {
      const auto answer = [&](auto value) { back.send(*value); };
      select(on_receive(there, answer), on_receive(never, answer), on_receive(stop, [&](auto) { on = false; }),
             on_send(never, 0, [] {}));
    }
    other.done();
  });
  const auto nothing = [](auto) {};
  const double begin = now_ns();
  for (std::uint64_t i = 0; i < n; ++i) {
    there.send(i);
    select(on_receive(back, nothing), on_receive(never, nothing), on_receive(stop, nothing), on_send(never, 0, [] {}));
  }
  const double took = now_ns() - begin;
  stop.close();
  other.wait();
  return took;
}

double timer_start_stop(std::uint64_t n, clock now_ns) {
  delayed_call never = after_func(1h, [] {});
  never.stop();
  const double begin = now_ns();
  for (std::uint64_t i = 0; i < n; ++i) {
    never.reset(1h);
    never.stop();
  }
  return now_ns() - begin;
}

constexpr std::uint64_t readers = 100;
constexpr std::uint64_t pages = 1024;
constexpr std::size_t page_bytes = 4096;

// A file of 4 MiB that memory holds: 100 goroutines read its pages, each in an order of its own.
double reads_of_4k(std::uint64_t n, clock now_ns) {
  char name[] = "/tmp/retake-bench-file-XXXXXX";
  const int fd = ::mkstemp(name);
  ::unlink(name);
  if (fd < 0 || ::ftruncate(fd, pages * page_bytes) != 0) return 0;
  auto made = file_of(fd);
  std::vector<std::byte> whole(pages * page_bytes, std::byte{1});
  if (!made || !made->write_at(whole, 0)) return 0;
  wait_group all;
  all.add(readers);
  const double begin = now_ns();
  for (std::uint64_t i = 0; i < readers; ++i) {
    go([&, i] {
      // Where the frame lies decides how fast the kernel copies into it.
      alignas(page_bytes) std::array<std::byte, page_bytes> into;
      for (std::uint64_t k = 0; k < n / readers; ++k)
        static_cast<void>(made->read_at(into, (i * 7919 + k * 31) % pages * page_bytes));
      all.done();
    });
  }
  all.wait();
  return now_ns() - begin;
}

struct operation {
  char const* name;
  std::uint32_t processors;
  double target;  // of Go's time; 0: none
  double (*body)(std::uint64_t n, clock now_ns);
  bool boost = false;  // Boost.Fiber has the same operation
  double most_ns = 0;  // a target that is no ratio; 0: none
};

constexpr operation operations[] = {
    {"enter_exit", 1, 0.4, enter_exit},
    {"foreign_call", 1, 0.4, foreign},
    {"go_exit", 1, 0.25, go_exit},
    {"create_join", 1, 0.25, create_join, true},
    {"yield", 1, 0.25, yields, true},
    {"ping_pong_1p", 1, 0.33, ping_pong, true},
    {"ping_pong_2p", 2, 0.33, ping_pong},
    {"traced_ping_pong_1p", 1, 0, traced_ping_pong},
    {"traced_ping_pong_2p", 2, 0, traced_ping_pong},
    {"buffered_send_recv", 1, 0.55, buffered_send_recv},
    {"select_ready", 1, 0.5, select_ready},
    {"select_blocking", 1, 0.5, select_blocking},
    {"mutex", 1, 0.85, mutex_pair, true},
    {"timer_start_stop", 1, 0.35, timer_start_stop},
    {"locked_ping_pong", 2, 0, locked_ping_pong, false, 3'000},
    {"sleep", 1, 0, sleeps},
    {"read_4k_100", 1, 0.74, reads_of_4k},
};

// ns per operation of a run of about `seconds`.
double measure(operation const& what, double seconds) {
  options chosen;
  chosen.processors = what.processors;
  double result = 0;
  run(chosen, [&] {
    std::uint64_t n = batch;
    for (;;) {
      const double began = wall_ns();
      const double took = what.body(n, what.processors == 1 ? cpu_ns : wall_ns);
      const double wall = wall_ns() - began;
      result = took / static_cast<double>(n);
      if (wall >= seconds * 0.5e9) return;
      const double factor = wall > 0 ? seconds * 0.8e9 / wall : 100;
      n = static_cast<std::uint64_t>(static_cast<double>(n) * (factor < 1.5 ? 1.5 : factor > 20 ? 20 : factor));
      n = (n + batch - 1) / batch * batch;
    }
  });
  return result;
}

void bench_one(settings const& chosen, operation const& what, double seconds, peer const* go) {
  std::vector<double> ours, theirs, fibers;
  for (std::uint32_t i = 0; i < runs_per_metric; ++i) {
    ours.push_back(measure(what, seconds));
    if (go != nullptr) {
      if (const double one = go->measure(what.name, seconds, what.processors); one >= 0) theirs.push_back(one);
    }
    if (chosen.peers && what.boost) {
      if (const double one = measure_boost_fiber(what.name, seconds); one >= 0) fibers.push_back(one);
    }
  }
  char const* const unit = what.processors == 1 ? "CPU ns" : "ns";
  const summary mine = summarize(ours), other = summarize(theirs), boost = summarize(fibers);
  say(chosen, "runtime", what.name, unit, mine, "retake");
  if (what.most_ns > 0) say_limit(chosen, what.name, mine.median, what.most_ns);
  if (boost.runs != 0) say(chosen, "runtime", what.name, unit, boost, "boost_fiber");
  if (other.runs == 0) return;
  say(chosen, "runtime", what.name, unit, other, "go");
  say_ratio(chosen, what.name, mine.median / other.median, what.target);
}

}  // namespace

int bench_runtime(settings const& chosen, peer const* go) {
  std::vector<operation> these;
  for (operation const& one : operations) {
    if (wanted(chosen, "runtime", one.name)) these.push_back(one);
  }
  if (these.empty()) return 0;
  const double share = chosen.seconds / static_cast<double>(these.size() * runs_per_metric) / (go != nullptr ? 2 : 1);
  for (operation const& one : these) bench_one(chosen, one, share, go);
  return static_cast<int>(these.size());
}

}  // namespace retake::bench
