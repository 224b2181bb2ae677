// The documented ends of a process: text and exit code 2. Method: death tests; the program runs in
// a process of its own.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <optional>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/debug.hpp"
#include "retake/foreign_call.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/leak_check.hpp"
#include "retake/metrics.hpp"
#include "retake/net.hpp"
#include "retake/panic.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"
#include "retake/timer.hpp"

namespace retake::test {
namespace {

TEST(deadlock_death, all_goroutines_asleep_is_reported) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       channel<int> never;
                       static_cast<void>(never.receive());
                     }),
              testing::ExitedWithCode(2), "fatal error: all goroutines are asleep - deadlock!");
}

TEST(deadlock_death, goroutines_that_wait_for_each_other_are_reported_on_any_number_of_ps) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    EXPECT_EXIT(run_on(processors,
                       [] {
                         mutex a, b;
                         wait_group both;
                         both.add(2);
                         a.lock();
                         b.lock();
                         go([&] {
                           a.lock();
                           both.done();
                         });
                         go([&] {
                           b.lock();
                           both.done();
                         });
                         both.wait();
                       }),
                testing::ExitedWithCode(2), "all goroutines are asleep");
  }
}

TEST(deadlock_death, a_locked_goroutine_that_waits_for_ever_is_reported) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       channel<int> never;
                       lock_os_thread();
                       static_cast<void>(never.receive());
                     }),
              testing::ExitedWithCode(2), "all goroutines are asleep");
}

TEST(deadlock_death, it_is_reported_after_the_last_system_call_has_returned) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       channel<int> never;
                       go([] { retake::syscall([] { nap_ns(50'000'000); }); });
                       static_cast<void>(never.receive());
                     }),
              testing::ExitedWithCode(2), "all goroutines are asleep");
}

TEST(deadlock_death, it_is_reported_when_main_ended_its_thread_and_nobody_is_left) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       channel<int> never;
                       go([] {
                         lock_os_thread();
                         yield();
                       });
                       static_cast<void>(never.receive());
                     }),
              testing::ExitedWithCode(2), "all goroutines are asleep");
}

TEST(deadlock, is_not_reported_while_somebody_sleeps_or_is_in_a_call) {
  run_on(2, [] {
    channel<int> woken;
    go([&] {
      sleep_for(30ms);
      woken.send(1);
    });
    EXPECT_EQ(woken.receive(), 1);
    go([&] {
      retake::syscall([] { nap_ns(30'000'000); });
      woken.send(2);
    });
    EXPECT_EQ(woken.receive(), 2);
    go([&] {
      const os_thread_lock hold;
      retake::syscall([] { nap_ns(30'000'000); });
      sleep_for(10ms);
      woken.send(3);
    });
    EXPECT_EQ(woken.receive(), 3);
  });
}

TEST(fatal_death, unlock_of_a_thread_that_is_not_locked) {
  EXPECT_EXIT(run_on(1, [] { unlock_os_thread(); }), testing::ExitedWithCode(2),
              "unlock_os_thread: the goroutine is not locked to its thread");
  EXPECT_EXIT(run_on(1,
                     [] {
                       lock_os_thread();
                       lock_os_thread();
                       unlock_os_thread();
                       unlock_os_thread();
                       unlock_os_thread();
                     }),
              testing::ExitedWithCode(2), "unlock_os_thread: the goroutine is not locked to its thread");
}

TEST(fatal_death, misuse_of_mutex_and_wait_group) {
  EXPECT_EXIT(run_on(1, [] { mutex().unlock(); }), testing::ExitedWithCode(2), "unlock of unlocked mutex");
  EXPECT_EXIT(run_on(1, [] { wait_group().done(); }), testing::ExitedWithCode(2), "negative wait_group counter");
}

