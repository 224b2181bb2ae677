// Goal: a call can be given up, by the code below it or by a handler that interrupts it, and its
// caller goes on as if it had returned. Method: what the call has done and not done, values in
// callee-saved registers, a fault that the processor raises.
#include <gtest/gtest.h>
#include <ucontext.h>

#include <csignal>
#include <cstdint>
#include <stdexcept>

#include "switch/guarded_call.hpp"

namespace retake::floor {
namespace {

template <class Fn>
bool guarded(guard& g, Fn& fn) {
  return guarded_call(
      g, [](void* opaque) { (*static_cast<Fn*>(opaque))(); }, &fn);
}

TEST(guarded_call, returns_true_when_the_call_has_returned) {
  guard g;
  int calls = 0;
  auto fn = [&calls] { ++calls; };
  EXPECT_TRUE(guarded(g, fn));
  EXPECT_EQ(calls, 1);
}

TEST(guarded_call, an_exception_passes) {
  guard g;
  auto fn = [] { throw std::runtime_error("passes"); };
  EXPECT_THROW(static_cast<void>(guarded(g, fn)), std::runtime_error);
}

TEST(guarded_call, that_is_given_up_returns_false_and_has_done_nothing_more) {
  guard g;
  int volatile reached = 0;
  auto fn = [&] {
    reached = 1;
    give_up(g);
    reached = 2;
  };
  EXPECT_FALSE(guarded(g, fn));
  EXPECT_EQ(reached, 1);
  EXPECT_FALSE(guarded(g, fn)) << "and again with the same guard";
}

TEST(guarded_call, the_inner_of_two_leaves_the_outer_one_running) {
  guard outer, inner;
  bool inner_returned = true, went_on = false;
  auto gives_up = [&] { give_up(inner); };
  auto both = [&] {
    inner_returned = guarded(inner, gives_up);
    went_on = true;
  };
  EXPECT_TRUE(guarded(outer, both));
  EXPECT_FALSE(inner_returned);
  EXPECT_TRUE(went_on);
}

TEST(guarded_call, the_outer_of_two_ends_both) {
  guard outer, inner;
  bool went_on = false;
  auto gives_up = [&] { give_up(outer); };
  auto both = [&] {
    static_cast<void>(guarded(inner, gives_up));
    went_on = true;
  };
  EXPECT_FALSE(guarded(outer, both));
  EXPECT_FALSE(went_on);
}

// Values that the compiler keeps in registers over the call: the given-up frames had saved them,
// and nobody has run their epilogues.
[[gnu::noinline]] std::uint64_t sum_around(guard& g, std::uint64_t seed) {
  std::uint64_t a = seed * 3, b = seed * 5, c = seed * 7, d = seed * 11, e = seed * 13;
  auto fn = [&g] {
    asm volatile(""
                 :
                 :
                 : "memory"
#if defined(__x86_64__)
                   ,
                   "rbx", "r12", "r13", "r14", "r15"
#else
                   ,
                   "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28"
#endif
    );
    give_up(g);
  };
  asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
  const bool returned = guarded(g, fn);
  asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
  return returned ? 0 : a + b + c + d + e;
}

TEST(guarded_call, that_is_given_up_keeps_the_callers_registers) {
  guard g;
  EXPECT_EQ(sum_around(g, 1'000'003), 39u * 1'000'003);
}

guard* armed = nullptr;

void land(int, siginfo_t*, void* context) {
  const landing where = landing_of(*armed);
  auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  machine.gregs[REG_RIP] = static_cast<greg_t>(where.program_counter);
  machine.gregs[REG_RSP] = static_cast<greg_t>(where.stack_pointer);
#else
  machine.pc = where.program_counter;
  machine.sp = where.stack_pointer;
#endif
}

TEST(guarded_call, is_given_up_by_a_handler_at_whatever_instruction_it_came) {
  guard g;
  armed = &g;
  struct sigaction mine {
  }, before{};
  mine.sa_sigaction = land;
  mine.sa_flags = SA_SIGINFO;
  ASSERT_EQ(::sigaction(SIGSEGV, &mine, &before), 0);
  auto faults = [] {
    std::uintptr_t address = 16;
    asm volatile("" : "+r"(address));
    auto* const nowhere = reinterpret_cast<int volatile*>(address);
    *nowhere = 1;
  };
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(guarded(g, faults));  // the kernel restores the mask each time
  EXPECT_EQ(::sigaction(SIGSEGV, &before, nullptr), 0);
}

}  // namespace
}  // namespace retake::floor
