// Goal: an overflow is noticed and gets its stack's name. Method: real recursion into kernel
// guards, in children that report through contains(); a write below a stack that only a canary
// guards.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "slab_helpers.hpp"
#include "switch/context.hpp"

namespace retake::floor {
namespace {

// Runs `depth` recursions on stack `index` of the slab.
struct dive {
  context main;
  context self;
  int depth;
};
__attribute__((noinline)) int recurse(int depth) {
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  if (depth <= 0) return frame[0];
  return recurse(depth - 1) + frame[0];
}
void dive_on(const stack_slab& slab, std::size_t index, int depth) {
  static dive d;
  d.depth = depth;
  adopt_thread_context(d.main);
  const stack_bounds s = slab.stack(index);
  make_context(
      d.self, s.low, s.bytes,
      [](void* raw) {
        auto& mine = *static_cast<dive*>(raw);
        recurse(mine.depth);
        switch_final(mine.self, mine.main);
      },
      &d);
  switch_context(d.main, d.self);
  retire_context(d.self);
  retire_context(d.main);
}

const stack_slab* watched = nullptr;

void overflow_stack_3(guard_method method) {
  static stack_slab slab;
  if (slab.create(options_for(method, 8, 100)) != 0) std::_Exit(1);
  watched = &slab;
  static char signal_stack[64 * 1024];
  stack_t alternative{};
  alternative.ss_sp = signal_stack;
  alternative.ss_size = sizeof signal_stack;
  sigaltstack(&alternative, nullptr);
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  action.sa_sigaction = [](int, siginfo_t* info, void*) {
    const stack_location at = watched->contains(info->si_addr);
    char text[] = "overflow of stack ?\n";
    text[sizeof text - 3] = static_cast<char>('0' + at.index);
    if (at.inside && at.in_guard && write(2, text, sizeof text - 1) > 0) std::_Exit(7);
    std::_Exit(8);
  };
  sigaction(SIGSEGV, &action, nullptr);
  dive_on(slab, 3, 1 << 20);
}

TEST(stack_slab_death, an_overflow_hits_the_guard_and_names_its_stack) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const guard_method method :
       {guard_method::mprotect, guard_method::madvise}) {  // an older kernel gives mprotect for both
    EXPECT_EXIT(overflow_stack_3(method), testing::ExitedWithCode(7), "overflow of stack 3")
        << guard_method_name(method);
  }
}

TEST(stack_slab, a_canary_tells_an_overflow_and_only_that) {
  stack_slab slab;
  ASSERT_EQ(slab.create(options_for(guard_method::canary, 3, 0)), 0);
  dive_on(slab, 1, 20);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(slab.check_canary(i)) << i;
  static_cast<volatile char*>(slab.stack(1).low)[-100] = 1;  // as an overflowing frame would
  EXPECT_TRUE(slab.check_canary(0));
  EXPECT_FALSE(slab.check_canary(1));
  EXPECT_TRUE(slab.check_canary(2));
}

}  // namespace
}  // namespace retake::floor
