// bug06_vanished_peers.cpp: a read without a deadline from a peer that vanished waits for ever, one
// goroutine for each, while threads stay flat; a read deadline or keep-alive ends it
//
// Seed.      Bug 6, "Hung Goroutine on a Network Read": connections live long, some peers die
//            without a word, goroutines grow over weeks. (The seed has keep-alive off by default;
//            Go's listener and this one switch it on, so the buggy twin switches it off by name.)
// Method.    Three hosts, one after the other, open 30 connections each, talk for a while, and
//            vanish: no FIN, no RST (a cable that is pulled between two network namespaces; where
//            those are forbidden, a filter that drops what comes in; else they only fall silent,
//            and probes cannot be shown). One more peer is alive and silent all the time.
//            Buggy: a goroutine for each connection reads without a limit. Fixed: each read has
//            half a second. Keep-alive: no deadline, but probes after 1 s, every second, two of
//            them.
// Symptom.   Goroutines that still read from hosts that are gone, when the probes would have told
//            long ago; as a share of the connections, and against the threads.
// Price.     A deadline also cuts off who is alive and silent; keep-alive does not. Both are
//            counted.
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hammer.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/net.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "twins.hpp"
#include "vanishing_host.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::now_ns;
using stress::stage;
using stress::vanishes;
using stress::vanishing_host;

constexpr int hosts = 3;
constexpr std::uint16_t connections_each = 30;
constexpr std::uint32_t all_connections = hosts * connections_each;
constexpr std::int64_t ms = 1'000'000;
constexpr auto talks = 300ms;
constexpr std::int64_t read_limit_ns = 500 * ms;
constexpr std::int64_t silent_ns = 5'000 * ms;     // from the last that vanished: probes are through after 3 s
constexpr std::int64_t patience_ns = 30'000 * ms;  // of a repaired variant, on a loaded machine
constexpr auto look_every = 50ms;
constexpr keep_alive impatient{.on = true, .idle = 1s, .interval = 1s, .count = 2};

struct plan {
  keep_alive probes = keep_alive::off();
  std::int64_t read_limit_ns = 0;
};

struct service {
  explicit service(plan const& how) : how_(how) {}

  void handle(tcp_stream peer) {
    reading.fetch_add(1);
    std::array<std::byte, 1024> buffer;
    for (;;) {
      if (how_.read_limit_ns != 0) peer.set_read_deadline(deadline_in(std::chrono::nanoseconds(how_.read_limit_ns)));
      const result<std::size_t> n = peer.read(buffer);
      if (!n || *n == 0) break;
      bytes.fetch_add(*n);
    }
    reading.fetch_sub(1);
  }
  void serve(tcp_listener& listener) {
    for (;;) {
      result<tcp_stream> peer = listener.accept();
      if (!peer) return;
      go([this, connection = std::make_shared<tcp_stream>(std::move(*peer))] { handle(std::move(*connection)); });
    }
  }

  std::atomic<std::uint32_t> reading{0};
  std::atomic<std::uint64_t> bytes{0};

 private:
  plan const how_;
};

// A peer that lives and says nothing.
class silent_peer {
 public:
  explicit silent_peer(std::uint16_t port) : connection_(tcp_connect(loopback_address, port)) {}
  // Whether we are still connected: the server has not ended it.
  [[nodiscard]] bool connected() {
    if (!connection_) return false;
    connection_->set_read_deadline(deadline_in(look_every));
    std::array<std::byte, 1> nothing;
    return connection_->read(nothing).error() == std::errc::timed_out;
  }

 private:
  result<tcp_stream> connection_;
};

using host_list = std::vector<std::unique_ptr<vanishing_host>>;

host_list hosts_that_vanish(vanishes how) {
  host_list all;
  for (int i = 1; i <= hosts; ++i) {
    all.push_back(std::make_unique<vanishing_host>(how, i));
    if (!all.back()->ready()) return {};
  }
  return all;
}

// By cable if that can be had; but who looks at a held variant from outside wants its port for
// reports on his own loopback.
host_list make_hosts(stage& s, plan const& how) {
  const stress::apartness apart = s.held() ? stress::apartness::none : stress::stand_apart(CLONE_NEWNET);
  host_list all;
  if (apart != stress::apartness::none && stress::set_link("lo", true)) all = hosts_that_vanish(vanishes::by_link);
  if (!all.empty()) {
    s.note("hosts vanish", apart == stress::apartness::as_root
                               ? "with the cable between two network namespaces"
                               : "with the cable between two network namespaces of a user namespace");
    return all;
  }
  all = hosts_that_vanish(vanishes::by_filter);
  if (!all.empty()) {
    s.note("hosts vanish", "behind a filter that drops what comes in (no namespace, or no ip)");
    return all;
  }
  if (how.probes.on) s.cannot("probes that nobody answers: neither a network namespace nor a socket filter is allowed");
  all = hosts_that_vanish(vanishes::by_silence);
  if (all.empty()) s.cannot("processes for the other hosts");
  s.note("hosts vanish", "by never writing again (neither namespace nor filter is allowed)");
  return all;
}

