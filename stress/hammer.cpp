#include "hammer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "command_line/flag_values.hpp"
#include "command_line/interruption.hpp"
#include "command_line/output.hpp"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RETAKE_STRESS_UNDER_THREAD
#elif __has_feature(address_sanitizer)
#define RETAKE_STRESS_UNDER_ADDRESS
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define RETAKE_STRESS_UNDER_THREAD
#elif defined(__SANITIZE_ADDRESS__)
#define RETAKE_STRESS_UNDER_ADDRESS
#endif

// The first report is the finding: a hammer that goes on prints thousands.
extern "C" char const* __tsan_default_options();
extern "C" char const* __tsan_default_options() { return "halt_on_error=1"; }

namespace retake::stress {

using nlohmann::json;

namespace {

#if defined(RETAKE_STRESS_UNDER_THREAD)
constexpr char const* sanitizer = "thread";
constexpr int slowness = 10;
#elif defined(RETAKE_STRESS_UNDER_ADDRESS)
constexpr char const* sanitizer = "address";
constexpr int slowness = 4;
#else
constexpr char const* sanitizer = "none";
constexpr int slowness = 1;
#endif

constexpr std::size_t stderr_kept_bytes = 64 * 1024;

enum code : int { holds = 0, has_finding = 1, bad_usage = 2, environment = 3, not_exercised = 4 };

struct settings {
  std::uint64_t rounds = 0;
  double seconds = 5;
  std::uint64_t seed = 1;
  bool as_json = false;
  bool in_process = false;
};

// What became of the child.
struct end {
  int status = 0;
  bool stalled = false;
  std::string complaints;  // its standard error
};

double seconds_now() { return static_cast<double>(now_ns()) * 1e-9; }

bool demands_met(subject const& what, report const& out) { return !missing(what.events, out, 0, what.events.size()); }

void run_passes(subject const& what, settings const& chosen, report& out) {
  const double began = seconds_now();
  const double share = std::clamp(chosen.seconds / 2, 0.05, what.pass_seconds);
  dice seeds(chosen.seed);
  for (;;) {
    const double left = began + chosen.seconds - seconds_now();
    const bool full = chosen.rounds != 0 && out.rounds() >= chosen.rounds;
    if (out.has_finding() || full) return;
    if (left <= 0 && (demands_met(what, out) || left < -what.extra_seconds)) return;
    what.run_pass({out, seeds.next(), left > 0 ? std::min(share, std::max(left, 0.05)) : share,
                   chosen.rounds == 0 ? ~std::uint64_t{0} : chosen.rounds - out.rounds(), left <= 0});
  }
}

// Copies what is there; false at the end of the stream.
bool drain(int fd, std::string& into) {
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n > 0) {
      if (::write(STDERR_FILENO, buffer, static_cast<std::size_t>(n)) < 0) return true;
      if (into.size() < stderr_kept_bytes) into.append(buffer, static_cast<std::size_t>(n));
      continue;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
  }
}

end watch_child(subject const& what, pid_t child, int complaints, report const& out) {
  end result;
  std::uint64_t rounds = 0;
  double progress_at = seconds_now();
  for (bool open = true;;) {
    pollfd wait{complaints, POLLIN, 0};
    ::poll(&wait, 1, 100);
    if (open) open = drain(complaints, result.complaints);
    if (::waitpid(child, &result.status, WNOHANG) == child) break;
    if (command_line::interrupted()) ::kill(child, SIGKILL);  // what it has reported is in the shared memory
    if (!open) nap_ns(10'000'000);
    if (out.rounds() != rounds) {
      rounds = out.rounds();
      progress_at = seconds_now();
    }
    if (!result.stalled && seconds_now() - progress_at > what.stalled_seconds * slowness) {
      result.stalled = true;
      ::kill(child, SIGABRT);
    }
  }
  if (result.complaints.size() < stderr_kept_bytes) drain(complaints, result.complaints);
  return result;
}

std::string between(std::string const& text, std::string const& before, std::string const& after) {
  const std::size_t from = text.find(before);
  if (from == std::string::npos) return "";
  const std::size_t begin = from + before.size();
  return text.substr(begin, text.find(after, begin) - begin);
}

// null, or {tag, claim}.
json finding_of(end const& how, report const& out) {
  const auto make = [](std::string const& tag_and_claim) {
    const std::size_t colon = tag_and_claim.find(": ");
    json finding{{"tag", tag_and_claim.substr(0, colon)},
                 {"claim", colon == std::string::npos ? tag_and_claim : tag_and_claim.substr(colon + 2)},
                 {"replay", nullptr}};
    return finding;
  };
  if (const std::string broken = between(how.complaints, "retake: broken invariant: ", " ("); !broken.empty())
    return make(broken);
  if (out.has_finding()) return make(out.finding());
  if (how.complaints.find("all goroutines are asleep") != std::string::npos)
    return make("V5: a deadlock is reported and there is none");
  if (how.complaints.find("WARNING: ThreadSanitizer") != std::string::npos)
    return make("race: " + between(how.complaints, "WARNING: ThreadSanitizer: ", "\n"));
  if (how.complaints.find("LeakSanitizer") != std::string::npos) return make("leak: memory that nobody owns any more");
  if (how.complaints.find("ERROR: AddressSanitizer") != std::string::npos)
    return make("memory: " + between(how.complaints, "ERROR: AddressSanitizer: ", "\n"));
  if (how.complaints.find("runtime error: ") != std::string::npos)
    return make("undefined: " + between(how.complaints, "runtime error: ", "\n"));
  if (how.stalled) return make("V1: no round has ended for a long time");
  if (how.complaints.find("newosproc") != std::string::npos) return nullptr;
  if (const std::string fatal = between(how.complaints, "fatal error: ", "\n"); !fatal.empty())
    return make("fatal: " + fatal);
  if (WIFSIGNALED(how.status) && !command_line::interrupted())
    return make(fmt::format("crash: the process died of signal {}", WTERMSIG(how.status)));
  return nullptr;
}

int say(subject const& what, settings const& chosen, report const& out, end const& how, double seconds) {
  const json finding = finding_of(how, out);
  const bool exercised = demands_met(what, out) && (chosen.rounds == 0 || out.rounds() >= chosen.rounds);
  const bool no_threads = how.complaints.find("newosproc") != std::string::npos;
  const bool odd = finding.is_null() && !no_threads && how.status != 0 && !command_line::interrupted();
  json events = json::object();
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < what.events.size(); ++i) {
    events[what.events[i].name] = out.events(i);
    if (out.events(i) < what.events[i].at_least)
      missing.push_back(fmt::format("{} {} of {}", what.events[i].name, out.events(i), what.events[i].at_least));
  }
  if (chosen.as_json) {
    json line{{"kind", "stress"},   {"name", what.name},      {"rounds", out.rounds()},
              {"seconds", seconds}, {"seed", chosen.seed},    {"sanitizer", sanitizer},
              {"events", events},   {"exercised", exercised}, {"interrupted", command_line::interrupted()},
              {"finding", finding}};
    if (!finding.is_null() || !command_line::interrupted())
      line["holds"] = finding.is_null();  // an interruption is no verdict
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("{}: {}\n  {} rounds in {:.1f} s\n", what.name, what.claim, out.rounds(), seconds);
    for (auto const& [name, n] : events.items()) fmt::print("  {:>12}  {}\n", n.get<std::uint64_t>(), name);
  }
  const std::string missed = fmt::format("{}", fmt::join(missing, ", "));
  if (!finding.is_null()) {
    if (!chosen.as_json) {
      fmt::print(
          "FOUND {}: {}\n  no replay: real threads; the same hammer again: ./retake stress {} --seed {} --sanitizer "
          "{}\n",
          finding["tag"].get<std::string>(), finding["claim"].get<std::string>(), what.name, chosen.seed, sanitizer);
    }
    return has_finding;
  }
  if (no_threads) {
    fmt::print(stderr, "{}: the system gives no more threads (ulimit -u, pids.max)\n", what.name);
    return environment;
  }
  if (odd) {
    fmt::print(stderr, "{}: the hammer ended with status {:#x} and said nothing\n", what.name, how.status);
    return not_exercised;
  }
  if (command_line::interrupted()) {
    if (!chosen.as_json) fmt::print("interrupted{}\n", missed.empty() ? "" : ": " + missed);
    return command_line::interrupted_code;
  }
  if (!exercised) {
    fmt::print(stderr, "{}: not exercised: {}\n", what.name, missing.empty() ? "too few rounds" : missed);
    return not_exercised;
  }
  if (!chosen.as_json) fmt::print("holds\n");
  return holds;
}

