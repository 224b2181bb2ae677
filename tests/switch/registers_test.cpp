// Goal: what the ABIs call callee-saved is a context's own. Method: patterns in every such register
// around a switch, two contexts at once; different floating-point control in each.
#include <gtest/gtest.h>

#include <cfenv>

#include "register_probe.hpp"
#include "strand.hpp"

namespace retake::floor {
namespace {

TEST(switch_context, callee_saved_registers_survive) {
  thread_context me;
  bool survived[2] = {false, false};
  const auto body = [&survived](int index) {
    return [&survived, index](strand& s) {
      survived[index] = true;
      for (std::uint64_t round = 0; round < 100; ++round) {
        const bool now = registers_survive(
            round * 2 + static_cast<std::uint64_t>(index), [](void* raw) { static_cast<strand*>(raw)->pause(); }, &s);
        survived[index] = survived[index] && now;
      }
    };
  };
  strand a(body(0));
  strand b(body(1));
  while (!a.ended() || !b.ended()) {
    if (!a.ended()) a.resume(me);
    if (!b.ended()) b.resume(me);
  }
  EXPECT_TRUE(survived[0]);
  EXPECT_TRUE(survived[1]);
}

TEST(switch_context, rounding_mode_is_per_context) {  // mxcsr and x87 control, or fpcr: fesetround writes all of them
  thread_context me;
  int seen = -1;
  strand s([&seen](strand& mine) {
    std::fesetround(FE_UPWARD);
    mine.pause();
    seen = std::fegetround();
  });
  s.resume(me);
  EXPECT_EQ(std::fegetround(), FE_TONEAREST);
  std::fesetround(FE_DOWNWARD);
  s.resume(me);
  EXPECT_EQ(std::fegetround(), FE_DOWNWARD);
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(seen, FE_UPWARD);
}

TEST(make_context, floating_point_control_is_inherited_from_the_maker) {
  thread_context me;
  std::fesetround(FE_TOWARDZERO);
  int seen = -1;
  strand s([&seen](strand&) { seen = std::fegetround(); });
  std::fesetround(FE_TONEAREST);
  s.resume(me);
  EXPECT_EQ(seen, FE_TOWARDZERO);
}

#if defined(__x86_64__)

unsigned mxcsr() { return __builtin_ia32_stmxcsr(); }
unsigned short x87_control() {
  unsigned short word;
  asm volatile("fnstcw %0" : "=m"(word));
  return word;
}
void set_x87_control(unsigned short word) { asm volatile("fldcw %0" : : "m"(word)); }

TEST(switch_context, mxcsr_and_x87_control_word_are_each_per_context) {
  thread_context me;
  const unsigned mxcsr_before = mxcsr();
  const unsigned short x87_before = x87_control();
  constexpr unsigned flush_to_zero = 0x8000;
  constexpr unsigned short single_precision = 0x007f;
  unsigned mxcsr_seen = 0;
  unsigned short x87_seen = 0;
  strand only_mxcsr([&](strand& mine) {
    __builtin_ia32_ldmxcsr(mxcsr_before | flush_to_zero);
    mine.pause();
    mxcsr_seen = mxcsr();
  });
  strand only_x87([&](strand& mine) {
    set_x87_control(single_precision);
    mine.pause();
    x87_seen = x87_control();
  });
  for (int i = 0; i < 2; ++i) {
    only_mxcsr.resume(me);
    EXPECT_EQ(mxcsr(), mxcsr_before);
    only_x87.resume(me);
    EXPECT_EQ(x87_control(), x87_before);
    EXPECT_EQ(mxcsr(), mxcsr_before);
  }
  EXPECT_EQ(mxcsr_seen, mxcsr_before | flush_to_zero);
  EXPECT_EQ(x87_seen, single_precision);
}

#endif

}  // namespace
}  // namespace retake::floor
