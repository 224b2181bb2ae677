// Deadlines on real threads: they end waits in time and no earlier, whoever sets them and whenever.
#include <atomic>
#include <vector>

#include "../io/bytes.hpp"
#include "../program.hpp"
#include "retake/clock.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

constexpr std::int64_t ms = 1'000'000;

std::error_code why(stream& from) {
  std::byte one{};
  return from.read(std::span(&one, 1)).error();
}

TEST(deadline, ends_a_blocked_read_in_time_and_no_earlier) {
  run_on(2, [] {
    pipe_ends ends = a_pipe();
    const time_point due = deadline_in(20ms);
    EXPECT_FALSE(ends.reader.set_read_deadline(due));
    EXPECT_EQ(why(ends.reader), std::errc::timed_out);
    EXPECT_GE(monotonic_now(), due);
    EXPECT_LT(monotonic_now(), due + 5s);
  });
}

TEST(deadline, ends_a_blocked_write_and_the_other_direction_goes_on) {
  run_on(2, [] {
    connection c = a_connection();
    EXPECT_FALSE(c.client.set_write_deadline(deadline_in(10ms)));
    const std::vector<std::byte> much(64 << 20);
    EXPECT_EQ(c.client.write(much).error(), std::errc::timed_out);
    EXPECT_TRUE(c.server.write(bytes_of("still here")));
    EXPECT_EQ(read_some(c.client), "still here");
  });
}

TEST(deadline, that_is_over_refuses_calls_until_it_is_taken_back) {
  run_on(2, [] {
    pipe_ends ends = a_pipe();
    EXPECT_TRUE(ends.writer.write(bytes_of("waiting")));
    EXPECT_FALSE(ends.reader.set_deadline(time_point(1ns)));
    EXPECT_EQ(why(ends.reader), std::errc::timed_out);
    EXPECT_EQ(why(ends.reader), std::errc::timed_out);
    EXPECT_FALSE(ends.reader.set_deadline(no_deadline));
    EXPECT_EQ(read_some(ends.reader), "waiting");
  });
}

TEST(deadline, set_by_others_while_a_goroutine_waits_moves_its_end) {
  run_on(2, [] {
    for (int i = 0; i < 200; ++i) {
      pipe_ends ends = a_pipe();
      channel<std::error_code> ended;
      EXPECT_FALSE(ends.reader.set_read_deadline(deadline_in(1h)));
      go([&] { ended.send(why(ends.reader)); });
      for (int k = 0; k < i % 5; ++k) yield();
      EXPECT_FALSE(ends.reader.set_read_deadline(i % 2 == 0 ? time_point(1ns) : deadline_in(100us)));
      EXPECT_EQ(*ended.receive(), std::errc::timed_out);
    }
  });
}

TEST(deadline, of_a_closed_descriptor_is_refused) {
  run_on(2, [] {
    pipe_ends ends = a_pipe();
    ends.reader.close();
    EXPECT_EQ(ends.reader.set_deadline(time_point(1ns)), std::errc::operation_canceled);
  });
}

// Readers, a writer, setters and closes of many short-lived pipes at once: every wait ends, no byte
// is lost, and no deadline outlives its pipe.
TEST(deadline, races_with_bytes_closes_and_the_next_use_of_its_entry) {
  run_on(4, [] {
    const std::int64_t until_ns = now_ns() + 1'000 * ms;
    std::atomic<int> served{0}, late{0}, closed{0};
    for (int i = 0; now_ns() < until_ns && !testing::Test::HasFailure(); ++i) {
      pipe_ends ends = a_pipe();
      wait_group all;
      all.add(3);
      go([&] {
        const std::error_code error = why(ends.reader);
        (!error ? served : error == std::errc::timed_out ? late : closed).fetch_add(1);
        EXPECT_TRUE(!error || error == std::errc::timed_out || error == std::errc::operation_canceled)
            << error.message();
        all.done();
      });
      go([&] {
        EXPECT_TRUE(ends.writer.write(bytes_of("x")) || true);
        all.done();
      });
      go([&, i] {
        static_cast<void>(ends.reader.set_read_deadline(deadline_in(i % 7 * 10us)));
        static_cast<void>(ends.reader.set_read_deadline(i % 3 == 0 ? time_point(1ns) : deadline_in(50us)));
        if (i % 5 == 0) ends.reader.close();
        all.done();
      });
      all.wait();
    }
    EXPECT_GT(served.load(), 0);
    EXPECT_GT(late.load(), 0);
    EXPECT_GT(closed.load(), 0);
  });
}

TEST(deadline, left_behind_at_the_end_of_the_program_is_nobodys) {
  if (under_sanitizer) GTEST_SKIP() << "what an abandoned goroutine has is a leak, as in Go";
  run_on(2, [] {
    go([] {
      pipe_ends ends = a_pipe();
      static_cast<void>(ends.reader.set_deadline(deadline_in(1h)));
      static_cast<void>(why(ends.reader));
    });
    EXPECT_TRUE(yielding_until([] { return here().network.anybody_waits(); }));
  });
}

}  // namespace
}  // namespace retake::test
