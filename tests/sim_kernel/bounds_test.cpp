// Goal.   What the simulated kernel does not simulate, and where its named bounds end, is a finding
//         and never a wrong answer.
// Method. A body for each; the finding's claim must be the one that is meant.
#include "in_sim.hpp"

#include <csignal>

#include "sim/engine.hpp"
#include "world/ring.hpp"

namespace retake::sim {

namespace {

constexpr std::uint8_t one_byte[1] = {0};

k::socket_address local_name(int number) {
  k::socket_address name;
  name.family = k::address_family::local;
  name.used = 3;
  name.bytes[0] = '/';
  name.bytes[1] = 'n';
  name.bytes[2] = static_cast<std::uint8_t>('0' + number);
  return name;
}

int listener(std::uint16_t port) {
  int const fd = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  world::require(k::bind(fd, k::ipv4_address(k::loopback_ipv4, port)) == 0, "harness: bind");
  world::require(k::listen(fd, 16) == 0, "harness: listen");
  return fd;
}

int child(char const* runs_us) {
  char program[] = "/sim/sleep", code[] = "0", time[8];
  std::strcpy(time, runs_us);
  char* arguments[] = {program, time, code, nullptr};
  return k::spawn({.path = program, .arguments = arguments});
}

void many_descriptors_in_a_message() {
  int ends[2];
  world::require(k::socketpair(ends) == 0, "harness: socketpair");
  k::io_slice const slice{const_cast<std::uint8_t*>(one_byte), 1};
  int passed[5] = {ends[0], ends[0], ends[0], ends[0], ends[0]};
  static_cast<void>(k::send_message(ends[0], {&slice, 1, nullptr, passed, 5}));
}
void a_long_name() {
  static_cast<void>(
      k::open_file("a_name_that_is_longer_than_the_disk_has_room_for", k::open_write | k::open_create, 0600, false));
}
void an_unhandled_signal() {
  kernel::raise_signal(SIGUSR1);
  static_cast<void>(k::close(k::eventfd()));
}
void a_broken_pipe() {
  int ends[2];
  world::require(k::pipe(ends) == 0, "harness: pipe");
  static_cast<void>(k::close(ends[0]));
  static_cast<void>(k::write(ends[1], one_byte, 1));
}
void many_children() {
  for (int i = 0; i < 9; ++i) static_cast<void>(child("0"));
}
void no_alarm_for_a_child() {
  for (std::uint32_t i = 0; i < engine::alarms_max; ++i)
    alarm(
        no_deadline - 1, [](void*) {}, nullptr);
  static_cast<void>(child("200"));
}
void many_slices_for_a_ring() {
  world::ring r;
  world::require(r.open(4) == 0, "harness: ring");
  int ends[2];
  world::require(k::pipe(ends) == 0, "harness: pipe");
  k::io_slice const slices[5] = {};
  world::ring_request request{};
  request.what = world::ring_operation::read;
  request.fd = ends[0];
  request.slices = slices;
  request.count = 5;
  world::require(r.prepare(request), "harness: prepare");
  static_cast<void>(r.submit());
}
void a_ring_ends_before_its_operations() {
  world::ring r;
  world::require(r.open(4) == 0, "harness: ring");
  k::io_slice const slice{const_cast<std::uint8_t*>(one_byte), 1};
  world::ring_request request{};
  request.what = world::ring_operation::write;
  request.fd = k::open_file("file", k::open_write | k::open_create, 0600, false);
  request.slices = &slice;
  request.count = 1;
  world::require(r.prepare(request), "harness: prepare");
  static_cast<void>(r.submit());  // the chooser lets the disk take its time
}
void completions_that_are_not_reaped() {
  auto& r = shared<world::ring>();
  world::require(r.open(1) == 0, "harness: ring");
  world::ring_request request{};
  request.what = world::ring_operation::nothing;
  for (int i = 0; i < 2000; ++i) {
    if (!r.prepare(request)) static_cast<void>(r.submit());
  }
}
void a_poll_set_in_a_poll_set() {
  static_cast<void>(k::epoll_add(k::epoll_create(), k::epoll_create(), k::poll_in, 1));
}
void events_that_are_not_simulated() { static_cast<void>(k::epoll_add(k::epoll_create(), k::eventfd(), 1U << 30, 1)); }
void no_memory_for_the_kernel() {
  for (std::size_t bytes = 1U << 24; bytes >= 16; bytes /= 2) {
    while (the_engine->arena_.allocate(bytes, 16) != nullptr) {}
  }
  static_cast<void>(k::eventfd());
}
void many_local_names() {
  for (int i = 0; i < 9; ++i)
    static_cast<void>(k::bind(k::socket(k::address_family::local, k::socket_kind::stream), local_name(i)));
}
void many_connections_wait() {
  static_cast<void>(listener(80));
  for (int i = 0; i < 40; ++i) {
    int const fd = k::socket(k::address_family::ipv4, k::socket_kind::stream);
    static_cast<void>(k::set_nonblocking(fd, true));
    static_cast<void>(k::connect(fd, k::ipv4_address(k::loopback_ipv4, 80)));
  }
}
void shutdown_of_a_listener() { static_cast<void>(k::shutdown(listener(80), k::shutdown_how::both)); }
void shutdown_of_a_datagram_socket() {
  static_cast<void>(k::shutdown(k::socket(k::address_family::ipv4, k::socket_kind::datagram), k::shutdown_how::both));
}

struct objection {
  void (*body)();
  char const* claim;  // how it begins
};
constexpr objection objections[] = {
    {many_descriptors_in_a_message, "bound: more descriptors in a message"},
    {a_long_name, "harness: a name that the simulated disk"},
    {an_unhandled_signal, "signal: nobody handles it"},
    {a_broken_pipe, "signal: SIGPIPE"},
    {many_children, "bound: more children"},
    {no_alarm_for_a_child, "bound: too many alarms for a child"},
    {many_slices_for_a_ring, "harness: more slices"},
    {a_ring_ends_before_its_operations, "G6: a ring is closed"},
    {completions_that_are_not_reaped, "harness: more completions overflow"},
    {a_poll_set_in_a_poll_set, "harness: a poll set in a poll set"},
    {events_that_are_not_simulated, "harness: epoll_add with events"},
    {no_memory_for_the_kernel, "memory: the arena of the execution is used up by the simulated kernel"},
    {many_local_names, "bound: more names of local sockets"},
    {many_connections_wait, "bound: more connections wait"},
    {shutdown_of_a_listener, "harness: shutdown of a listening socket"},
    {shutdown_of_a_datagram_socket, "harness: shutdown of a datagram socket"},
};

TEST(kernel_in_sim, what_is_not_simulated_is_a_finding) {
  for (objection const& o : objections) {
    campaign const c = run(o.body, strategy::random, 0, 100);
    EXPECT_TRUE(c.failed) << "nothing objects: " << o.claim;
    if (c.failed) { EXPECT_EQ(std::string_view(c.last.what.claim).substr(0, std::strlen(o.claim)), o.claim); }
  }
}

}  // namespace

}  // namespace retake::sim
