// http_server.cpp: an HTTP/1.1 server on the runtime: a goroutine for each connection, files by
// sendfile, JSON, and an end that leaves nothing behind
//
//     http_server --root FOLDER --listen 127.0.0.1:8080        SIGINT or SIGTERM ends it
//
// GET and HEAD of the files beneath the folder; GET /api/status: the server's figures; POST
// /api/echo: a JSON value, given back. Exit code 0: it ended as asked, and no goroutine and no
// descriptor was left; 1: some were, or the listener failed; 2: bad usage.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "http_service.hpp"
#include "leftovers.hpp"
#include "retake/address.hpp"
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/leak_check.hpp"
#include "retake/run.hpp"
#include "retake/signal.hpp"

namespace {

using namespace retake;
using namespace retake::programs;

struct settings {
  std::string root = ".";
  std::string listen = "127.0.0.1:8080";
  double request_seconds = 10, write_seconds = 30, end_seconds = 5;
  std::size_t body_max = 1024 * 1024;
  bool as_json = false;
};

struct ending {
  int signal = 0;
  std::string trouble{};     // why there was no service
  std::string goroutines{};  // that are still there
  std::uint64_t connections = 0, requests = 0, failures = 0;
};

std::chrono::nanoseconds ns(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

// As many connections as the system allows, not as the shell's default does. Source: Go does so as
// it starts (os/rlimit.go).
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

void announce(settings const& chosen, address const& where) {
  if (chosen.as_json) {
    fmt::print("{}\n",
               nlohmann::json{{"kind", "program"}, {"name", "http_server"}, {"listens", to_string(where)}}.dump());
  } else {
    fmt::print("http://{} serves {}\n", to_string(where), chosen.root);
  }
  std::fflush(stdout);
}

ending serve(settings const& chosen, document_root root) {
  ending seen;
  channel<int> signals(4);
  const std::array numbers{SIGINT, SIGTERM};
  if (const std::error_code why = notify(signals, numbers)) return {.trouble = "signals: " + why.message()};
  const leak_check leaks;
  const result<address> where = parse_address(chosen.listen);
  result<tcp_listener> listener = where ? tcp_listen(*where) : result<tcp_listener>(where.error());
  if (!listener) return {.trouble = chosen.listen + ": " + listener.error().message()};
  {
    http_service service(std::move(root), {.request_patience = ns(chosen.request_seconds),
                                           .write_patience = ns(chosen.write_seconds),
                                           .end_patience = ns(chosen.end_seconds),
                                           .body_max = chosen.body_max});
    wait_group stopper;
    stopper.add(1);
    go([&] {
      seen.signal = signals.receive().value_or(0);
      service.stop(*listener);
      stopper.done();
    });
    const result<address> here = listener->local_address();
    announce(chosen, here ? *here : *where);
    if (const std::error_code why = service.serve(*listener)) seen.trouble = "the listener: " + why.message();
    stop_notify(signals);
    signals.close();
    stopper.wait();
    seen.connections = service.counts().connections;
    seen.requests = service.counts().requests;
    seen.failures = service.counts().failures;
  }
  seen.goroutines = leaks.report();
  return seen;
}

// Each begins with "goroutine", on a line of its own.
std::size_t dumps_in(std::string const& text) {
  std::size_t count = 0;
  for (std::size_t at = text.find("goroutine "); at != std::string::npos; at = text.find("\ngoroutine ", at + 1))
    ++count;
  return count;
}

int report(settings const& chosen, ending const& seen, std::ptrdiff_t descriptors) {
  const std::size_t goroutines = dumps_in(seen.goroutines);
  if (!seen.goroutines.empty()) fmt::print(stderr, "{}", seen.goroutines);
  if (!seen.trouble.empty()) fmt::print(stderr, "http_server: {}\n", seen.trouble);
  if (chosen.as_json) {
    fmt::print("{}\n", nlohmann::json{{"kind", "program"},
                                      {"name", "http_server"},
                                      {"signal", seen.signal},
                                      {"connections", seen.connections},
                                      {"requests", seen.requests},
                                      {"failures", seen.failures},
                                      {"goroutines_left", goroutines},
                                      {"descriptors_left", descriptors}}
                           .dump());
  } else {
    fmt::print(
        "ended by signal {}: {} requests on {} connections, {} answers not taken in full; {} goroutines and {} "
        "descriptors left\n",
        seen.signal, seen.requests, seen.connections, seen.failures, goroutines, descriptors);
  }
  return seen.trouble.empty() && seen.goroutines.empty() && descriptors == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  CLI::App app{"Serves the files of a folder, and a little JSON, over HTTP/1.1; SIGINT or SIGTERM ends it"};
  app.add_option("--root", chosen.root, "the folder")->check(CLI::ExistingDirectory)->capture_default_str();
  app.add_option("--listen", chosen.listen, "address and port; port 0: any free one, the first line says which")
      ->capture_default_str();
  app.add_option("--request-seconds", chosen.request_seconds,
                 "for a request to arrive in full, the wait for its first byte included")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  app.add_option("--write-seconds", chosen.write_seconds, "for a reader to take 64 KiB")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  app.add_option("--end-seconds", chosen.end_seconds, "for answers under way when it ends")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_option("--body-max", chosen.body_max, "bytes of a request's body; more are answered by 413")
      ->capture_default_str();
  app.add_flag("--json", chosen.as_json, "JSON lines");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "http_server: {}\n", e.what());
    return 2;
  }
  raise_descriptor_limit();
  const std::size_t before = open_descriptors();
  result<document_root> root = document_root::at(chosen.root);
  if (!root) {
    fmt::print(stderr, "http_server: --root {}: {}\n", chosen.root, root.error().message());
    return 2;
  }
  ending seen;
  run([&] { seen = serve(chosen, std::move(*root)); });
  return report(chosen, seen, static_cast<std::ptrdiff_t>(open_descriptors()) - static_cast<std::ptrdiff_t>(before));
}
