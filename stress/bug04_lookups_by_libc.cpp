// bug04_lookups_by_libc.cpp: getaddrinfo(3) holds a thread until the name server has answered, so a
// slow server is as many threads as lookups; c-ares over the poller holds none
//
// Seed.      Bug 4, "DNS Resolver Holding Threads": a service that makes many calls to other hosts
//            has 100 threads for what looks like work on the network. One call site is to blame:
//            the lookup of a name goes through the C library.
// Method.    A name server on loopback answers after 250 ms. 400 lookups come, 500 a second. Buggy:
//            getaddrinfo as a foreign call (RETAKE_DNS=system). Fixed: c-ares over the poller (the
//            default). The C library is led to the server by an /etc of the program's own, in a
//            mount namespace; where that is forbidden, by the resolver state of each thread (_res).
//            The server is a process of its own.
// Symptom.   Threads at their peak, against those of the same program in its quiet phase; the
//            latency is the server's in both.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <poll.h>
#include <resolv.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "apart.hpp"
#include "hammer.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/resolver.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "twins.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::apartness;
using stress::latencies;
using stress::now_ns;
using stress::stage;

constexpr std::uint32_t lookups = 400;
constexpr std::int64_t one_every_ns = 2'000'000;
constexpr std::int64_t answer_after_ns = 250'000'000;
constexpr auto quiet = 300ms;
constexpr std::uint32_t server_host = 0x7f003504;  // 127.0.53.4: nobody else's port 53
constexpr std::uint16_t dns_port = 53;
constexpr int port_tries = 50;  // the server of a variant that has just ended goes a moment after it
constexpr std::int64_t port_pause_ns = 20'000'000;
constexpr std::uint16_t service_port = 80;

// ---- the name server: another process ----------------------------------------------------------

struct server_socket {
  int fd = -1;
  sockaddr_in at{};

  // Nothing at port 53: any port.
  explicit server_socket(std::uint16_t port) : fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(server_host);
    at.sin_port = htons(port);
    socklen_t size = sizeof at;
    if (fd >= 0 && (::bind(fd, reinterpret_cast<sockaddr*>(&at), size) != 0 ||
                    ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0))
      close();
  }
  void close() {
    ::close(fd);
    fd = -1;
  }
};

struct waiting_answer {
  std::int64_t due_ns;
  sockaddr_in to;
  std::vector<std::uint8_t> text;
};

constexpr std::size_t header_bytes = 12;

// An A question has the answer 127.0.0.1, any other one none; both exist.
std::vector<std::uint8_t> answer_to(std::uint8_t const* question, std::size_t bytes) {
  std::size_t end = header_bytes;
  while (end < bytes && question[end] != 0) end += question[end] + std::size_t{1};
  end += 5;  // the root, type, class
  if (end > bytes) return {};
  std::vector<std::uint8_t> text(question, question + end);
  const bool asks_a = text[end - 3] == 1;
  text[2] = 0x81;
  text[3] = 0x80;
  std::fill(text.begin() + 6, text.begin() + header_bytes, std::uint8_t{0});
  text[7] = asks_a ? 1 : 0;
  if (asks_a) text.insert(text.end(), {0xc0, header_bytes, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1});
  return text;
}

// Until its process is ended. Questions are answered in their order, each so long after it came.
void serve_names(int socket) {
  std::deque<waiting_answer> queue;
  for (;;) {
    while (!queue.empty() && queue.front().due_ns <= now_ns()) {
      waiting_answer const& next = queue.front();
      static_cast<void>(::sendto(socket, next.text.data(), next.text.size(), 0,
                                 reinterpret_cast<sockaddr const*>(&next.to), sizeof next.to));
      queue.pop_front();
    }
    pollfd readable{.fd = socket, .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, queue.empty() ? -1 : 1) <= 0) continue;
    std::array<std::uint8_t, 512> question{};
    waiting_answer one{.due_ns = now_ns() + answer_after_ns, .to = {}, .text = {}};
    socklen_t size = sizeof one.to;
    const ssize_t bytes =
        ::recvfrom(socket, question.data(), question.size(), 0, reinterpret_cast<sockaddr*>(&one.to), &size);
    if (bytes <= 0) continue;
    one.text = answer_to(question.data(), static_cast<std::size_t>(bytes));
    if (!one.text.empty()) queue.push_back(std::move(one));
  }
}

// ---- the way there -----------------------------------------------------------------------------

// An /etc that names the server, and the server's socket. fd < 0: it cannot be had.
server_socket lead_by_etc(apartness& how) {
  how = stress::stand_apart(CLONE_NEWNS);
  if (how == apartness::as_user && ::unshare(CLONE_NEWNET) == 0)
    static_cast<void>(stress::set_link("lo", true));  // port 53 is there for whom the network belongs to
  server_socket server(dns_port);
  for (int tries = 1; server.fd < 0 && errno == EADDRINUSE && tries < port_tries; ++tries) {
    stress::nap_ns(port_pause_ns);
    server = server_socket(dns_port);
  }
  const std::array<std::pair<char const*, std::string>, 3> files{
      {{"resolv.conf", "nameserver 127.0.53.4\noptions timeout:30 attempts:1\n"},
       {"nsswitch.conf", "hosts: dns\n"},
       {"hosts", "127.0.0.1 localhost\n"}}};
  if (server.fd >= 0 && (how == apartness::none || !stress::own_etc(files))) server.close();
  return server;
}

