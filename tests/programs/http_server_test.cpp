// The HTTP server as a process of its own, over real connections. Method: what is sent is written
// out, what comes back is compared byte by byte, the end is told by a signal and judged by the
// kernel's books. The last tests put servers with one fault each before the same checks.
#include <gtest/gtest.h>

#include "http_checks.hpp"

namespace retake::test {
namespace {

constexpr std::uint32_t threads_max = 2 + RETAKE_THREADS_BESIDE;  // GOMAXPROCS and those beside

server a_server(std::vector<std::string> more = {}) {
  more.insert(more.begin(), RETAKE_HTTP_SERVER);
  return server(std::move(more));
}
server a_faulty_server(std::string const& fault) { return server({RETAKE_FAULTY_SERVER, "--fault", fault}); }

TEST(http_server, serves_files_byte_for_byte_and_announces_them_by_head) {
  server s = a_server();
  EXPECT_EQ(check_bodies(s), "");
  http_client client(s.port);
  EXPECT_EQ(client.ask("GET", "/").body, "<p>here</p>\n");
  EXPECT_EQ(client.ask("GET", "/below/a%20b.txt?query").body, "with a space\n");
  EXPECT_EQ(client.ask("GET", "http://elsewhere/below/a%20b.txt").head["Content-Type"], "text/plain; charset=utf-8");
  EXPECT_EQ(check_end(s, SIGTERM), "");
}

TEST(http_server, gives_json_back) {
  server s = a_server();
  http_client client(s.port);
  const std::string value = R"({"list":[1,2.5,null],"text":"ü"})";
  const response echo =
      client.ask("POST", "/api/echo", "Content-Length: " + std::to_string(value.size()) + "\r\n", value);
  EXPECT_EQ(echo.status, 200);
  EXPECT_EQ(nlohmann::json::parse(echo.body)["value"], nlohmann::json::parse(value));
  EXPECT_EQ(nlohmann::json::parse(client.ask("GET", "/api/status").body)["processors"], 2);
  const std::string wrong[] = {"{", "", std::string(5'000, '[') + std::string(5'000, ']'), "\"\xff\""};
  for (std::string const& text : wrong) {
    EXPECT_EQ(client.ask("POST", "/api/echo", "Content-Length: " + std::to_string(text.size()) + "\r\n", text).status,
              400)
        << text.substr(0, 20);
  }
  // In pieces, and after a "go ahead".
  client.say("POST /api/echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.hear().status, 100);
  client.say("2\r\n[1\r\n2\r\n,2\r\n1\r\n]\r\n0\r\n\r\n");
  EXPECT_EQ(client.hear().body, "{\"bytes\":5,\"value\":[1,2]}\n");
  EXPECT_EQ(check_end(s, SIGTERM), "");
}

TEST(http_server, says_what_is_wrong_with_a_request) {
  server s = a_server({"--body-max", "1000"});
  const auto status_of = [&](std::string const& text) {
    http_client client(s.port);
    client.say(text);
    response got = client.hear();
    EXPECT_EQ(got.head["Connection"], "close") << text;
    EXPECT_TRUE(client.is_over()) << text;
    return got.status;
  };
  EXPECT_EQ(status_of("nonsense\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: here\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n12345"), 400);
  EXPECT_EQ(status_of("POST /api/echo HTTP/1.1\r\nHost: here\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, '1')),
            413);
  EXPECT_EQ(status_of("POST /api/echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                      std::string(1001, '1')),
            413);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: here\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"), 431);
  http_client client(s.port);
  EXPECT_EQ(client.ask("GET", "/none").status, 404);
  EXPECT_EQ(client.ask("GET", "/1/below").status, 404);
  EXPECT_EQ(client.ask("GET", "/below").status, 404) << "no index.html";
  EXPECT_EQ(client.ask("GET", "/%zz").status, 400);
  EXPECT_EQ(client.ask("GET", "/1%00").status, 400);
  EXPECT_EQ(client.ask("POST", "/1", "Content-Length: 0\r\n").status, 405);
  EXPECT_EQ(client.ask("DELETE", "/api/echo").head["Allow"], "POST");
  EXPECT_EQ(client.ask("GET", "/1").status, 200) << "the connection is kept";
  EXPECT_EQ(check_end(s, SIGTERM), "");
}

TEST(http_server, opens_nothing_outside_of_its_folder) {
  server s = a_server();
  http_client client(s.port);
  for (std::string const target : {"/../secret", "/%2e%2e/secret", "/below/../../secret", "/..%2fsecret", "/way_out"}) {
    const response got = client.ask("GET", target);
    EXPECT_EQ(got.status, 403) << target;
    EXPECT_EQ(got.body.find("nobody"), std::string::npos) << target;
  }
  EXPECT_EQ(client.ask("GET", "//etc/passwd").status, 404);
  EXPECT_EQ(client.ask("GET", "/below/../1").status, 200) << "within";
  EXPECT_EQ(check_end(s, SIGTERM), "");
}

TEST(http_server, keeps_connections_and_answers_pipelined_requests_in_order) {
  server s = a_server();
  http_client client(s.port);
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += "GET /" + std::to_string(i % 2 == 0 ? 3'000 : 65'537) + " HTTP/1.1\r\nHost: here\r\n\r\n";
  client.say(many + "GET /1 HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.hear().body, some_files::content(i % 2 == 0 ? 3'000 : 65'537)) << i;
  EXPECT_EQ(client.hear().body, some_files::content(1));
  EXPECT_TRUE(client.is_over());
  http_client old(s.port);
  old.say("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(old.hear().head["Connection"], "keep-alive");
  old.say("GET /1 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.hear().status, 200);
  EXPECT_TRUE(old.is_over());
  EXPECT_EQ(check_end(s, SIGTERM), "");
}

TEST(http_server, waits_for_a_request_no_longer_than_its_patience) {
  server s = a_server({"--request-seconds", "0.7"});
  http_client silent(s.port), slow(s.port);
  slow.say("GET /1 HT");
  EXPECT_EQ(slow.hear().status, 408);
  EXPECT_TRUE(slow.is_over());
  EXPECT_TRUE(silent.is_over());
  EXPECT_EQ(check_end(s, SIGTERM), "");
}

TEST(http_server, slow_half_closed_and_reset_connections_lose_nothing) {
  server s = a_server();
  const std::string large = some_files::content(3'000'000);
  http_client slow(s.port, 16 * 1024), half_closed(s.port);
  slow.say("GET /3000000 HTTP/1.1\r\nHost: here\r\n\r\n");
  half_closed.say("GET /3000000 HTTP/1.1\r\nHost: here\r\n\r\nGET /1 HTTP/1.1\r\nHost: here\r\n\r\n");
  half_closed.say_no_more();
  for (int i = 0; i < 50; ++i) {
    http_client rude(s.port);
    rude.be_rude();
    rude.say("GET /3000000 HTTP/1.1\r\nHost: here\r\n\r\n");
    if (i % 2 == 0) nap_ms(1);
  }
  EXPECT_EQ(slow.hear(false, 2).body, large);
  EXPECT_EQ(half_closed.hear().body, large);
  EXPECT_EQ(half_closed.hear().body, some_files::content(1));
  EXPECT_TRUE(half_closed.is_over());
  EXPECT_EQ(check_bodies(s), "");
  EXPECT_EQ(check_end(s, SIGTERM), "");
}

TEST(http_server, ends_when_told_with_the_answers_that_are_under_way) {
  server s = a_server();
  http_client idle(s.port), reading(s.port, 16 * 1024), unfinished(s.port);
  EXPECT_EQ(idle.ask("GET", "/1").status, 200);
  unfinished.say("GET /1 HTTP");
  reading.say("GET /3000000 HTTP/1.1\r\nHost: here\r\n\r\n");
  nap_ms(50);  // no race: with or without it the end must be clean; with it, it comes in the middle
  s.process.signal(SIGINT);
  EXPECT_TRUE(idle.is_over());
  EXPECT_EQ(reading.hear().body, some_files::content(3'000'000));
  EXPECT_TRUE(reading.is_over());
  EXPECT_EQ(check_end(s, told_already), "");
  EXPECT_FALSE(http_client(s.port).connected());
}

TEST(http_server, does_not_wait_for_ever_for_a_reader_when_told_to_end) {
  server s = a_server({"--end-seconds", "0.1"});
  http_client stuck(s.port, 4 * 1024);
  stuck.say("GET /3000000 HTTP/1.1\r\nHost: here\r\n\r\n");
  nap_ms(50);  // as above
  EXPECT_EQ(check_end(s, SIGTERM), "");
}

TEST(http_server, bears_load_with_few_threads) {
  server s = a_server();
  EXPECT_EQ(check_under_load(s, 64, 1, threads_max), "");
  EXPECT_EQ(check_end(s, SIGTERM), "");
}

TEST(http_server_full, a_thousand_connections_for_a_minute_without_an_error) {
  server s = a_server();
  nlohmann::json seen;
  EXPECT_EQ(check_under_load(s, 1'000, 60, threads_max, &seen), "");
  std::printf("%s\n", seen.dump().c_str());
  EXPECT_EQ(check_end(s, SIGTERM), "");
}

// ---- the checks find what they are for ----

TEST(http_checks, pass_a_twin_without_a_fault) {
  server s = a_faulty_server("none");
  EXPECT_EQ(check_bodies(s), "");
  EXPECT_EQ(check_under_load(s, 16, 1, threads_max), "");
  EXPECT_EQ(check_end(s, SIGTERM), "");
}

TEST(http_checks, find_a_body_that_is_cut_short) {
  server s = a_faulty_server("truncate");
  EXPECT_EQ(check_bodies(s), "/3000: another body, of 2999 bytes");
}

TEST(http_checks, find_one_wrong_byte_in_a_thousand_answers) {
  server s = a_faulty_server("corrupt");
  EXPECT_EQ(check_under_load(s, 16, 1, threads_max).find("load: "), 0u);
}

TEST(http_checks, find_a_thread_for_each_connection) {
  server s = a_faulty_server("block");
  EXPECT_EQ(check_under_load(s, 64, 1, threads_max).find("threads: "), 0u);
}

TEST(http_checks, find_a_connection_that_nobody_closed_and_a_goroutine_that_nobody_ended) {
  for (std::string const fault : {"keep_descriptor", "keep_goroutine"}) {
    server s = a_faulty_server(fault);
    EXPECT_EQ(http_client(s.port).ask("GET", "/1").status, 200);
    EXPECT_EQ(check_end(s, SIGTERM).find("left behind: "), 0u) << fault;
  }
}

}  // namespace
}  // namespace retake::test
