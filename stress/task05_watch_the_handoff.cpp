// task05_watch_the_handoff.cpp: the scheduler's own trace shows threads rise while calls block, and
// stay when they have returned
//
// Seed.      Exercise 5, "Observe the Sysmon Handoff": run the file test under schedtrace=100;
//            threads rise, idleprocs move, and what rose does not fall again.
// Method.    A child runs it with RETAKE_DEBUG=schedtrace=20: it rests, opens a FIFO 60 times at
//            once, lets go, rests. Its lines are read here, with moments of the child's own clock
//            between them. Then the same with a policy that lets idle threads end.
// Twin.      The child's reads are answered by memory.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "blocked_opens.hpp"
#include "own_child.hpp"
#include "retake/file.hpp"
#include "retake/go.hpp"
#include "retake/policy.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::worksheet;

constexpr std::uint32_t opens = 60;
constexpr std::int64_t rest_ns = 300'000'000;
constexpr std::uint32_t idle_kept = 4;

void mark(char const* what) {
  fmt::print(stderr, "MARK {}\n", what);
  std::fflush(stderr);
}

// The seed's file test.
int file_test(std::string const& how) {
  policy rules;
  if (how == "trimming") rules.idle_machines_max = idle_kept;
  options chosen;
  chosen.processors = 4;
  chosen.rules = &rules;
  run(chosen, [&] {
    stress::blocked_opens fifo;
    sleep_for(std::chrono::nanoseconds(rest_ns));
    mark("begin");
    wait_group all;
    all.add(opens);
    for (std::uint32_t i = 0; i < opens; ++i) {
      go([&] {
        std::array<std::byte, 256> room;
        if (result<file> opened = open_file(how == "cached" ? "/proc/self/exe" : fifo.path(), open_mode::read);
            opened && how == "cached")
          static_cast<void>(opened->read_at(room, 0));
        all.done();
      });
    }
    sleep_for(std::chrono::nanoseconds(rest_ns));
    mark("let go");
    fifo.let_go();
    all.wait();
    sleep_for(std::chrono::nanoseconds(rest_ns));
    mark("end");
  });
  return 0;
}

struct line {
  int phase = 0;  // 0 before the calls, 1 while they block, 2 afterwards
  double threads = 0, idle_processors = 0, idle_threads = 0;
  std::string text;
};

double field(std::string const& text, std::string const& name) {
  const std::size_t at = text.find(" " + name + "=");
  return at == std::string::npos ? -1 : std::atof(text.c_str() + at + name.size() + 2);
}

std::vector<line> lines_of(std::string const& said) {
  std::vector<line> all;
  int phase = 0;
  std::istringstream in(said);
  for (std::string text; std::getline(in, text);) {
    if (text.starts_with("MARK")) ++phase;
    if (text.starts_with("SCHED"))
      all.push_back({phase, field(text, "threads"), field(text, "idleprocs"), field(text, "idlethreads"), text});
  }
  return all;
}

struct trace_figures {
  double before = 0, during = 0, after = 0, idle_after = 0, idle_processors_least = 1e9, idle_processors_most = 0;
  std::uint32_t lines = 0;
  std::array<std::string, 3> example;
};

trace_figures traced(std::string const& how) {
  const stress::ended child =
      stress::run_child({stress::own_path(), "--child", how}, {.environment = {"RETAKE_DEBUG=schedtrace=20"}});
  trace_figures seen;
  for (line const& one : lines_of(child.error)) {
    if (one.phase > 2) continue;
    ++seen.lines;
    seen.example[static_cast<std::size_t>(one.phase)] = one.text;
    if (one.phase == 0) seen.before = one.threads;  // the last of each phase, but for the most while calls block
    if (one.phase == 1) seen.during = std::max(seen.during, one.threads);
    if (one.phase == 2) {
      seen.after = one.threads;
      seen.idle_after = one.idle_threads;
    }
    seen.idle_processors_least = std::min(seen.idle_processors_least, one.idle_processors);
    seen.idle_processors_most = std::max(seen.idle_processors_most, one.idle_processors);
  }
  return seen;
}

void observe(worksheet& out) {
  const trace_figures kept = traced(out.broken() ? "cached" : "plain"), trimmed = traced("trimming");
  out.row("lines", "lines of schedtrace", "1 in 100 ms", kept.lines, "lines");
  out.row("threads_before", "threads= before the calls", "", kept.before, "threads");
  out.row("threads_during", fmt::format("threads= while {} opens block", opens), "rising", kept.during, "threads");
  out.row("threads_after", "threads= after they have returned", "not back", kept.after, "threads");
  out.row("idle_threads_after", "idlethreads= then", "the pool", kept.idle_after, "threads");
  out.row("idle_processors_least", "idleprocs= at least", "fluctuating", kept.idle_processors_least, "Ps");
  out.row("idle_processors_most", "idleprocs= at most", "", kept.idle_processors_most, "Ps");
  out.row("threads_after_trimming", fmt::format("threads= afterwards when {} idle ones are kept", idle_kept), "",
          trimmed.after, "threads");
  for (std::string const& one : kept.example) out.text(one);
  out.at_least("threads that appear while calls block", kept.during - kept.before, opens * 0.8);
  out.at_least("of them still there afterwards", kept.after - kept.before, opens * 0.7);
  out.at_least("idle ones among those afterwards", kept.idle_after / kept.after, 0.7);
  out.at_least("Ps that are idle at times, at least", kept.idle_processors_most, 2);
  out.at_most("threads afterwards under a policy that trims, of those that there were", trimmed.after / trimmed.during,
              0.5);
  out.answer("Why does threads not return to baseline after the reads?",
             fmt::format("Of the {:.0f} threads afterwards {:.0f} are on the list of idle ones.", kept.after,
                         kept.idle_after),
             "The next call that blocks takes a thread from there instead of making one.");
  out.answer("How long until they are killed?",
             fmt::format("{:.0f} ms after the calls there were {:.0f} threads, and {:.0f} during them. A policy that "
                         "keeps {} idle ones (policy::idle_machines_max) had {:.0f} then.",
                         static_cast<double>(rest_ns) * 1e-6, kept.after, kept.during, idle_kept, trimmed.after),
             "Never, under the default policy, which is Go's: it keeps its idle threads.");
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({5,
                               "task05_watch_the_handoff",
                               "schedtrace shows threads rise with calls that block, and stay",
                               "the child's reads are answered by memory",
                               observe,
                               file_test,
                               {{"runtime/observe/schedtrace.cpp", "sched_trace", "writes the line"},
                                {"runtime/sched/sysmon.cpp", "retake",
                                 "sysmon finds the P there at two visits and takes it"},
                                {"runtime/sched/machines.cpp", "handoff",
                                 "the P goes to another thread, a new one if none is idle"}}},
                              argc, argv);
}
