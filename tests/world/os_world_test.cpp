// Goal.   What is peculiar to the os world: texts, exit states, threads, guards, descriptor flags.
// Method. Against the real kernel, one claim per test. What ends a process runs in a child
// (GoogleTest's death tests, fork).
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "switch/context.hpp"
#include "world/clock.hpp"
#include "world/futex.hpp"
#include "world/kernel.hpp"
#include "world/limits.hpp"
#include "world/memory.hpp"
#include "world/print.hpp"
#include "world/random.hpp"
#include "world/require.hpp"
#include "world/signal.hpp"
#include "world/thread.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

namespace retake {

namespace {

// How a child ended that ran `body`.
template <class Body>
int child_status(Body body) {
  pid_t const child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return status;
}

// A word that another thread stores once.
void wait_for(world::atomic<std::uint32_t>& word) {
  while (word.load_acquire() == 0) world::futex_wait(word, 0);
}
void announce(world::atomic<std::uint32_t>& word) {
  word.store_release(1);
  world::futex_wake(word, 1);
}

TEST(require_in_os, prints_tag_and_place_and_aborts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(world::require(false, "M7: note woken twice"), testing::KilledBySignal(SIGABRT),
              "retake: broken invariant: M7: note woken twice \\(.*os_world_test.cpp:[0-9]+, TestBody\\)");
}

TEST(require_in_os, lets_a_true_claim_pass_also_at_compile_time) {
  constexpr bool passed = [] {
    world::require(true, "never");
    return world::recheck(true);
  }();
  EXPECT_TRUE(passed);
}

TEST(fatal_in_os, prints_the_text_and_exits_with_status_2) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(world::fatal("all goroutines are asleep - deadlock!"), testing::ExitedWithCode(2),
              "^fatal error: all goroutines are asleep - deadlock!\n$");
}

TEST(print_in_os, writes_to_standard_error_and_leaves_errno) {
  testing::internal::CaptureStderr();
  errno = 77;
  world::print("SCHED 0ms\n", 10);
  int const after = errno;
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "SCHED 0ms\n");
  EXPECT_EQ(after, 77);
}

// ---- threads ----

struct switcher {
  floor::context main;
  floor::context fiber;
  floor::context other;
  void* before = nullptr;
  void* after = nullptr;
  alignas(16) char stack[64 * 1024];
};

void switching_fiber(void* opaque) {
  auto& s = *static_cast<switcher*>(opaque);
  s.before = world::this_thread();
  floor::switch_context(s.fiber, s.main);  // comes back on another thread
  s.after = world::this_thread();
  floor::switch_final(s.fiber, s.other);
}

TEST(this_thread_in_os, is_the_other_thread_s_slot_after_a_switch_between_threads) {
  auto s = std::make_unique<switcher>();
  int here = 0;
  int there = 0;
  EXPECT_EQ(world::this_thread(), nullptr);
  world::set_this_thread(&here);
  floor::adopt_thread_context(s->main);
  floor::make_context(s->fiber, s->stack, sizeof(s->stack), switching_fiber, s.get());
  floor::switch_context(s->main, s->fiber);
  std::thread([&] {
    world::set_this_thread(&there);
    floor::adopt_thread_context(s->other);
    floor::switch_context(s->other, s->fiber);
    floor::retire_context(s->fiber);
    floor::retire_context(s->other);
  }).join();
  floor::retire_context(s->main);
  world::set_this_thread(nullptr);
  EXPECT_EQ(s->before, &here);
  EXPECT_EQ(s->after, &there);
}

struct observed_thread {
  world::atomic<std::uint32_t> done{0};
  sigset_t mask;
  void* slot = &mask;
  std::uint64_t id = 0;
  std::size_t stack_bytes = 0;
};

void observe_thread(void* opaque) {
  auto& o = *static_cast<observed_thread*>(opaque);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &o.mask);
  o.slot = world::this_thread();
  o.id = world::thread_id();
  pthread_attr_t attributes;
  void* low = nullptr;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  ::pthread_attr_getstack(&attributes, &low, &o.stack_bytes);
  ::pthread_attr_destroy(&attributes);
  announce(o.done);
}

TEST(thread_start_in_os, starts_with_all_signals_blocked_an_empty_slot_and_the_promised_stack) {
  static observed_thread o;  // detached: it may still be inside futex_wake when the test is over
  ASSERT_EQ(world::thread_start(observe_thread, &o), 0);
  wait_for(o.done);
  EXPECT_EQ(::sigismember(&o.mask, SIGTERM), 1);
  EXPECT_EQ(::sigismember(&o.mask, SIGURG), 1);
  EXPECT_EQ(o.slot, nullptr);
  EXPECT_NE(o.id, world::thread_id());
  EXPECT_GE(o.stack_bytes, world::machine_stack_bytes);
  sigset_t mine;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  EXPECT_EQ(::sigismember(&mine, SIGTERM), 0);
}

