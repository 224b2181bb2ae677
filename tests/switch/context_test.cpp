// Goal: a switch goes where it says, with arguments, alignment and stack as promised. Method:
// strands that log what they see.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/syscall.h>
#include <unistd.h>

#include "strand.hpp"

namespace retake::floor {
namespace {

bool within(const void* low, std::size_t bytes, const void* address) {
  const auto offset = reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(low);
  return offset < bytes;
}

TEST(switch_context, two_contexts_alternate_in_order) {
  thread_context me;
  std::string log;
  const auto body = [&log](char name) {
    return [&log, name](strand& s) {
      for (int i = 0; i < 3; ++i) {
        log += name;
        s.pause();
      }
    };
  };
  strand a(body('a'));
  strand b(body('b'));
  while (!a.ended() || !b.ended()) {
    if (!a.ended()) a.resume(me);
    if (!b.ended()) b.resume(me);
    log += '.';
  }
  EXPECT_EQ(log, "ab.ab.ab..");
}

std::atomic<int> signals_handled{0};

// Each signal comes to a thread that makes, runs and destroys contexts all the time, and the next
// one when it was handled. ThreadSanitizer keeps a signal in the context that it finds: one that is
// left, or on its way out, takes it along.
TEST(switch_context, no_signal_is_lost_while_contexts_come_and_go) {
  constexpr int signals = 300;
  struct sigaction count {
  }, before{};
  count.sa_handler = [](int) { signals_handled.fetch_add(1); };
  ASSERT_EQ(::sigaction(SIGUSR1, &count, &before), 0);
  signals_handled = 0;
  std::atomic<bool> over{false};
  const auto me_id = ::syscall(SYS_gettid);
  std::thread sender([&] {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (int sent = 1; sent <= signals && std::chrono::steady_clock::now() < patience; ++sent) {
      ::syscall(SYS_tgkill, ::getpid(), me_id, SIGUSR1);
      while (signals_handled != sent && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    }
    over = true;
  });
  thread_context me;
  while (!over) {
    strand one([](strand& s) { s.pause(); });
    one.resume(me);
    one.resume(me);
  }
  sender.join();
  EXPECT_EQ(signals_handled, signals);
  ASSERT_EQ(::sigaction(SIGUSR1, &before, nullptr), 0);
}

TEST(switch_context, contexts_hand_over_to_each_other_without_a_middleman) {
  thread_context me;
  struct ring {
    context contexts[3];
    std::unique_ptr<char[]> stacks[3];
    context* main;
    int turns = 0;
  } r;
  struct place {
    ring* all;
    int index;
  } places[3];
  r.main = &me;
  constexpr std::size_t bytes = 64 * 1024;
  for (int i = 0; i < 3; ++i) {
    r.stacks[i].reset(new char[bytes]);
    places[i] = {&r, i};
    make_context(
        r.contexts[i], r.stacks[i].get(), bytes,
        [](void* raw) {
          auto& p = *static_cast<place*>(raw);
          while (++p.all->turns < 30000) switch_context(p.all->contexts[p.index], p.all->contexts[(p.index + 1) % 3]);
          switch_context(p.all->contexts[p.index], *p.all->main);
        },
        &places[i]);
  }
  switch_context(me, r.contexts[0]);
  EXPECT_EQ(r.turns, 30000);
  for (context& c : r.contexts) retire_context(c);  // abandoned, two of them in the middle
}

TEST(make_context, entry_runs_on_the_given_stack_sixteen_byte_aligned) {
  thread_context me;
  constexpr std::size_t bytes = 64 * 1024;
  std::unique_ptr<char[]> stack(new char[bytes + 16]);
  for (const std::size_t odd :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{9}}) {  // ends of the range need not be aligned
    struct seen {
      context self;
      context* main;
      void* frame = nullptr;
    } s;
    s.main = &me;
    make_context(
        s.self, stack.get() + odd, bytes,
        [](void* raw) {
          auto& mine = *static_cast<seen*>(raw);
          mine.frame = __builtin_frame_address(0);
          switch_final(mine.self, *mine.main);
        },
        &s);
    switch_context(me, s.self);
    EXPECT_TRUE(within(stack.get() + odd, bytes, s.frame));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(s.frame) % 16,
              0u);  // the psABIs align the frame record, not sp after the call
    retire_context(s.self);
  }
}

TEST(retire_context, stack_and_context_may_be_used_again) {
  thread_context me;
  constexpr std::size_t bytes = 64 * 1024;
  std::unique_ptr<char[]> stack(new char[bytes]);
  struct seen {
    context self;
    context* main;
    int runs = 0;
  } s;
  s.main = &me;
  for (int i = 0; i < 200; ++i) {
    make_context(
        s.self, stack.get(), bytes,
        [](void* raw) {
          auto& mine = *static_cast<seen*>(raw);
          char frame[2000];  // its surroundings are poisoned under ASan
          asm volatile("" : : "r"(frame) : "memory");
          ++mine.runs;
          if (mine.runs % 2 == 0) switch_context(mine.self, *mine.main);  // abandoned in the middle
          switch_final(mine.self, *mine.main);
        },
        &s);
    switch_context(me, s.self);
    retire_context(s.self);
  }
  EXPECT_EQ(s.runs, 200);
}

TEST(make_context_death, a_stack_that_is_too_small_traps) {
  context c;
  char stack[256];
  EXPECT_DEATH(make_context(
                   c, stack, sizeof stack, [](void*) {}, nullptr),
               "");
}

TEST(switch_context, a_context_moves_between_os_threads) {
  std::vector<std::thread::id> seen;
  std::optional<strand> s;
  s.emplace([&seen](strand& mine) {
    for (int i = 0; i < 4; ++i) {
      seen.push_back(std::this_thread::get_id());
      mine.pause();
    }
  });
  std::vector<std::thread::id> expected;
  for (int i = 0; i < 5; ++i) {
    std::thread t([&] {
      thread_context here;
      s->resume(here);
    });
    if (i < 4) expected.push_back(t.get_id());
    t.join();
  }
  EXPECT_TRUE(s->ended());
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace retake::floor
