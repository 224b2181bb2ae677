// Goal.   A poller that follows epoll's rules loses no byte under any fault; one that breaks them
//         is caught.
// Method. A writer and an edge-triggered reader as the runtime's poller would be; then the same
// with one rule broken.
#include "in_sim.hpp"

namespace retake::sim {

namespace {

constexpr std::uint32_t every_poll_fault =
    faults(fault_kind::eintr, fault_kind::eagain, fault_kind::short_read, fault_kind::short_write,
           fault_kind::epoll_reorder, fault_kind::epoll_duplicate, fault_kind::slow_syscall);

struct two_ends {
  int end[2];
};
constexpr std::uint32_t total = 9;

// Writes `total` bytes to a non-blocking file; its own poll set tells it when there is room.
void send_all(void* opaque) {
  int const fd = static_cast<two_ends*>(opaque)->end[1];
  int const ep = k::epoll_create();
  world::require(k::epoll_add(ep, fd, k::poll_out | k::poll_edge, 1) == 0, "harness: add");
  std::uint32_t sent = 0;
  while (sent != total) {
    std::int64_t const count = k::write(fd, &"0123456789abcdef"[sent], total - sent < 3 ? total - sent : 3);
    if (count > 0) {
      sent += static_cast<std::uint32_t>(count);
      continue;
    }
    world::require(count == -EAGAIN, "T4: a non-blocking write has no other error");
    k::poll_event event{};
    static_cast<void>(k::epoll_wait(ep, &event, 1, -1));
  }
  k::close(fd);
}

template <bool drains>
void receive(int fd) {
  int const ep = k::epoll_create();
  world::require(k::epoll_add(ep, fd, k::poll_in | k::poll_rdhup | k::poll_edge, 7) == 0, "harness: add");
  std::uint32_t got = 0;
  for (;;) {
    k::poll_event event{};
    int const events = k::epoll_wait(ep, &event, 1, -1);
    if (events == -EINTR) continue;
    world::require(events == 1 && event.data == 7, "T4: the only registration is the one that is ready");
    for (;;) {
      char byte[2];
      std::int64_t const count = k::read(fd, byte, sizeof(byte));
      if (count == -EAGAIN) break;
      world::require(count >= 0, "T4: a non-blocking read has no other error");
      if (count == 0) {
        world::require(got == total, "T4: every byte came before the end");
        return;
      }
      for (std::int64_t i = 0; i < count; ++i)
        world::require(byte[i] == "0123456789abcdef"[got++], "T4: bytes come in order");
      if (!drains) break;
    }
  }
}

template <bool drains>
void pipe_polled() {
  auto& pipe = shared<two_ends>();
  world::require(k::pipe(pipe.end) == 0, "harness: pipe");
  start(send_all, &pipe);
  receive<drains>(pipe.end[0]);
}
template <bool drains>
void pair_polled() {
  auto& pair = shared<two_ends>();
  world::require(k::socketpair(pair.end) == 0, "harness: socketpair");
  start(send_all, &pair);
  receive<drains>(pair.end[0]);
}

TEST(poll_in_sim, an_edge_triggered_reader_that_drains_gets_everything) {
  holds(pipe_polled<true>);
  holds(pair_polled<true>);
}
TEST(poll_in_sim, and_does_so_under_every_fault) {
  holds(pipe_polled<true>, every_poll_fault);
  holds(pair_polled<true>, every_poll_fault);
}
TEST(poll_in_sim, an_edge_triggered_reader_that_does_not_drain_sleeps_on_its_bytes) {
  fails(pipe_polled<false>, "deadlock");
  fails(pair_polled<false>, "deadlock");
}

// The wake-up of a poller: level-triggered, drained by who waits. An edge would do as long as
// nobody reads in between.
struct wake_up {
  int ep;
  int fd;
};
void wake_poller(void* opaque) {
  std::uint64_t const one = 1;
  static_cast<void>(k::write(static_cast<wake_up*>(opaque)->fd, &one, sizeof(one)));
}
void poller_is_woken() {
  auto& w = shared<wake_up>();
  w.ep = k::epoll_create();
  w.fd = k::eventfd();
  world::require(k::epoll_add(w.ep, w.fd, k::poll_in, 1) == 0, "harness: add");
  start(wake_poller, &w);
  k::poll_event event{};
  int count = -EINTR;
  while (count == -EINTR) count = k::epoll_wait(w.ep, &event, 1, -1);
  world::require(count == 1 && event.events == k::poll_in, "T5: the wake-up ends the wait");
  std::uint64_t value = 0;
  world::require(k::read(w.fd, &value, sizeof(value)) == 8, "T5: and can be drained");
  world::require(k::epoll_wait(w.ep, &event, 1, 0) == 0, "T5: and is over then");
}
TEST(poll_in_sim, a_counter_wakes_a_blocked_poller) {
  holds(poller_is_woken, faults(fault_kind::eintr, fault_kind::slow_syscall));
}

// An event overtaken by close and reuse: the number is the same, the file is another. The tag (a
// sequence number) tells.
struct reused {
  int ep;
  int end[2];
  int fd;
};
void close_and_reuse(void* opaque) {
  auto& r = *static_cast<reused*>(opaque);
  k::close(r.fd);
  int other[2];
  if (k::pipe(other) != 0) return;
  world::require(other[0] == r.fd, "T6: the lowest number is used again");
}
void stale_event() {
  auto& r = shared<reused>();
  r.ep = k::epoll_create();
  world::require(k::pipe(r.end) == 0, "harness: pipe");
  r.fd = r.end[0];
  world::require(k::epoll_add(r.ep, r.fd, k::poll_in, 1) == 0, "harness: add");
  static_cast<void>(k::write(r.end[1], "x", 1));
  start(close_and_reuse, &r);
  k::poll_event event{};
  if (k::epoll_wait(r.ep, &event, 1, 0) != 1) return;
  char byte = 0;
  std::int64_t const count = k::read(r.fd, &byte, 1);
  world::require(count == 1, "T6: who believes in the number reads another file");
}
TEST(poll_in_sim, an_event_can_hit_a_reused_descriptor) { fails(stale_event, "T6"); }

void removed_event() {
  int const ep = k::epoll_create();
  int const fd = k::eventfd(1);
  world::require(k::epoll_add(ep, fd, k::poll_in, 5) == 0, "harness: add");
  world::require(k::epoll_del(ep, fd) == 0, "harness: del");
  k::poll_event event{};
  int const count = k::epoll_wait(ep, &event, 1, 0);
  if (count == 1) {
    world::require(event.data == 5 && event.events == k::poll_in, "T7: it says what the registration would have said");
    ++seen.count[0];
  }
}
TEST(poll_in_sim, a_stale_event_comes_with_the_fault_and_never_without) {
  EXPECT_FALSE(run(removed_event, strategy::random, faults(fault_kind::epoll_stale), 500).failed);
  EXPECT_GT(seen.count[0], 0u);
  EXPECT_FALSE(run(removed_event, strategy::random, 0, 500).failed);
  EXPECT_EQ(seen.count[0], 0u);
}

void twice_and_in_another_order() {
  int const ep = k::epoll_create();
  for (std::uint64_t i = 0; i != 3; ++i)
    world::require(k::epoll_add(ep, k::eventfd(1), k::poll_in | k::poll_edge, i) == 0, "harness: add");
  k::poll_event events[3];
  world::require(k::epoll_wait(ep, events, 3, 0) == 3, "T8: all three, once each");
  std::uint32_t mask = 0;
  for (k::poll_event const& e : events) mask |= 1U << e.data;
  world::require(mask == 7, "T8: all three, once each");
  if (events[0].data != 0) ++seen.count[0];
  if (k::epoll_wait(ep, events, 3, 0) > 0) ++seen.count[1];
}
TEST(poll_in_sim, order_and_repetition_of_edges_are_faults) {
  EXPECT_FALSE(run(twice_and_in_another_order, strategy::random,
                   faults(fault_kind::epoll_reorder, fault_kind::epoll_duplicate), 500)
                   .failed);
  EXPECT_GT(seen.count[0], 0u);
  EXPECT_GT(seen.count[1], 0u);
  EXPECT_FALSE(run(twice_and_in_another_order, strategy::random, 0, 500).failed);
  EXPECT_EQ(seen.count[0] + seen.count[1], 0u);
}

void times_out() {
  int const ep = k::epoll_create();
  k::poll_event event{};
  std::int64_t const before = world::nanotime();
  world::require(k::epoll_wait(ep, &event, 1, 5) == 0, "T9: nothing came");
  std::int64_t const passed = world::nanotime() - before;
  world::require(passed >= 5'000'000 && passed < 5'010'000, "T9: the virtual clock moved by the time-out");
}
TEST(poll_in_sim, a_time_out_is_on_the_virtual_clock) { holds(times_out); }

// A wait on a set that somebody closes goes on (the call holds it); an event of one of its files
// still ends it.
void close_set(void* opaque) {
  auto& w = *static_cast<wake_up*>(opaque);
  k::close(w.ep);
  wake_poller(opaque);
}
void set_is_closed_under_the_wait() {
  auto& w = shared<wake_up>();
  w.ep = k::epoll_create();
  w.fd = k::eventfd();
  world::require(k::epoll_add(w.ep, w.fd, k::poll_in, 1) == 0, "harness: add");
  start(close_set, &w);
  k::poll_event event{};
  int const count = k::epoll_wait(w.ep, &event, 1, -1);
  world::require(count == 1 || count == -EBADF, "T10: the wait outlives the number");
}
TEST(poll_in_sim, a_wait_keeps_its_set_alive) { holds(set_is_closed_under_the_wait); }

}  // namespace

}  // namespace retake::sim
