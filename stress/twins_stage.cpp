// twins_stage.cpp: a variant in its child, and what its parent sees of it
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "hammer.hpp"
#include "retake/metrics.hpp"
#include "retake/profile.hpp"
#include "twins.hpp"

namespace retake::stress {

namespace {

constexpr int sample_every_ms = 4;
constexpr int wire_bytes = 1024 * 1024;
constexpr std::size_t complaints_kept_bytes = 64 * 1024;
constexpr int code_lacking = 3;

double seconds_now() { return static_cast<double>(now_ns()) * 1e-9; }

}  // namespace

// ---- the child's side --------------------------------------------------------------------------

bool stage::holds() const noexcept { return held() && now_ns() < hold_until_ns_; }

// One write, so that lines of several threads do not mix.
void stage::tell(std::string const& line) {
  if (to_.tell >= 0 && ::write(to_.tell, line.data(), line.size()) < 0) std::_Exit(4);
}

void stage::phase(std::string_view name) { tell(fmt::format("P\t{}\t{}\n", now_ns(), name)); }
void stage::figure(std::string_view name, double value, std::string_view unit) {
  tell(fmt::format("F\t{}\t{}\t{}\n", name, value, unit));
}
void stage::given(std::string_view name, double value, std::string_view unit) {
  tell(fmt::format("G\t{}\t{}\t{}\n", name, value, unit));
}
void stage::disturbed(std::string_view why) { tell(fmt::format("D\t{}\n", why)); }
void stage::note(std::string_view name, std::string_view text) { tell(fmt::format("N\t{}\t{}\n", name, text)); }
void stage::point(std::string_view series, double value, std::string_view unit) {
  tell(fmt::format("E\t{}\t{}\t{}\t{}\n", now_ns(), series, value, unit));
}
void stage::level(std::string_view series, double value, std::string_view unit) {
  tell(fmt::format("L\t{}\t{}\t{}\t{}\n", now_ns(), series, value, unit));
}

void stage::cannot(std::string_view what) {
  tell(fmt::format("X\t{}\n", what));
  if (to_.tell < 0) fmt::print(stderr, "{}\n", what);
  std::_Exit(code_lacking);
}

void stage::beside(std::function<void()> const& play) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) cannot("fork: the system gives no more processes");
  if (child > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) std::_Exit(4);
  ::unsetenv("RETAKE_DEBUG");  // of the variant
  play();
  std::fflush(stdout);
  std::_Exit(0);
}

void stage::remove_later(std::string_view directory) {
  const std::string line = fmt::format("{}\n", directory);
  if (to_.janitor >= 0 && ::write(to_.janitor, line.data(), line.size()) < 0) std::_Exit(4);
}

void latencies::add(std::int64_t took_ns) {
  teller_.point(series_, static_cast<double>(took_ns) * 1e-6, "ms");
  const std::lock_guard hold(guard_);
  took_ns_.push_back(took_ns);
}

double latencies::percentile_ms(double share) const {
  const std::lock_guard hold(guard_);
  if (took_ns_.empty()) return 0;
  std::vector<std::int64_t> sorted = took_ns_;
  std::sort(sorted.begin(), sorted.end());
  return static_cast<double>(sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))]) * 1e-6;
}

std::size_t latencies::count() const {
  const std::lock_guard hold(guard_);
  return took_ns_.size();
}

void latencies::clear() {
  const std::lock_guard hold(guard_);
  took_ns_.clear();
}

void tell_thread_sites(stage& teller, std::string_view file) {
  file = file.substr(file.rfind('/') + 1);
  std::uint64_t charged = 0;
  bool noted = false;
  for (thread_site const& site : thread_profile()) {
    const auto mine = std::find_if(site.stack.begin(), site.stack.end(),
                                   [&](stack_frame const& one) { return one.file.ends_with(file); });
    if (mine == site.stack.end()) continue;
    charged += site.created;
    if (!std::exchange(noted, true))
      teller.note("threadcreate", fmt::format("{} threads, {} of them alive, by {} ({}:{})", site.created, site.live,
                                              mine->function, file, mine->line));
  }
  teller.figure("threads_charged", static_cast<double>(charged), "threads");
}

double metric_now(std::string_view name) {
  double sum = 0;
  for (metric const& one : read_metrics()) sum += one.name == name ? one.value : 0;
  return sum;
}

// ---- the parent's side -------------------------------------------------------------------------

record::figure const* record::find(std::string_view name) const {
  const auto at = std::find_if(figures.begin(), figures.end(), [&](figure const& one) { return one.name == name; });
  return at == figures.end() ? nullptr : &*at;
}

