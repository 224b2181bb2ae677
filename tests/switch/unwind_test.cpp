// Goal: a stack ends at its first frame for every unwinder, and a visited stack does not. Method:
// libgcc's unwinder, glibc's backtrace() and the chain of frame pointers, compared with the
// addresses of the assembly's functions.
#include <execinfo.h>
#include <gtest/gtest.h>
#include <unwind.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "strand.hpp"

extern "C" void retake_floor_start() noexcept;
extern "C" void retake_floor_call(void*, void (*)(void*), void*);

namespace retake::floor {
namespace {

struct walk {
  std::vector<void*> functions;  // where each frame's function starts, innermost first
  _Unwind_Reason_Code end = _URC_NO_REASON;
};

__attribute__((noinline)) void walk_here(walk& w) {
  w.functions.reserve(256);
  w.end = _Unwind_Backtrace(
      [](_Unwind_Context* c, void* raw) {
        auto& functions = static_cast<walk*>(raw)->functions;
        const auto pc = _Unwind_GetIP(c);
        if (pc != 0) functions.push_back(_Unwind_FindEnclosingFunction(reinterpret_cast<void*>(pc)));
        return functions.size() < 200 ? _URC_NO_REASON : _URC_NORMAL_STOP;
      },
      &w);
}

template <class Function>
void* address_of(Function* f) {
  return reinterpret_cast<void*>(f);
}

bool has(const std::vector<void*>& where, void* what) {
  return std::find(where.begin(), where.end(), what) != where.end();
}

TEST(unwind, a_stack_ends_cleanly_at_its_first_frame) {
  thread_context me;
  walk first;
  walk resumed;
  strand s([&](strand& mine) {
    walk_here(first);
    mine.pause();
    walk_here(resumed);
  });
  s.resume(me);
  s.resume(me);
  for (const walk* w : {&first, &resumed}) {
    EXPECT_EQ(w->end, _URC_END_OF_STACK);
    ASSERT_FALSE(w->functions.empty());
    EXPECT_LT(w->functions.size(), 40u);
    EXPECT_EQ(w->functions.back(), address_of(&retake_floor_start));
  }
}

TEST(unwind, what_lies_above_the_stack_is_not_taken_for_a_caller) {
  thread_context me;
  constexpr std::size_t bytes = 128 * 1024;
  std::vector<std::uintptr_t> memory(bytes / sizeof(std::uintptr_t) + 64,
                                     reinterpret_cast<std::uintptr_t>(&walk_here) + 4);
  struct walker {
    context self;
    context* main;
    walk w;
  } all;
  all.main = &me;
  make_context(
      all.self, memory.data(), bytes,
      [](void* raw) {
        auto& mine = *static_cast<walker*>(raw);
        walk_here(mine.w);
        switch_final(mine.self, *mine.main);
      },
      &all);
  switch_context(me, all.self);
  EXPECT_EQ(all.w.end, _URC_END_OF_STACK);
  ASSERT_FALSE(all.w.functions.empty());
  EXPECT_EQ(all.w.functions.back(), address_of(&retake_floor_start));
  retire_context(all.self);
}

TEST(unwind, backtrace_ends_at_the_first_frame) {
  thread_context me;
  int depth = 0;
  void* last = nullptr;
  strand s([&](strand&) {
    void* frames[200];
    depth = backtrace(frames, 200);
    last = _Unwind_FindEnclosingFunction(frames[depth - 1]);
  });
  s.resume(me);
  EXPECT_GT(depth, 2);
  EXPECT_LT(depth, 40);
  EXPECT_EQ(last, address_of(&retake_floor_start));
}

TEST(unwind, a_visit_is_walked_through_to_the_first_frame_of_the_home_stack) {
  thread_context me;
  walk w;
  std::vector<char> big(512 * 1024);
  strand s([&](strand&) {
    call_on_stack(
        big.data(), big.size(), [](void* raw) { walk_here(*static_cast<walk*>(raw)); }, &w);
  });
  s.resume(me);
  EXPECT_EQ(w.end, _URC_END_OF_STACK);
  ASSERT_FALSE(w.functions.empty());
  EXPECT_TRUE(has(w.functions, address_of(&retake_floor_call)));
  EXPECT_TRUE(has(w.functions, address_of(&call_on_stack)));
  EXPECT_EQ(w.functions.back(), address_of(&retake_floor_start));
}

__attribute__((noinline)) void parked_here(context& from, context& to) {
  switch_context(from, to);
  asm volatile("" ::: "memory");  // no tail call: the frame stays
}

TEST(unwind, a_suspended_context_says_where_it_stands) {
  thread_context me;
  constexpr std::size_t bytes = 64 * 1024;
  std::vector<char> stack(bytes);
  struct pair {
    context self;
    context* main;
  } p;
  p.main = &me;
  make_context(
      p.self, stack.data(), bytes,
      [](void* raw) {
        auto& mine = *static_cast<pair*>(raw);
        parked_here(mine.self, *mine.main);
        switch_final(mine.self, *mine.main);
      },
      &p);
  const auto function = [&] {
    const std::uint64_t pc = suspended_frame(p.self).program_counter();
    return _Unwind_FindEnclosingFunction(reinterpret_cast<void*>(pc));  // it looks one byte before, as all unwinders do
  };
  EXPECT_EQ(function(), address_of(&retake_floor_start));
  EXPECT_EQ(suspended_frame(p.self).frame_pointer(), 0u);
  switch_context(me, p.self);
  EXPECT_TRUE(function() == address_of(&parked_here) ||
              function() == address_of(&switch_context));  // the jump is a tail call or not
  const std::uintptr_t sp = suspended_stack_pointer(p.self);
  EXPECT_GE(sp, reinterpret_cast<std::uintptr_t>(stack.data()));
  EXPECT_LT(sp, reinterpret_cast<std::uintptr_t>(stack.data()) + bytes);
  switch_context(me, p.self);
  retire_context(p.self);
}

}  // namespace
}  // namespace retake::floor
