// faulty_server.cpp: a server of files with one fault, or none: what the checks of http_checks.hpp
// have to notice. It answers GET and HEAD of whole, well-behaved requests only.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

#include "leftovers.hpp"
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/leak_check.hpp"
#include "retake/net.hpp"
#include "retake/run.hpp"
#include "retake/signal.hpp"
#include "retake/syscall.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;

struct server {
  std::string root, fault;
  std::atomic<std::uint32_t> answers{0};

  std::string answer_to(std::string const& head) {
    const std::size_t name = head.find(' ') + 1;
    std::ifstream file(root + head.substr(name, head.find(' ', name) - name), std::ios::binary);
    std::string body{std::istreambuf_iterator<char>(file), {}};
    const std::string length = std::to_string(body.size());
    if (fault == "truncate" && !body.empty()) body.pop_back();
    if (fault == "corrupt" && !body.empty() && ++answers % 1'000 == 0) body.back() = static_cast<char>(body.back() ^ 1);
    if (head.starts_with("HEAD")) body.clear();
    return "HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n" + body;
  }

  void converse(tcp_stream& peer) {
    std::string heard;
    std::array<std::byte, 4096> part;
    for (;;) {
      const result<std::size_t> some = peer.read(part);
      if (!some || *some == 0) return;
      heard.append(reinterpret_cast<char const*>(part.data()), *some);
      for (std::size_t end = 0; (end = heard.find("\r\n\r\n")) != std::string::npos; heard.erase(0, end + 4)) {
        const std::string answer = answer_to(heard.substr(0, end));
        if (fault == "block") retake::syscall([] { ::usleep(20'000); });
        if (!peer.write(std::as_bytes(std::span(answer)))) return;
        if (fault == "truncate") return peer.close();
      }
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  server s;
  std::string listen;
  CLI::App app{"A server with a fault"};
  app.add_option("--root", s.root);
  app.add_option("--listen", listen);
  app.add_option("--fault", s.fault)
      ->check(CLI::IsMember({"none", "truncate", "corrupt", "block", "keep_descriptor", "keep_goroutine"}));
  app.add_flag("--json");
  CLI11_PARSE(app, argc, argv);
  const std::size_t before = programs::open_descriptors();
  std::string left;
  run([&] {
    channel<int> signals(1);
    const std::array numbers{SIGTERM};
    static_cast<void>(notify(signals, numbers));
    const leak_check leaks;
    result<tcp_listener> listener = tcp_listen(*parse_address(listen));
    std::printf("{\"listens\":\"%s\"}\n", to_string(*listener->local_address()).c_str());
    std::fflush(stdout);
    go([&] {
      while (result<tcp_stream> peer = listener->accept()) {
        go([&, mine = std::move(*peer)]() mutable {
          s.converse(mine);
          if (s.fault == "keep_descriptor") static_cast<void>(::dup(mine.descriptor()));
          if (s.fault == "keep_goroutine") sleep_for(1h);
        });
      }
    });
    static_cast<void>(signals.receive());
    listener->close();
    left = leaks.report(300ms);
  });
  const std::ptrdiff_t descriptors =
      static_cast<std::ptrdiff_t>(programs::open_descriptors()) - static_cast<std::ptrdiff_t>(before);
  std::printf("{\"goroutines_left\":%d,\"descriptors_left\":%td}\n", left.empty() ? 0 : 1, descriptors);
}
