// Goal.   Connections are made, carry bytes both ways and end, whoever is faster, under every
//         fault.
// Method. An echo server and its clients on non-blocking sockets, each with a poll set of its own;
// then ends of every kind.
#include "in_sim.hpp"

namespace retake::sim {

namespace {

// Waits until one of `events` may have come. Level-triggered, and a set for each wait: nothing to
// forget.
void await(int fd, std::uint32_t events) {
  int const ep = k::epoll_create();
  if (ep < 0) return;
  world::require(k::epoll_add(ep, fd, events, 1) == 0, "harness: add");
  k::poll_event event{};
  static_cast<void>(k::epoll_wait(ep, &event, 1, -1));
  k::close(ep);
}

struct echo {
  int listener = -1;
  std::uint16_t port = 0;
  world::atomic<std::uint32_t> answered{0};
};

void serve_one(echo& e) {
  int fd = -EAGAIN;
  for (;;) {
    fd = k::accept(e.listener);
    if (fd >= 0) break;
    world::require(fd == -EAGAIN || fd == -EINTR, "T11: accept has no other error");
    await(e.listener, k::poll_in);
  }
  for (;;) {
    char text[4];
    std::int64_t const count = k::read(fd, text, sizeof(text));
    if (count == -EAGAIN || count == -EINTR) {
      await(fd, k::poll_in);
      continue;
    }
    if (count <= 0) break;
    std::int64_t sent = 0;
    while (sent != count) {
      std::int64_t const now = k::write(fd, text + sent, static_cast<std::size_t>(count - sent));
      if (now == -ECONNRESET || now == -EPIPE) break;
      if (now < 0)
        await(fd, k::poll_out);
      else
        sent += now;
    }
    if (sent != count) break;
  }
  k::close(fd);
}

// True when the echo was complete; false when the connection was reset.
bool call_server(echo& e) {
  int const fd = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  world::require(fd >= 0, "harness: socket");
  int const connecting = k::connect(fd, k::ipv4_address(k::loopback_ipv4, e.port));
  world::require(connecting == -EINPROGRESS, "T11: a non-blocking connect is under way first");
  await(fd, k::poll_out);
  bool good = k::socket_error(fd) == 0;
  std::uint32_t sent = 0;
  while (good && sent != 6) {
    std::int64_t const count = k::write(fd, &"spring"[sent], 6 - sent);
    if (count == -EAGAIN || count == -EINTR)
      await(fd, k::poll_out);
    else if (count < 0)
      good = false;
    else
      sent += static_cast<std::uint32_t>(count);
  }
  if (good && k::shutdown(fd, k::shutdown_how::write) != 0) good = false;
  std::uint32_t got = 0;
  while (good) {
    char text[8];
    std::int64_t const count = k::read(fd, text, sizeof(text));
    if (count == -EAGAIN || count == -EINTR) {
      await(fd, k::poll_in);
      continue;
    }
    if (count < 0) good = false;
    if (count <= 0) break;
    for (std::int64_t i = 0; i < count; ++i) world::require(text[i] == "spring"[got++], "T11: the echo is the text");
  }
  k::close(fd);
  world::require(!good || got == 6, "T11: without a reset the echo is complete");
  return good;
}

void client(void* opaque) {
  auto& e = *static_cast<echo*>(opaque);
  if (call_server(e)) e.answered.fetch_add_relaxed(1);
}

template <int clients, int backlog>
void echo_scenario() {
  no_sigpipe();
  auto& e = shared<echo>();
  e.listener = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  world::require(k::bind(e.listener, k::ipv4_address(k::loopback_ipv4, 0)) == 0 && k::listen(e.listener, backlog) == 0,
                 "harness: listen");
  k::socket_address name;
  world::require(k::local_address(e.listener, name) == 0, "harness: the address of a listener");
  e.port = name.port;
  for (int i = 0; i != clients; ++i) start(client, &e);
  for (int i = 0; i != clients; ++i) serve_one(e);
  join_others();
  std::uint32_t const answered = e.answered.load_acquire();
  seen.count[0] += answered;
  seen.count[1] += clients - answered;
  k::close(e.listener);
  world::require(kernel::open_descriptors() == 0, "T11: no descriptor is left");
}

TEST(socket_in_sim, an_echo_over_tcp_is_complete) {
  holds(echo_scenario<1, 1>);
  EXPECT_EQ(seen.count[1], 0u);
}
TEST(socket_in_sim, clients_wait_while_the_listener_s_queue_is_full) { holds(echo_scenario<3, 0>); }
TEST(socket_in_sim, an_echo_survives_short_counts_interruptions_and_late_bytes) {
  holds(echo_scenario<1, 1>, faults(fault_kind::short_read, fault_kind::short_write, fault_kind::eintr,
                                    fault_kind::eagain, fault_kind::slow_syscall));
  EXPECT_EQ(seen.count[1], 0u);
}
TEST(socket_in_sim, a_reset_connection_ends_on_both_sides) {
  campaign const c = run(echo_scenario<1, 1>, strategy::random, faults(fault_kind::econnreset), 5'000);
  EXPECT_FALSE(c.failed) << c.last.what.claim;
  EXPECT_GT(seen.count[0], 0u);
  EXPECT_GT(seen.count[1], 0u);
}

void runs_out_of_numbers() {
  int last = 0;
  int count = 0;
  while (last >= 0) {
    last = k::eventfd();
    if (last >= 0) ++count;
  }
  world::require(last == -EMFILE, "T12: the error is EMFILE");
  if (count < kernel::descriptors_max - kernel::first_descriptor) ++seen.count[0];
  int ends[2];
  world::require(k::close(kernel::first_descriptor) == 0, "harness: close");
  world::require(k::pipe(ends) == -EMFILE, "T12: a pipe needs two");
  world::require(kernel::open_descriptors() == static_cast<std::uint32_t>(count - 1),
                 "T12: and takes none when it cannot have two");
}
TEST(descriptors_in_sim, end_with_emfile_at_the_bound_or_by_the_fault) {
  EXPECT_FALSE(run(runs_out_of_numbers, strategy::tame).failed);
  EXPECT_EQ(seen.count[0], 0u);
}

void emfile_strikes() {
  int const fd = k::eventfd();
  if (fd == -EMFILE) ++seen.count[0];
}
TEST(descriptors_in_sim, emfile_is_a_fault) {
  EXPECT_FALSE(run(emfile_strikes, strategy::random, faults(fault_kind::emfile), 200).failed);
  EXPECT_GT(seen.count[0], 0u);
}

void closed_but_interrupted() {
  int const fd = k::eventfd();
  int const result = k::close(fd);
  if (result == -EINTR) ++seen.count[0];
  world::require(k::eventfd() == fd, "T13: the number is free, whatever close said");
}
TEST(descriptors_in_sim, an_interrupted_close_has_closed) {
  EXPECT_FALSE(run(closed_but_interrupted, strategy::random, faults(fault_kind::eintr), 200).failed);
  EXPECT_GT(seen.count[0], 0u);
}

void close_both(void* opaque) {
  int const* const ends = static_cast<int*>(opaque);
  k::close(ends[0]);
  k::close(ends[1]);
}
struct pair_of_numbers {
  int end[2];
};
void close_races_with_use() {
  no_sigpipe();
  auto& pair = shared<pair_of_numbers>();
  world::require(k::socketpair(pair.end) == 0, "harness: socketpair");
  start(close_both, pair.end);
  for (int i = 0; i != 3; ++i) {
    std::int64_t const written = k::write(pair.end[0], "ab", 2);
    world::require(written == 2 || written == -EPIPE || written == -EBADF,
                   "T14: a write beside a close has no other answer");
    char byte[4];
    std::int64_t const got = k::read(pair.end[1], byte, sizeof(byte));
    world::require(got >= 0 || got == -EAGAIN || got == -EBADF || got == -ECONNRESET,
                   "T14: a read beside a close has no other answer");
  }
  join_others();
  world::require(kernel::open_descriptors() == 0, "T14: no descriptor is left");
}
TEST(descriptors_in_sim, may_be_closed_while_others_use_them) { holds(close_races_with_use); }

}  // namespace

}  // namespace retake::sim