int parse(subject const& what, int argc, char** argv, settings& chosen) {
  CLI::App app{what.claim};
  app.add_option("--rounds", chosen.rounds, "end after this many rounds (default: by time alone)")
      ->check(command_line::accepted("--rounds"));
  app.add_option("--seconds", chosen.seconds, "end after this long")->check(command_line::accepted("--seconds"));
  app.add_option("--seed", chosen.seed, "what lengths, pauses and orders derive from")
      ->check(command_line::accepted("--seed"));
  app.add_flag("--json", chosen.as_json, "one JSON line");
  app.add_flag("--in-process", chosen.in_process, "without a child, for debuggers");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() == 0) {
      app.exit(e);
      return -1;
    }
    fmt::print(stderr, "{}: {}\n", what.name, e.what());
    return bad_usage;
  }
  return holds;
}

[[noreturn]] void be_child(subject const& what, settings const& chosen, report& out, int complaints, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGINT, SIG_IGN);  // a Ctrl-C reaches the parent too, which ends us
  if (::getppid() != parent) ::_exit(not_exercised);
  ::dup2(complaints, STDERR_FILENO);
  run_passes(what, chosen, out);
  std::exit(0);  // with the sanitizers' last checks
}

}  // namespace

void report::found(char const* tag_and_claim) noexcept {
  std::uint32_t nobody = 0;
  if (!finding_.compare_exchange_strong(nobody, 1)) return;
  std::strncpy(text_, tag_and_claim, sizeof text_ - 1);
  finding_.store(2, std::memory_order_release);
}

