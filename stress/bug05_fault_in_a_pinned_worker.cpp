// bug05_fault_in_a_pinned_worker.cpp: a worker that a fault throws out of its loop costs its thread, and the answer that somebody waits for; one that recovers in the loop keeps both
//
// Seed.      Bug 5, "A Panic in a Pinned Worker": workers pinned to threads call a C library, which faults now and then; a supervisor starts them again. In Go a fault in
//            C is fatal and not a panic, whatever the seed says; here it is contained on request, so that the seed's story can happen.
// Method.    Two workers, locked to their threads, call a library that dereferences null when an image has no header, as every second one has not. Buggy: foreign_fault
//            leaves the loop; unwinding unlocks the thread, which counts as damaged since the fault and ends; the supervisor starts another worker, which locks another
//            thread. Fixed: recover in the loop, which answers "crash"; the worker keeps its thread, which nobody else will ever get.
// Symptom.   Threads made per 1,000 faults; jobs that got no answer.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "hammer.hpp"
#include "retake/channel.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/panic.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "twins.hpp"
#include "vendor/thumbnailer.hpp"

namespace {

using namespace retake;
using stress::stage;

constexpr std::uint32_t workers = 2, jobs_sent = 2'000, volley = 10;
constexpr std::int64_t volley_every_ns = 5'000'000, quiet_ns = 200'000'000;

struct job {
  std::uint32_t number;
};

struct counts {
  std::atomic<std::uint32_t> answered{0}, crashed{0}, faults{0}, worker_lives{0};
};

std::array<unsigned char, 64> const pixels{};
unsigned char const header = 1;

unsigned brightness(job const& what) {
  const thumbnailer_image image{what.number % 2 == 0 ? &header : nullptr, pixels.data(), pixels.size()};
  return foreign_call(contain_faults, [&] { return thumbnailer_brightness(&image); });
}

void work_until_it_faults(channel<job>& jobs, counts& seen) {
  const os_thread_locked mine;
  for (job const& what : jobs) {
    static_cast<void>(brightness(what));
    ++seen.answered;
  }
}

void work_and_recover(channel<job>& jobs, counts& seen) {
  const os_thread_locked mine;
  for (job const& what : jobs) {
    if (recover([&] { static_cast<void>(brightness(what)); }) != nullptr) {
      ++seen.faults;
      ++seen.crashed;  // an answer too
    }
    ++seen.answered;
  }
}

// Starts a worker, and another when it has ended by an exception.
void supervise(void (*work)(channel<job>&, counts&), channel<job>& jobs, counts& seen) {
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

void play(stage& s, void (*work)(channel<job>&, counts&)) {
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
    sleep_for_ns(quiet_ns);
    const double before = stress::metric_now("retake_thread_create_total");
    s.phase("jobs");
    std::uint32_t sent = 0;
    while (sent < jobs_sent || s.holds()) {
      for (std::uint32_t i = 0; i < volley; ++i) jobs.send({sent++});
      s.level("threads made", stress::metric_now("retake_thread_create_total") - before, "threads");
      sleep_for_ns(volley_every_ns);
    }
    s.phase("after");
    sleep_for_ns(quiet_ns);
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

}  // namespace

int main(int argc, char** argv) {
  return stress::run_bug({.number = 5,
                          .name = "bug05_fault_in_a_pinned_worker",
                          .title = "a fault throws a pinned worker out of its loop: a thread and an answer for each",
                          .variants = {{"buggy", "the fault leaves the worker; its supervisor starts another, on another thread", play_buggy},
                                       {"fixed", "recovered in the loop: the job is answered, the thread kept", play_fixed}},
                          .measures = {{.name = "threads made per 1,000 faults", .figure = "threads_made_per_1000_faults", .from = 500, .twins = 10},
                                       {.name = "jobs without an answer", .figure = "unanswered", .baseline = "faults", .from = 0.5}},
                          .looks = {{"RETAKE_DEBUG=pprof=127.0.0.1:6065 ./retake bug 5 --variant buggy --hold 20 &", "faults without an end"},
                                    {"curl -s 127.0.0.1:6065/metrics | grep -E 'thread_create_total|retake_threads '", "made: ever more; there: as few as before"},
                                    {"curl -s 'http://127.0.0.1:6065/debug/pprof/threadcreate?debug=1' | head", "who made them necessary"}},
                          .pattern = "8",
                          .pictures = {"threads", "threads made"}},
                         argc, argv);
}
