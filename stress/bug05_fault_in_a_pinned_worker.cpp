// bug05_fault_in_a_pinned_worker.cpp: a worker that a fault throws out of its loop costs its
// thread, and the answer that somebody waits for; one that recovers in the loop keeps both
//
// Seed.      Bug 5, "A Panic in a Pinned Worker": workers pinned to threads call a C library, which
//            faults now and then; a supervisor starts them again. In Go a fault in C is fatal and
//            not a panic, whatever the seed says; here it is contained on request, so that the
//            seed's story can happen.
// Method.    Two workers, locked to their threads, call a library that dereferences null when an
//            image has no header, as every second one has not. Buggy: foreign_fault leaves the
//            loop; unwinding unlocks the thread, which counts as damaged since the fault and ends;
//            the supervisor starts another worker, which locks another thread. Fixed: recover in
//            the loop, which answers "crash"; the worker keeps its thread, which nobody else will
//            ever get. Wrapped: an image without a header is not passed on. Separate: the library
//            in processes of its own, asked over sockets in the poller; a fault ends one of them,
//            which is started again.
// Symptom.   Threads made per 1,000 faults; jobs that got no answer.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>

#include "hammer.hpp"
#include "retake/channel.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/panic.hpp"
#include "retake/run.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "twins.hpp"
#include "vendor/thumbnailer.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::stage;

constexpr std::uint32_t workers = 2, jobs_sent = 2'000, volley = 10;
constexpr std::int64_t quiet_ns = 200'000'000;
constexpr auto volley_every = 5ms;

struct job {
  std::uint32_t number;
};

struct counts {
  std::atomic<std::uint32_t> answered{0}, crashed{0}, faults{0}, worker_lives{0};
};

std::array<unsigned char, 64> const pixels{};
unsigned char const header = 1;

bool has_header(job const& what) { return what.number % 2 == 0; }

unsigned brightness(job const& what) {
  const thumbnailer_image image{has_header(what) ? &header : nullptr, pixels.data(), pixels.size()};
  return foreign_call(contain_faults, [&] { return thumbnailer_brightness(&image); });
}

void work_until_it_faults(channel<job>& jobs, counts& seen) {
  const os_thread_lock mine;
  for (job const& what : jobs) {
    static_cast<void>(brightness(what));
    ++seen.answered;
  }
}

void work_and_recover(channel<job>& jobs, counts& seen) {
  const os_thread_lock mine;
  for (job const& what : jobs) {
    if (recover([&] { static_cast<void>(brightness(what)); }) != nullptr) {
      ++seen.faults;
      ++seen.crashed;  // an answer too
    }
    ++seen.answered;
  }
}

// Looks at what it is going to pass on: there is no fault then, and the job is answered.
void work_wrapped(channel<job>& jobs, counts& seen) {
  const os_thread_lock mine;
  for (job const& what : jobs) {
    if (has_header(what))
      static_cast<void>(brightness(what));
    else
      ++seen.crashed;
    ++seen.answered;
  }
}

// ---- the library in processes of its own -------------------------------------------------------

// What the library made of a job. A worker that is killed by it answers nothing: the process that
// started it does.
enum class verdict : char { done, crashed };

// A process without a runtime, at the other end of a socket: starts a worker that calls the
// library, and another when it has died.
void keep_worker(int end) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  for (;;) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (job what; ::read(end, &what, sizeof what) == sizeof what;) {
        const thumbnailer_image image{has_header(what) ? &header : nullptr, pixels.data(), pixels.size()};
        static_cast<void>(thumbnailer_brightness(&image));
        const verdict said = verdict::done;
        if (::write(end, &said, 1) != 1) break;
      }
      ::_exit(0);
    }
    int how = 0;
    if (child < 0 || ::waitpid(child, &how, 0) != child || !WIFSIGNALED(how)) return;  // no more jobs
    const verdict said = verdict::crashed;
    if (::write(end, &said, 1) != 1) return;
  }
}

// Asks over the poller: no thread waits for the library, and none is harmed.
void ask_process(channel<job>& jobs, counts& seen, stream& library) {
  for (job const& what : jobs) {
    verdict said = verdict::done;
    if (!library.write(std::as_bytes(std::span(&what, 1)))) return;
    const result<std::size_t> n = library.read(std::as_writable_bytes(std::span(&said, 1)));
    if (!n || *n == 0) return;
    if (said == verdict::crashed) {
      ++seen.faults;
      ++seen.crashed;
    }
    ++seen.answered;
  }
}

// Starts a worker, and another when it has ended by an exception.
using worker = std::function<void(channel<job>&, counts&)>;
void supervise(worker const& work, channel<job>& jobs, counts& seen) {
  for (bool again = true; again;) {
    wait_group ended;
    ended.add(1);
    ++seen.worker_lives;
    go([&] {
      again = recover([&] { work(jobs, seen); }) != nullptr;
      if (again) ++seen.faults;
      ended.done();
    });
    ended.wait();
  }
}

