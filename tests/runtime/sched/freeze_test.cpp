// A frozen world: what a report of a fatal error shows does not change while it is written. Each in
// a process of its own, for there is no way back.
#include <atomic>

#include "../program.hpp"
#include "retake/syscall.hpp"

namespace retake::test {
namespace {

constexpr int stands_still = 3;
constexpr int goes_on = 4;

// Freezes when `work`, in several goroutines, is well under way; says by the process's exit code
// whether it went on.
template <class Work>
void freeze_beside(Work work) {
  run_on(4, [work] {
    static std::atomic<std::uint64_t> done{0};
    for (int i = 0; i < 6; ++i) {
      go([work] {
        for (;;) {
          work();
          done.fetch_add(1);
        }
      });
    }
    yielding_until([] { return done.load() > 1'000; });
    sched::freeze_the_world(here());
    const std::uint64_t before = done.load();
    nap_ns(50'000'000);
    ::_exit(done.load() == before ? stands_still : goes_on);
  });
}

TEST(freeze, no_call_returns) {
  EXPECT_EXIT(freeze_beside([] { retake::syscall([] { nap_ns(10'000); }); }), testing::ExitedWithCode(stands_still),
              "");
}

TEST(freeze, nobody_passes_a_preempt_point) {
  EXPECT_EXIT(freeze_beside([] { preempt_point(); }), testing::ExitedWithCode(stands_still), "");
}

TEST(freeze, a_thread_that_holds_the_scheduler_s_lock_can_freeze) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       here().lock.lock();
                       sched::freeze_the_world(here());
                       ::_exit(stands_still);
                     }),
              testing::ExitedWithCode(stands_still), "");
}

}  // namespace
}  // namespace retake::test
