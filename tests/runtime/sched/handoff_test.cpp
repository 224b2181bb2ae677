// What becomes of a P that nobody has: each of the nine cases, from a state in which that case and
// no other applies.
//
// Method: a goroutine that is locked to its thread gives its P away when it blocks: that is a
// hand-off. What stands before the case is set up first: which Ps are idle, what is queued, who
// polls. Only global_queue needs a race (work that comes between two looks): it is repeated until
// it came.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <span>
#include <thread>

#include "../program.hpp"
#include "io/polled_file.hpp"
#include "retake/channel.hpp"
#include "retake/net.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"

namespace retake::test {
namespace {

std::uint64_t handoffs(handoff_case which) { return value(paths().handoff[which]); }

// A monitor that takes nothing by itself.
policy quiet() {
  policy rules;
  rules.retake_grace = patience;
  rules.time_slice = patience;
  return rules;
}

TEST(handoff, work_is_queued) {
  run_on(1, quiet(), [] {
    const os_thread_lock hold;
    channel<int> woken;
    go([&] { woken.send(1); });
    EXPECT_EQ(woken.receive(), 1);
    EXPECT_EQ(handoffs(handoff_case::queue), 1u);
  });
}

bool park_as_offer(goroutine& g, void* where) noexcept {
  static_cast<std::atomic<goroutine*>*>(where)->store(&g);
  return true;
}

// A goroutine that waits to be offered in `slot`, and then wakes the locked main goroutine.
void offer_while_nothing_is_queued(world::atomic<goroutine*>& slot) {
  const os_thread_lock hold;
  channel<int> woken;
  std::atomic<goroutine*> parked{nullptr};
  go([&] {
    sched::park(park_as_offer, &parked, wait_reason::background);
    woken.send(1);
  });
  EXPECT_TRUE(yielding_until([&] { return parked.load() != nullptr; }));
  slot.store_release(parked.load());
  EXPECT_EQ(woken.receive(), 1);
}

TEST(handoff, a_trace_reader_waits) {
  run_on(1, quiet(), [] {
    offer_while_nothing_is_queued(here().trace_reader);
    EXPECT_EQ(handoffs(handoff_case::trace_reader), 1u);
  });
}

TEST(handoff, background_work_waits) {
  run_on(1, quiet(), [] {
    offer_while_nothing_is_queued(here().background);
    EXPECT_EQ(handoffs(handoff_case::background), 1u);
  });
}

TEST(handoff, nobody_looks_for_work_and_no_p_is_idle) {
  run_on(1, quiet(), [] {
    const os_thread_lock hold;
    sleep_for(1ms);
    EXPECT_EQ(handoffs(handoff_case::last_spinner), 1u);
  });
}

TEST(handoff, the_world_stops) {
  run_on(2, quiet(), [] {
    scheduler& s = here();
    channel<int> woken;
    std::atomic<bool> ready{false};
    wait_group all;
    all.add(1);
    go([&] {
      lock_os_thread();
      ready = true;
      while (!s.stop.requested()) {}
      s.gate.start_spinning();  // as if somebody looked for work: last_spinner does not apply
      EXPECT_EQ(woken.receive(), 1);
      s.gate.withdraw();
      unlock_os_thread();
      all.done();
    });
    EXPECT_TRUE(holding_on_until([&] { return ready.load(); }));
    stop_the_world();
    start_the_world();
    EXPECT_EQ(handoffs(handoff_case::stop), 1u);
    woken.send(1);
    all.wait();
  });
}

std::atomic<int> safe_points{0};

TEST(handoff, the_p_owes_a_safe_point_function) {
  run_on(3, quiet(), [] {
    std::atomic<bool> in_call{false}, leave{false};
    wait_group all;
    all.add(1);
    go([&] {
      retake::syscall([&] {
        in_call = true;
        while (!leave) nap_ns(10'000);
      });
      all.done();
    });
    EXPECT_TRUE(holding_on_until([&] { return in_call.load() && others_idle(2); }));
    safe_points = 0;
    sched::for_each_processor([](processor&) noexcept { safe_points.fetch_add(1); });
    EXPECT_EQ(safe_points.load(), 3);
    EXPECT_EQ(handoffs(handoff_case::safe_point), 1u);
    leave = true;
    all.wait();
  });
}

// The scheduler's lock is held while one goroutine is on its way into the global queue and another
// hands its P off: both wait for the lock, the latter after its first look. Whoever comes first
// then is chance: repeated until it was the former.
TEST(handoff, work_came_to_the_global_queue_meanwhile) {
  run_on(4, quiet(), [] {
    struct turns {
      std::atomic<int> asked{0}, taken{0};
      bool take(int round) {
        if (!holding_on_until([&] { return asked.load() >= round; })) return false;
        taken = round;
        return true;
      }
      bool ask(int round) {
        asked = round;
        return holding_on_until([&] { return taken.load() == round; });
      }
    } yields, parks;
    std::atomic<int> running{0}, back{0};
    std::atomic<bool> over{false};
    channel<int> woken;
    wait_group all;
    all.add(2);
    go([&] {
      running.fetch_add(1);
      for (int round = 1; yields.take(round) && !over; ++round) {
        yield();
        back.fetch_add(1);
      }
      all.done();
    });
    go([&] {
      running.fetch_add(1);
      EXPECT_TRUE(holding_on_until([&] { return running.load() == 3; }));  // nobody else needs the lock to get going
      for (int round = 1; round < 1'000 && handoffs(handoff_case::global_queue) == 0; ++round) {
        {
          const locked hold(here().lock);
          if (!yields.ask(round)) break;
          nap_ns(200'000);
          if (!parks.ask(round)) break;
          nap_ns(200'000);
        }
        woken.send(1);
        if (!yielding_until([&] { return back.load() == 2 * round; }))
          break;  // without the lock: both need it to come back
      }
      woken.close();
      over = true;
      parks.asked = yields.asked = 1'000;
      all.done();
    });
    EXPECT_TRUE(yielding_until([&] { return running.load() == 2; }));
    lock_os_thread();
    running.fetch_add(1);
    for (int round = 1; parks.take(round) && woken.receive(); ++round) back.fetch_add(1);
    EXPECT_GT(handoffs(handoff_case::global_queue), 0u);
    unlock_os_thread();
    all.wait();
  });
}

TEST(handoff, the_last_running_p_while_nobody_polls) {
  run_on(2, quiet(), [] {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ASSERT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    int failed = 0;
    stream reader(detail::polled_file::make(ends[0], failed));
    ASSERT_TRUE(reader.valid());
    const os_thread_lock hold;
    EXPECT_TRUE(holding_on_until([] { return others_idle(1); }));
    std::thread outsider([&] {
      nap_ns(1'000'000);
      EXPECT_EQ(::write(ends[1], "x", 1), 1);
    });
    std::byte one{};
    auto const got = reader.read(std::span(&one, 1));  // nobody polls: somebody has to begin
    EXPECT_TRUE(got && *got == 1);
    EXPECT_EQ(handoffs(handoff_case::last_poller), 1u);
    outsider.join();
    ::close(ends[1]);
  });
}

TEST(handoff, there_is_nothing_to_do_and_others_run) {
  run_on(3, quiet(), [] {
    channel<int> woken;
    std::atomic<bool> parked{false};
    std::atomic<std::uint64_t> before{0};
    wait_group all;
    all.add(1);
    go([&] {
      EXPECT_TRUE(holding_on_until([&] { return parked.load() && handoffs(handoff_case::idle) == before.load() + 1; }));
      woken.send(1);
      all.done();
    });
    EXPECT_TRUE(holding_on_until([] { return others_idle(2); }));
    const os_thread_lock hold;
    before = handoffs(handoff_case::idle);
    parked = true;
    EXPECT_EQ(woken.receive(), 1);
    all.wait();
  });
}

}  // namespace
}  // namespace retake::test
