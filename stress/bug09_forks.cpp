// bug09_forks.cpp: fork(2) of a big process takes as long as its page tables are large, and each
// waitpid(2) a thread; posix_spawn(3) with a pidfd does not, and a pool of processes starts none
//
// Seed.      Bug 9, "os/exec Causing Visible Thread Spikes": threads go from 20 to 50 around each
//            exec. The seed has the child hold all of its parent's threads for a moment; a forked
//            child has one. The spike is the parent's: threads that start because others sit in
//            fork(2) and waitpid(2). What costs is the fork.
// Method.    A process runs a program 30 times one after the other, while it is small and when 256
//            MB of it are touched, in turn three times; then, big, 40 times at once, each of which
//            lives for half a second. Buggy: fork, exec, waitpid, each as a system call. Fixed:
//            retake::spawn(), which is posix_spawn(3) (its child borrows the memory until exec),
//            two starts at a time, and waits by pidfd in the poller. Pool: as many small processes
//            as there are jobs at once, started before the memory is touched, run the same program
//            for whoever writes a line.
// Symptom.   The processor time that its memory adds to a start, against that of a start while the
// process is small; threads at their peak, against those before the 40. How long one of
//            the 40 waits for its start, the wait for its turn included, is printed, and no
//            measure: other load stretches it.
// Not shown: huge pages, which make page tables small and a fork quick; the copies of pages that
// both write afterwards.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "hammer.hpp"
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/process.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "twins.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::latencies;
using stress::now_ns;
using stress::stage;

constexpr std::size_t memory_bytes = 256u << 20;
constexpr std::size_t page_bytes = 4096;
constexpr int in_turn = 30;
constexpr std::uint32_t at_once = 40;
constexpr std::uint32_t starts_at_a_time = 2;
constexpr std::size_t pool_size = at_once;
constexpr int turns = 3;

constexpr char const* program = "/bin/sleep";
constexpr char const* briefly = "0";
constexpr char const* half_a_second = "0.5";

// What a service has: caches, heaps. Without huge pages, as in a heap that has grown in small
// steps.
class big_memory {
 public:
  explicit big_memory(stage& s)
      : at_(::mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (at_ == MAP_FAILED) s.cannot("256 MB of memory");
    ::madvise(at_, memory_bytes, MADV_NOHUGEPAGE);
  }
  ~big_memory() { ::munmap(at_, memory_bytes); }
  big_memory(big_memory const&) = delete;
  big_memory& operator=(big_memory const&) = delete;
  void touch() {
    for (std::size_t i = 0; i < memory_bytes; i += page_bytes) static_cast<char volatile*>(at_)[i] = 1;
  }
  void give_back() { ::madvise(at_, memory_bytes, MADV_DONTNEED); }

 private:
  void* at_;
};

// Runs `program` to its end and returns how long its start took: until it could be waited for.
using runner = std::function<std::int64_t(char const* argument)>;

// ---- buggy -------------------------------------------------------------------------------------

std::int64_t fork_and_wait(char const* argument) {
  const std::int64_t began_ns = now_ns();
  const pid_t child = retake::syscall([&] {
    const pid_t made = ::fork();
    if (made == 0) {
      ::execl(program, program, argument, nullptr);
      ::_exit(127);
    }
    return made;
  });
  const std::int64_t took_ns = now_ns() - began_ns;
  if (child > 0) retake::syscall([&] { return ::waitpid(child, nullptr, 0); });
  return took_ns;
}

// ---- fixed -------------------------------------------------------------------------------------

std::int64_t spawn_and_wait(semaphore& starts, char const* argument) {
  process_options what;
  what.arguments = {program, argument};
  const std::int64_t began_ns = now_ns();
  starts.acquire();
  result<process> child = spawn(what);
  const std::int64_t took_ns = now_ns() - began_ns;
  starts.release();
  if (child) static_cast<void>(child->wait());
  return took_ns;
}

// ---- the pool ----------------------------------------------------------------------------------

// Processes that run the program for each line they read, its argument, and answer with two: it
// begins, it has ended.
class process_pool {
 public:
  explicit process_pool(stage& s) : free_(pool_size) {
    for (std::size_t i = 0; i < pool_size; ++i) {
      process_options what;
      what.arguments = {"/bin/sh", "-c",
                        std::string("while read -r argument; do echo b; ") + program + " $argument; echo e; done"};
      what.input = what.output = redirect::pipe;
      result<process> one = spawn(what);
      if (!one) s.cannot("/bin/sh");
      all_.push_back(std::move(*one));
    }
    for (process& one : all_) free_.send(&one);
  }
  ~process_pool() {
    for (process& one : all_) {
      one.input = stream();
      static_cast<void>(one.wait());
    }
  }
  process_pool(process_pool const&) = delete;
  process_pool& operator=(process_pool const&) = delete;

  // To its end; returns how long its start took.
  std::int64_t run_job(char const* argument) {
    const std::int64_t began_ns = now_ns();
    process* const one = *free_.receive();
    const std::string line = std::string(argument) + "\n";
    static_cast<void>(one->input.write(std::as_bytes(std::span(line))));
    answered(*one, 'b');
    const std::int64_t took_ns = now_ns() - began_ns;
    answered(*one, 'e');
    free_.send(one);
    return took_ns;
  }

 private:
  static void answered(process& one, char wanted) {
    for (std::array<std::byte, 1> got{}; got[0] != std::byte(wanted);) {
      const result<std::size_t> n = one.output.read(got);
      if (!n || *n == 0) return;
    }
  }

  channel<process*> free_;
  std::vector<process> all_;
};

// ---- all ---------------------------------------------------------------------------------------

