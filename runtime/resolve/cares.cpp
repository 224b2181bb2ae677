// c-ares over the poller.
//
// Problem.   c-ares has several sockets at once (servers, UDP and TCP) that come and go, and has to
//            hear of each, and of time. It keeps the answer for one family until the other is
//            answered or given up, and some servers never answer for one of them.
// Rejected.  A goroutine for each socket: they would have to share the channel. c-ares' own thread:
//            a thread. One question for both families, cancelled in time: c-ares answers with what
//            it has, but does not say before whether it has something.
// Recipe.    The sockets are registered in a poll set of their own, level-triggered; that set is a
//            descriptor, and the goroutine waits for it in the runtime's poller, until the
//            library's next time-out at the latest. One channel for each turn: nothing is shared.
//            Every call of the library is a foreign call: it reads files (/etc/resolv.conf,
//            /etc/hosts) and wants a real stack; its callbacks only write down what they are given.
//            The two families are two questions for the same full name; the next name is asked for
//            only when neither had an answer. So the search list, and the order of the hosts file
//            and the servers, are followed here: c-ares would follow them for each family alone and
//            mix the addresses of two hosts.
#include <ares.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "resolve/lookup.hpp"
#include "retake/clock.hpp"
#include "retake/foreign_call.hpp"
#include "retake/resolver.hpp"
#include "world/errors.hpp"
#include "world/kernel.hpp"

