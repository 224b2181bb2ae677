// bug02_lock_without_unlock.cpp: a goroutine that locks its thread and ends without an unlock takes
// the thread with it; one that locks and stays keeps it
//
// Seed.      Bug 2, "LockOSThread Without Unlock": a renderer binds its goroutine to a thread,
//            because its graphics context is the thread's, and returns early.
// Method.    Frames come one every 2 ms, each is rendered by a goroutine of its own. Buggy:
//            lock_os_thread() without its undoing; a thread that a lock has touched may not be
//            pooled, so it ends with the goroutine, and the next frame needs a new one (churn).
//            Fixed: os_thread_lock, which unlocks with its scope.
//            Accumulating: the worse variant; each renderer locks its thread and then waits for
//            another frame of the same scene, which does not come.
// Symptom.   Threads made per frame; frames whose goroutine ended locked, as the runtime counts
//            them by the place of the lock; and, accumulating, threads at their peak. threadcreate
//            charges all of these threads to the renderer.
#include <chrono>
#include <cstdint>

#include "hammer.hpp"
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "twins.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::stage;

constexpr std::uint32_t frames = 300;
constexpr std::int64_t quiet_ns = 200'000'000;
constexpr auto frame_every = 2ms;
constexpr std::int64_t drawing_ns = 100'000;
constexpr std::uint32_t told_every = 10;  // frames
constexpr std::uint32_t threads_to_the_end = 150;
constexpr char const* threads_made = "retake_thread_create_total";

// The graphics library: its context is the thread's.
void draw() {
  thread_local std::uint64_t context = 0;
  ++context;
  stress::busy_ns(drawing_ns);
}

void render_forgetting(channel<char>&) {
  lock_os_thread();
  draw();
}

void render_by_scope(channel<char>&) {
  const os_thread_lock here;
  draw();
}

void render_and_stay(channel<char>& more) {
  const os_thread_lock here;
  do draw();
  while (more.receive());
}

void play(stage& s, void (*render)(channel<char>&), bool stays = false, std::uint32_t threads_max = 0) {
  run([&] {
    if (threads_max != 0) static_cast<void>(set_max_threads(threads_max));
    channel<char> more;
    wait_group drawn;
    const auto one_frame = [&] {
      drawn.add(1);
      go([&] {
        struct done {
          wait_group& drawn;
          ~done() { drawn.done(); }
        } const after{drawn};
        render(more);
      });
      sleep_for(frame_every);
    };
    s.phase("quiet");
    sleep_for(std::chrono::nanoseconds(quiet_ns));
    s.figure("threads_before", thread_count(), "threads");
    const double before = stress::metric_now(threads_made);
    s.phase("frames");
    for (std::uint32_t i = 0; i < frames; ++i) {
      one_frame();
      if (i % told_every == 0) s.level("threads made", stress::metric_now(threads_made) - before, "threads");
    }
    while (s.holds()) {
      if (stays)
        sleep_for(frame_every);
      else
        one_frame();
    }
    s.figure("threads_made", stress::metric_now(threads_made) - before, "threads");
    s.given("frames", frames, "frames");
    s.phase("after");
    sleep_for(std::chrono::nanoseconds(quiet_ns));
    s.phase("");
    more.close();
    drawn.wait();
    s.figure("frames_ended_locked", stress::metric_now("retake_ended_locked_total"), "frames");
    stress::tell_thread_sites(s, __FILE__);
  });
}

void play_buggy(stage& s) { play(s, render_forgetting); }
void play_fixed(stage& s) { play(s, render_by_scope); }
void play_accumulating(stage& s) { play(s, render_and_stay, true); }
void play_exhausting(stage& s) { play(s, render_and_stay, true, threads_to_the_end); }

}  // namespace

int main(int argc, char** argv) {
  return stress::run_bug(
      {.number = 2,
       .name = "bug02_lock_without_unlock",
       .title = "a lock of the thread without its unlock: every frame costs a thread",
       .variants = {{"buggy", "the renderer locks its thread and returns without an unlock: the thread ends with it",
                     play_buggy},
                    {"fixed", "the lock ends with its scope", play_fixed},
                    {"accumulating", "the renderer locks its thread and stays for another frame: so does the thread",
                     play_accumulating},
                    {"exhausting", "the same in a runtime that may have 150 threads: to the end", play_exhausting}},
       .measures =
           {{.name = "threads made for the frames",
             .figure = "threads_made",
             .baseline = "frames",
             .from = 0.5,
             .twins = 10},
            {.name = "frames that ended locked", .figure = "frames_ended_locked", .baseline = "frames", .from = 0.5},
            {.name = "threads charged to the renderer", .figure = "threads_charged", .baseline = "frames", .from = 0.5},
            {.name = "threads at their peak, accumulating",
             .figure = "threads_peak",
             .baseline = "threads_before",
             .from = 10,
             .twins = 5,
             .buggy = "accumulating"},
            {.name = "threads charged to the renderer, accumulating",
             .figure = "threads_charged",
             .baseline = "frames",
             .from = 0.5,
             .buggy = "accumulating"},
            {.name = "ends in thread exhaustion",
             .figure = "fatal_thread_exhaustion",
             .from = 1,
             .buggy = "exhausting"}},
       .looks = {{"RETAKE_DEBUG=pprof=127.0.0.1:6062 ./retake bug 2 --variant buggy --hold 20 &",
                  "frames without an end"},
                 {"curl -s http://127.0.0.1:6062/metrics | grep -E '^retake_(thread_create|ended_locked)_total'",
                  "both rise with the frames; the one names the line of the lock",
                  R"((?=.*^retake_thread_create_total \d\d))"
                  R"((?=.*^retake_ended_locked_total\{place="[^"]*bug02_lock_without_unlock\.cpp:\d+"\} \d\d))"},
                 {"./retake bug 2 --variant accumulating",
                  "threadcreate names the renderer: its threads are still there",
                  R"(threadcreate: \d+ threads, [1-9]\d* of them alive, by .*bug02_lock_without_unlock\.cpp:\d)"}},
       .seed = {{"threads_peak", "grows for hours"}, {"threads_made", "one a frame"}},
       .explained = {{"runtime/thread/lock_os_thread.cpp", "lock_os_thread",
                      "the lock, and the line that asked for it"},
                     {"runtime/sched/goroutines.cpp", "after_end",
                      "a goroutine that ends locked takes its thread with it"}},
       .pattern = "7",
       .pictures = {"threads", "threads made"},
       .may_end_with = {{"fatal_thread_exhaustion", "fatal error: thread exhaustion"}}},
      argc, argv);
}