// Processor time of this process, which a loaded machine does not stretch, for each of some starts
// one after the other.
double cpu_of_starts_ms(runner const& run_one, latencies& into) {
  const auto used_ms = [] {
    rusage all{};
    ::getrusage(RUSAGE_SELF, &all);
    return static_cast<double>(all.ru_utime.tv_sec + all.ru_stime.tv_sec) * 1e3 +
           static_cast<double>(all.ru_utime.tv_usec + all.ru_stime.tv_usec) * 1e-3;
  };
  const double before_ms = used_ms();
  for (int i = 0; i < in_turn; ++i) into.add(run_one(briefly));
  return (used_ms() - before_ms) / in_turn;
}

void run_many(std::uint32_t how_many, runner const& run_one, char const* argument, latencies& into) {
  wait_group done;
  done.add(static_cast<std::int32_t>(how_many));
  for (std::uint32_t i = 0; i < how_many; ++i) {
    go([&] {
      into.add(run_one(argument));
      done.done();
    });
  }
  done.wait();
}

void play(stage& s, runner const& run_one) {
  big_memory memory(s);
  latencies start(s, "start"), burst(s, "start");
  std::vector<double> small, big;
  for (int turn = 0; turn < turns && !s.held(); ++turn) {
    memory.give_back();
    s.phase("small");
    small.push_back(cpu_of_starts_ms(run_one, start));
    start.clear();
    memory.touch();
    s.phase("big");
    big.push_back(cpu_of_starts_ms(run_one, start));
  }
  memory.touch();
  s.figure("start_cpu_small", stress::median(small), "ms");
  s.figure("start_cpu", stress::median(big), "ms");
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = std::max(0.0, big[i] - small[i]);
  s.figure("start_cpu_added", stress::median(big), "ms");
  s.figure("start_p50", start.percentile_ms(0.5), "ms");
  s.phase("at_once");
  const std::int64_t began_ns = now_ns();
  const std::uint32_t how_many =
      s.held() ? std::max(3 * at_once, 16 * processors())
               : at_once;  // held, it is looked at, and shall be told from a pool of some threads for each P
  do { run_many(how_many, run_one, half_a_second, burst); } while (s.holds());
  s.figure("burst_served_in", static_cast<double>(now_ns() - began_ns) * 1e-6, "ms");
  s.figure("start_burst_p50", burst.percentile_ms(0.5), "ms");
  s.figure("start_burst_p99", burst.percentile_ms(0.99), "ms");
}

void play_buggy(stage& s) {
  run([&] { play(s, fork_and_wait); });
}

void play_fixed(stage& s) {
  run([&] {
    semaphore starts(starts_at_a_time);
    play(s, [&](char const* argument) { return spawn_and_wait(starts, argument); });
  });
}

void play_pool(stage& s) {
  run([&] {
    process_pool pool(s);
    play(s, [&](char const* argument) { return pool.run_job(argument); });
  });
}

// What the program does, done here: a wait that parks the goroutine. There is nothing to start.
void play_inside(stage& s) {
  run([&] {
    play(s, [](char const* argument) {
      sleep_for(std::chrono::duration<double>(std::strtod(argument, nullptr)));
      return std::int64_t{0};
    });
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_bug({.number = 9,
                          .name = "bug09_forks",
                          .title = "fork of a big process, and a thread for each child",
                          .variants = {{"buggy", "fork, exec and waitpid as system calls, by a process of 256 MB",
                                        play_buggy},
                                       {"fixed", "posix_spawn, two at a time; waits in the poller", play_fixed},
                                       {"pool", "the same jobs by small processes that run already, told over pipes",
                                        play_pool},
                                       {"inside", "the job is done in the process: no child", play_inside}},
                          .measures = {{.name = "processor time that memory adds to a start",
                                        .figure = "start_cpu_added",
                                        .baseline = "start_cpu_small",
                                        .from = 2,
                                        .twins = 5},
                                       {.name = "threads at their peak",
                                        .figure = "threads_peak",
                                        .baseline = "threads_in_small",
                                        .from = 4,
                                        .twins = 3},
                                       {.name = "processor time that memory adds, by the pool",
                                        .figure = "start_cpu_added",
                                        .baseline = "start_cpu_small",
                                        .from = 2,
                                        .twins = 5,
                                        .fixed = "pool"},
                                       {.name = "threads at their peak, by the pool",
                                        .figure = "threads_peak",
                                        .baseline = "threads_in_small",
                                        .from = 4,
                                        .twins = 3,
                                        .fixed = "pool"},
                                       {.name = "threads at their peak, inside",
                                        .figure = "threads_peak",
                                        .baseline = "threads_in_small",
                                        .from = 4,
                                        .twins = 3,
                                        .fixed = "inside"}},
                          .looks = {{"./retake bug 9 --variant buggy --hold 20 &", "starts without an end"},
                                    {"grep Threads /proc/$!/status", "as many as there are children",
                                     R"(^Threads:\s+([3-9]\d|[1-9]\d\d)$)"},
                                    {"timeout 3 strace -q -f -c -e trace=clone,clone3,vfork,wait4 -p $!",
                                     "clone, and not vfork; its time grows with the memory",
                                     R"(^(?!.*vfork).* clone)"}},
                          .seed = {{"threads_peak", "20, then 50"}, {"start_cpu_added", "0.05 to 0.5"}},
                          .explained = {{"runtime/syscall/syscall.cpp", "enter_syscall",
                                         "fork and waitpid hold their thread there"},
                                        {"runtime/io/process.cpp", "spawn", "posix_spawn, and a pidfd for the end"}},
                          .pattern = "1",
                          .pictures = {"threads", "start"}},
                         argc, argv);
}