TEST(thread_start_in_os, answers_eagain_when_there_is_no_room) {
  if (UNDER_SANITIZER) GTEST_SKIP() << "a sanitizer needs the address space that this test takes away";
  int const status = child_status([] {
    rlimit const nothing_more{1, 1};
    ::setrlimit(RLIMIT_AS, &nothing_more);
    // The C library keeps a few stacks of threads that ended: the first starts may still find room.
    for (int i = 0; i != 64; ++i) {
      int const result = world::thread_start([](void*) { ::pause(); }, nullptr);
      if (result != 0) ::_exit(result == -EAGAIN ? 0 : 1);
    }
    ::_exit(2);
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

// ---- random ----

TEST(random_in_os, reaches_every_number_below_n_and_differs_between_threads) {
  std::vector<int> seen(61, 0);
  for (int i = 0; i != 61 * 200; ++i) ++seen[world::random_below(61)];
  for (int count : seen) EXPECT_GT(count, 100);
  auto draw = [] {
    std::string result;
    for (int i = 0; i != 32; ++i) result += static_cast<char>('a' + world::random_below(26));
    return result;
  };
  std::string other;
  std::thread([&] { other = draw(); }).join();
  EXPECT_NE(draw(), other);
  EXPECT_EQ(world::random_below(1), 0u);
  EXPECT_EQ(world::choose("fault", 7), 0u);
}

// ---- memory ----

TEST(memory_in_os, keeps_the_alignment_that_was_asked_for) {
  for (std::size_t alignment : {std::size_t{1}, std::size_t{16}, std::size_t{64}, std::size_t{4096}}) {
    void* const memory = world::allocate(100, alignment);
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % alignment, 0u);
    std::memset(memory, 0xa5, 100);
    world::deallocate(memory, 100);
  }
  world::deallocate(nullptr, 1);
}

TEST(stack_source_in_os, gives_out_stacks_that_do_not_overlap_and_takes_them_back) {
  world::stack_source source(world::goroutine_stack_bytes);
  EXPECT_STREQ(source.guard_method(), "none");
  std::set<char*> lows;
  std::vector<world::stack> stacks(1000);
  for (world::stack& s : stacks) {
    ASSERT_EQ(source.get(s), 0);
    EXPECT_GE(s.bytes, world::goroutine_stack_bytes);
    auto* const low = static_cast<char*>(s.low);
    low[0] = 1;
    low[s.bytes - 1] = 2;
    EXPECT_TRUE(lows.insert(low).second);
  }
  for (auto at = lows.begin(); std::next(at) != lows.end(); ++at)
    EXPECT_GT(*std::next(at) - *at, static_cast<std::ptrdiff_t>(world::goroutine_stack_bytes));
  EXPECT_STRNE(source.guard_method(), "none");
  source.put(stacks[17]);
  world::stack again{};
  ASSERT_EQ(source.get(again), 0);
  EXPECT_EQ(again.index, stacks[17].index);
  EXPECT_EQ(again.low, stacks[17].low);
  static_cast<char*>(again.low)[0] = 3;
}

TEST(stack_source_in_os, a_touch_of_the_guard_is_an_overflow_of_its_stack) {
  world::stack_source source(world::goroutine_stack_bytes);
  world::stack first{};
  world::stack second{};
  ASSERT_EQ(source.get(first), 0);
  ASSERT_EQ(source.get(second), 0);
  std::uint32_t index = 99;
  EXPECT_TRUE(source.overflowed(static_cast<char*>(second.low) - 1, index));
  EXPECT_EQ(index, second.index);
  EXPECT_FALSE(source.overflowed(second.low, index));
  EXPECT_FALSE(source.overflowed(&source, index));
  if (UNDER_SANITIZER || std::string(source.guard_method()) == "canary") return;
  int const status = child_status([&] { static_cast<char volatile*>(second.low)[-1] = 1; });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) << status;
}

TEST(stack_source_in_os, refuses_a_stack_that_is_not_its_own) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  world::stack_source source(world::goroutine_stack_bytes);
  world::stack mine{};
  ASSERT_EQ(source.get(mine), 0);
  world::stack wrong = mine;
  wrong.index = 100'000;
  EXPECT_DEATH(source.put(wrong), "a stack came back to a source that did not give it out");
  wrong = mine;
  wrong.index ^= 1;
  EXPECT_DEATH(source.put(wrong), "a stack came back with other bounds than it had");
}

// ---- fences ----

