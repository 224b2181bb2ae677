// Goal.   Pipes and counters lose nothing, keep order and block as they should, in every schedule
//         and under every fault.
// Method. Two or three virtual threads on one pipe, depth first with few preemptions and at random;
// counts of what was seen.
#include "in_sim.hpp"

namespace retake::sim {

namespace {

struct two_ends {
  int end[2];
};

constexpr std::uint32_t total = 40;  // more than two pipes full

void write_numbers(void* opaque) {
  int const fd = static_cast<two_ends*>(opaque)->end[1];
  unsigned char next = 0;
  while (next != total) {
    unsigned char block[6];
    std::uint32_t const n = total - next < 6 ? total - next : 6;
    for (std::uint32_t i = 0; i < n; ++i) block[i] = static_cast<unsigned char>(next + i);
    std::int64_t const written = k::write(fd, block, n);
    if (written == -EINTR) continue;
    world::require(written > 0 && written <= n, "T1: a blocking write moves something");
    if (written < n) ++seen.count[0];
    next = static_cast<unsigned char>(next + written);
  }
  k::close(fd);
}

void blocking_pipe() {
  auto& pipe = shared<two_ends>();
  world::require(k::pipe_blocking(pipe.end) == 0, "harness: pipe");
  start(write_numbers, &pipe);
  unsigned char next = 0;
  for (;;) {
    unsigned char block[5];
    std::int64_t const count = k::read(pipe.end[0], block, sizeof(block));
    if (count == -EINTR) {
      ++seen.count[1];
      continue;
    }
    world::require(count >= 0, "T1: a blocking read has no other error");
    if (count == 0) break;
    for (std::int64_t i = 0; i < count; ++i) world::require(block[i] == next++, "T1: bytes come in order, each once");
  }
  world::require(next == total, "T1: nothing is lost");
}

TEST(pipe_in_sim, a_blocking_pipe_carries_every_byte_in_order) { holds(blocking_pipe); }
TEST(pipe_in_sim, interruptions_and_short_counts_change_nothing) {
  holds(blocking_pipe, faults(fault_kind::eintr, fault_kind::short_read, fault_kind::short_write));
}
TEST(pipe_in_sim, short_writes_and_interruptions_do_happen) {
  campaign const c = run(blocking_pipe, strategy::random, faults(fault_kind::eintr, fault_kind::short_write), 2'000);
  EXPECT_FALSE(c.failed);
  EXPECT_GT(seen.count[0], 0u);
  EXPECT_GT(seen.count[1], 0u);
}

// Two writers of records that fit an atomic write: records never mix.
void write_records(void* opaque) {
  auto const& pipe = *static_cast<two_ends*>(opaque);
  auto const mark = static_cast<char>('a' + world::thread_id());
  char const record[4] = {mark, mark, mark, mark};
  for (int i = 0; i != 3; ++i) {
    std::int64_t const written = k::write(pipe.end[1], record, sizeof(record));
    world::require(written == 4, "T2: an atomic write is whole");
  }
}
void atomic_writes() {
  auto& pipe = shared<two_ends>();
  world::require(k::pipe_blocking(pipe.end) == 0, "harness: pipe");
  start(write_records, &pipe);
  start(write_records, &pipe);
  std::uint32_t got = 0;
  char record[4];
  while (got != 24) {
    std::int64_t const count = k::read(pipe.end[0], record, sizeof(record));
    world::require(count == 4 && record[0] == record[1] && record[1] == record[2] && record[2] == record[3],
                   "T2: records do not mix");
    got += 4;
  }
}
TEST(pipe_in_sim, small_writes_are_atomic) { holds(atomic_writes); }

void broken_pipe() {
  int end[2];
  world::require(k::pipe(end) == 0, "harness: pipe");
  k::close(end[0]);
  static_cast<void>(k::write(end[1], "x", 1));
}
TEST(pipe_in_sim, a_broken_pipe_ends_a_process_that_does_not_ignore_the_signal) { fails(broken_pipe, "signal"); }

void blocked_for_ever() {
  int end[2];
  world::require(k::pipe_blocking(end) == 0, "harness: pipe");
  char byte;
  static_cast<void>(k::read(end[0], &byte, 1));
}
TEST(pipe_in_sim, a_read_that_nobody_will_answer_is_a_deadlock) { fails(blocked_for_ever, "deadlock"); }

void add_one(void* opaque) {
  std::uint64_t const one = 1;
  static_cast<void>(k::write(*static_cast<int*>(opaque), &one, sizeof(one)));
}
void counter() {
  int& fd = shared<int>();
  fd = k::eventfd();
  world::require(k::set_nonblocking(fd, false) == 0, "harness: blocking");
  for (int i = 0; i != 3; ++i) start(add_one, &fd);
  std::uint64_t sum = 0;
  while (sum != 3) {
    std::uint64_t value = 0;
    world::require(k::read(fd, &value, sizeof(value)) == 8 && value > 0, "T3: a counter is read when it is not zero");
    sum += value;
    world::require(sum <= 3, "T3: nothing is counted twice");
  }
}
TEST(counter_in_sim, adds_up_and_blocks_at_zero) { holds(counter); }

}  // namespace

}  // namespace retake::sim
