// The dump names each goroutine's state, reason, time, thread and the user's own lines; also in a
// call, and while everything moves.
//
// Method: goroutines are put into each state, shown to be there by what the dump itself says, and
// the lines are those that this file says.
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/debug.hpp"
#include "retake/foreign_call.hpp"
#include "retake/leak_check.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"

namespace retake::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

goroutine_info info_of(std::uint64_t id) {
  for (goroutine_info& one : all_goroutines()) {
    if (one.id == id) return std::move(one);
  }
  return {};
}

bool mentions(std::vector<stack_frame> const& stack, std::string const& function, std::uint32_t line) {
  for (stack_frame const& one : stack) {
    if (one.function.find(function) != std::string::npos && one.line == line && one.file.ends_with("dump_test.cpp"))
      return true;
  }
  return false;
}

std::string text_of_all() {
  std::string text;
  dump_goroutines([&text](std::string_view piece) { text += piece; });
  return text;
}

constexpr std::uint32_t receive_line = __LINE__ + 2;
[[gnu::noinline]] void receives(channel<int>& from) {
  static_cast<void>(from.receive());
  asm volatile("");
}

constexpr std::uint32_t call_line = __LINE__ + 2;
[[gnu::noinline]] void waits_in_the_kernel(int descriptor) {
  retake::syscall([descriptor] {
    char byte;
    static_cast<void>(!::read(descriptor, &byte, 1));
  });
  asm volatile("");
}

constexpr std::uint32_t foreign_line = __LINE__ + 2;
[[gnu::noinline]] void waits_in_foreign_code(int descriptor) {
  foreign_call([descriptor] {
    char byte;
    static_cast<void>(!::read(descriptor, &byte, 1));
  });
  asm volatile("");
}

constexpr std::uint32_t callback_line = __LINE__ + 2;
[[gnu::noinline]] void calls_back(channel<int>& from) {
  callback([&from] { receives(from); });
  asm volatile("");
}

struct blocking_pipe {
  int ends[2];
  blocking_pipe() { EXPECT_EQ(::pipe(ends), 0); }
  ~blocking_pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  void let_go() { EXPECT_EQ(::write(ends[1], "x", 1), 1); }
};

template <class Body>
std::uint64_t start(wait_group& all, Body body) {
  channel<std::uint64_t> id(1);
  all.add(1);
  go([&all, &id, body] {
    id.send(goroutine_id());
    body();
    all.done();
  });
  return id.receive().value();
}

bool comes_to(std::uint64_t id, std::string const& state) {
  return yielding_until([&] { return info_of(id).state == state; });
}

TEST(dump, a_parked_goroutine_shows_why_where_and_how_long) {
  run_on(2, [] {
    wait_group all;
    channel<int> c;
    const std::uint64_t id = start(all, [&c] { receives(c); });
    ASSERT_TRUE(comes_to(id, "waiting"));
    sleep_for(30ms);
    const goroutine_info seen = info_of(id);
    EXPECT_EQ(seen.wait_reason, "chan receive");
    EXPECT_GE(seen.waited, 15ms);
    EXPECT_LT(seen.waited, patience);
    EXPECT_FALSE(seen.locked_to_thread);
    EXPECT_TRUE(mentions(seen.stack, "receives", receive_line)) << text_of_all();
    EXPECT_EQ(seen.created_by, goroutine_id());
    ASSERT_FALSE(seen.created_at.empty());
    EXPECT_TRUE(seen.created_at.front().file.ends_with("dump_test.cpp"));
    c.send(1);
    all.wait();
    EXPECT_EQ(info_of(id).id, 0u);
  });
}

TEST(dump, a_system_call_and_a_foreign_call_show_the_users_frame) {
  run_on(2, [] {
    wait_group all;
    blocking_pipe one, two;
    const std::uint64_t caller = start(all, [&one] { waits_in_the_kernel(one.ends[0]); });
    const std::uint64_t foreigner = start(all, [&two] {
      const os_thread_lock hold;
      waits_in_foreign_code(two.ends[0]);
    });
    ASSERT_TRUE(comes_to(caller, "syscall"));
    ASSERT_TRUE(comes_to(foreigner, "syscall"));
    const goroutine_info in_call = info_of(caller), in_foreign = info_of(foreigner);
    EXPECT_EQ(in_call.wait_reason, "");
    EXPECT_TRUE(mentions(in_call.stack, "waits_in_the_kernel", call_line)) << text_of_all();
    EXPECT_EQ(in_foreign.wait_reason, "foreign call");
    EXPECT_TRUE(in_foreign.locked_to_thread);
    EXPECT_TRUE(mentions(in_foreign.stack, "waits_in_foreign_code", foreign_line)) << text_of_all();
    one.let_go();
    two.let_go();
    all.wait();
  });
}

