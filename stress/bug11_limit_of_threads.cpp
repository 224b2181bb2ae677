// bug11_limit_of_threads.cpp: a service that makes threads without a bound ends where its
// container's limit of threads is; the limit is not the fault
//
// Seed.      Bug 11, "Crash on pids.max Exhaustion": runs for hours, then "failed to create new OS
//            thread (have 4096 already; errno=11)".
// Method.    The process may have 64 threads: by a pids cgroup of its own, where that is allowed,
//            else by RLIMIT_NPROC as an unprivileged user. Foreign calls of 400 ms come faster than
//            they end. Buggy: as many at a time as come; clone(2) says EAGAIN, the runtime tries
//            for 0.2 s and then ends the process with its texts.
//            Fixed: sixteen at a time, bounded at the call site that threadcreate has named.
//            Stopgap: set_max_threads(40) ends the buggy code too, sooner and with another text
//            ("thread exhaustion"): it leaves the rest of the limit to others in the container, and
//            repairs nothing. Raising it would do nothing at all.
// Symptom.   The fatal text; how near the limit the threads come; how many of them threadcreate
//            charges to the call site.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "hammer.hpp"
#include "limited_threads.hpp"
#include "retake/bounded.hpp"
#include "retake/context.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "twins.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::stage;

constexpr std::uint32_t threads_allowed = 64, admitted_max = 16, stopgap = 40;
constexpr double near_limit = 0.9;
constexpr std::uint32_t calls = 120, volley = 8, told_at = 40;
constexpr std::uint32_t held_calls = 50;  // so many in flight with --hold: near the limit, and alive
constexpr std::int64_t quiet_ns = 200'000'000;
constexpr auto volley_every = 10ms;
constexpr std::int64_t call_ns = 400'000'000;

void convert_document() { stress::nap_ns(call_ns); }

void call_unbounded() { foreign_call(convert_document); }

template <class Call>
void play(stage& s, std::uint32_t threads_max, Call call, std::uint32_t times = 1) {
  const std::string limit =
      stress::limit_threads(times * threads_allowed, [&s](std::string const& folder) { s.remove_later(folder); });
  if (limit.empty()) s.cannot(stress::no_thread_limit);
  s.note("the limit", limit);
  s.given("threads_allowed", times * threads_allowed, "threads");
  s.given("threads_allowed_at_first", threads_allowed, "threads");
  run([&] {
    if (threads_max != 0) static_cast<void>(set_max_threads(threads_max));
    stress::latencies took(s, "call");
    wait_group in_flight;
    s.phase("quiet");
    sleep_for(std::chrono::nanoseconds(quiet_ns));
    s.figure("threads_before", thread_count(), "threads");
    s.phase("load");
    for (std::uint32_t i = 0; i < (s.held() ? held_calls : times * calls); ++i) {
      in_flight.add(1);
      go([&, began_ns = stress::now_ns()] {
        do call();
        while (s.holds());
        took.add(stress::now_ns() - began_ns);
        in_flight.done();
      });
      if (i % volley == volley - 1) sleep_for(volley_every);
      if (thread_count() < near_limit * times * threads_allowed) s.figure("calls_before_the_limit", i + 1, "calls");
      if (i + 1 == told_at) stress::tell_thread_sites(s, __FILE__);  // now: later it may be dead
    }
    in_flight.wait();
    s.figure("calls", static_cast<double>(took.count()), "calls");
    s.figure("call_p99", took.percentile_ms(0.99), "ms");
    s.phase("");
  });
}

void play_buggy(stage& s) { play(s, 0, call_unbounded); }
void play_stopgap(stage& s) { play(s, stopgap, call_unbounded); }

void play_raised(stage& s) { play(s, 0, call_unbounded, 2); }

void play_fixed(stage& s) {
  bounded documents(admitted_max);
  play(s, 0, [&] { static_cast<void>(documents.foreign_call(background(), convert_document)); });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::
      run_bug({.number = 11,
               .name = "bug11_limit_of_threads",
               .title = "threads without a bound end at the container's limit: a crash after hours of quiet service",
               .variants = {{"buggy", "as many foreign calls at a time as come, in a process that may have 64 threads",
                             play_buggy},
                            {"fixed", "16 at a time, bounded where threadcreate says", play_fixed},
                            {"stopgap", "as buggy, with set_max_threads(40): the end comes sooner", play_stopgap},
                            {"raised", "as buggy, in a process that may have twice as many", play_raised}},
               .measures = {{.name = "ends by the limit of threads", .figure = "fatal_newosproc", .from = 1},
                            {.name = "threads at their peak",
                             .figure = "threads_peak",
                             .baseline = "threads_allowed",
                             .from = 0.8,
                             .twins = 2},
                            {.name = "threads charged to the call site",
                             .figure = "threads_charged",
                             .baseline = "threads_allowed",
                             .from = 0.4,
                             .twins = 1.5},
                            {.name = "ends by set_max_threads",
                             .figure = "fatal_thread_exhaustion",
                             .from = 1,
                             .buggy = "stopgap"},
                            {.name = "ends by the limit of threads, twice as high",
                             .figure = "fatal_newosproc",
                             .from = 1,
                             .buggy = "raised"},
                            {.name = "calls until it is there: twice as many",
                             .figure = "calls_before_the_limit",
                             .baseline = "threads_allowed_at_first",
                             .from = 1.4,
                             .twins = 1.4,
                             .buggy = "raised",
                             .fixed = "buggy"}},
               .looks = {{"RETAKE_DEBUG=pprof=127.0.0.1:6071 ./retake bug 11 --variant buggy --hold 20 &",
                          "short of the limit, so that there is something to look at"},
                         {"curl -s 'http://127.0.0.1:6071/debug/pprof/threadcreate?debug=1' | head",
                          "the call site to be bounded",
                          R"(^[3-6]\d created, [3-6]\d live @.*bug11_limit_of_threads\.cpp:\d)"},
                         {"curl -s 127.0.0.1:6071/metrics | grep 'retake_threads '",
                          "how many there are; the limit is in pids.max", R"(^retake_threads [3-6]\d$)"}},
               .seed = {{"threads_allowed", "4,096"}, {"fatal_newosproc", "1"}},
               .explained = {{"runtime/sched/machines.cpp", "start_thread", "asks the kernel for a thread"},
                             {"runtime/sched/machines.cpp", "refuse_thread", "the fatal text"},
                             {"runtime/sched/machines.cpp", "check_thread_limit",
                              "set_max_threads, the runtime's own limit"}},
               .pattern = "10",
               .pictures = {"threads", "call"},
               .may_end_with = {{"fatal_newosproc", "fatal error: newosproc"},
                                {"fatal_thread_exhaustion", "fatal error: thread exhaustion"}},
               .leaves_directories = true},
              argc, argv);
}
