// Faults: contained ones become foreign_fault and cost the thread, others end the process with a
// text. Method: real faults; death tests.
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/foreign_call.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "world/thread.hpp"

namespace retake::test {
namespace {

#define RETAKE_TEST_FAULTS __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

RETAKE_TEST_FAULTS void write_nowhere() {
  int volatile* volatile nobody = reinterpret_cast<int volatile*>(16);
  *nobody = 1;
}

RETAKE_TEST_FAULTS void read_behind_a_file() {
  std::FILE* const file = std::tmpfile();
  void* const page = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, ::fileno(file), 0);
  [[maybe_unused]] char volatile const byte = *static_cast<char volatile*>(page);
}

RETAKE_TEST_FAULTS void raise_arithmetic() {
#if defined(__x86_64__)
  int volatile one = 1, zero = 0;
  [[maybe_unused]] int volatile const result = one / zero;
#else
  ::raise(SIGFPE);
#endif
}

int signal_of(void (*fn)()) {
  try {
    foreign_call(contain_faults, fn);
  } catch (foreign_fault const& fault) {
    EXPECT_EQ(fault.nested_ptr(), nullptr);
    return fault.signal();
  }
  return 0;
}

TEST(contained_faults, each_kind_arrives_with_its_signal) {
  run_on(2, [] {
    EXPECT_EQ(signal_of([] {}), 0);
    EXPECT_EQ(signal_of(write_nowhere), SIGSEGV);
    EXPECT_EQ(signal_of(read_behind_a_file), SIGBUS);
#if defined(__x86_64__)
    EXPECT_EQ(signal_of(raise_arithmetic), SIGFPE);
#endif
    try {
      foreign_call(contain_faults, write_nowhere);
      ADD_FAILURE();
    } catch (foreign_fault const& fault) {
      EXPECT_STREQ(fault.what(), "foreign code faulted: SIGSEGV at 0x10");
      EXPECT_EQ(fault.address(), 16u);
    }
    EXPECT_EQ(foreign_call(contain_faults, [] { return 7; }), 7);
    EXPECT_THROW(foreign_call(contain_faults, [] { throw 1; }), foreign_fault);
  });
}

TEST(contained_faults, a_pinned_worker_survives_a_thousand_of_them_without_a_new_thread) {
  run_on(2, [] {
    wait_group all;
    all.add(1);
    std::uint64_t threads = 0;
    go([&] {
      const os_thread_lock hold;
      EXPECT_EQ(signal_of(write_nowhere), SIGSEGV);
      const std::uint64_t thread = world::thread_id();
      EXPECT_TRUE(yielding_until([] { return others_idle(1); }));
      threads = value(paths().threads_started);
      for (int i = 0; i < 1'000; ++i) {
        EXPECT_EQ(signal_of(write_nowhere), SIGSEGV);
        EXPECT_EQ(world::thread_id(), thread);
      }
      EXPECT_LE(value(paths().threads_started), threads + 2)
          << "the other P may want one while another is on its way to sleep, each fault does not";
      all.done();
    });
    all.wait();
  });
}

// Neither list nor count has the thread any more.
bool is_gone(machine const* theirs) {
  return yielding_until([&] {
    const locked lists(here().lock);
    for (machine* m = here().machines.get(); m != nullptr; m = m->all_link.get()) {
      if (m == theirs) return false;
    }
    return true;
  });
}

TEST(contained_faults, the_thread_ends_at_once_without_a_lock_and_with_the_last_unlock_otherwise) {
  run_on(2, [] {
    const os_thread_lock main_stays;  // the main thread does not end
    wait_group all;
    machine const* damaged[2] = {};
    all.add(2);
    go([&] {
      damaged[0] = this_machine();
      EXPECT_EQ(signal_of(write_nowhere), SIGSEGV);
      EXPECT_NE(this_machine(), damaged[0]);
      all.done();
    });
    go([&] {
      lock_os_thread();
      lock_os_thread();
      damaged[1] = this_machine();
      EXPECT_EQ(signal_of(write_nowhere), SIGSEGV);
      unlock_os_thread();
      EXPECT_EQ(this_machine(), damaged[1]);
      unlock_os_thread();
      EXPECT_NE(this_machine(), damaged[1]);
      all.done();
    });
    all.wait();
    for (machine const* const m : damaged) EXPECT_TRUE(is_gone(m));
  });
}

TEST(contained_faults, a_fault_in_a_callback_is_not_the_foreign_code_s) {
  EXPECT_DEATH(run_on(1, [] { foreign_call(contain_faults, [] { callback([] { write_nowhere(); }); }); }),
               "signal 11: address 0x10, in goroutine 1");
}

TEST(fault_death, in_foreign_code_is_fatal) {
  EXPECT_EXIT(run_on(2, [] { foreign_call(write_nowhere); }), testing::ExitedWithCode(2),
              "\\[signal 11: address 0x10, in foreign code of goroutine 1\\]\nfatal error: unexpected signal during "
              "foreign code execution");
}

TEST(fault_death, in_a_goroutine_s_own_code_is_told_and_takes_its_usual_way) {
  EXPECT_DEATH(run_on(2, [] { write_nowhere(); }), "\\[signal 11: address 0x10, in goroutine 1\\]");
}

RETAKE_TEST_FAULTS int recurse(int volatile* above) {
  int volatile room[1000] = {};
  room[0] = *above + 1;
  return room[0] < 0 ? 0 : recurse(room) + room[0];  // the stack ends first
}

TEST(fault_death, a_stack_overflow_names_the_goroutine_and_its_size) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       int volatile zero = 0;
                       static_cast<void>(recurse(&zero));
                     }),
              testing::ExitedWithCode(2),
              "runtime: goroutine 1 exceeds its stack of 262144 bytes\nfatal error: stack overflow");
}

// The stack is used up by the call of another function in turn: the walk begins in a frame that no
// longer fits.
RETAKE_TEST_FAULTS int recurse_with_a_large_frame(int volatile* above) {
  int volatile room[600] = {};
  return above[0] < 0 ? 0 : recurse_with_a_large_frame(room) + room[1];
}

// A sanitizer's memset may be the innermost frame.
TEST(fault_death, a_stack_overflow_shows_the_stack_that_overflowed) {
  for (auto* const deep : {&recurse, &recurse_with_a_large_frame}) {
    EXPECT_EXIT(run_on(2,
                       [deep] {
                         sleep_for(1ns);
                         go([deep] {
                           int volatile zero = 0;
                           static_cast<void>(deep(&zero));
                         });
                         sleep_for(patience);
                       }),
                testing::ExitedWithCode(2),
                "goroutine [0-9]+ \\[running[^]]*\\]:\n([^\n]*\n[^\n]*\n)?[^\n]*recurse[^\n]*\n"
                "[^\n]*contained_faults_test[^\n]*\n[^\n]*recurse");
  }
}

}  // namespace
}  // namespace retake::test
