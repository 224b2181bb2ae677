// task12_too_few_threads.cpp: a program that may have 100 threads and wants 200 ends with a clear
// text; one that bounds its calls never notices
//
// Seed.      Exercise 12, "Reproduce a Pids.Max Panic in a Container": 200 locked goroutines in
//            foreign calls under a limit of 100. The text that the seed expects is that of the
//            runtime's own limit; the kernel's refusal has another.
// Method.    A child in a cgroup with pids.max = 100 (else under RLIMIT_NPROC, as an unprivileged
//            user) starts 200 goroutines that lock their threads and call; the same with
//            set_max_threads raised; the same calls through a pool of 8; and, under no limit of the
//            kernel's, with a maximum of 50 threads of the runtime's own.
// Twin.      The first program bounds its calls too.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "hammer.hpp"
#include "limited_threads.hpp"
#include "own_child.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using stress::ended;
using stress::worksheet;

constexpr std::uint32_t limit = 100, callers = 200, workers = 8, own_limit = 50;
constexpr std::int64_t call_ns = 1'500'000'000, short_call_ns = 2'000'000;
constexpr char const* survived = "all calls returned";

void unbounded() {
  wait_group all;
  all.add(callers);
  for (std::uint32_t i = 0; i < callers; ++i) {
    go([&all] {
      const os_thread_lock own_thread;
      foreign_call([] { stress::nap_ns(call_ns); });
      all.done();
    });
  }
  all.wait();
}

void bounded() {
  foreign_pool pool(workers);
  wait_group all;
  all.add(callers);
  for (std::uint32_t i = 0; i < callers; ++i) {
    go([&] {
      static_cast<void>(pool.call(background(), [] { stress::nap_ns(short_call_ns); }));
      all.done();
    });
  }
  all.wait();
}

constexpr char const *says_folder = "cgroup: ", *says_limit = "limited by: ";

// HOW: plain, raised, bounded: under the limit; own_limit: under none but the runtime's own.
int program(std::string const& how) {
  options chosen;
  chosen.processors = 2;
  if (how == "own_limit") {
    chosen.machines_max = own_limit;
  } else {
    const std::string by = stress::limit_threads(limit, [](std::string const& folder) {
      fmt::print("{}{}\n", says_folder, folder);
      std::fflush(stdout);
    });
    fmt::print("{}{}\n", says_limit, by);
    std::fflush(stdout);
    if (by.empty()) return 3;
  }
  run(chosen, [&] {
    if (how == "raised") set_max_threads(100'000);
    if (how == "bounded")
      bounded();
    else
      unbounded();
    fmt::print("{}\n", survived);
  });
  return 0;
}

std::string line_after(std::string const& text, std::string const& words) {
  const std::size_t at = text.find(words);
  return at == std::string::npos ? "" : text.substr(at + words.size(), text.find('\n', at) - at - words.size());
}

// Its cgroup is removed when it has ended; until then nothing that would end this process gets
// through.
ended start(std::string const& how) {
  const stress::signals_held for_the_cgroup;
  ended seen = stress::run_child({stress::own_path(), "--child", how});
  const std::string folder = line_after(seen.out, says_folder);
  constexpr int tries = 100;  // the kernel lets go of a cgroup a moment after its last process has ended
  for (int i = 0; !folder.empty() && i < tries && ::rmdir(folder.c_str()) != 0 && errno == EBUSY; ++i)
    stress::nap_ns(10'000'000);
  return seen;
}

// The number behind `words`; 0: they are not there.
double number_after(std::string const& text, std::string const& words) {
  const std::size_t at = text.find(words);
  return at == std::string::npos ? 0 : std::atof(text.c_str() + at + words.size());
}

std::string first_line(std::string const& text) { return text.substr(0, text.find('\n')); }

void reproduce(worksheet& out) {
  constexpr char const* refused = "failed to create new OS thread (have ";
  const ended plain = start(out.broken() ? "bounded" : "plain");
  const std::string by = line_after(plain.out, says_limit);
  if (by.empty()) return out.lacks(stress::no_thread_limit);
  const ended exhausted = start("own_limit");
  out.text("the runtime's own limit: " + first_line(exhausted.error));
  out.given("own_limit", "the runtime's limit of threads, in a run of its own", "10000", own_limit, "threads");
  out.holds("past the runtime's own limit: \"thread exhaustion\"",
            exhausted.code != 0 && exhausted.error.find("thread exhaustion") != std::string::npos);
  const ended raised = start("raised");
  const ended careful = start("bounded");
  const double had = number_after(plain.error, refused);
  out.text(fmt::format("{}, {} threads: {}", by, limit, first_line(plain.error)));
  const std::size_t hint = plain.error.find("may need");
  if (hint != std::string::npos) out.text("  " + first_line(plain.error.substr(hint)));
  out.given("limit", fmt::format("threads allowed ({})", by), "100", limit, "threads");
  out.given("wanted", "goroutines that lock a thread and call", "200", callers, "goroutines");
  out.row("had", "threads that the runtime had when it was refused one", "", had, "threads");
  out.row("ended_after", "  and ended after", "", plain.seconds, "s");
  out.row("had_raised", "  the same with set_max_threads(100000)", "", number_after(raised.error, refused), "threads");
  out.row("bounded_code", fmt::format("exit code of the same calls on {} workers", workers), "", careful.code, "");
  out.holds("refused by the kernel: the text names the count and EAGAIN",
            had > 0 && plain.error.find("errno=11)") != std::string::npos && plain.code != 0);
  out.holds("and what to do about it",
            plain.error.find("may need to increase max user processes (ulimit -u)") != std::string::npos);
  out.holds("not with the text of the runtime's own limit",
            plain.code != 0 && plain.error.find("thread exhaustion") == std::string::npos);
  out.at_least("threads it had then, of those allowed", had / limit, 0.8);
  out.at_most("threads it had then, of those allowed", had / limit,
              1.2);  // RLIMIT_NPROC counts all of a user's threads, and others of them may end meanwhile
  out.holds("raising set_max_threads changes nothing",
            raised.code != 0 && raised.error.find(refused) != std::string::npos);
  out.holds("bounded, under the same limit, every call returns",
            careful.code == 0 && careful.out.find(survived) != std::string::npos);
  out.answer("How would you handle this in production?",
             fmt::format("{} calls on {} workers ended with code {} under the limit of {} threads; without a bound the "
                         "program was gone after {:.2f} s, with {:.0f} threads.",
                         callers, workers, careful.code, limit, plain.seconds, had),
             "Bound the calls before the limit does.");
  out.answer("Should you raise set_max_threads?",
             fmt::format("Raised to 100000 the program ended the same way, with {:.0f} threads: another limit bound "
                         "it. Lowered to {} it is that limit which binds (\"thread exhaustion\").",
                         number_after(raised.error, refused), own_limit),
             "It is the runtime's own limit. Where it binds, raising it is a stopgap: what grows without a bound "
             "reaches the next limit.");
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({12,
                               "task12_too_few_threads",
                               "what a limit of threads does to unbounded foreign calls",
                               "the calls are bounded",
                               reproduce,
                               program,
                               {{"runtime/sched/machines.cpp", "refuse_thread", "the kernel's refusal"},
                                {"runtime/sched/machines.cpp", "check_thread_limit", "the runtime's own limit"}}},
                              argc, argv);
}
