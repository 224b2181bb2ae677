// Goal: programs of goroutines are explored: what the classic bugs of their kind end in is found,
// and the repaired forms hold.
// Method: each bug beside its repair, a few lines of the public API.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "retake/channel.hpp"
#include "retake/explore_goroutines.hpp"
#include "retake/go.hpp"
#include "retake/model.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"

namespace {

namespace explore = retake::explore;
namespace model = retake::model;
using namespace std::chrono_literals;

explore::options named(std::string const& name) {
  explore::options o;
  o.name = name;
  o.out = testing::TempDir() + "explore-" + std::to_string(getpid());
  o.executions = 3'000;
  return o;
}

// Two goroutines take two locks; `second_first`: one of them in the other order.
void two_locks(bool second_first) {
  retake::mutex a, b;
  retake::wait_group both;
  both.add(2);
  const auto take = [&](retake::mutex& first, retake::mutex& then) {
    first.lock();
    then.lock();
    then.unlock();
    first.unlock();
    both.done();
  };
  retake::go([&] { take(a, b); });
  retake::go([&, second_first] { second_first ? take(b, a) : take(a, b); });
  both.wait();
}

TEST(goroutines, locks_in_two_orders_are_a_deadlock_in_some_schedule) {
  auto const found = explore::check_goroutines([] { two_locks(true); }, named("lock-order"));
  EXPECT_EQ(found.tag(), "fatal");
  EXPECT_NE(found.claim().find("all goroutines are asleep - deadlock!"), std::string::npos) << found;
  EXPECT_TRUE(explore::check_goroutines([] { two_locks(false); }, named("lock-order-same")));
}

// An answer that comes too late finds nobody; room for one value lets it go.
void answer_after_time_out(std::size_t room) {
  auto answers = std::make_shared<retake::channel<int>>(room);
  retake::go([answers] {
    retake::sleep_for(1ms);
    answers->send(1);
  });
  retake::select(retake::on_receive(*answers, [](auto) {}), retake::after(1ms, [] {}));
}

TEST(goroutines, a_sender_that_nobody_receives_from_is_a_leak) {
  auto const found = explore::check_goroutines([] { answer_after_time_out(0); }, named("late-answer"));
  EXPECT_EQ(found.tag(), "leak") << found;
  EXPECT_EQ(found.claim(), "leak: 1 goroutine has not ended a second after the body returned");
  EXPECT_TRUE(explore::check_goroutines([] { answer_after_time_out(1); }, named("late-answer-room")));
  EXPECT_TRUE(explore::check_goroutines([] { answer_after_time_out(0); }, named("late-answer-left"),
                                        {.may_leave_goroutines = true}));
}

TEST(goroutines, plain_data_that_two_write_is_a_race_unless_a_lock_orders_it) {
  auto const count = [](bool locked) {
    model::plain<int> n(0);
    retake::mutex m;
    retake::wait_group both;
    both.add(2);
    for (int i = 0; i < 2; ++i) {
      retake::go([&, locked] {
        if (locked) m.lock();
        n.set(n.get() + 1);
        if (locked) m.unlock();
        both.done();
      });
    }
    both.wait();
    explore::require(n.get() == 2, "count: one is lost");
  };
  EXPECT_EQ(explore::check_goroutines([&] { count(false); }, named("counted")).tag(), "race");
  EXPECT_TRUE(explore::check_goroutines([&] { count(true); }, named("counted-locked")));
}

TEST(goroutines, a_claim_that_fails_in_a_goroutine_is_the_finding) {
  auto const found = explore::check_goroutines(
      [] {
        retake::channel<int> c(2);
        retake::wait_group all;
        all.add(3);
        for (int i = 0; i < 2; ++i) {
          retake::go([&, i] {
            c.send(i);
            all.done();
          });
        }
        retake::go([&] {
          explore::require(c.receive() == 0, "order: the second came first");
          all.done();
        });
        all.wait();
      },
      named("first-come"));
  EXPECT_EQ(found.tag(), "order") << found;
  EXPECT_FALSE(found.replay().empty());
}

TEST(goroutines, what_the_runtime_ends_a_program_with_is_the_finding) {
  auto const close_while_sending = [] {
    retake::channel<int> c(1);
    retake::wait_group sent;
    sent.add(1);
    retake::go([&] {
      c.send(1);
      sent.done();
    });
    c.close();
    sent.wait();
  };
  auto const found = explore::check_goroutines(close_while_sending, named("closed"));
  EXPECT_EQ(found.tag(), "fatal") << found;
  EXPECT_EQ(found.claim(), "fatal: panic: an exception left a goroutine") << found;
  EXPECT_NE(found.text().find("panic: send on closed channel"), std::string::npos) << found;
}

TEST(goroutines, a_program_without_a_body_is_refused) {
  EXPECT_EXIT(static_cast<void>(explore::check_goroutines(std::function<void()>(), named("empty"))),
              testing::ExitedWithCode(2), "empty: there is no body");
}

}  // namespace