TEST(fatal_death, a_call_that_needs_a_goroutine_says_so_elsewhere) {
  constexpr char text[] = "fatal error: M2: this call needs a goroutine, and the thread has none";
  int call = 0;
  const auto says = [&](void (*misuse)()) {
    SCOPED_TRACE(++call);
    EXPECT_EXIT(misuse(), testing::ExitedWithCode(2), text);
  };
  says([] { lock_os_thread(); });
  says([] { go([] {}); });
  says([] { yield(); });
  says([] { preempt_point(); });
  says([] { sleep_for(1ns); });
  says([] { sleep_for(0ns); });
  says([] { static_cast<void>(goroutine_count()); });
  says([] { stop_the_world(); });
  says([] { channel<int>().send(1); });
  says([] { static_cast<void>(channel<int>().receive()); });
  says([] { static_cast<void>(channel<int>(1).try_receive()); });
  says([] {
    channel<int> c(1);
    select(on_receive(c, [](auto) {}));
  });
  says([] {
    mutex m;
    m.lock();
    m.unlock();
  });
  says([] {
    mutex m;
    m.lock();
    m.lock();
  });
  says([] {
    rw_mutex m;
    m.lock_shared();
    m.unlock_shared();
  });
  says([] { semaphore(1).release(0); });
  says([] {
    wait_group g;
    g.add(1);
    g.wait();
  });
  says([] { cond().signal(); });
  says([] { once().call([] {}); });
  says([] { const timer t(1ns); });
  says([] { static_cast<void>(after_func(1ns, [] {})); });
  says([] { static_cast<void>(with_timeout(background(), 1h)); });
  says([] { retake::syscall([] {}); });
  says([] { retake::syscall_blocking([] {}); });
  says([] { foreign_call([] {}); });
  says([] { foreign_pool(1); });
  says([] { callback_gate(); });
  says([] { at_goroutine_exit([] {}); });
  says([] { exit_goroutine(); });
  says([] { static_cast<void>(make_pipe()); });
  says([] { static_cast<void>(tcp_listen(loopback_address, 0)); });
  says([] { static_cast<void>(processors()); });
  says([] { static_cast<void>(all_goroutines()); });
  says([] { static_cast<void>(read_metrics()); });
  says([] { const leak_check l; });
}

TEST(fatal_death, a_call_of_the_runtime_within_a_call_of_the_kernel_or_of_foreign_code_says_so) {
  constexpr char text[] =
      "fatal error: M2: this call needs a goroutine that runs, and this one is in a system call or in foreign code";
  const auto says = [&](void (*misuse)()) {
    EXPECT_EXIT(run_on(1, [&] { retake::syscall(misuse); }), testing::ExitedWithCode(2), text);
    EXPECT_EXIT(run_on(1, [&] { retake::syscall_blocking(misuse); }), testing::ExitedWithCode(2), text);
    EXPECT_EXIT(run_on(1, [&] { foreign_call(misuse); }), testing::ExitedWithCode(2), text);
  };
  says([] { go([] {}); });
  says([] { yield(); });
  says([] { channel<int>().send(1); });
  says([] { retake::syscall([] {}); });
  says([] { foreign_call([] {}); });
}

TEST(fatal_death, a_runtime_within_a_runtime_says_so) {
  constexpr char text[] = "fatal error: M10: run\\(\\) is called on a thread of a runtime(.|\n)*goroutine 1 \\[";
  EXPECT_EXIT(run_on(1, [] { run_on(1, [] {}); }), testing::ExitedWithCode(2), text);
  EXPECT_EXIT(run_on(1, [] { foreign_call([] { run_on(1, [] {}); }); }), testing::ExitedWithCode(2),
              "M10: run\\(\\) is called on a thread of a runtime");
}

TEST(fatal_death, a_channel_that_ends_while_goroutines_wait_on_it_says_so) {
  constexpr char text[] = "fatal error: G6: a channel is destroyed while goroutines wait on it(.|\n)*goroutine 1 \\[";
  EXPECT_EXIT(run_on(1,
                     [] {
                       std::optional<channel<int>> c(std::in_place);
                       go([&] { static_cast<void>(c->receive()); });
                       yield();
                       c.reset();
                     }),
              testing::ExitedWithCode(2), text);
  EXPECT_EXIT(run_on(1,
                     [] {
                       std::optional<channel<int>> c(std::in_place);
                       go([&] { c->send(1); });
                       yield();
                       c.reset();
                     }),
              testing::ExitedWithCode(2), text);
  EXPECT_EXIT(run_on(1,
                     [] {
                       channel<int> other;
                       std::optional<channel<int>> c(std::in_place);
                       go([&] { select(on_receive(*c, [](auto) {}), on_receive(other, [](auto) {})); });
                       yield();
                       c.reset();
                     }),
              testing::ExitedWithCode(2), text);
}

