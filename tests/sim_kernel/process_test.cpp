// Goal.   Signals, slow calls, happens-before and replay: what concerns the simulated process as a
//         whole.
// Method. One small body each; where something must be possible, it is counted; where it must not,
// it is a finding.
#include "in_sim.hpp"

#include <csignal>

#include "world/atomic.hpp"
#include "world/futex.hpp"

namespace retake::sim {

namespace {

void slow_call() {
  std::int64_t const before = world::nanotime();
  kernel::sleep_syscall(7'000'000);
  std::int64_t const passed = world::nanotime() - before;
  world::require(passed >= 7'000'000, "T20: the call took its time");
}
TEST(process_in_sim, a_slow_call_takes_its_virtual_time) { holds(slow_call); }

void other_call() {
  std::int64_t const before = world::nanotime();
  static_cast<void>(k::close(k::eventfd()));
  if (world::nanotime() - before >= kernel::slow_syscall_ns) ++seen.count[0];
}
TEST(process_in_sim, any_call_may_be_slow_by_the_fault) {
  EXPECT_FALSE(run(other_call, strategy::random, faults(fault_kind::slow_syscall), 200).failed);
  EXPECT_GT(seen.count[0], 0u);
  EXPECT_FALSE(run(other_call, strategy::random, 0, 200).failed);
  EXPECT_EQ(seen.count[0], 0u);
}

// ---- signals ----

void count_handler(int number) { ++seen.count[number == SIGUSR1 ? 0 : 1]; }

void count_signals() {  // from now on, from zero
  seen = {};
  world::require(world::install_signal(SIGUSR1, count_handler) == 0, "harness: install");
}

struct blocked_call {
  int fd;
};
void raise_and_write(void* opaque) {
  kernel::raise_signal(SIGUSR1);
  std::uint64_t const one = 1;
  static_cast<void>(k::write(static_cast<blocked_call*>(opaque)->fd, &one, sizeof(one)));
}
void signal_while_polling() {
  seen = {};
  auto& b = shared<blocked_call>();
  world::require(world::install_signal(SIGUSR1, count_handler) == 0, "harness: install");
  int const ep = k::epoll_create();
  b.fd = k::eventfd();
  world::require(k::epoll_add(ep, b.fd, k::poll_in, 1) == 0, "harness: add");
  start(raise_and_write, &b);
  k::poll_event event{};
  int count = -EINTR;
  while (count == -EINTR) count = k::epoll_wait(ep, &event, 1, -1);
  world::require(count == 1, "T21: the event comes after all");
  join_others();
  static_cast<void>(k::close(ep));  // a call: what is pending is delivered at the latest here
  world::require(seen.count[0] == 1, "T21: the handler ran once");
}
TEST(signals_in_sim, interrupt_a_poll_and_run_once) { holds(signal_while_polling); }

void signal_while_reading() {
  seen = {};
  auto& b = shared<blocked_call>();
  world::require(world::install_signal(SIGUSR1, count_handler) == 0, "harness: install");
  b.fd = k::eventfd();
  world::require(k::set_nonblocking(b.fd, false) == 0, "harness: blocking");
  start(raise_and_write, &b);
  std::uint64_t value = 0;
  world::require(k::read(b.fd, &value, sizeof(value)) == 8, "T22: a blocking read goes on after the handler");
  join_others();
  static_cast<void>(k::close(b.fd));
  world::require(seen.count[0] == 1, "T22: the handler ran once");
}
TEST(signals_in_sim, leave_a_blocking_read_asleep) { holds(signal_while_reading); }

void only_raise(void*) { kernel::raise_signal(SIGUSR1); }
void signal_ends_a_poll() {
  count_signals();
  int const ep = k::epoll_create();
  start(only_raise);
  k::poll_event event{};
  // For the tame schedule alone: in others the signal may come between the look and the wait, as it
  // may in life.
  while (seen.count[0] == 0) {
    int const count = k::epoll_wait(ep, &event, 1, -1);
    world::require(count == -EINTR, "T27: a poll that nothing else ends is ended by the signal");
  }
}
TEST(signals_in_sim, wake_a_sleeper_that_nothing_else_would_wake) {
  campaign const c = run(signal_ends_a_poll, strategy::tame);
  EXPECT_FALSE(c.failed) << c.last.what.claim;
}

// Nothing but the signal ends this sleep.
void signal_in_a_futex() {
  count_signals();
  world::atomic<std::uint32_t> word(0);
  start(only_raise);
  while (seen.count[0] == 0)
    world::require(world::futex_wait(word, 0) == world::waited::woken, "T28: an interrupted wait counts as woken");
  join_others();
  world::require(seen.count[0] == 1, "T28: the handler ran once");
}
TEST(signals_in_sim, wake_a_thread_that_sleeps_in_a_futex) { holds(signal_in_a_futex); }

void signal_until_a_time() {
  count_signals();
  start(only_raise);
  std::int64_t const until_ns = world::nanotime() + 7'000'000;
  world::sleep_until(until_ns);
  world::require(world::nanotime() >= until_ns, "T29: a sleep goes on after the handler");
  join_others();
  world::sleep_until(world::nanotime() + 1);
  world::require(seen.count[0] == 1, "T29: the handler ran once");
}
TEST(signals_in_sim, come_to_a_thread_that_sleeps_until_a_time) { holds(signal_until_a_time); }

void signal_before_the_time() {
  count_signals();
  start(only_raise);
  world::sleep_until(world::nanotime() + 7'000'000);
  world::require(seen.count[0] == 1, "T30: the handler runs in the sleep");
}
TEST(signals_in_sim,
     interrupt_a_sleep_until_a_time) {  // in the tame schedule, in which nothing else makes the sleeper run
  campaign const c = run(signal_before_the_time, strategy::tame);
  EXPECT_FALSE(c.failed) << c.last.what.claim;
}

void signal_while_blocked() {
  count_signals();
  world::signal_mask const before = world::block_signals();
  kernel::raise_signal(SIGUSR1);
  kernel::raise_signal(SIGUSR1);
  static_cast<void>(k::close(k::eventfd()));
  world::require(seen.count[0] == 0, "T23: held back");
  world::restore_signals(before);
  world::require(seen.count[0] == 1, "T23: delivered once when it is let in");
}
TEST(signals_in_sim, wait_while_blocked_and_do_not_queue) { holds(signal_while_blocked); }

void unhandled() { kernel::raise_signal(SIGTERM); }
TEST(signals_in_sim, without_a_handler_end_the_process) { fails(unhandled, "signal"); }

void harmless() {
  kernel::raise_signal(SIGCHLD);
  world::require(world::install_signal(SIGTERM, world::ignore_signal) == 0, "harness: install");
  kernel::raise_signal(SIGTERM);
}
TEST(signals_in_sim, that_are_ignored_do_nothing) { holds(harmless); }

void any_call() {
  world::require(world::install_signal(SIGUSR2, count_handler) == 0, "harness: install");
  static_cast<void>(k::close(k::eventfd()));
}
TEST(signals_in_sim, come_by_the_fault_at_any_call) {
  EXPECT_FALSE(run(any_call, strategy::random, faults(fault_kind::signal), 200).failed);
  EXPECT_GT(seen.count[1], 0u);
}

// ---- happens-before ----

struct handed_over {
  world::plain<int> value{0};
  int end[2];
  int ep = -1;
};

void write_then_tell(void* opaque) {
  auto& h = *static_cast<handed_over*>(opaque);
  h.value.set(42);
  static_cast<void>(k::write(h.end[1], "x", 1));
}
void read_what_was_told() {
  auto& h = shared<handed_over>();
  world::require(k::pipe_blocking(h.end) == 0, "harness: pipe");
  start(write_then_tell, &h);
  char byte = 0;
  world::require(k::read(h.end[0], &byte, 1) == 1, "harness: read");
  int const value = h.value.get();
  world::require(value == 42, "T24: what was written before the bytes is there after them");
}
TEST(order_in_sim, goes_from_a_write_to_the_read_of_its_bytes) { holds(read_what_was_told); }

void tell_then_write(void* opaque) {
  auto& h = *static_cast<handed_over*>(opaque);
  static_cast<void>(k::write(h.end[1], "x", 1));
  h.value.set(42);
}
void read_too_early() {
  auto& h = shared<handed_over>();
  world::require(k::pipe_blocking(h.end) == 0, "harness: pipe");
  start(tell_then_write, &h);
  char byte = 0;
  world::require(k::read(h.end[0], &byte, 1) == 1, "harness: read");
  static_cast<void>(h.value.get());
}
TEST(order_in_sim, does_not_cover_what_comes_behind_the_write) { fails(read_too_early, "race"); }

void only_ready() {
  auto& h = shared<handed_over>();
  world::require(k::pipe(h.end) == 0, "harness: pipe");
  int const ep = k::epoll_create();
  world::require(k::epoll_add(ep, h.end[0], k::poll_in, 1) == 0, "harness: add");
  start(write_then_tell, &h);
  k::poll_event event{};
  world::require(k::epoll_wait(ep, &event, 1, -1) == 1, "harness: wait");
  static_cast<void>(h.value.get());
}
TEST(order_in_sim, does_not_come_with_readiness_alone) { fails(only_ready, "race"); }

void register_it(void* opaque) {
  auto& h = *static_cast<handed_over*>(opaque);
  h.value.set(42);
  static_cast<void>(k::epoll_add(h.ep, k::eventfd(1), k::poll_in, 1));
}
void find_registered() {
  auto& h = shared<handed_over>();
  h.ep = k::epoll_create();
  start(register_it, &h);
  k::poll_event event{};
  world::require(k::epoll_wait(h.ep, &event, 1, -1) == 1, "harness: wait");
  int const value = h.value.get();
  world::require(value == 42, "T25: what was written before the registration is there with its event");
}
TEST(order_in_sim, goes_from_a_registration_to_its_event) { holds(find_registered); }

// ---- replay ----

void a_bit_of_everything() {
  no_sigpipe();
  seen.count[0] += static_cast<std::uint64_t>(k::eventfd());
  auto& h = shared<handed_over>();
  if (k::socketpair(h.end) != 0) return;
  start(write_then_tell, &h);
  char byte = 0;
  for (int i = 0; i != 3; ++i) static_cast<void>(k::read(h.end[0], &byte, 1));
}
TEST(process_in_sim, the_same_seed_is_the_same_campaign) {
  std::uint32_t const mask =
      faults(fault_kind::eintr, fault_kind::eagain, fault_kind::emfile, fault_kind::slow_syscall);
  campaign const first = run(a_bit_of_everything, strategy::random, mask, 3'000);
  campaign const second = run(a_bit_of_everything, strategy::random, mask, 3'000);
  EXPECT_FALSE(first.failed) << first.last.what.claim;
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.steps, second.steps);
  EXPECT_GT(first.traces.count(), 20u);
}

void numbers_start_again() {
  world::require(k::eventfd() == kernel::first_descriptor,
                 "T26: an execution starts with no descriptor of the last one");
  world::require(kernel::open_descriptors() == 1, "T26: one is open");
  world::require(k::cpu_limit() == static_cast<int>(kernel::processors_default), "T26: nor with its processors");
  kernel::set_cpu_limit(7);
  world::require(k::cpu_limit() == 7, "T26: the scenario says how many");
}
TEST(process_in_sim, every_execution_has_a_fresh_kernel) {
  EXPECT_FALSE(run(numbers_start_again, strategy::random, 0, 50).failed);
}

}  // namespace

}  // namespace retake::sim