bool missing(std::vector<event> const& events, report const& out, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) {
    if (out.events(i) < events[i].at_least) return true;
  }
  return false;
}

int run_hammer(subject const& what, int argc, char** argv) {
  settings chosen;
  if (const int bad = parse(what, argc, argv, chosen); bad != holds) return bad < 0 ? holds : bad;
  void* const memory = ::mmap(nullptr, sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int ends[2];
  if (memory == MAP_FAILED || ::pipe2(ends, O_CLOEXEC) != 0) {
    fmt::print(stderr, "{}: no memory or no descriptors\n", what.name);
    return environment;
  }
  report& out = *new (memory) report;
  ::prctl(PR_SET_TIMERSLACK, 1);  // sleeps of microseconds are to be that
  std::signal(SIGPIPE, SIG_IGN);
  const double began = seconds_now();
  end how;
  if (chosen.in_process) {
    run_passes(what, chosen, out);
  } else {
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) {
      fmt::print(stderr, "{}: cannot fork: {}\n", what.name, std::strerror(errno));
      return environment;
    }
    if (child == 0) be_child(what, chosen, out, ends[1], parent);
    command_line::watch_interrupts();
    ::close(ends[1]);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    how = watch_child(what, child, ends[0], out);
  }
  return command_line::finish(what.name, [&] { return say(what, chosen, out, how, seconds_now() - began); });
}

void busy_ns(std::int64_t duration_ns) noexcept {
  if (duration_ns <= 0) return;
  const std::int64_t until_ns = now_ns() + duration_ns;
  while (now_ns() < until_ns) {}
}

void nap_ns(std::int64_t duration_ns) noexcept {
  timespec const length{duration_ns / 1'000'000'000, duration_ns % 1'000'000'000};
  ::nanosleep(&length, nullptr);
}

namespace {
thread_local std::uint64_t word_of_thread = 0;
}

// The empty assembly keeps two calls two calls.
[[gnu::noinline]] std::uint64_t thread_word() noexcept {
  __asm__ __volatile__("" : : : "memory");
  return word_of_thread;
}
[[gnu::noinline]] void set_thread_word(std::uint64_t word) noexcept {
  word_of_thread = word;
  __asm__ __volatile__("" : : : "memory");
}
std::uint64_t kernel_thread() noexcept { return static_cast<std::uint64_t>(::syscall(SYS_gettid)); }

int sanitizer_factor() noexcept { return slowness; }

}  // namespace retake::stress
