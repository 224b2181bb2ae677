// bug12_locks_in_a_library.cpp: a library that locks a thread for each operation makes a thread for
// each operation; a pool of our own threads in front of it makes few
//
// Seed.      Bug 12, "M Pool Growth from LockOSThread in Library Code": threads grow with every
//            operation, and no line of the program locks one.
// Method.    vendor/affine_driver stands for a database driver whose sessions belong to threads.
//            Its wrapper runs each query on a goroutine of its own, locked to its thread, and keeps
//            that one for 30 s in case that somebody comes back for the session. Buggy: the program
//            calls the wrapper. Fixed: it calls the driver's C part on the four workers of a
//            foreign_pool, which are locked once and for all. Rated: the wrapper, but at most four
//            times a second: where there is no C part to call, that is what is left, and most
//            queries are refused.
// Symptom.   Threads at their peak against those before; and sessions opened per query.
//            threadcreate names a line of the library: read its source.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "hammer.hpp"
#include "retake/context.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "twins.hpp"
#include "vendor/affine_driver.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::now_ns;
using stress::stage;

constexpr std::uint32_t queries = 200, workers = 4;
constexpr std::int64_t quiet_ns = 200'000'000;
constexpr auto query_every = 4ms;
constexpr std::int64_t let_through_every_ns = 250'000'000;  // of what locks, by the bound to its rate
constexpr auto held_every = 100ms;  // with --hold, once the sessions are there: as many as the library lets go of

// Lets one through now and then, and tells the others so.
class rate_bound {
 public:
  bool admits() {
    const std::lock_guard hold(guard_);
    if (now_ns() < next_ns_) return false;
    next_ns_ = now_ns() + let_through_every_ns;
    return true;
  }

 private:
  mutex guard_;
  std::int64_t next_ns_ = 0;
};

template <class Ask>
void play(stage& s, Ask ask) {
  wait_group asked;
  stress::latencies took(s);
  std::uint32_t sent = 0;
  const auto one_query = [&] {
    asked.add(1);
    go([&, key = sent++, began_ns = now_ns()] {
      static_cast<void>(ask(key));
      took.add(now_ns() - began_ns);
      asked.done();
    });
    sleep_for(query_every);
  };
  s.phase("quiet");
  sleep_for(std::chrono::nanoseconds(quiet_ns));
  s.figure("threads_before", thread_count(), "threads");
  s.phase("queries");
  for (std::uint32_t i = 0; i < queries; ++i) one_query();
  asked.wait();
  while (s.holds()) {
    one_query();
    sleep_for(held_every);
  }
  s.phase("after");
  sleep_for(std::chrono::nanoseconds(quiet_ns));
  s.phase("");
  asked.wait();
  s.given("queries", queries, "queries");
  s.figure("sessions_opened", affine_driver::sessions_opened(), "sessions");
  s.figure("latency_p50", took.percentile_ms(0.5), "ms");
  s.figure("latency_p99", took.percentile_ms(0.99), "ms");
  stress::tell_thread_sites(s, "vendor/affine_driver.cpp");
  affine_driver::let_go();
}

void play_buggy(stage& s) {
  run([&] { play(s, affine_driver::query); });
}

void play_fixed(stage& s) {
  run([&] {
    foreign_pool sessions(workers);
    play(s, [&](std::uint32_t key) {
      return *sessions.call(background(), [key] { return affine_driver::query_here(key); });
    });
  });
}

void play_rated(stage& s) {
  std::atomic<std::uint32_t> refused{0};
  run([&] {
    rate_bound locks;
    play(s, [&](std::uint32_t key) {
      if (locks.admits()) return affine_driver::query(key);
      ++refused;
      return 0u;
    });
    s.figure("refused", refused, "queries");
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_bug(
      {.number = 12,
       .name = "bug12_locks_in_a_library",
       .title = "a library that locks a thread for each operation: threads grow, and no line of ours locks one",
       .variants = {{"buggy", "each query by the library's wrapper, which locks a thread and keeps it", play_buggy},
                    {"fixed", "the library's C part on four workers of a foreign_pool", play_fixed},
                    {"rated", "the wrapper, four times a second; the other queries are refused", play_rated}},
       .measures =
           {{.name = "threads at their peak",
             .figure = "threads_peak",
             .baseline = "threads_before",
             .from = 5,
             .twins = 5},
            {.name = "sessions opened", .figure = "sessions_opened", .baseline = "queries", .from = 0.5, .twins = 10},
            {.name = "threads charged to the library", .figure = "threads_charged", .baseline = "queries", .from = 0.5},
            {.name = "threads at their peak, by the rate",
             .figure = "threads_peak",
             .baseline = "threads_before",
             .from = 5,
             .twins = 5,
             .fixed = "rated"},
            {.name = "sessions opened, by the rate",
             .figure = "sessions_opened",
             .baseline = "queries",
             .from = 0.5,
             .twins = 10,
             .fixed = "rated"}},
       .looks = {{"RETAKE_DEBUG=pprof=127.0.0.1:6072 ./retake bug 12 --variant buggy --hold 20 &",
                  "queries, and the threads that they leave"},
                 {"curl -s 'http://127.0.0.1:6072/debug/pprof/threadcreate?debug=1' | head",
                  "the line of the library that made them necessary",
                  R"(^[1-9]\d+ created, [1-9]\d+ live @.*affine_driver\.cpp:\d)"},
                 {"curl -s 'http://127.0.0.1:6072/debug/pprof/goroutine?debug=2' | grep -c 'locked to thread'",
                  "as many goroutines are locked to them", R"(^[1-9]\d+$)"}},
       .seed = {{"threads_peak", "grows for days"}, {"sessions_opened", "one an operation"}},
       .explained = {{"runtime/thread/lock_os_thread.cpp", "lock_os_thread",
                      "the lock, and the line that asked for it"},
                     {"runtime/sched/goroutines.cpp", "after_end",
                      "a goroutine that ends locked takes its thread with it"}},
       .pattern = "7",
       .pictures = {"threads", "latency"}},
      argc, argv);
}
