// task14_hello_under_strace.cpp: "Hello world!" has three threads; strace shows who made each of
// them and what it does, which is its reason
//
// Seed.      The slides: a hello world under dtruss makes threads before it prints a line; "why
//            more than one?" Their program counts 8 processors, 5 threads, 1 goroutine.
// Method.    A child prints its counts and, on a goroutine, "Hello world!", under strace -f. Each
//            thread is named by what it did: the process began on it; it only ever waited with a
//            time limit, and never ran a goroutine (the monitor); or it waited for work without
//            one.
// Twin.      The child makes three foreign calls meanwhile.
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "hammer.hpp"
#include "own_child.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::worksheet;

constexpr std::int64_t while_ns = 50'000'000;
constexpr std::uint32_t processors_of_child = 2;

int hello(std::string const& how) {
  options chosen;
  chosen.processors = processors_of_child;
  run(chosen, [&] {
    for (int i = 0; how == "calls" && i < 3; ++i) go([] { foreign_call([] { stress::nap_ns(2 * while_ns); }); });
    sleep_for(std::chrono::nanoseconds(while_ns));  // the program is at rest: what the monitor does then can be seen
    wait_group printed;
    printed.add(1);
    go([&] {
      fmt::print("Number of logical CPUs {}\nNumber of OS threads {}\nNumber of goroutines {}\nHello world!\n",
                 std::thread::hardware_concurrency(), thread_count(), goroutine_count());
      std::fflush(stdout);
      printed.done();
    });
    printed.wait();
  });
  return 0;
}

struct thread_seen {
  std::uint64_t id = 0, made_by = 0;
  std::uint32_t timed_waits = 0, untimed_waits = 0, polls = 0, prints = 0;
  std::string name, reason;
};

std::vector<thread_seen> threads_in(std::string const& trace) {
  std::vector<thread_seen> all;
  std::map<std::uint64_t, std::uint64_t> made_by;
  const auto of = [&](std::uint64_t id) -> thread_seen& {
    for (thread_seen& one : all) {
      if (one.id == id) return one;
    }
    all.emplace_back();
    all.back().id = id;
    all.back().made_by = made_by[id];
    return all.back();
  };
  std::istringstream in(trace);
  for (std::string line; std::getline(in, line);) {
    char* rest = nullptr;
    const std::uint64_t id = std::strtoull(line.c_str(), &rest, 10);
    const std::string call = rest + std::string(rest).find_first_not_of(' ');
    if (id == 0) continue;
    thread_seen& who = of(id);
    const auto has = [&call](char const* text) { return call.find(text) != std::string::npos; };
    if (call.rfind("futex(", 0) == 0 && has("FUTEX_WAIT")) ++(has("tv_sec=") ? who.timed_waits : who.untimed_waits);
    if (call.rfind("epoll_", 0) == 0 && has("wait")) ++who.polls;
    if (has("Hello world!")) ++who.prints;
    if (has("clone") && has(") = ")) {
      const std::uint64_t made = std::strtoull(call.c_str() + call.rfind(" = ") + 3, nullptr, 10);
      if (made != 0) {
        made_by[made] = id;
        static_cast<void>(of(made));
      }
    }
  }
  return all;
}

// By what it did; a thread that fits nothing has no name.
void name_each(std::vector<thread_seen>& all) {
  bool monitor_named = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    thread_seen& one = all[i];
    if (i == 0) {
      one.name = "main";
      one.reason = "the process began on it; run() made it the first M, and it takes the runtime down";
    } else if (!monitor_named && one.made_by == all[0].id && one.timed_waits > 0 && one.polls == 0 && one.prints == 0) {
      monitor_named = true;
      one.name = "monitor";
      one.reason = fmt::format(
          "made by main before any goroutine ran; {} waits with a time limit: it looks at the Ps, needs none, and "
          "takes those whose M sits in the kernel",
          one.timed_waits);
    } else if (one.untimed_waits + one.polls + one.prints > 0) {
      one.name = "worker";
      one.reason = fmt::
          format("made when a goroutine was ready and a P idle; {} waits for work without a limit, {} in the poller",
                 one.untimed_waits, one.polls);
    } else if (one.timed_waits == 0) {
      one.name = "worker";
      one.reason = "made when a goroutine was ready and a P idle; the program was over before it had to wait";
    }
  }
}

double number_after(std::string const& text, std::string const& words) {
  const std::size_t at = text.find(words);
  return at == std::string::npos ? 0 : std::atof(text.c_str() + at + words.size());
}

void trace_hello(worksheet& out) {
  const stress::ended child = stress::run_child({"strace", "-f", "-s", "200", "-o", "/proc/self/fd/2", "-e",
                                                 "trace=clone,clone3,futex,epoll_wait,epoll_pwait,epoll_pwait2,write",
                                                 stress::own_path(), "--child", out.broken() ? "calls" : "plain"});
  if (child.code == -1) return out.lacks("strace is not installed: apt-get install -y strace");
  if (child.code != 0) return out.lacks("strace may not trace here: " + child.error.substr(0, child.error.find('\n')));
  std::vector<thread_seen> all = threads_in(child.error);
  name_each(all);
  double named = 0, monitors = 0, prints = 0;
  std::string printer;
  for (thread_seen const& one : all) {
    named += one.name.empty() ? 0 : 1;
    monitors += one.name == "monitor" ? 1 : 0;
    prints += one.prints;
    if (one.prints != 0) printer = one.name;
    out.text(fmt::format("thread {}: {}: {}", one.id, one.name.empty() ? "UNKNOWN" : one.name,
                         one.reason.empty() ? "nothing that is known does this" : one.reason));
  }
  const auto count = static_cast<double>(all.size());
  out.row("processors", "logical CPUs", "8", number_after(child.out, "logical CPUs "), "CPUs");
  out.row("threads_said", "threads, by the program", "5", number_after(child.out, "OS threads "), "threads");
  out.row("threads_seen", "threads, by strace", "", count, "threads");
  out.row("goroutines", "goroutines (main's, and the one that prints)", "1", number_after(child.out, "goroutines "),
          "goroutines");
  out.at_least("threads of a program that prints one line", count, 2);
  out.at_most("no more than main's, the monitor's, and one for each P", count, 2.0 + processors_of_child);
  out.at_least("of them with a name and a reason", named, count);
  out.at_least("monitors among them", monitors, 1);
  out.at_least("threads that strace saw, against those the program counts", count,
               number_after(child.out, "OS threads "));
  out.at_most("lines printed", prints, 1);
  out.at_least("lines printed", prints, 1);
  out.answer("Why more than one thread for just printing a line?",
             fmt::format("Of {:.0f} threads {:.0f} are neither the process' own nor the monitor's. The line was "
                         "written by the {} thread.",
                         count, count - 1 - monitors, printer),
             "Those are for goroutines: a thread is made when a goroutine is ready and a P idle. The monitor needs no "
             "P.");
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({14,
                               "task14_hello_under_strace",
                               "a hello world under strace: every thread with its reason",
                               "three foreign calls are made meanwhile",
                               trace_hello,
                               hello,
                               {{"runtime/sched/run.cpp", "run_main", "main's goroutine"},
                                {"runtime/sched/sysmon.cpp", "monitor_loop", "the monitor, which needs no P"},
                                {"runtime/sched/machines.cpp", "start_thread", "asks the kernel for a thread"}}},
                              argc, argv);
}
