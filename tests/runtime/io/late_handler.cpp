// A handler that has begun on another thread when its number is stopped: the stop waits for it, and
// the channel has the signal. The handler's delay is this program's own clock_gettime, which it
// calls between its look at the number and its note.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/signal.hpp"

namespace {

constinit thread_local bool delays = false;
constinit std::atomic<bool> handling{false};
constinit std::atomic<bool> stopping{false};

}  // namespace

extern "C" int clock_gettime(clockid_t which, timespec* now) noexcept {
  if (delays) {
    delays = false;
    handling = true;
    for (int naps = 0; !stopping && naps < 5'000; ++naps) retake::test::nap_ns(1'000'000);
    retake::test::nap_ns(20'000'000);  // longer than a stop that does not wait
  }
  return static_cast<int>(::syscall(SYS_clock_gettime, which, now));
}

namespace retake::test {
namespace {

TEST(late_handler, is_waited_for_by_a_stop) {
  std::atomic<bool> asked_for{false};
  std::thread sender([&] {
    while (!asked_for) std::this_thread::yield();
    delays = true;
    ::raise(SIGUSR1);
  });
  run_on(1, [&] {
    static constexpr std::array numbers{SIGUSR1};
    channel<int> came(1);
    ASSERT_FALSE(notify(came, numbers));
    asked_for = true;
    ASSERT_TRUE(holding_on_until([] { return handling.load(); }));
    stopping = true;
    stop_notify(came);
    EXPECT_EQ(came.try_receive(), SIGUSR1);
  });
  sender.join();
}

}  // namespace
}  // namespace retake::test
