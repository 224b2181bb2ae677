// task03_bounded_file_pool.cpp: a thousand goroutines read through a pool of 1, 4 and 16: the
// threads follow the pool, the throughput follows the drive
//
// Seed.      Exercise 3, "Build a Bounded File-I/O Pool": 1,000 goroutines with n = 4; threads stay
//            at about 10 + 4 instead of hundreds. Which n is right?
// Method.    The seed's wrapper: a buffered channel of n, taken by a select beside the context. The
//            drive serves four reads at a time, 1 ms each: its four heads are bytes in a pipe,
//            which a read takes out (blocking, in the kernel) and puts back. So the right answer is
//            known, and the same on every machine.
// Twin.      The wrapper forgets to take its permit.
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

#include "hammer.hpp"
#include "observed.hpp"
#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "slow_drive.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::worksheet;

constexpr std::uint32_t reads = 1'000, reads_unbounded = 300;
constexpr std::uint32_t heads = 4;
constexpr std::int64_t read_ns = 1'000'000;
constexpr std::uint32_t few = 10;  // threads beside those in calls: Ps, and those on their way to or from sleep

// What the exercise asks for.
class file_io {
 public:
  file_io(stress::slow_drive& drive, std::size_t n, bool forgets) : drive_(drive), room_(n), forgets_(forgets) {}

  [[nodiscard]] std::error_code read(context const& until) {
    if (!forgets_) {
      std::error_code why;
      select(on_send(room_, char{}, [] {}), on_receive(until.done(), [&](auto) { why = until.error(); }));
      if (why) return why;
    }
    retake::syscall([this] { drive_.read(); });
    if (!forgets_) static_cast<void>(room_.receive());
    return {};
  }

 private:
  stress::slow_drive& drive_;
  channel<char> room_;
  bool const forgets_;
};

struct outcome {
  double per_second = 0, threads = 0, p99_ms = 0;
};

outcome storm(std::size_t n, std::uint32_t count, bool forgets) {
  stress::slow_drive drive(heads, read_ns);
  file_io files(drive, n, forgets);
  std::vector<double> took_ms(count);
  wait_group all;
  all.add(static_cast<std::int32_t>(count));
  stress::thread_peak threads;
  const std::int64_t began = stress::now_ns();
  for (std::uint32_t i = 0; i < count; ++i) {
    go([&, i] {
      static_cast<void>(files.read(background()));
      took_ms[i] = static_cast<double>(stress::now_ns() - began) * 1e-6;
      all.done();
    });
  }
  all.wait();
  const double seconds = static_cast<double>(stress::now_ns() - began) * 1e-9;
  return {count / seconds, static_cast<double>(threads.end()), stress::share_of(took_ms, 0.99)};
}

// A reader that does not want to wait any more gets away, and takes no permit with it.
bool gives_up(bool forgets) {
  stress::slow_drive drive(1, 200 * read_ns);
  file_io files(drive, 1, forgets);
  wait_group first;
  first.add(1);
  go([&] {
    static_cast<void>(files.read(background()));
    first.done();
  });
  sleep_for(std::chrono::nanoseconds(50 * read_ns));
  auto [soon, stop] = with_timeout(background(), std::chrono::nanoseconds(20 * read_ns));
  const bool gave_up = files.read(soon) == std::errc::timed_out;
  first.wait();
  return gave_up && !files.read(background());
}

void build_and_verify(worksheet& out) {
  options chosen;
  chosen.processors = 4;
  run(chosen, [&] {
    sleep_for(20ms);
    const auto baseline = static_cast<double>(stress::kernel_threads());
    out.row("threads_baseline", "baseline", "about 10", baseline, "threads");
    std::vector<outcome> seen;
    const std::vector<std::uint32_t> sizes{1, 4, 16};
    for (const std::uint32_t n : sizes) {
      seen.push_back(storm(n, reads, out.broken()));
      out.row(fmt::format("threads_{}", n), fmt::format("{} reads, n = {}: threads at most", reads, n),
              n == 4 ? "10 + 4" : "", seen.back().threads, "threads");
      out.row(fmt::format("throughput_{}", n), "  reads a second", "", seen.back().per_second, "/s");
      out.at_most(fmt::format("n = {}: threads beside the baseline's", n), seen.back().threads - baseline, n + few);
    }
    const outcome free = storm(1, reads_unbounded, true);
    out.row("threads_unbounded", fmt::format("{} reads, no bound: threads at most", reads_unbounded), "hundreds",
            free.threads, "threads");
    out.row("throughput_unbounded", "  reads a second", "", free.per_second, "/s");
    out.at_least("threads without a bound", free.threads - baseline, reads_unbounded * 0.3);
    out.at_least("n = 4 against n = 1: reads a second", seen[1].per_second / seen[0].per_second, 2);
    out.at_most("n = 16 against n = 4: reads a second", seen[2].per_second / seen[1].per_second, 1.7);
    out.holds("a reader whose deadline passes leaves, and its permit stays", gives_up(out.broken()));
    out.answer("Which n is right for your machine? Try 1, 4 and 16.",
               fmt::format("{:.0f}, {:.0f} and {:.0f} reads a second: four times the pool brought {:.1f} times the "
                           "reads, four times that {:.2f} times. The drive has {} "
                           "heads, and the pool need not be larger.",
                           seen[0].per_second, seen[1].per_second, seen[2].per_second,
                           seen[1].per_second / seen[0].per_second, seen[2].per_second / seen[1].per_second, heads));
    out.answer("What happens if n is much larger than the disk's parallelism?",
               fmt::format("{:.0f} threads with n = 16 and {:.0f} without a bound made {:.0f} and {:.0f} reads a "
                           "second; n = 4 made {:.0f} with {:.0f}.",
                           seen[2].threads, free.threads, seen[2].per_second, free.per_second, seen[1].per_second,
                           seen[1].threads),
               "The queue moves into the kernel, and each place in it is a thread.");
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({3,
                               "task03_bounded_file_pool",
                               "a semaphore around reads bounds the threads, and a small one serves the drive as well",
                               "the wrapper forgets to take its permit",
                               build_and_verify,
                               nullptr,
                               {{"runtime/sync/permits.cpp", "take_or_wait",
                                 "behind a bound a goroutine waits without a thread"},
                                {"runtime/syscall/syscall.cpp", "enter_syscall",
                                 "the call leaves its P behind, in state Syscall, and keeps its thread"}}},
                              argc, argv);
}