// What getaddrinfo(3) asks by, in this thread.
void lead_this_thread(sockaddr_in const& server) {
  if (_res.nsaddr_list[0].sin_port == server.sin_port) return;
  static_cast<void>(::res_init());
  ::__nss_configure_lookup("hosts", "dns");
  _res.nscount = 1;
  _res.nsaddr_list[0] = server;
  _res.retrans = 30;
  _res.retry = 1;
}

// ---- who asks ----------------------------------------------------------------------------------

bool ask_by_state_of_thread(sockaddr_in const& server, std::string const& name) {
  return foreign_call([&] {
    lead_this_thread(server);
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (::getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return false;
    ::freeaddrinfo(found);
    return true;
  });
}

void play(stage& s, resolver_kind kind) {
  apartness how = apartness::none;
  server_socket server = lead_by_etc(how);
  const bool by_etc = server.fd >= 0;
  for (const std::uint16_t port : {dns_port, std::uint16_t{0}}) {
    if (server.fd < 0) server = server_socket(port);
  }
  if (server.fd < 0) s.cannot("a UDP socket on loopback");
  s.note("led to the server",
         by_etc ? how == apartness::as_root ? "by an /etc in a mount namespace"
                                            : "by an /etc in a mount namespace of a user namespace"
                : "by the resolver state of each thread (no namespace is allowed, or its port 53 is taken)");
  s.beside([&] { serve_names(server.fd); });
  server.close();

  run([&] {
    resolver_options chosen;
    chosen.kind = kind;
    chosen.timeout = 30s;
    if (!by_etc) chosen.servers = {fmt::format("127.0.53.4:{}", ntohs(server.at.sin_port))};
    const resolver names(chosen);
    latencies took(s);
    std::atomic<std::uint32_t> answered{0};
    s.phase("quiet");
    sleep_for(quiet);
    s.phase("busy");
    wait_group done;
    const auto look_up = [&](std::uint32_t number) {
      const std::int64_t began_ns = now_ns();
      const std::string name = fmt::format("host{}.test", number);
      const bool found = by_etc || kind == resolver_kind::cares ? static_cast<bool>(names.lookup(name, service_port))
                                                                : ask_by_state_of_thread(server.at, name);
      if (found) answered.fetch_add(1);
      took.add(now_ns() - began_ns);
      done.done();
    };
    // As many as are due by now: a sleep that was too long on a loaded machine takes nothing from
    // the rate.
    const std::int64_t began_ns = now_ns();
    for (std::uint32_t begun = 0; begun < lookups || s.holds(); sleep_for(std::chrono::nanoseconds(one_every_ns))) {
      for (const std::int64_t due = (now_ns() - began_ns) / one_every_ns; begun <= due && (begun < lookups || s.held());
           ++begun) {
        done.add(1);
        go([&look_up, begun] { look_up(begun); });
      }
    }
    done.wait();
    s.phase("after");
    s.given("lookups", lookups, "lookups");
    s.figure("answered", answered, "lookups");
    s.figure("latency_p50", took.percentile_ms(0.5), "ms");
    s.figure("latency_p99", took.percentile_ms(0.99), "ms");
    stress::tell_thread_sites(s, "resolver.cpp");
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_bug({.number = 4,
                          .name = "bug04_lookups_by_libc",
                          .title = "a thread for each lookup of a name: getaddrinfo and a slow name server",
                          .variants = {{"buggy", "getaddrinfo(3), as with RETAKE_DNS=system",
                                        [](stage& s) { play(s, resolver_kind::system); }},
                                       {"fixed", "c-ares over the poller",
                                        [](stage& s) { play(s, resolver_kind::cares); }}},
                          .measures = {{.name = "threads at their peak",
                                        .figure = "threads_peak",
                                        .baseline = "threads_in_quiet",
                                        .from = 8,
                                        .twins = 5},
                                       {.name = "threads for each lookup that was answered",
                                        .figure = "threads_peak",
                                        .baseline = "answered",
                                        .from = 0.1}},
                          .looks = {{"RETAKE_DEBUG=netdns=1 ./retake bug 4 --variant buggy",
                                     "who is asked for names, and why", R"(netdns|resolver|DNS)"}},
                          .seed = {{"threads_peak", "100; 20 without"}},
                          .explained = {{"runtime/resolve/resolver.cpp", "ask_system",
                                         "getaddrinfo is a call that holds its thread"},
                                        {"runtime/resolve/resolver.cpp", "lookup",
                                         "the resolver over the poller, or the system's"}},
                          .pattern = "4",
                          .pictures = {"threads", "latency"}},
                         argc, argv);
}
