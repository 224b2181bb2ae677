// task13_profile_over_http.cpp: the reports over HTTP name the line whose calls hold the threads
//
// Seed.      Exercise 13, "Profile Syscall-Heavy Code": /debug/pprof/goroutine?debug=2 shows many
//            goroutines in system calls, /debug/pprof/threadcreate the call site that spawned most
//            threads.
// Method.    A program with two places that open files: one 40 times at once, the other 10 times,
//            all blocked (FIFOs). While they are, it asks itself over the loopback, as curl would.
// Twin.      The first place reads what memory holds.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "blocked_opens.hpp"
#include "observed.hpp"
#include "retake/file.hpp"
#include "retake/go.hpp"
#include "retake/pprof.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/tcp.hpp"
#include "worksheet.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::worksheet;

constexpr std::uint32_t thumbnails = 40, settings = 10;

[[gnu::noinline]] void read_thumbnail(char const* path) {
  static_cast<void>(open_file(path, open_mode::read));
  __asm__ __volatile__("# thumbnail");  // the call above is not the last thing, so this frame stays; and the two
                                        // functions differ, so they are not made one
}
[[gnu::noinline]] void read_settings(char const* path) {
  static_cast<void>(open_file(path, open_mode::read));
  __asm__ __volatile__("# settings");
}

std::string fetch(std::uint16_t port, std::string const& path) {
  result<tcp_stream> connection = tcp_connect(loopback_address, port);
  if (!connection) return "";
  const std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
  if (!connection->write(std::as_bytes(std::span(request.data(), request.size())))) return "";
  std::string said;
  std::array<std::byte, 16'384> some;
  for (;;) {
    const result<std::size_t> n = connection->read(some);
    if (!n || *n == 0) return said;
    said.append(reinterpret_cast<char const*>(some.data()), *n);
  }
}

std::uint32_t lines_with(std::string const& text, std::string const& first, std::string const& second = "") {
  std::uint32_t count = 0;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    count += line.find(first) != std::string::npos && line.find(second) != std::string::npos ? 1 : 0;
  return count;
}

struct site {
  std::uint64_t created = 0, live = 0;
  std::string stack;
};
// The site of the profile of threads whose stack has this function.
site site_of(std::string const& profile, std::string const& function) {
  std::istringstream in(profile);
  site at;
  for (std::string line; std::getline(in, line);) {
    unsigned long created = 0, live = 0;
    if (std::sscanf(line.c_str(), "%lu created, %lu live", &created, &live) == 2) at = {created, live, ""};
    if (line.find(function) != std::string::npos)
      return {at.created, at.live, line.substr(line.find_first_not_of("#\t "))};
  }
  return {};
}

// Of all sites.
site total_of(std::string const& profile) {
  std::istringstream in(profile);
  site sum;
  for (std::string line; std::getline(in, line);) {
    unsigned long created = 0, live = 0;
    if (std::sscanf(line.c_str(), "%lu created, %lu live", &created, &live) != 2) continue;
    sum.created += created;
    sum.live += live;
  }
  return sum;
}

// Threads of this process whose names begin so.
std::uint64_t threads_named(std::string const& with) {
  std::uint64_t found = 0;
  std::error_code gone;
  for (std::filesystem::directory_iterator task("/proc/self/task", gone), end; !gone && task != end;
       task.increment(gone)) {
    std::ifstream in(task->path() / "comm");
    std::string name;
    found += std::getline(in, name) && name.starts_with(with) ? 1 : 0;
  }
  return found;
}