void record::put(std::string_view name, double value, std::string_view unit, bool given) {
  const auto at = std::find_if(figures.begin(), figures.end(), [&](figure const& one) { return one.name == name; });
  if (at == figures.end()) {
    figures.push_back({std::string(name), value, std::string(unit), given});
  } else {
    *at = {at->name, value, std::string(unit), given};
  }
}

series& record::line(std::string_view name, std::string_view unit, bool lasts) {
  const auto at = std::find_if(lines.begin(), lines.end(), [&](series const& one) { return one.name == name; });
  if (at != lines.end()) return *at;
  lines.push_back({std::string(name), std::string(unit), lasts, {}});
  return lines.back();
}

namespace {

class watcher {
 public:
  watcher(bug const& what, pid_t child, int told, int complaints, double began_s, record& into)
      : what_(what), child_(child), told_(told), complaints_(complaints), began_s_(began_s), into_(into) {
    draws_descriptors_ = std::any_of(what.pictures.begin(), what.pictures.end(),
                                     [](char const* one) { return std::string_view(one) == "descriptors"; });
  }

  // To the child's end.
  void watch() {
    int status = 0;
    rusage used{};
    bool killed = false;
    for (;;) {
      pollfd wires[] = {{told_, POLLIN, 0}, {complaints_, POLLIN, 0}};
      ::poll(wires, ended_ ? 0 : 2, sample_every_ms);
      sample();
      hear();
      if (::wait4(child_, &status, WNOHANG, &used) == child_) break;
      if (!killed && seconds_now() - began_s_ > what_.seconds_max * sanitizer_factor())
        killed = ::kill(child_, SIGKILL) == 0;
    }
    hear();
    if (into_.seconds == 0) into_.seconds = seconds_now() - began_s_;
    summarise(used);
    judge_end(status, killed);
  }

 private:
  void sample() {
    if (into_.phases.empty() || ended_) return;
    const double at_s = seconds_now() - began_s_;
    std::ifstream stat(fmt::format("/proc/{}/stat", child_));
    std::string text(std::istreambuf_iterator<char>(stat), {});
    const std::size_t close = text.rfind(')');
    if (close == std::string::npos) return;
    std::istringstream rest(text.substr(close + 1));
    std::string word;
    for (int field = 3; field <= 20 && rest >> word; ++field) {}  // num_threads is the 20th: proc(5)
    const double threads = std::atof(word.c_str());
    if (threads < 1) return;
    into_.line("threads", "threads", true).points.push_back({at_s, threads});
    if (!draws_descriptors_) return;
    std::error_code gone;
    std::size_t open = 0;
    for (std::filesystem::directory_iterator fd(fmt::format("/proc/{}/fd", child_), gone), end; !gone && fd != end;
         fd.increment(gone))
      ++open;
    if (!gone) into_.line("descriptors", "descriptors", true).points.push_back({at_s, static_cast<double>(open)});
  }

  void hear() {
    char buffer[4096];
    ssize_t n;
    while ((n = ::read(told_, buffer, sizeof buffer)) > 0) {
      heard_.append(buffer, static_cast<std::size_t>(n));
      for (std::size_t end; (end = heard_.find('\n')) != std::string::npos; heard_.erase(0, end + 1))
        take(heard_.substr(0, end));
    }
    if (n == 0) end_at(seconds_now() - began_s_);
    while ((n = ::read(complaints_, buffer, sizeof buffer)) > 0) {
      if (what_.may_end_with.empty() && ::write(STDERR_FILENO, buffer, static_cast<std::size_t>(n)) < 0) return;
      if (said_.size() < complaints_kept_bytes) said_.append(buffer, static_cast<std::size_t>(n));
    }
  }

  void end_at(double at_s) {
    if (!std::exchange(ended_, true)) into_.seconds = at_s;
  }

  void take(std::string const& line) {
    std::vector<std::string> words;
    std::istringstream in(line);
    for (std::string word; std::getline(in, word, '\t');) words.push_back(word);
    const auto at = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
    const auto when = [&](std::size_t i) { return std::atof(at(i).c_str()) * 1e-9 - began_s_; };
    if (at(0) == "P" && at(2).empty()) end_at(when(1));
    if (at(0) == "P" && !at(2).empty()) into_.phases.push_back({when(1), at(2)});
    if (at(0) == "F" || at(0) == "G") into_.put(at(1), std::atof(at(2).c_str()), at(3), at(0) == "G");
    if (at(0) == "D") into_.disturbed = at(1);
    if (at(0) == "N") note(at(1), at(2));
    if (at(0) == "E" || at(0) == "L")
      into_.line(at(2), at(4), at(0) == "L").points.push_back({when(1), std::atof(at(3).c_str())});
    if (at(0) == "X") into_.lacking = at(1);
  }