void play(stage& s, worker const& work) {
  run([&] {
    channel<job> jobs;
    counts seen;
    wait_group supervised;
    supervised.add(workers);
    for (std::uint32_t i = 0; i < workers; ++i) {
      go([&] {
        supervise(work, jobs, seen);
        supervised.done();
      });
    }
    s.phase("quiet");
    sleep_for(std::chrono::nanoseconds(quiet_ns));
    const double before = stress::metric_now("retake_thread_create_total");
    s.phase("jobs");
    std::uint32_t sent = 0;
    while (sent < jobs_sent || s.holds()) {
      for (std::uint32_t i = 0; i < volley; ++i) jobs.send({sent++});
      s.level("threads made", stress::metric_now("retake_thread_create_total") - before, "threads");
      sleep_for(volley_every);
    }
    s.phase("after");
    sleep_for(std::chrono::nanoseconds(quiet_ns));
    s.phase("");
    const double made = stress::metric_now("retake_thread_create_total") - before;
    jobs.close();
    supervised.wait();
    s.figure("jobs", sent, "jobs");
    s.figure("faults", seen.faults, "faults");
    s.figure("worker_lives", seen.worker_lives, "workers");
    s.figure("threads_made", made, "threads");
    s.figure("threads_made_per_1000_faults", 1000 * made / std::max(1.0, static_cast<double>(seen.faults)), "threads");
    s.figure("answers", seen.answered, "answers");
    s.figure("answers_crash", seen.crashed, "answers");
    s.figure("unanswered", sent - seen.answered, "jobs");
    stress::tell_thread_sites(s, __FILE__);
  });
}

void play_buggy(stage& s) { play(s, work_until_it_faults); }
void play_fixed(stage& s) { play(s, work_and_recover); }
void play_wrapped(stage& s) { play(s, work_wrapped); }

void play_separate(stage& s) {
  std::array<std::array<int, 2>, workers> ends{};
  for (auto& one : ends) {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, one.data()) != 0) s.cannot("a pair of sockets");
    s.beside([&] {
      for (auto const& pair : ends) {
        if (pair[0] > 0) ::close(pair[0]);  // else its end is never told
      }
      keep_worker(one[1]);
    });
    ::close(one[1]);
  }
  std::atomic<std::uint32_t> next{0};
  play(s, [&](channel<job>& jobs, counts& seen) {
    result<stream> library = adopt(ends[next++][0]);
    if (!library) s.cannot("a socket in the poller");
    ask_process(jobs, seen, *library);
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_bug({.number = 5,
                          .name = "bug05_fault_in_a_pinned_worker",
                          .title = "a fault throws a pinned worker out of its loop: a thread and an answer for each",
                          .variants = {{"buggy",
                                        "the fault leaves the worker; its supervisor starts another, on another thread",
                                        play_buggy},
                                       {"fixed", "recovered in the loop: the job is answered, the thread kept",
                                        play_fixed},
                                       {"wrapped", "what is passed to the library is looked at before: no fault",
                                        play_wrapped},
                                       {"separate", "the library in two processes of its own, asked over sockets",
                                        play_separate}},
                          .measures = {{.name = "threads made per 1,000 faults",
                                        .figure = "threads_made_per_1000_faults",
                                        .from = 500,
                                        .twins = 10},
                                       {.name = "jobs without an answer",
                                        .figure = "unanswered",
                                        .baseline = "faults",
                                        .from = 0.5},
                                       {.name = "jobs that fault, against wrapped",
                                        .figure = "faults",
                                        .baseline = "jobs",
                                        .from = 0.25,
                                        .fixed = "wrapped"},
                                       {.name = "threads made per 1,000 faults, against separate",
                                        .figure = "threads_made_per_1000_faults",
                                        .from = 500,
                                        .twins = 10,
                                        .fixed = "separate"},
                                       {.name = "jobs without an answer, against separate",
                                        .figure = "unanswered",
                                        .baseline = "faults",
                                        .from = 0.5,
                                        .fixed = "separate"}},
                          .looks = {{"RETAKE_DEBUG=pprof=127.0.0.1:6065 ./retake bug 5 --variant buggy --hold 20 &",
                                     "faults without an end"},
                                    {"curl -s 127.0.0.1:6065/metrics | grep -E 'thread_create_total|retake_threads '",
                                     "made: ever more; there: as few as before",
                                     R"((?=.*^retake_thread_create_total [1-9]\d\d)(?=.*^retake_threads \d\d?$))"},
                                    {"curl -s 'http://127.0.0.1:6065/debug/pprof/threadcreate?debug=1' | head",
                                     "who made them necessary",
                                     R"(^[1-9]\d\d+ created, \d\d? live @.*bug05_fault_in_a_pinned_worker\.cpp:\d)"}},
                          .seed = {{"threads_made", "1 a fault"}},
                          .explained = {{"runtime/syscall/foreign.cpp", "foreign_call_contained",
                                         "a fault in the call comes back as an error, and its thread is tainted"},
                                        {"runtime/sched/machines.cpp", "end_machine",
                                         "a tainted thread ends, and another takes its place"}},
                          .pattern = "8",
                          .pictures = {"threads", "threads made"}},
                         argc, argv);
}
