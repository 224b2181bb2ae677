// Goal: a context may visit a bigger stack, park there, and come home. Method: addresses of frames,
// throws on both stacks.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "strand.hpp"

namespace retake::floor {
namespace {

bool within(const void* low, std::size_t bytes, const void* address) {
  const auto offset = reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(low);
  return offset < bytes;
}

TEST(call_on_stack, fn_runs_on_the_other_stack_and_comes_back) {
  constexpr std::size_t bytes = 1024 * 1024;
  std::unique_ptr<char[]> big(new char[bytes]);
  struct visit {
    void* frame = nullptr;
    int depth = 0;
  } v;
  call_on_stack(
      big.get(), bytes,
      [](void* raw) {
        static_cast<visit*>(raw)->frame = __builtin_frame_address(0);
        static_cast<visit*>(raw)->depth = 1;
      },
      &v);
  EXPECT_EQ(v.depth, 1);
  EXPECT_TRUE(within(big.get(), bytes, v.frame));
}

TEST(call_on_stack, the_visitor_may_be_parked_on_the_big_stack_and_resumed_on_another_thread) {
  thread_context me;
  constexpr std::size_t bytes = 1024 * 1024;
  std::unique_ptr<char[]> big(new char[bytes]);
  std::string log;
  struct visit {
    strand* s;
    std::string* log;
  };
  strand s([&](strand& mine) {
    visit v{&mine, &log};
    log += "home ";
    call_on_stack(
        big.get(), bytes,
        [](void* raw) {
          auto& inside = *static_cast<visit*>(raw);
          *inside.log += "big ";
          inside.s->pause();
          try {
            throw 1;  // ASan unpoisons by bounds here: they must be those of the big stack
          } catch (int) { *inside.log += "big-again "; }
        },
        &v);
    try {
      throw 2;
    } catch (int) { log += "home-again"; }
  });
  s.resume(me);
  std::thread([&] {
    thread_context here;
    s.resume(here);
  }).join();
  EXPECT_TRUE(s.ended());
  EXPECT_EQ(log, "home big big-again home-again");
}

}  // namespace
}  // namespace retake::floor