  void note(std::string const& name, std::string const& text) {
    const auto old =
        std::find_if(into_.notes.begin(), into_.notes.end(), [&](auto const& one) { return one.first == name; });
    if (old == into_.notes.end())
      into_.notes.emplace_back(name, text);
    else
      old->second = text;
  }

  void summarise(rusage const& used) {
    std::map<std::string, std::vector<double>> by_phase;
    double peak = 0;
    for (series::point const& one : into_.line("threads", "threads", true).points) {
      peak = std::max(peak, one.value);
      const auto next = std::find_if(into_.phases.begin(), into_.phases.end(),
                                     [&](record::mark const& phase) { return phase.at_s > one.at_s; });
      if (next != into_.phases.begin()) by_phase[std::prev(next)->name].push_back(one.value);
    }
    into_.put("threads_peak", peak, "threads");
    for (auto& [phase, values] : by_phase) {
      std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
      into_.put("threads_in_" + phase, values[values.size() / 2], "threads");
    }
    into_.put("context_switches", static_cast<double>(used.ru_nvcsw + used.ru_nivcsw), "switches");
    into_.put("memory_peak", static_cast<double>(used.ru_maxrss), "kB");
  }

  void judge_end(int status, bool killed) {
    const bool whole = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool documented = false;
    for (last_words const& one : what_.may_end_with) {
      const bool may = one.variant.empty() || one.variant == into_.variant;
      const bool said = !whole && may && said_.find(one.text) != std::string::npos;
      into_.put(one.figure, said ? 1 : 0, "ends");
      if (said && !std::exchange(documented, true)) quote(one.text);
    }
    if (killed) {
      into_.trouble = fmt::format("it did not end within {} s", what_.seconds_max * sanitizer_factor());
    } else if (!into_.lacking.empty() || whole || documented) {
      return;
    } else if (said_.find("newosproc") != std::string::npos) {
      into_.lacking = "the system gives no more threads (ulimit -u, pids.max)";
    } else {
      into_.trouble = WIFSIGNALED(status) ? fmt::format("it died of signal {}", WTERMSIG(status))
                                          : fmt::format("it ended with status {}", WEXITSTATUS(status));
    }
    if (!what_.may_end_with.empty()) fmt::print(stderr, "{}", said_);  // nobody has seen it yet
  }

  // What it said, as far as the fatal text.
  void quote(std::string_view text) {
    std::istringstream lines(said_);
    for (std::string line; std::getline(lines, line);) {
      into_.notes.emplace_back("its last words", line);
      if (line.find(text) != std::string::npos) return;
    }
  }

  bug const& what_;
  pid_t const child_;
  int const told_, complaints_;
  double const began_s_;
  record& into_;
  bool draws_descriptors_;
  bool ended_ = false;  // what comes is not looked at any more: the last phase is over
  std::string heard_, said_;
};

}  // namespace

record play_variant(bug const& what, variant const& which, char const* name, std::uint64_t seed, int janitor) {
  record seen;
  seen.variant = name;
  int told[2], complaints[2];
  if (::pipe2(told, O_CLOEXEC) != 0 || ::pipe2(complaints, O_CLOEXEC) != 0) {
    seen.lacking = "a pipe: no free descriptor";
    return seen;
  }
  ::fcntl(told[1], F_SETPIPE_SZ, wire_bytes);  // the child shall not wait for us; a smaller one works too
  for (const int end : {told[0], complaints[0]}) ::fcntl(end, F_SETFL, O_NONBLOCK);
  std::fflush(stdout);
  const double began_s = seconds_now();
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) std::_Exit(4);
    ::dup2(complaints[1], STDERR_FILENO);
    stage here(seed, 0, {.tell = told[1], .janitor = janitor});
    which.play(here);
    std::exit(0);  // with the sanitizers' last checks
  }
  ::close(told[1]);
  ::close(complaints[1]);
  if (child < 0) {
    seen.lacking = "fork: the system gives no more processes";
  } else {
    watcher(what, child, told[0], complaints[0], began_s, seen).watch();
  }
  ::close(told[0]);
  ::close(complaints[0]);
  return seen;
}

}  // namespace retake::stress
