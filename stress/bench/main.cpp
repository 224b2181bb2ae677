// retake-bench: prints what the runtime costs and how fast the harness is; judges nothing, except
// beside a target.
#include <fmt/format.h>
#include <sys/utsname.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "command_line/flag_values.hpp"
#include "command_line/output.hpp"
#include "echo.hpp"
#include "measure.hpp"
#include "peer.hpp"

namespace {

std::string machine() {
  std::string model = "unknown processor";
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) {
      model = line.substr(line.find(": ") + 2);
      break;
    }
  }
  utsname name{};
  ::uname(&name);
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  return fmt::format("machine: {}, {} processors, {} {}, load {:.1f} when it began", model,
                     std::thread::hardware_concurrency(), name.sysname, name.release, load);
}

}  // namespace

namespace {

int run(int argc, char** argv) {
  retake::bench::settings chosen;
  CLI::App app{"What the runtime's operations cost, beside Go's, and how many executions a second the harness tries"};
  app.add_option("name", chosen.only, "runtime, harness, or part of a metric's name");
  app.add_option("--seconds", chosen.seconds, "for all of it")->check(retake::command_line::accepted("--seconds"));
  app.add_flag("--peers", chosen.peers, "also runs Go and Boost.Fiber, in turn");
  app.add_flag("--json", chosen.as_json, "JSON lines on standard output, nothing else there");
  std::string serve;
  std::uint32_t processors = 2;
  app.add_option("--serve", serve)->check(CLI::IsMember({"retake", "epoll"}))->group("");  // a row's own child
  app.add_option("--processors", processors)->group("");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "bench: {}\n", e.what());
    return 2;
  }
  if (serve == "retake") retake::bench::serve_with_retake(processors);
  if (serve == "epoll") retake::bench::serve_with_epoll();
  retake::bench::say_text(chosen, machine());
  std::unique_ptr<retake::bench::peer> go;
  if (chosen.peers) {
    go = std::make_unique<retake::bench::peer>();
    retake::bench::say_text(chosen, go->why_not().empty() ? "peer: " + go->version() : "no peer: " + go->why_not());
    if (!go->why_not().empty()) go.reset();
  }
  const int runtime = retake::bench::bench_runtime(chosen, go.get()) + retake::bench::bench_scale(chosen, go.get());
  const int harness = retake::bench::bench_harness(chosen);
  if (runtime + harness == 0) {
    fmt::print(stderr,
               "bench: no metric is called \"{}\"; there are runtime, harness, enter_exit, foreign_call, go_exit, "
               "create_join, yield, ping_pong, buffered, select, mutex, timer, locked, sleep, read_4k_100, "
               "parked_million, timers_100k, handoff, idle, beside_hog, echo_64, connections_5k, connections_10k, "
               "relacy, sim\n",
               chosen.only);
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return retake::command_line::finish("bench", [&] { return run(argc, argv); });
}
