// c-ares over the poller.
//
// Problem.   c-ares has several sockets at once (servers, UDP and TCP) that come and go, wants to hear of each, and of time.
// Rejected.  A goroutine for each socket: they would have to share the channel. c-ares' own thread: a thread.
// Recipe.    Its sockets are registered in a poll set of their own, level-triggered; that set is a descriptor, and the goroutine waits for it in the runtime's poller, until the
//            library's next time-out at the latest. One channel for each lookup: nothing is shared. Every call of the library is a foreign call: it reads
//            files (/etc/resolv.conf, /etc/hosts) and wants a real stack; its callbacks only write down what they are told.
#include <ares.h>

#include <algorithm>

#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "resolve/lookup.hpp"
#include "retake/clock.hpp"
#include "retake/foreign_call.hpp"
#include "retake/resolver.hpp"
#include "world/kernel.hpp"

namespace retake::detail {

namespace kernel = world::kernel;

namespace {

constexpr int events_at_once = 8;
constexpr std::int64_t ns_per_ms = 1'000'000;

struct conversation {
  ares_channel channel = nullptr;
  int sockets = -1;  // the poll set
  bool answered = false;
  int status = ARES_SUCCESS;
  std::uint16_t port = 0;
  std::vector<address> found;
};

void socket_changed(void* opaque, ares_socket_t fd, int readable, int writable) {
  auto const& c = *static_cast<conversation*>(opaque);
  static_cast<void>(kernel::epoll_del(c.sockets, fd));  // not known yet, perhaps
  const std::uint32_t events = (readable != 0 ? kernel::poll_in : 0u) | (writable != 0 ? kernel::poll_out : 0u);
  if (events != 0) static_cast<void>(kernel::epoll_add(c.sockets, fd, events, static_cast<std::uint64_t>(fd)));
}

void answer_came(void* opaque, int status, int, ares_addrinfo* result) {
  auto& c = *static_cast<conversation*>(opaque);
  c.answered = true;
  c.status = status;
  if (result == nullptr) return;
  for (ares_addrinfo_node const* at = result->nodes; at != nullptr; at = at->ai_next) append(c.found, at->ai_addr, c.port);
  ares_freeaddrinfo(result);
}

// Without ares_library_init(): on Linux it only counts, and two threads may not count at once.
int begin(conversation& c, question const& q, resolver_options const& options) {
  ares_options wishes{};
  wishes.timeout = static_cast<int>(std::max<std::int64_t>(options.timeout_ns / ns_per_ms, 1));
  wishes.tries = static_cast<int>(options.tries);
  wishes.sock_state_cb = socket_changed;
  wishes.sock_state_cb_data = &c;
  int failed = ares_init_options(&c.channel, &wishes, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (failed != ARES_SUCCESS) return failed;
  if (!options.servers.empty()) {
    std::string all;
    for (std::string const& one : options.servers) all += (all.empty() ? "" : ",") + one;
    failed = ares_set_servers_ports_csv(c.channel, all.c_str());
    if (failed != ARES_SUCCESS) return failed;
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = family_of(q.family);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NOSORT;  // sorting connects a socket to each: the order is the servers'
  ares_getaddrinfo(c.channel, q.name.c_str(), nullptr, &hints, answer_came, &c);
  return ARES_SUCCESS;
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

std::int64_t next_look_ns(conversation const& c, std::int64_t deadline_ns) {
  timeval room{};
  timeval const* const wait = ares_timeout(c.channel, nullptr, &room);
  const std::int64_t due_ns = wait == nullptr ? deadline_in_ns(1'000 * ns_per_ms) : deadline_in_ns(std::int64_t{wait->tv_sec} * 1'000 * ns_per_ms + std::int64_t{wait->tv_usec} * 1'000);
  return deadline_ns != 0 ? std::min(due_ns, deadline_ns) : due_ns;
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

}  // namespace

result<std::vector<address>> ask_cares(question const& q, resolver_options const& options) {
  conversation c;
  c.port = q.port;
  c.sockets = kernel::epoll_create();
  if (c.sockets < 0) return error_of(c.sockets);
  int failed = 0;
  polled_file* const set = polled_file::make(c.sockets, failed);
  if (set == nullptr) return error_of(failed);
  bool late = false;
  int status = retake::foreign_call([&] { return begin(c, q, options); });
  while (status == ARES_SUCCESS && !c.answered && !late) {  // bound: the library's tries, or the deadline
    kernel::poll_event events[events_at_once];
    static_cast<void>(set->set_deadlines(next_look_ns(c, q.deadline_ns), true, false));
    const std::int64_t count = set->reading([&] {
      const int n = kernel::epoll_wait(c.sockets, events, events_at_once, 0);
      return std::int64_t{n == 0 ? answer::would_block : n};
    });
    late = count < 0 && q.deadline_ns != 0 && monotonic_ns() >= q.deadline_ns;
    if (!late) retake::foreign_call([&] { go_on(c, events, count < 0 ? 0 : static_cast<int>(count)); });
  }
  if (c.channel != nullptr) retake::foreign_call([&] { ares_destroy(c.channel); });  // answers with ARES_EDESTRUCTION what is open
  set->release();
  if (late) return std::make_error_code(std::errc::timed_out);
  if (status == ARES_SUCCESS) status = c.status;
  if (status != ARES_SUCCESS) return meaning(status);
  if (c.found.empty()) return make_error_code(resolve_error::not_found);
  return std::move(c.found);
}

}  // namespace retake::detail
