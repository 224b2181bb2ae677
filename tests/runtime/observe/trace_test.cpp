// The execution trace: what a busy program did keeps P3, G3 and L2, as an offline checker reads it;
// and the checker notices when it does not.
//
// Method: the trace of this very process (under ThreadSanitizer that of a run under it) goes
// through stress/check_trace.py, once as it is and once for each twin in which one event is wrong.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/debug.hpp"
#include "retake/foreign_call.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"
#include "retake/trace.hpp"

namespace retake::test {
namespace {

using nlohmann::json;

// Goroutines that meet, call, lock and sleep, for some milliseconds.
void be_busy() {
  wait_group all;
  channel<int> c;
  for (int i = 0; i < 3; ++i) {
    all.add(1);
    go([&all, &c, i] {
      for (int n = 0; n < 100; ++n) {
        c.send(n);
        if (n % 10 == i) retake::syscall([] { nap_ns(300'000); });
        if (n % 25 == i) foreign_call([] { nap_ns(100'000); });
      }
      all.done();
    });
  }
  all.add(1);
  go([&all] {
    for (int n = 0; n < 20; ++n) {
      const os_thread_lock hold;
      sleep_for(100us);
      retake::syscall([] {});
      yield();
    }
    all.done();
  });
  for (int n = 0; n < 300; ++n) static_cast<void>(c.receive());
  all.wait();
}

trace_result trace_of_a_busy_program(std::uint32_t processors) {
  trace_result result;
  run_on(processors, [&result] {
    EXPECT_TRUE(start_trace());
    EXPECT_FALSE(start_trace());
    be_busy();
    result = stop_trace();
    EXPECT_EQ(stop_trace().events, 0u);
  });
  return result;
}

// The checker's exit code.
int check(json const& trace) {
  char name[] = "/tmp/retake-trace-XXXXXX";
  const int descriptor = ::mkstemp(name);
  EXPECT_GE(descriptor, 0);
  ::close(descriptor);
  std::ofstream(name) << trace;
  const int status = std::system((std::string("python3 ") + RETAKE_CHECK_TRACE + " " + name).c_str());
  ::unlink(name);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::size_t find_event(json const& events, std::string const& kind, std::size_t from = 0) {
  for (std::size_t i = from; i < events.size(); ++i) {
    if (events[i][2] == kind) return i;
  }
  return events.size();
}

// The first leave of a goroutine whose run is there too.
std::size_t find_end_of_run(json const& events) {
  for (std::size_t i = find_event(events, "leave"); i < events.size(); i = find_event(events, "leave", i + 1)) {
    for (json const& one : events) {
      if (one[2] == "run" && one[3] == events[i][3] && one[4] == events[i][4].get<std::uint64_t>() - 1) return i;
    }
  }
  return events.size();
}

TEST(trace, of_a_busy_program_keeps_p3_g3_and_l2) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    const json trace = json::parse(trace_of_a_busy_program(processors).chrome_json);
    EXPECT_EQ(check(trace), 0);
    std::size_t handoffs = 0, flows = 0, counters = 0;
    for (json const& one : trace["traceEvents"]) {
      handoffs += one["name"] == "hand-off";
      flows += one["ph"] == "f";
      counters += one["ph"] == "C";
    }
    EXPECT_GT(flows, 0u);
    EXPECT_GT(counters, 0u);
    EXPECT_GT(handoffs, 0u);
  }
}

TEST(trace, the_checker_notices_each_invariant_that_is_broken) {
  const json clean = json::parse(trace_of_a_busy_program(2).chrome_json);
  ASSERT_EQ(check(clean), 0);
  {
    json twin = clean;  // two threads take the same P at once
    json& events = twin["retakeEvents"];
    const std::size_t at = find_event(events, "wire");
    ASSERT_LT(at, events.size());
    json other = events[at];
    other[1] = 99;
    events.push_back(other);
    EXPECT_EQ(check(twin), 1) << "P3";
  }
  {
    json twin = clean;  // a goroutine is left by a thread that it does not run on
    json& events = twin["retakeEvents"];
    const std::size_t at = find_end_of_run(events);
    ASSERT_LT(at, events.size());
    events[at][1] = 99;
    EXPECT_EQ(check(twin), 1) << "G3";
  }
  {
    json twin = clean;  // a locked goroutine runs elsewhere
    json& events = twin["retakeEvents"];
    const std::size_t lock = find_event(events, "lock");
    ASSERT_LT(lock, events.size());
    std::size_t run = find_event(events, "run", lock);
    while (run < events.size() && events[run][3] != events[lock][3]) run = find_event(events, "run", run + 1);
    ASSERT_LT(run, events.size());
    events[run][1] = 99;
    EXPECT_EQ(check(twin), 1) << "L2";
  }
  {
    json twin = clean;  // a call is entered twice
    json& events = twin["retakeEvents"];
    const std::size_t at = find_event(events, "enter");
    ASSERT_LT(at, events.size());
    json again = events[at];
    events.insert(events.begin() + static_cast<std::ptrdiff_t>(at), again);
    EXPECT_EQ(check(twin), 1) << "calls";
  }
}

TEST(trace, the_table_says_how_a_goroutine_spent_its_time) {
  run_on(2, [] {
    wait_group all;
    all.add(1);
    std::atomic<std::uint64_t> id{0};
    ASSERT_TRUE(start_trace());
    go([&] {
      id = goroutine_id();
      sleep_for(20ms);
      retake::syscall([] { nap_ns(30'000'000); });
      const std::int64_t until_ns = now_ns() + 10'000'000;
      while (now_ns() < until_ns) {}
      all.done();
    });
    all.wait();
    for (goroutine_times const& one : stop_trace().goroutines) {
      if (one.id != id) continue;
      EXPECT_GE(one.waiting, 19ms);
      EXPECT_GE(one.syscall, 29ms);
      EXPECT_GE(one.running, 9ms);
      return;
    }
    ADD_FAILURE() << "the goroutine is not in the table";
  });
}

TEST(trace, keeps_the_last_events_and_counts_the_others) {
  run_on(1, [] {
    ASSERT_TRUE(start_trace());
    for (int i = 0; i < 20'000; ++i) yield();
    const trace_result result = stop_trace();
    EXPECT_GT(result.lost, 0u);
    EXPECT_GE(result.events, 8'000u);
    EXPECT_EQ(check(json::parse(result.chrome_json)), 0);
  });
}

}  // namespace
}  // namespace retake::test