namespace retake::detail {

namespace kernel = world::kernel;
using namespace std::chrono_literals;

namespace {

constexpr int events_at_once = 8;
constexpr char hosts_file = 'f';  // c-ares' letters for its sources
constexpr char servers = 'b';

struct turn {
  char source;
  std::string name;
};

struct conversation {
  ares_channel channel = nullptr;
  int sockets = -1;             // the poll set
  int open = 0;                 // questions without an answer
  int status = ARES_ENOTFOUND;  // why there is no address, if not because the name has none
  std::uint16_t port = 0;
  std::vector<address> found;
};

void socket_changed(void* opaque, ares_socket_t fd, int readable, int writable) {
  auto const& c = *static_cast<conversation*>(opaque);
  static_cast<void>(kernel::epoll_del(c.sockets, fd));  // not known yet, perhaps
  const std::uint32_t events = (readable != 0 ? kernel::poll_in : 0u) | (writable != 0 ? kernel::poll_out : 0u);
  if (events != 0) static_cast<void>(kernel::epoll_add(c.sockets, fd, events, static_cast<std::uint64_t>(fd)));
}

std::error_code meaning(int status) noexcept {
  switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_EBADNAME: return resolve_error::not_found;
    case ARES_ETIMEOUT: return std::make_error_code(std::errc::timed_out);
    case ARES_ENOMEM: return std::make_error_code(std::errc::not_enough_memory);
    default: return resolve_error::failed;
  }
}

void answer_came(void* opaque, int status, int, ares_addrinfo* result) {
  auto& c = *static_cast<conversation*>(opaque);
  --c.open;
  if (status != ARES_SUCCESS && meaning(status) != resolve_error::not_found) c.status = status;
  if (result == nullptr) return;
  for (ares_addrinfo_node const* at = result->nodes; at != nullptr; at = at->ai_next)
    append(c.found, at->ai_addr, c.port);
  ares_freeaddrinfo(result);
}

// Without ares_library_init(): on Linux it only counts, and two threads may not count at once.
int begin(conversation& c, turn const& t, question const& q, resolver_options const& options) {
  char lookups[] = {t.source, 0};
  ares_options wishes{};  // no domains: the name of the turn is full
  wishes.flags = ARES_FLAG_NOSEARCH;
  wishes.lookups = lookups;
  constexpr std::int64_t most = std::numeric_limits<int>::max();
  wishes.timeout = static_cast<int>(std::clamp<std::int64_t>(options.timeout / 1ms, 1, most));
  wishes.tries = static_cast<int>(std::clamp<std::int64_t>(options.tries, 1, most));
  wishes.sock_state_cb = socket_changed;
  wishes.sock_state_cb_data = &c;
  constexpr int wished = ARES_OPT_FLAGS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                         ARES_OPT_SOCK_STATE_CB;
  int failed = ares_init_options(&c.channel, &wishes, wished);
  if (failed != ARES_SUCCESS) return failed;
  if (!options.servers.empty()) {
    std::string all;
    for (std::string const& one : options.servers) all += (all.empty() ? "" : ",") + one;
    failed = ares_set_servers_ports_csv(c.channel, all.c_str());
    if (failed != ARES_SUCCESS) return failed;
  }
  ares_addrinfo_hints hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NOSORT;  // sorting connects a socket to each: the order is that of the answers
  std::vector<int> families = {family_of(q.family)};
  if (t.source == servers && q.family == address_family::none) families = {AF_INET, AF_INET6};
  c.open = static_cast<int>(families.size());
  for (const int family : families) {
    hints.ai_family = family;
    ares_getaddrinfo(c.channel, t.name.c_str(), nullptr, &hints, answer_came, &c);
  }
  return ARES_SUCCESS;
}

// The hosts file and the servers in the order of the system, the servers for each full name that
// the search list makes of `name`. Source: nameList in Go's dnsclient_unix.go; resolv.conf(5).
int turns_for(std::string const& name, std::vector<turn>& turns) {
  ares_channel system = nullptr;
  ares_options known{};
  int which = 0;
  int failed = ares_init(&system);
  if (failed != ARES_SUCCESS) return failed;
  failed = ares_save_options(system, &known, &which);
  std::vector<std::string> full;
  const bool complete = name.ends_with('.');
  const bool as_is_first = complete || std::count(name.begin(), name.end(), '.') >= known.ndots;
  if (as_is_first) full.push_back(name);
  for (int i = 0; i < known.ndomains && !complete; ++i) full.push_back(name + '.' + known.domains[i]);
  if (!as_is_first) full.push_back(name);
  for (char const* source = known.lookups; source != nullptr && *source != 0; ++source) {
    if (*source == hosts_file) turns.push_back({hosts_file, name});
    if (*source != servers) continue;
    for (std::string const& one : full) turns.push_back({servers, one});
  }
  ares_destroy_options(&known);
  ares_destroy(system);
  return failed;
}

// What the poll set has, or the library's time-outs.
void go_on(conversation& c, kernel::poll_event const* events, int count) {
  if (count == 0) ares_process_fd(c.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  for (int i = 0; i < count; ++i) {
    const auto fd = static_cast<ares_socket_t>(events[i].data);
    const bool broken = (events[i].events & (kernel::poll_err | kernel::poll_hup)) != 0;
    const bool reads = broken || (events[i].events & kernel::poll_in) != 0;
    const bool writes = broken || (events[i].events & kernel::poll_out) != 0;
    ares_process_fd(c.channel, reads ? fd : ARES_SOCKET_BAD, writes ? fd : ARES_SOCKET_BAD);
  }
}

time_point next_look(conversation const& c, time_point deadline) {
  timeval room{};
  timeval const* const wait = ares_timeout(c.channel, nullptr, &room);
  const time_point due =
      deadline_in(wait == nullptr ? 1s : std::chrono::seconds(wait->tv_sec) + std::chrono::microseconds(wait->tv_usec));
  return deadline != no_deadline ? std::min(due, deadline) : due;
}

// One family has answered. The other has one time-out, and at most half of the time that is left:
// the other half is for the caller, which wants to connect.
time_point other_family_until(time_point deadline, resolver_options const& options) {
  const time_point now = monotonic_now();
  const time_point one_time_out = deadline_in(std::max<std::chrono::nanoseconds>(options.timeout, 1ms));
  return deadline == no_deadline ? one_time_out : std::min(one_time_out, now + (deadline - now) / 2);
}

result<std::vector<address>> take(turn const& t, question const& q, resolver_options const& options) {
  conversation c;
  c.port = q.port;
  c.sockets = kernel::epoll_create();
  if (c.sockets < 0) return error_of(c.sockets);
  int failed = 0;
  polled_file* const set = polled_file::make(c.sockets, failed);
  if (set == nullptr) return error_of(failed);
  time_point until = q.deadline;
  bool late = false;
  int status = retake::foreign_call([&] { return begin(c, t, q, options); });
  while (status == ARES_SUCCESS && c.open != 0 && !late) {  // bound: the library's tries, or the deadline
    kernel::poll_event events[events_at_once];
    static_cast<void>(set->set_deadlines(nanoseconds_of(next_look(c, until)), true, false));
    const std::int64_t count = set->reading([&] {
      const int n = kernel::epoll_wait(c.sockets, events, events_at_once, 0);
      return std::int64_t{n == 0 ? world::errors::would_block : n};
    });
    late = count < 0 && until != no_deadline && monotonic_now() >= until;
    if (late) continue;
    const bool had_some = !c.found.empty();
    retake::foreign_call([&] { go_on(c, events, count < 0 ? 0 : static_cast<int>(count)); });
    if (!had_some && !c.found.empty()) until = other_family_until(until, options);
  }
  if (status == ARES_SUCCESS) status = c.status;
  // What is open is answered with ARES_EDESTRUCTION.
  if (c.channel != nullptr) retake::foreign_call([&] { ares_destroy(c.channel); });
  set->release();
  if (!c.found.empty()) return std::move(c.found);
  if (late) return std::make_error_code(std::errc::timed_out);
  // c-ares says ARES_ECONNREFUSED of a name that is not in the file.
  return t.source == hosts_file ? resolve_error::not_found : meaning(status);
}

}  // namespace

result<std::vector<address>> ask_cares(question const& q, resolver_options const& options) {
  for (std::string const& server : options.servers) {
    if (server.find('\0') != std::string::npos) return std::make_error_code(std::errc::invalid_argument);
  }
  std::vector<turn> turns;
  const int failed = retake::foreign_call([&] { return turns_for(q.name, turns); });
  if (failed != ARES_SUCCESS) return meaning(failed);
  result<std::vector<address>> answer = make_error_code(resolve_error::not_found);
  for (turn const& t : turns) {
    answer = take(t, q, options);
    if (answer || answer.error() != resolve_error::not_found) break;
  }
  return answer;
}

}  // namespace retake::detail
