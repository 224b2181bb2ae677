// Pinned workers and bounded calls on real threads. Method: calls that wait for a flag say who runs
// when; the kernel's thread ids say where.
#include "retake/foreign_pool.hpp"

#include <atomic>
#include <csignal>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>

#include "../program.hpp"
#include "retake/bounded.hpp"
#include "retake/leak_check.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "world/thread.hpp"

namespace retake::test {
namespace {

__attribute__((noinline, no_sanitize("address", "thread", "undefined"))) void write_nowhere() {
  int volatile* volatile nobody = reinterpret_cast<int volatile*>(16);
  *nobody = 1;
}

TEST(foreign_pool, runs_every_call_on_one_of_its_threads) {
  run_on(2, [] {
    constexpr int calls = 200;
    std::mutex guard;
    std::set<std::uint64_t> threads;
    wait_group all;
    const leak_check leaks;
    {
      foreign_pool pool(3);
      for (int i = 0; i < calls; ++i) {
        all.add(1);
        go([&, i] {
          const result<int> got = pool.call(background(), [&, i] {
            const std::lock_guard hold(guard);
            threads.insert(world::thread_id());
            return 2 * i;
          });
          EXPECT_TRUE(got && *got == 2 * i);
          all.done();
        });
      }
      all.wait();
    }
    EXPECT_LE(threads.size(), 3u);
    EXPECT_EQ(leaks.report(), "");
  });
}

TEST(foreign_pool, carries_what_a_call_returns_and_throws) {
  run_on(2, [] {
    foreign_pool pool(1);
    EXPECT_EQ(**pool.call(background(), [] { return std::make_unique<std::string>("value"); }), "value");
    bool ran = false;
    EXPECT_FALSE(pool.call(background(), [&ran] { ran = true; }));
    EXPECT_TRUE(ran);
    try {
      static_cast<void>(pool.call(background(), []() -> int { throw std::runtime_error("no such image"); }));
      ADD_FAILURE();
    } catch (foreign_fault const& fault) {
      EXPECT_STREQ(fault.what(), "foreign code threw: no such image");
      EXPECT_THROW(fault.rethrow_nested(), std::runtime_error);
    }
  });
}

TEST(foreign_pool, a_call_that_is_cancelled_in_the_queue_never_runs) {
  run_on(2, [] {
    std::atomic<bool> inside{false}, leave{false}, second_ran{false};
    wait_group callers;
    callers.add(1);
    {
      foreign_pool pool(1);
      go([&] {
        EXPECT_FALSE(pool.call(background(), [&] {
          inside = true;
          EXPECT_TRUE(holding_on_until([&] { return leave.load(); }));
        }));
        callers.done();
      });
      EXPECT_TRUE(yielding_until([&] { return inside.load(); }));
      auto [soon, stop] = with_timeout(background(), 10ms);
      EXPECT_EQ(pool.call(soon, [&] { second_ran = true; }), std::errc::timed_out);
      EXPECT_EQ(pool.call(soon, [&] { second_ran = true; }), std::errc::timed_out);
      leave = true;
      callers.wait();
    }
    EXPECT_FALSE(second_ran);
  });
}

// What a call that nobody waits for returns, and it itself, are destroyed: on the worker.
TEST(foreign_pool, a_call_that_is_cancelled_in_flight_goes_on_alone_and_the_pool_s_end_waits_for_it) {
  run_on(2, [] {
    struct counted {
      std::atomic<int>* live;
      explicit counted(std::atomic<int>& count) : live(&count) { ++*live; }
      counted(counted const& other) : live(other.live) { ++*live; }
      counted& operator=(counted const&) = delete;
      ~counted() { --*live; }
    };
    std::atomic<int> live{0};
    std::atomic<bool> leave{false}, ended{false};
    {
      foreign_pool pool(1);
      auto [work, stop] = with_cancel(background());
      std::atomic<bool> inside{false};
      go([&, &cancel = stop] {
        EXPECT_TRUE(yielding_until([&] { return inside.load(); }));
        cancel.cancel();
      });
      const result<counted> got = pool.call(work, [&inside, &leave, &ended, token = counted(live)] {
        inside = true;
        EXPECT_TRUE(holding_on_until([&] { return leave.load(); }));
        ended = true;
        return token;
      });
      EXPECT_EQ(got.error(), std::errc::operation_canceled);
      EXPECT_FALSE(ended);
      EXPECT_GT(live, 0);
      leave = true;
    }
    EXPECT_TRUE(ended);
    EXPECT_EQ(live, 0);
  });
}

TEST(foreign_pool, a_thousand_contained_faults_of_a_worker_start_no_thread) {
  run_on(2, [] {
    foreign_pool pool(1);
    EXPECT_FALSE(pool.call(background(), [] {}));
    const std::uint32_t before = thread_count();
    std::set<std::uint64_t> threads;
    for (int i = 0; i < 1000; ++i) {
      try {
        static_cast<void>(pool.call(contain_faults, background(), [&] {
          threads.insert(world::thread_id());
          write_nowhere();
        }));
        ADD_FAILURE();
        break;
      } catch (foreign_fault const& fault) { EXPECT_EQ(fault.signal(), SIGSEGV); }
    }
    EXPECT_EQ(threads.size(), 1u);
    EXPECT_LE(thread_count(), before + 3) << "the Ps may want one or two, each fault does not";
  });
}

TEST(foreign_pool, without_workers_is_fatal) {
  EXPECT_EXIT(run_on(1, [] { const foreign_pool pool(0); }), testing::ExitedWithCode(2),
              "a foreign_pool without workers");
}

TEST(bounded, holds_no_more_threads_than_there_is_room_for) {
  run_on(2, [] {
    constexpr std::uint32_t most = 4;
    bounded room(most);
    std::atomic<std::uint32_t> inside{0}, peak{0};
    wait_group all;
    for (int i = 0; i < 64; ++i) {
      all.add(1);
      go([&, i] {
        const auto call = [&] {
          const std::uint32_t now = inside.fetch_add(1) + 1;
          for (std::uint32_t seen = peak; seen < now && !peak.compare_exchange_weak(seen, now);) {}
          nap_ns(200'000);
          --inside;
        };
        EXPECT_FALSE(i % 2 == 0 ? room.foreign_call(background(), call) : room.syscall_blocking(background(), call));
        all.done();
      });
    }
    all.wait();
    EXPECT_EQ(peak, most);
  });
}

TEST(bounded, turns_away_whose_context_ends_first_and_gives_the_room_of_who_throws_back) {
  run_on(2, [] {
    bounded room(1);
    std::atomic<bool> inside{false}, leave{false};
    wait_group all;
    all.add(1);
    go([&] {
      EXPECT_THROW(static_cast<void>(room.foreign_call(background(),
                                                       [&] {
                                                         inside = true;
                                                         EXPECT_TRUE(holding_on_until([&] { return leave.load(); }));
                                                         throw 1;
                                                       })),
                   foreign_fault);
      all.done();
    });
    EXPECT_TRUE(yielding_until([&] { return inside.load(); }));
    auto [soon, stop] = with_timeout(background(), 10ms);
    EXPECT_EQ(room.foreign_call(soon, [] { return 1; }).error(), std::errc::timed_out);
    leave = true;
    all.wait();
    EXPECT_EQ(room.foreign_call(soon, [] { return 1; }).error(),
              std::errc::timed_out);  // there is room, and no wish any more
    EXPECT_EQ(*room.foreign_call(background(), [] { return 1; }), 1);
  });
}

}  // namespace
}  // namespace retake::test