void play(stage& s, plan const& how) {
  const host_list peers = make_hosts(s, how);
  run([&] {
    result<tcp_listener> listener = tcp_listen(ipv4(0, 0), {.probes = how.probes});
    if (!listener) s.cannot("a listener");
    service all(how);
    go([&] { all.serve(*listener); });
    const std::uint16_t port = listener->port();
    silent_peer silent(port);
    s.phase("hosts_vanish");
    for (auto const& host : peers) {
      if (!retake::syscall([&] { return host->connect(port, connections_each); }))
        s.cannot("connections of the other host");
      sleep_for(talks);
      s.level("reading", all.reading, "goroutines");
      if (!retake::syscall([&] { return host->vanish(); })) s.cannot("a host that vanishes");
      s.level("reading", all.reading, "goroutines");
    }
    s.phase("silence");
    const bool repaired = how.probes.on || how.read_limit_ns != 0;
    const std::int64_t began_ns = now_ns();
    const auto over = [&] {
      return now_ns() - began_ns >= (repaired ? patience_ns : silent_ns) || (repaired && all.reading <= 1);
    };
    while (!over() || s.holds()) {
      sleep_for(look_every);
      s.level("reading", all.reading, "goroutines");
    }
    const bool kept = silent.connected();
    s.given("connections", all_connections, "connections");
    s.figure("bytes_read", static_cast<double>(all.bytes), "bytes");
    s.figure("goroutines_left", all.reading - (kept ? 1.0 : 0.0), "goroutines");
    s.figure("silence", static_cast<double>(now_ns() - began_ns) * 1e-6, "ms");
    s.figure("living_peer_cut", kept ? 0 : 1, "connections");
    listener->close();
  });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_bug({.number = 6,
                          .name = "bug06_vanished_peers",
                          .title = "goroutines that read for ever from peers that vanished without a word",
                          .variants = {{"buggy", "no deadline, keep_alive::off()", [](stage& s) { play(s, {}); }},
                                       {"fixed", "half a second for each read",
                                        [](stage& s) { play(s, {.read_limit_ns = read_limit_ns}); }},
                                       {"keep_alive", "no deadline; probes after 1 s, every second, two",
                                        [](stage& s) { play(s, {.probes = impatient}); }}},
                          .measures = {{.name = "goroutines left, of all connections",
                                        .figure = "goroutines_left",
                                        .baseline = "connections",
                                        .from = 0.9,
                                        .twins = 10},
                                       {.name = "the same, with keep-alive",
                                        .figure = "goroutines_left",
                                        .baseline = "connections",
                                        .from = 0.9,
                                        .twins = 10,
                                        .fixed = "keep_alive"},
                                       {.name = "goroutines left, against threads",
                                        .figure = "goroutines_left",
                                        .baseline = "threads_peak",
                                        .from = 5}},
                          .looks =
                              {{"RETAKE_DEBUG=pprof=127.0.0.1:6061 ./retake bug 6 --variant buggy --hold 20 & sleep 5",
                                "a process whose peers are gone, with its reports on loopback"},
                               {"curl -s 'http://127.0.0.1:6061/debug/pprof/goroutine?debug=1' | head -n 5",
                                "as many goroutines in stream::read as there were connections",
                                R"(^(9\d|[1-9]\d\d) @\n[^@]*stream::read)"},
                               {"ss -tnop state established | grep \"pid=$!,\" | grep -vc timer:",
                                "as many connections of the process without timer:(keepalive,...)",
                                R"(^(9\d|[1-9]\d\d)$)"}},
                          .seed = {{"goroutines_left", "grows for weeks"}, {"silence", "hours"}},
                          .explained = {{"runtime/poll/poller.cpp", "commit_wait",
                                         "the goroutine is parked in its descriptor's entry: no thread waits"},
                                        {"runtime/poll/poller.cpp", "deadline_is_due",
                                         "a deadline readies the goroutine"},
                                        {"runtime/io/stream.cpp", "set_read_deadline", "sets it"}},
                          .pattern = "5",
                          .pictures = {"reading", "threads"}},
                         argc, argv);
}
