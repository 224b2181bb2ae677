// A goroutine that computes on although it was asked to give way is named with its stack when
// others wait, once, and nobody else is.
#include <gmock/gmock.h>

#include <string>

#include "../program.hpp"

namespace retake::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t told_after_ns = 50'000'000;

template <class Step>
[[gnu::noinline]] void computes_for(std::int64_t duration_ns, Step step) {
  const std::int64_t end_ns = now_ns() + duration_ns;
  while (now_ns() < end_ns) step();
  asm volatile("");
}

template <class Main>
std::string said_by(Main&& main) {
  policy rules;
  rules.hog_report = std::chrono::nanoseconds(told_after_ns);
  testing::internal::CaptureStderr();
  run_on(1, rules, std::forward<Main>(main));
  return testing::internal::GetCapturedStderr();
}

TEST(hog, that_keeps_others_waiting_is_named_once_with_its_stack) {
  const std::string text = said_by([] {
    go([] {});
    computes_for(10 * told_after_ns, [] {});
  });
  EXPECT_THAT(text, HasSubstr("runtime: goroutine 1 has run for 0."));
  EXPECT_EQ(text.find("does not give way"), text.rfind("does not give way")) << text;
  EXPECT_THAT(text, HasSubstr("goroutine 1 [running]:\n"));
#ifdef RETAKE_TEST_UNDER_THREAD
  EXPECT_THAT(text, HasSubstr("stack unavailable")) << "ThreadSanitizer keeps the signal back";
#else
  EXPECT_THAT(text, HasSubstr("computes_for"));
  EXPECT_THAT(text, HasSubstr("hog_test.cpp:"));
#endif
}

TEST(hog, is_nobody_who_keeps_nobody_waiting) {
  EXPECT_THAT(said_by([] { computes_for(4 * told_after_ns, [] {}); }), IsEmpty());
}

TEST(hog, is_nobody_who_gives_way) {
  EXPECT_THAT(said_by([] {
                bool over = false;
                go([&over] {
                  while (!over) yield();
                });
                computes_for(4 * told_after_ns, [] { preempt_point(); });
                over = true;
              }),
              IsEmpty());
}

}  // namespace
}  // namespace retake::test