TEST(dump, a_goroutine_that_is_parked_in_a_callback_shows_both_its_frames) {
  run_on(2, [] {
    wait_group all;
    channel<int> c;
    const std::uint64_t id = start(all, [&c] { foreign_call([&c] { calls_back(c); }); });
    ASSERT_TRUE(yielding_until([&] { return info_of(id).wait_reason == "chan receive"; }));
    const goroutine_info seen = info_of(id);
    EXPECT_TRUE(seen.locked_to_thread);
    EXPECT_TRUE(mentions(seen.stack, "receives", receive_line)) << text_of_all();
    EXPECT_TRUE(mentions(seen.stack, "calls_back", callback_line)) << text_of_all();
    c.send(1);
    all.wait();
  });
}

TEST(dump, the_text_has_gos_form) {
  run_on(2, [] {
    wait_group all;
    channel<int> c;
    const std::uint64_t id = start(all, [&c] {
      const os_thread_lock hold;
      receives(c);
    });
    ASSERT_TRUE(comes_to(id, "waiting"));
    const std::string text = text_of_all();
    EXPECT_THAT(text, testing::ContainsRegex("goroutine " + std::to_string(id) +
                                             " \\[chan receive(, [0-9]+m?s)?, locked to thread\\]:\n"));
    EXPECT_THAT(text, testing::ContainsRegex("receives\\(retake::channel<int>&\\).*\n\t.*dump_test.cpp:[0-9]+ "));
    EXPECT_THAT(text, testing::ContainsRegex("created by .* in goroutine 1\n\t.*dump_test.cpp:[0-9]+\n"));
    EXPECT_THAT(text, testing::Not(HasSubstr("retake::sched::")));
    c.send(1);
    all.wait();
  });
}

// While goroutines change state all the time: no frame of one state with another's stack, which
// would be an address that names nothing.
TEST(dump, is_taken_while_everything_moves) {
  run_on(4, [] {
    wait_group all;
    std::atomic<bool> over{false};
    channel<int> c;
    for (int i = 0; i < 4; ++i) {
      start(all, [&] {
        while (!over) {
          c.send(1);
          retake::syscall([] {});
        }
      });
    }
    start(all, [&] {
      while (c.receive()) {}
    });
    for (int i = 0; i < 5; ++i) {
      for (goroutine_info const& one : all_goroutines()) {
        EXPECT_GE(one.waited, 0ns);
        for (stack_frame const& frame : one.stack)
          EXPECT_FALSE(frame.function.empty()) << std::hex << frame.address << " in " << text_of_all();
      }
    }
    over = true;
    EXPECT_TRUE(yielding_until([&] { return goroutine_count() == 2; }));
    c.close();
    all.wait();
  });
}

TEST(leak_check, names_what_is_left_and_where_it_is_parked) {
  run_on(2, [] {
    wait_group all;
    channel<int> c, before;
    const std::uint64_t old = start(all, [&before] { receives(before); });
    const leak_check leaks;
    start(all, [] {});
    EXPECT_THAT(leaks.report(), IsEmpty());
    const std::uint64_t id = start(all, [&c] { receives(c); });
    const std::string left = leaks.report(10ms);
    EXPECT_THAT(left, HasSubstr("goroutine " + std::to_string(id) + " [chan receive"));
    EXPECT_THAT(left, HasSubstr("dump_test.cpp:" + std::to_string(receive_line)));
    EXPECT_THAT(left, testing::Not(HasSubstr("goroutine " + std::to_string(old) + " ["))) << "it was there before";
    c.send(1);
    before.send(1);
    all.wait();
    EXPECT_THAT(leaks.report(), IsEmpty());
  });
}

[[gnu::noinline]] void deadlocked(channel<int>& c) {
  static_cast<void>(c.receive());
  asm volatile("nop");  // else the compiler makes one function of two
}

TEST(last_dump_death, a_deadlock_is_reported_with_all_stacks) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       channel<int> never;
                       go([&] { deadlocked(never); });
                       const os_thread_lock hold;
                       receives(never);
                     }),
              testing::ExitedWithCode(2),
              "all goroutines are asleep - deadlock!(.|\n)*goroutine 1 \\[chan receive.*locked to "
              "thread\\]:\n(.|\n)*receives(.|\n)*goroutine 2 \\[chan receive(.|\n)*deadlocked");
}

[[gnu::noinline]] void misuses(mutex& m) {
  m.unlock();
  asm volatile("");
}

TEST(last_dump_death, a_fatal_error_shows_the_goroutine_that_made_it) {
  EXPECT_EXIT(run_on(1,
                     [] {
                       mutex m;
                       misuses(m);
                     }),
              testing::ExitedWithCode(2),
              "unlock of unlocked mutex\n\ngoroutine 1 \\[running\\]:\n(.|\n)*misuses(.|\n)*dump_test.cpp:");
}

}  // namespace
}  // namespace retake::test