void profile(worksheet& out) {
  options chosen;
  chosen.processors = 2;
  run(chosen, [&] {
    const result<address> any = parse_address("127.0.0.1:0");
    const result<pprof_server> server = serve_pprof(*any);
    if (!server) return out.lacks("nothing can be served on 127.0.0.1: " + server.error().message());
    stress::blocked_opens fifo;
    wait_group all;
    all.add(thumbnails + settings);
    for (std::uint32_t i = 0; i < thumbnails + settings; ++i) {
      go([&, i] {
        if (i >= thumbnails)
          read_settings(fifo.path());
        else
          read_thumbnail(out.broken() ? "/proc/self/exe" : fifo.path());
        all.done();
      });
    }
    for (int i = 0; i < 100 && stress::kernel_threads() < (out.broken() ? settings : thumbnails + settings); ++i)
      sleep_for(10ms);
    sleep_for(50ms);
    const std::string goroutines = fetch(server->port(), "/debug/pprof/goroutine?debug=2"),
                      threads = fetch(server->port(), "/debug/pprof/threadcreate?debug=1");
    const auto now = static_cast<double>(stress::kernel_threads());
    const std::uint64_t of_rings = threads_named("iou-");
    fifo.let_go();
    all.wait();
    const auto in_calls = static_cast<double>(lines_with(goroutines, "goroutine ", "[syscall"));
    const site most = site_of(threads, "read_thumbnail"), other = site_of(threads, "read_settings");
    const site total = total_of(threads);
    const double uncharged = now - static_cast<double>(total.live);
    out.row("in_calls", "goroutines in a system call, by goroutine?debug=2", "many", in_calls, "goroutines");
    out.row("created_most", "threads charged to read_thumbnail, by threadcreate", "the most",
            static_cast<double>(most.created), "threads");
    out.row("created_other", "threads charged to read_settings", "", static_cast<double>(other.created), "threads");
    out.row("created_all", "threads charged to anybody", "", static_cast<double>(total.created), "threads");
    out.row("live_all", "  of them alive", "", static_cast<double>(total.live), "threads");
    out.row("threads_now", "threads now, by the kernel", "more than that", now, "threads");
    out.row("uncharged", "  of them charged to nobody", "", uncharged, "threads");
    out.row("of_rings", "    of these, the kernel's own for io_uring", "", static_cast<double>(of_rings), "threads");
    out.text("created most: " + most.stack);
    out.text("          then: " + other.stack);
    out.at_least("goroutines in system calls that the dump shows", in_calls, thumbnails + settings);
    out.at_least("threads charged to the place with 40 calls", static_cast<double>(most.created), thumbnails * 0.8);
    out.at_least("the place with 40 calls against the one with 10",
                 static_cast<double>(most.created) / std::max(1.0, static_cast<double>(other.created)), 2);
    out.holds("both places are named with file and line",
              most.stack.find("task13_profile_over_http.cpp:") != std::string::npos &&
                  other.stack.find("task13_profile_over_http.cpp:") != std::string::npos);
    out.holds("charged to nobody: main's thread and the monitor's at least, and they are alive",
              uncharged - static_cast<double>(of_rings) >= 2);
    out.answer("Why may threadcreate show another number than there are threads now?",
               fmt::format("It has the {} threads that were charged to a call, of which {} are alive; the kernel has "
                           "{:.0f}. The {:.0f} others are charged to nobody: {} of them are the kernel's own "
                           "for io_uring.",
                           total.created, total.live, now, uncharged, of_rings),
               "Main's thread and the monitor's are made for no call. The two figures differ the other way round where "
               "threads have ended: those stay counted.");
    out.answer("How do you connect the profile to your code?",
               fmt::format("By its first line: {}. It made {} threads, the other place {}.", most.stack, most.created,
                           other.created),
               "That line is the call that took the P from its thread. The bound belongs there.");
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_exercise({13,
                               "task13_profile_over_http",
                               "the profiles over HTTP name the call that holds the threads",
                               "the first place reads what memory holds",
                               profile,
                               nullptr,
                               {{"runtime/observe/pprof_server.cpp", "serve_pprof", "the profiles over HTTP"},
                                {"runtime/observe/profile.cpp", "thread_profile",
                                 "threads by the call that took the P from its thread"}}},
                              argc, argv);
}
