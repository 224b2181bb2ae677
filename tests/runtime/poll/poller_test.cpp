// The poller on the real kernel: what an event wakes, batches, interruptions, and descriptors of
// unknown kind.
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "../io/bytes.hpp"
#include "../program.hpp"
#include "retake/sync.hpp"
#include "world/limits.hpp"

namespace retake::test {
namespace {

TEST(poller, a_hang_up_wakes_the_reader_and_the_writer) {
  run_on(2, [] {
    connection c = a_connection();
    std::atomic<int> back{0};
    wait_group all;
    all.add(2);
    go([&] {
      std::string const text = read_some(c.client);
      EXPECT_TRUE(text.empty() || text.starts_with("error"))
          << "the reset is told once, to the reader or to the writer";
      back.fetch_add(1);
      all.done();
    });
    go([&] {
      const std::vector<std::byte> much(64 << 20);
      EXPECT_FALSE(c.client.write(much));
      back.fetch_add(1);
      all.done();
    });
    EXPECT_TRUE(yielding_until([&] { return here().network.anybody_waits(); }));
    EXPECT_EQ(read_some(c.server, 1).size(), 1u);
    EXPECT_EQ(back.load(), 0);
    c.server = stream();  // with bytes unread: a reset
    all.wait();
  });
}

TEST(poller, a_writer_without_room_learns_that_the_reader_has_gone) {
  run_on(2, [] {
    pipe_ends ends = a_pipe();
    channel<std::error_code> ended;
    go([&] {
      const std::vector<std::byte> much(1 << 20);
      ended.send(ends.writer.write(much).error());
    });
    EXPECT_TRUE(yielding_until([] { return here().network.anybody_waits(); }));
    ends.reader = stream();
    EXPECT_EQ(*ended.receive(), std::errc::broken_pipe);
  });
}

TEST(poller, more_events_than_a_batch_holds_all_arrive) {
  run_on(2, [] {
    constexpr int count = 3 * world::limits::events_per_poll + 1;
    std::vector<pipe_ends> pipes;
    for (int i = 0; i < count; ++i) pipes.push_back(a_pipe());
    wait_group all;
    all.add(count);
    for (pipe_ends& ends : pipes) {
      go([&] {
        EXPECT_EQ(read_some(ends.reader), "x");
        all.done();
      });
    }
    EXPECT_TRUE(yielding_until([&] { return others_idle(1); }));
    for (pipe_ends& ends : pipes)
      EXPECT_EQ(::write(ends.writer.descriptor(), "x", 1),
                1);  // no call of the runtime: all are ready before anybody looks
    all.wait();
  });
}

TEST(poller, interruptions_put_no_timer_off) {
  struct sigaction before {};
  struct sigaction count {};
  static std::atomic<int> interruptions;
  interruptions = 0;
  count.sa_handler = [](int) { interruptions.fetch_add(1); };
  count.sa_flags = SA_RESTART;
  ASSERT_EQ(::sigaction(SIGALRM, &count, &before), 0);
  itimerval const every_ms{{0, 1000}, {0, 1000}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &every_ms, nullptr), 0);
  run_on(1, [] {
    const std::int64_t before_ns = now_ns();
    sleep_for(50ms);  // the only goroutine: its M blocks in the poller, and every signal ends that
    const std::int64_t took_ns = now_ns() - before_ns;
    EXPECT_GE(took_ns, 50'000'000);
    EXPECT_LT(took_ns, 5'000'000'000) << "V3: each interruption begins the wait again";
  });
  itimerval const off{};
  ::setitimer(ITIMER_REAL, &off, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  EXPECT_GT(interruptions.load(), 5);
}

TEST(adopt, a_pipe_that_blocks_is_polled_and_holds_no_thread) {
  run_on(1, [] {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    auto reader = adopt(ends[0]);
    auto writer = adopt(ends[1]);
    ASSERT_TRUE(reader && writer);
    EXPECT_TRUE(reader->polled());
    wait_group all;
    all.add(1);
    go([&] {
      EXPECT_EQ(read_some(*reader), "through the poller");
      all.done();
    });
    yield();
    EXPECT_TRUE(here().network.anybody_waits());
    EXPECT_TRUE(writer->write(bytes_of("through the poller")));
    all.wait();
  });
}

// Under the poller's descriptor lies something else than an epoll instance, as after a close() too
// many elsewhere in the program.
TEST(poller_death, that_the_kernel_refuses_says_so_with_descriptor_and_error) {
  EXPECT_EXIT(run_on(1,
                     [] {
                       const int other = ::open("/dev/null", O_RDWR | O_CLOEXEC);
                       for (auto const& one : std::filesystem::directory_iterator("/proc/self/fd")) {
                         std::error_code gone;
                         if (std::filesystem::read_symlink(one.path(), gone) == "anon_inode:[eventpoll]")
                           ::dup2(other, std::stoi(one.path().filename().string()));
                       }
                       sleep_for(patience);
                     }),
              testing::ExitedWithCode(2),
              "runtime: epollwait on fd [0-9]+ failed with 22\n(.|\n)*fatal error: runtime: netpoll failed");
}

TEST(adopt, a_file_of_a_disk_is_called_in_system_calls_and_says_so) {
  run_on(1, [] {
    char name[] = "/tmp/retake_adopt_XXXXXX";
    int const fd = ::mkstemp(name);
    ASSERT_GE(fd, 0);
    ::unlink(name);
    auto file = adopt(fd);
    ASSERT_TRUE(file);
    EXPECT_FALSE(file->polled());
    EXPECT_EQ(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0) << "its flags are somebody else's too";
    EXPECT_TRUE(file->write(bytes_of("on disk")));
    EXPECT_EQ(::lseek(fd, 0, SEEK_SET), 0);
    EXPECT_EQ(read_some(*file), "on disk");
    file->close();
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "it is open as long as its object lives";
    EXPECT_EQ(file->write(bytes_of("late")).error(), std::errc::operation_canceled);
  });
}

TEST(adopt, what_is_no_descriptor_is_refused) {
  run_on(1, [] { EXPECT_EQ(adopt(-1).error(), std::errc::bad_file_descriptor); });
}

}  // namespace
}  // namespace retake::test