// Every goroutine of it holds a thread.
void hold_threads(int count) {
  std::atomic<bool> leave{false};
  wait_group all;
  for (int i = 0; i < count; ++i) {
    all.add(1);
    go([&] {
      retake::syscall([&] {
        while (!leave) nap_ns(1'000'000);
      });
      all.done();
    });
    yield();
  }
  nap_ns(200'000'000);
  leave = true;
  all.wait();
}

TEST(fatal_death, more_threads_than_the_maximum) {
  EXPECT_EXIT(
      {
        options chosen;
        chosen.processors = 2;
        chosen.machines_max = 6;
        run(chosen, [] { hold_threads(40); });
      },
      testing::ExitedWithCode(2), "runtime: program exceeds 6-thread limit(.|\n)*thread exhaustion");
}

// From here on this process gets `bytes` of address space more, and no others.
void limit_memory(rlim_t bytes) {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t most = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + bytes;
  const rlimit limit{most, most};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
}

// Stacks so large that the limit leaves room for all else.
TEST(fatal_death, a_goroutine_without_memory_for_its_stack) {
  options chosen;
  chosen.processors = 1;
  chosen.stack_bytes = std::size_t{32} << 20;
  EXPECT_EXIT(run(chosen,
                  [] {
                    limit_memory(rlim_t{1} << 30);
                    channel<int> never;
                    for (int i = 0; i < 1'000; ++i) {
                      go([&] { static_cast<void>(never.receive()); });
                      yield();
                    }
                  }),
              testing::ExitedWithCode(2), "fatal error: runtime: cannot allocate a goroutine's stack");
}

// From here on the kernel makes no thread for this process, and says so as it does at a limit.
// False: this kernel has no seccomp.
bool refuse_threads() {
  constexpr unsigned load = BPF_LD | BPF_W | BPF_ABS, is = BPF_JMP | BPF_JEQ | BPF_K, answer = BPF_RET | BPF_K;
  sock_filter steps[] = {{load, 0, 0, offsetof(seccomp_data, nr)},
                         {is, 2, 0, SYS_clone},
                         {is, 1, 0, SYS_clone3},
                         {answer, 0, 0, SECCOMP_RET_ALLOW},
                         {answer, 0, 0, SECCOMP_RET_ERRNO | EAGAIN}};
  sock_fprog program{sizeof(steps) / sizeof(steps[0]), steps};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

TEST(fatal_death, a_thread_that_the_system_refuses) {
  policy rules;
  rules.thread_start_tries = 3;
  EXPECT_EXIT(run_on(2, rules,
                     [] {
                       std::atomic<int> inside{0};
                       for (int i = 0; i < 4; ++i) {
                         go([&] {
                           retake::syscall([&] {
                             inside.fetch_add(1);
                             nap_ns(patience_ns);
                           });
                         });
                       }
                       ASSERT_TRUE(yielding_until([&] { return inside.load() == 4; }));
                       ASSERT_TRUE(refuse_threads()) << "this test needs seccomp";
                       hold_threads(40);
                     }),
              testing::ExitedWithCode(2),
              "runtime: failed to create new OS thread \\(have [0-9]+ already; errno=11\\)\n(.|\n)*may need to "
              "increase max user processes \\(ulimit -u\\)\nruntime: [0-9]+ goroutines, [0-9]+ threads\nruntime: "
              "[0-9]+ threads, [0-9]+ of them live, for .*fatal_test.cpp:[0-9]+\n(.|\n)*newosproc");
}

}  // namespace
}  // namespace retake::test
