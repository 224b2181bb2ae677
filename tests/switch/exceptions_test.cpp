// Goal: exceptions in flight belong to the context. Method: park contexts inside handlers and
// unwinding destructors while others throw, on the same OS thread and across two.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

#include "strand.hpp"

namespace retake::floor {
namespace {

// Parks inside a handler (twice nested), then rethrows both; reports what it caught.
void handler_that_parks(strand& s, const std::string& name, std::string& report) {
  try {
    try {
      try {
        throw std::runtime_error(name + "-outer");
      } catch (const std::runtime_error&) {
        try {
          throw std::logic_error(name + "-inner");
        } catch (const std::logic_error&) {
          s.pause();
          throw;
        }
      }
    } catch (const std::logic_error& inner) {
      report += inner.what();
      s.pause();
      throw std::runtime_error(name + "-last");
    }
  } catch (const std::exception& last) { report += std::string(" ") + last.what(); }
  EXPECT_EQ(std::current_exception(), nullptr);
}

TEST(exceptions, contexts_parked_in_handlers_rethrow_their_own) {
  thread_context me;
  std::string a_report;
  std::string b_report;
  strand a([&](strand& s) { handler_that_parks(s, "a", a_report); });
  strand b([&](strand& s) { handler_that_parks(s, "b", b_report); });
  while (!a.ended() || !b.ended()) {
    if (!a.ended()) a.resume(me);
    EXPECT_EQ(std::current_exception(), nullptr);
    try {
      throw 7;
    } catch (int) {
      if (!b.ended()) b.resume(me);
      EXPECT_NE(std::current_exception(), nullptr);
    }
  }
  EXPECT_EQ(a_report, "a-inner a-last");
  EXPECT_EQ(b_report, "b-inner b-last");
}

TEST(exceptions, a_handler_resumed_on_another_os_thread_rethrows_its_own) {
  std::string report;
  strand s([&](strand& mine) { handler_that_parks(mine, "moved", report); });
  // Each thread lives until the next has ended: one that ended would bequeath its thread-local
  // addresses.
  const auto step = [&s](auto& self, int threads_left) -> void {
    thread_context here;
    try {
      throw std::runtime_error("the thread's own");
    } catch (const std::runtime_error& own) {
      s.resume(here);
      if (threads_left > 1) std::thread([&] { self(self, threads_left - 1); }).join();
      EXPECT_STREQ(own.what(), "the thread's own");
      EXPECT_NE(std::current_exception(), nullptr);
    }
    EXPECT_EQ(std::current_exception(), nullptr);
  };
  step(step, 3);
  EXPECT_TRUE(s.ended());
  EXPECT_EQ(report, "moved-inner moved-last");
}

TEST(exceptions, uncaught_count_is_per_context) {
  thread_context me;
  struct parks_while_unwinding {
    strand& s;
    int& seen;
    ~parks_while_unwinding() {
      s.pause();
      seen = std::uncaught_exceptions();
    }
  };
  int seen = -1;
  strand a([&](strand& mine) {
    try {
      parks_while_unwinding guard{mine, seen};
      throw 1;
    } catch (int) {}
    EXPECT_EQ(std::uncaught_exceptions(), 0);
  });
  a.resume(me);
  EXPECT_EQ(std::uncaught_exceptions(), 0);  // the parked one has one in flight
  int fresh = -1;
  strand b([&](strand&) { fresh = std::uncaught_exceptions(); });
  b.resume(me);
  EXPECT_EQ(fresh, 0);
  std::thread([&] {
    thread_context here;
    a.resume(here);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
  }).join();
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(a.ended());
}

bool unwound = false;

void throw_out_of_entry() {
  std::set_terminate([] {
    std::fprintf(stderr, unwound ? "terminate after unwinding\n" : "terminate on the intact stack\n");
    std::_Exit(3);
  });
  thread_context me;
  strand s([](strand&) {
    struct witness {
      ~witness() { unwound = true; }
    } w;
    throw std::runtime_error("nobody catches this");
  });
  s.resume(me);
}

TEST(exceptions_death, an_exception_that_leaves_entry_terminates_on_the_throwing_stack) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(throw_out_of_entry(), testing::ExitedWithCode(3), "terminate on the intact stack");
}

void throw_out_of_visit() {
  std::set_terminate([] {
    std::fprintf(stderr, "terminated\n");
    std::_Exit(3);
  });
  static char big[256 * 1024];
  call_on_stack(
      big, sizeof big, [](void*) { throw 1; }, nullptr);
}

TEST(exceptions_death, an_exception_that_leaves_a_visit_terminates) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(throw_out_of_visit(), testing::ExitedWithCode(3), "terminated");
}

}  // namespace
}  // namespace retake::floor
