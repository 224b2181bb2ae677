// /debug/pprof/ over HTTP: each report, bad requests, and the loopback only. Method: the runtime's own connections, against its own server.
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/debug.hpp"
#include "retake/leak_check.hpp"
#include "retake/pprof.hpp"
#include "retake/sync.hpp"
#include "retake/tcp.hpp"

namespace retake::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string ask(std::uint16_t port, std::string const& request) {
  result<tcp_stream> connection = tcp_connect(loopback_address, port);
  EXPECT_TRUE(connection) << connection.error().message();
  if (!connection) return {};
  EXPECT_TRUE(connection->write(std::as_bytes(std::span(request.data(), request.size()))));
  std::string answer;
  std::byte some[4'096];
  for (;;) {
    const result<std::size_t> n = connection->read(some);
    if (!n || *n == 0) return answer;
    answer.append(reinterpret_cast<char const*>(some), *n);
  }
}

std::string get(std::uint16_t port, std::string const& target) { return ask(port, "GET " + target + " HTTP/1.1\r\nHost: here\r\n\r\n"); }
std::string body_of(std::string const& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

TEST(pprof_server, serves_each_report) {
  run_on(2, [] {
    const result<pprof_server> server = serve_pprof(ipv4(loopback_address, 0));
    ASSERT_TRUE(server);
    const std::uint16_t port = server->port();
    channel<int> c;
    go([&c] { static_cast<void>(c.receive()); });
    EXPECT_THAT(get(port, "/debug/pprof/"), HasSubstr("goroutine?debug=2"));
    EXPECT_THAT(get(port, "/debug/pprof/goroutine?debug=2"), HasSubstr("[chan receive"));
    EXPECT_THAT(get(port, "/debug/pprof/goroutine?debug=1"), HasSubstr("goroutine profile: total "));
    EXPECT_THAT(get(port, "/debug/pprof/goroutine"), HasSubstr("application/octet-stream"));
    EXPECT_THAT(get(port, "/debug/pprof/threadcreate?debug=1"), HasSubstr("threadcreate profile: total "));
    EXPECT_THAT(get(port, "/metrics"), HasSubstr("retake_goroutines "));
    const std::string trace = get(port, "/debug/pprof/trace?seconds=0");
    EXPECT_TRUE(nlohmann::json::parse(body_of(trace)).contains("traceEvents"));
    EXPECT_THAT(get(port, "/debug/pprof/heap"), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(ask(port, "POST /debug/pprof/ HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405"));
    EXPECT_THAT(ask(port, "GET /debug/pprof/\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_EQ(ask(port, "GET /" + std::string(10'000, 'x')), "");  // no end of its head within 8 KiB
    c.send(1);
  });
}

// Who reads the first lines reads where most goroutines are.
TEST(pprof_server, tells_the_place_with_the_most_goroutines_first) {
  run_on(2, [] {
    constexpr std::int32_t crowd = 20;
    const result<pprof_server> server = serve_pprof(ipv4(loopback_address, 0));
    ASSERT_TRUE(server);
    channel<int> never;
    wait_group done;
    done.add(crowd);
    for (std::int32_t i = 0; i < crowd; ++i) {
      go([&] {
        static_cast<void>(never.receive());
        done.done();
      });
    }
    const auto all_wait = [] { return std::ranges::count(all_goroutines(), "chan receive", &goroutine_info::wait_reason) >= crowd; };
    ASSERT_TRUE(yielding_until(all_wait));
    const std::string said = body_of(get(server->port(), "/debug/pprof/goroutine?debug=1"));
    EXPECT_THAT(said.substr(said.find('\n') + 1), StartsWith(std::to_string(crowd) + " @\n#"));
    never.close();
    done.wait();
  });
}

// A connection that says nothing and a trace of a minute do not hold it up, and nothing is left of either.
TEST(pprof_server, ends_with_its_connections) {
  run_on(2, [] {
    const leak_check leaks;
    result<tcp_stream> silent = std::make_error_code(std::errc::not_connected);
    {
      const result<pprof_server> server = serve_pprof(ipv4(loopback_address, 0));
      ASSERT_TRUE(server);
      silent = tcp_connect(loopback_address, server->port());
      ASSERT_TRUE(silent);
      go([port = server->port()] { static_cast<void>(get(port, "/debug/pprof/trace?seconds=60")); });
      EXPECT_TRUE(yielding_until([] { return goroutine_count() == 5; }));  // this one, who asks, who accepts, and one for each connection
    }
    EXPECT_THAT(leaks.report(patience_ns), testing::IsEmpty());
  });
}

TEST(pprof_server, refuses_other_addresses_than_the_loopback) {
  run_on(1, [] { EXPECT_EQ(serve_pprof(ipv4(0, 0)).error(), std::errc::permission_denied); });
}

TEST(pprof_server, begins_before_main_when_the_environment_says_so) {
  ::setenv("RETAKE_DEBUG", "pprof=127.0.0.1:0,gomaxprocs=1", 1);
  testing::internal::CaptureStderr();
  run_on(2, [] {});
  const std::string text = testing::internal::GetCapturedStderr();
  ::unsetenv("RETAKE_DEBUG");
  EXPECT_THAT(text, HasSubstr("runtime: serves /debug/pprof/ on port "));
  EXPECT_THAT(text, testing::ContainsRegex("runtime: gomaxprocs=2; affinity and cgroup allow [0-9]+\n"));
}

}  // namespace
}  // namespace retake::test
