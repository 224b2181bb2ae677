// task06_see_the_trace.cpp: an execution trace tells which goroutines were in system calls and for
// how long, and how many threads that took
//
// Seed.      Exercise 6, "Visualise with go tool trace": find the yellow regions (Syscall) and the
//            green ones (Sched wait); are the former the file reads?
// Method.    Traced: 20 goroutines whose open of a FIFO blocks for 150 ms, and 20 that sleep as
//            long. The trace's own sums per goroutine are compared with what each did. The picture
//            is the same trace as Chrome's events (trace_result::chrome_json): --trace FILE writes
//            it, for ui.perfetto.dev.
// Twin.      The readers wait in a channel instead of a call.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "blocked_opens.hpp"
#include "retake/channel.hpp"
#include "retake/clock.hpp"
#include "retake/debug.hpp"
#include "retake/file.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/trace.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::worksheet;

constexpr std::uint32_t readers = 20, sleepers = 20;
constexpr auto hold = 150ms;

double in_ms(std::chrono::duration<double, std::milli> length) { return length.count(); }

struct traced {
  trace_result trace;
  std::set<std::uint64_t> readers, sleepers;
  double held_ms = 0;  // from the first goroutine's start until the opens were let go
};

traced file_program(bool broken) {
  traced seen;
  stress::blocked_opens fifo;
  channel<char> never;
  mutex guard;
  wait_group all;
  all.add(readers + sleepers);
  if (!start_trace()) return seen;
  const time_point began = monotonic_now();
  for (std::uint32_t i = 0; i < readers; ++i) {
    go([&] {
      guard.lock();
      seen.readers.insert(goroutine_id());
      guard.unlock();
      if (broken)
        static_cast<void>(never.receive());
      else
        static_cast<void>(open_file(fifo.path(), open_mode::read));
      all.done();
    });
  }
  for (std::uint32_t i = 0; i < sleepers; ++i) {
    go([&] {
      guard.lock();
      seen.sleepers.insert(goroutine_id());
      guard.unlock();
      sleep_for(hold);
      all.done();
    });
  }
  sleep_for(hold);
  seen.held_ms = in_ms(monotonic_now() - began);
  fifo.let_go();
  never.close();
  all.wait();
  seen.trace = stop_trace();
  return seen;
}

// The most that the counter of threads came to.
double threads_of(trace_result const& trace) {
  const nlohmann::json all = nlohmann::json::parse(trace.chrome_json, nullptr, false);
  double most = 0;
  if (!all.is_object()) return most;
  for (nlohmann::json const& one : all["traceEvents"]) {
    if (one.value("ph", "") != "C" || one.value("name", "") != "threads") continue;
    for (auto const& value : one["args"]) most = std::max(most, value.get<double>());
  }
  return most;
}

void look(worksheet& out) {
  options chosen;
  chosen.processors = 4;
  run(chosen, [&] {
    const traced seen = file_program(out.broken());
    std::vector<double> reader_call_ms, other_call_ms, ready_ms, waiting_ms;
    double running_ms = 0;
    for (goroutine_times const& one : seen.trace.goroutines) {
      running_ms += in_ms(one.running);
      const double in_call = in_ms(one.syscall);
      if (seen.readers.contains(one.id)) reader_call_ms.push_back(in_call);
      if (seen.sleepers.contains(one.id)) other_call_ms.push_back(in_call);
      if (!seen.readers.contains(one.id) && !seen.sleepers.contains(one.id)) continue;
      ready_ms.push_back(in_ms(one.runnable));
      waiting_ms.push_back(in_ms(one.waiting));
    }
    const double hold_ms = seen.held_ms, reads = stress::median(reader_call_ms), others = stress::median(other_call_ms);
    out.row("events", "events recorded", "", static_cast<double>(seen.trace.events), "events");
    out.row("held", "for so long the opens blocked", "", hold_ms, "ms");
    out.row("reader_syscall", "a reader's time in Syscall (median)", "the yellow regions", reads, "ms");
    out.row("sleeper_syscall", "a sleeper's", "none", others, "ms");
    out.row("runnable", "any goroutine's time ready to run (median)", "short, green", stress::median(ready_ms), "ms");
    const double used = running_ms / (processors() * seen.held_ms);
    out.row("processors_used", fmt::format("time in which a goroutine ran, of {} Ps' together", processors()),
            "gaps: idle", used * 100, "%");
    out.row("threads_most", "threads at most (the trace's counter)", "", threads_of(seen.trace), "threads");
    out.text("the picture: ./retake task 6 --trace trace.json, then open trace.json in https://ui.perfetto.dev");
    out.trace(seen.trace.chrome_json);
    out.holds("nothing of the trace is lost", seen.trace.events != 0 && seen.trace.lost == 0);
    out.at_least("readers in the trace", static_cast<double>(reader_call_ms.size()), readers);
    out.at_least("a reader's time in Syscall, of the time that its open blocked", reads / hold_ms, 0.5);
    out.at_most("a sleeper's time in Syscall, of the same", others / hold_ms, 0.1);
    out.at_most("time in which the Ps were used, in percent: their lanes have gaps while all wait", used * 100, 50);
    out.at_least("threads at most, against goroutines in calls", threads_of(seen.trace) / readers, 1);
    out.at_most("time ready to run (median), of the time that the opens blocked", stress::median(ready_ms) / hold_ms,
                0.5);
    out.answer("Identify the Syscall regions. Are they the file reads?",
               fmt::format("{} goroutines have them, {:.0f} ms in the median, and they are the readers, whose opens "
                           "were blocked for {:.0f} ms; those that slept have "
                           "{:.1f} ms.",
                           std::count_if(reader_call_ms.begin(), reader_call_ms.end(),
                                         [&](double ms) { return ms > hold_ms / 2; }),
                           reads, hold_ms, others));
    out.answer("Identify the Sched wait regions. Why are they short?",
               fmt::format("A goroutine was ready and without a P for {:.2g} ms in the median (at most {:.2g} ms).",
                           stress::median(ready_ms), stress::share_of(ready_ms, 1)),
               "A call that blocks loses its P to the others, so that a P is free for each goroutine that becomes "
               "ready.");
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({6,
                               "task06_see_the_trace",
                               "a trace names the goroutines in system calls and the threads that they took",
                               "the readers wait in a channel instead of a call",
                               look,
                               nullptr,
                               {{"runtime/observe/tracer.cpp", "start", "gives each thread a ring for its events"},
                                {"runtime/syscall/syscall.cpp", "enter_syscall",
                                 "the call leaves its P behind, in state Syscall, and keeps its thread"}},
                               true},
                              argc, argv);
}