TEST(asymmetric_fence_in_os, never_lets_both_sides_miss_each_other) {
  constexpr std::uint32_t rounds = 100'000;
  static world::atomic<std::uint32_t> x{0};
  static world::atomic<std::uint32_t> y{0};
  static std::uint32_t seen[2][rounds];
  // Both run freely; round i of one meets whatever round of the other is near. Words only grow, so
  // "missed" is an order of numbers.
  std::thread light([] {
    for (std::uint32_t i = 0; i != rounds; ++i) {
      x.store_relaxed(i + 1);
      world::asymmetric_light();
      seen[0][i] = y.load_relaxed();
    }
  });
  for (std::uint32_t i = 0; i != rounds; ++i) {
    y.store_relaxed(i + 1);
    world::asymmetric_heavy();
    seen[1][i] = x.load_relaxed();
  }
  light.join();
  // Round i of light and round j of heavy missed each other if light read less than j + 1 and heavy
  // read less than i + 1. Light's reads grow with i: for each j the last light round that read less
  // than j + 1 must be among what heavy had read.
  std::uint32_t i = 0;
  for (std::uint32_t j = 0; j != rounds; ++j) {
    while (i != rounds && seen[0][i] < j + 1) ++i;
    // rounds 0 .. i-1 of light missed heavy's store j; heavy must have seen the last of them
    ASSERT_GE(seen[1][j], i) << "round " << j;
  }
}

// ---- kernel ----

bool close_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }
bool nonblocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

TEST(kernel_in_os, makes_descriptors_close_on_exec_and_nonblocking_except_where_it_says_otherwise) {
  namespace k = world::kernel;
  int ends[2];
  std::vector<int> all;
  ASSERT_EQ(k::pipe(ends), 0);
  all.insert(all.end(), {ends[0], ends[1]});
  ASSERT_EQ(k::socketpair(ends), 0);
  all.insert(all.end(), {ends[0], ends[1]});
  all.push_back(k::eventfd());
  int const server = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  all.push_back(server);
  ASSERT_EQ(k::bind(server, k::ipv4_address(k::loopback_ipv4, 0)), 0);
  ASSERT_EQ(k::listen(server, 1), 0);
  k::socket_address name;
  ASSERT_EQ(k::local_address(server, name), 0);
  int const client = k::socket(k::address_family::ipv4, k::socket_kind::stream);
  all.push_back(client);
  int const connecting = k::connect(client, name);
  EXPECT_TRUE(connecting == 0 || connecting == -EINPROGRESS);
  all.push_back(k::accept(server));
  for (int fd : all) {
    ASSERT_GE(fd, 0);
    EXPECT_TRUE(close_on_exec(fd) && nonblocking(fd)) << fd;
  }
  ASSERT_EQ(k::pipe_blocking(ends), 0);
  EXPECT_TRUE(close_on_exec(ends[0]) && !nonblocking(ends[0]) && close_on_exec(ends[1]) && !nonblocking(ends[1]));
  EXPECT_EQ(k::set_nonblocking(ends[0], true), 0);
  EXPECT_TRUE(nonblocking(ends[0]));
  all.insert(all.end(), {ends[0], ends[1]});
  int const ep = k::epoll_create();
  EXPECT_TRUE(close_on_exec(ep));
  all.push_back(ep);
  for (int fd : all) EXPECT_EQ(k::close(fd), 0);
}

TEST(kernel_in_os, says_at_least_one_processor_and_no_more_than_the_affinity) {
  int const all = world::kernel::cpu_limit();
  EXPECT_GE(all, 1);
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_LE(all, CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(world::kernel::cpu_limit(), 1);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(before), &before), 0);
}

// ---- signals ----

volatile std::sig_atomic_t handled = 0;
void count_signal(int number) { handled = number; }

TEST(signals_in_os, are_held_back_while_blocked_and_handled_after) {
  ASSERT_EQ(world::install_signal(SIGUSR1, count_signal), 0);
  world::signal_mask const before = world::block_signals();
  ::pthread_kill(::pthread_self(), SIGUSR1);
  EXPECT_EQ(handled, 0);
  world::restore_signals(before);
  EXPECT_EQ(handled, SIGUSR1);
  EXPECT_EQ(world::install_signal(SIGKILL, count_signal), -EINVAL);
}

TEST(signals_in_os, an_ignored_sigpipe_leaves_epipe) {
  ASSERT_EQ(world::install_signal(SIGPIPE, world::ignore_signal), 0);
  int ends[2];
  ASSERT_EQ(world::kernel::pipe(ends), 0);
  EXPECT_EQ(world::kernel::close(ends[0]), 0);
  EXPECT_EQ(world::kernel::write(ends[1], "x", 1), -EPIPE);
  EXPECT_EQ(world::kernel::close(ends[1]), 0);
}

}  // namespace

}  // namespace retake
