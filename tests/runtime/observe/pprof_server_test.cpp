// /debug/pprof/ over HTTP: each report, bad requests, and the loopback only. Method: the runtime's
// own connections, against its own server.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

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
using testing::Not;
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

std::string get(std::uint16_t port, std::string const& target) {
  return ask(port, "GET " + target + " HTTP/1.1\r\nHost: here\r\n\r\n");
}
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
    for (char const* const which : {"block", "mutex"}) {
      EXPECT_THAT(get(port, std::string("/debug/pprof/") + which), HasSubstr("application/octet-stream"));
      EXPECT_THAT(get(port, std::string("/debug/pprof/") + which + "?debug=1"),
                  HasSubstr(std::string(which) + " profile: "));
      EXPECT_THAT(get(port, "/debug/pprof/"), HasSubstr(std::string(which) + "?debug=1"));
    }
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
    const auto all_wait = [] {
      return std::ranges::count(all_goroutines(), "chan receive", &goroutine_info::wait_reason) >= crowd;
    };
    ASSERT_TRUE(yielding_until(all_wait));
    const std::string said = body_of(get(server->port(), "/debug/pprof/goroutine?debug=1"));
    EXPECT_THAT(said.substr(said.find('\n') + 1), StartsWith(std::to_string(crowd) + " @\n#"));
    never.close();
    done.wait();
  });
}

// A connection that says nothing and a trace of a minute do not hold it up, and nothing is left of
// either.
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
      EXPECT_TRUE(yielding_until(
          [] { return goroutine_count() == 5; }));  // this one, who asks, who accepts, and one for each connection
    }
    EXPECT_THAT(leaks.report(patience), testing::IsEmpty());
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

// ---- readers that are slow, hang, or are many --------------------------------------------------

// So many that a report does not fit into the buffers of a connection whose reader takes nothing.
constexpr std::int32_t large_crowd = 4'000;
constexpr std::int32_t crowd_size = under_sanitizer ? 1'000 : large_crowd;

[[gnu::noinline]] void waits_below(std::int32_t depth, channel<int>& never) {
  if (depth > 0)
    waits_below(depth - 1, never);
  else
    static_cast<void>(never.receive());
  asm volatile("");
}

// A crowd of goroutines with deep stacks, while it lives.
class crowd {
 public:
  explicit crowd(std::int32_t size = crowd_size) {
    done_.add(size);
    for (std::int32_t i = 0; i < size; ++i) {
      go([this] {
        waits_below(20, never_);
        done_.done();
      });
    }
  }
  ~crowd() {
    never_.close();
    done_.wait();
  }

 private:
  channel<int> never_;
  wait_group done_;
};

std::vector<tcp_stream> connect_many(std::uint16_t port, std::int32_t count, std::string const& request) {
  std::vector<tcp_stream> all;
  for (std::int32_t i = 0; i < count; ++i) {
    result<tcp_stream> one = tcp_connect(loopback_address, port);
    EXPECT_TRUE(one) << one.error().message();
    if (!one) break;
    EXPECT_TRUE(one->write(std::as_bytes(std::span(request.data(), request.size()))));
    all.push_back(std::move(*one));
  }
  return all;
}

// A byte has come, or comes within the time.
bool is_answered(tcp_stream& connection, std::int64_t wait_ns) {
  std::byte one;
  static_cast<void>(connection.set_read_deadline(deadline_in(std::chrono::nanoseconds(wait_ns))));
  return bool(connection.read(std::span(&one, 1)));
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * 4'096;
}

TEST(pprof_server, has_two_reports_in_memory_however_many_readers_take_nothing) {
  run_on(2, [] {
    const crowd all(large_crowd);
    const result<pprof_server> server = serve_pprof(ipv4(loopback_address, 0));
    ASSERT_TRUE(server);
    const std::size_t report_bytes = get(server->port(), "/debug/pprof/goroutine?debug=2").size();
    ASSERT_GT(report_bytes, large_crowd * 1'000u);
    const std::size_t before = resident_bytes();
    std::vector<tcp_stream> readers =
        connect_many(server->port(), 14, "GET /debug/pprof/goroutine?debug=2 HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(yielding_until([&] {
      return std::ranges::count_if(readers, [](tcp_stream& one) { return is_answered(one, 1'000'000); }) > 0;
    }));
    sleep_for(1s);  // for as many reports as would be made without a bound
    std::int64_t answered = 0;
    for (tcp_stream& one : readers) answered += is_answered(one, 1'000'000) ? 1 : 0;
    EXPECT_LE(answered, 2);  // of 14
    if (!under_sanitizer) { EXPECT_LT(resident_bytes(), before + 6 * report_bytes); }
  });
}

TEST(pprof_server, serves_sixteen_connections_and_lets_the_next_one_wait) {
  run_on(2, [] {
    const result<pprof_server> server = serve_pprof(ipv4(loopback_address, 0));
    ASSERT_TRUE(server);
    std::vector<tcp_stream> silent = connect_many(server->port(), 16, "GET ");
    EXPECT_TRUE(yielding_until([] { return goroutine_count() == 2 + 16; }));
    tcp_stream late = std::move(connect_many(server->port(), 1, "GET /debug/pprof/ HTTP/1.1\r\n\r\n").front());
    EXPECT_FALSE(is_answered(late, 200'000'000));
    EXPECT_EQ(goroutine_count(), 2u + 16u);
    silent.pop_back();
    EXPECT_TRUE(is_answered(late, patience_ns));
  });
}

TEST(pprof_server, makes_its_reports_without_a_processor) {
  policy rules;
  rules.hog_report = 30ms;
  testing::internal::CaptureStderr();
  run_on(1, rules, [] {
    const crowd all;
    const result<pprof_server> server = serve_pprof(ipv4(loopback_address, 0));
    ASSERT_TRUE(server);
    bool over = false;
    wait_group others;
    others.add(1);
    go([&] {
      while (!over) yield();
      others.done();
    });
    for (char const* const which :
         {"/debug/pprof/goroutine", "/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2",
          "/debug/pprof/threadcreate", "/debug/pprof/trace?seconds=0"}) {
      EXPECT_THAT(get(server->port(), which), StartsWith("HTTP/1.1 200")) << which;
    }
    over = true;
    others.wait();
  });
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              Not(HasSubstr("observe/pprof_server.cpp")));  // the reader of this test may well be a hog
}

TEST(pprof_server_full, lets_go_of_readers_that_take_nothing_and_of_requests_that_do_not_come) {
  run_on(2, [] {
    const crowd all;
    const result<pprof_server> server = serve_pprof(ipv4(loopback_address, 0));
    ASSERT_TRUE(server);
    const std::uint64_t before = goroutine_count();
    const std::vector<tcp_stream> readers =
        connect_many(server->port(), 2, "GET /debug/pprof/goroutine?debug=2 HTTP/1.1\r\n\r\n");
    std::vector<tcp_stream> slow = connect_many(server->port(), 2, "GET ");
    EXPECT_TRUE(yielding_until([&] { return goroutine_count() == before + 4; }));
    const std::int64_t began = now_ns();
    while (goroutine_count() != before && now_ns() < began + patience_ns) {
      for (tcp_stream& one : slow) static_cast<void>(one.write(std::as_bytes(std::span("x", 1))));
      sleep_for(500ms);
    }
    EXPECT_EQ(goroutine_count(), before);
    EXPECT_LT(now_ns() - began, 15'000'000'000);
  });
}

}  // namespace
}  // namespace retake::test
