// Foreign code: its stack, its values and exceptions, callbacks out of it, and threads of its own.
// Method: real threads; a stack address says who runs where.
#include <alloca.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/foreign_call.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"
#include "world/thread.hpp"

namespace retake::test {
namespace {

TEST(foreign_call, runs_on_the_thread_s_own_stack_with_room_for_a_mib) {
  run_on(1, [] {
    char here_too = 0;
    char const* there = nullptr;
    foreign_call([&] {
      char* const room = static_cast<char*>(alloca(1000 * 1024));
      std::memset(room, 1, 1000 * 1024);
      there = room;
    });
    world::stack const own = this_goroutine().stack;
    char const* const low = static_cast<char const*>(own.low);
    EXPECT_TRUE(&here_too >= low && &here_too < low + own.bytes);
    EXPECT_FALSE(there >= low && there < low + own.bytes);
  });
}

TEST(foreign_call, carries_values_and_exceptions) {
  run_on(2, [] {
    EXPECT_EQ(foreign_call([] { return std::string(100, 'x'); }).size(), 100u);
    EXPECT_EQ(*foreign_call([] { return std::make_unique<int>(5); }), 5);
    EXPECT_THROW(foreign_call([] { throw std::runtime_error("foreign"); }), foreign_fault);
    try {
      foreign_call([]() -> int { throw std::string("text"); });
      ADD_FAILURE();
    } catch (foreign_fault const& fault) {
      EXPECT_STREQ(fault.what(), "foreign code threw");
      EXPECT_THROW(fault.rethrow_nested(), std::string);
    }
    yield();
  });
}

TEST(foreign_call, blocks_a_thread_and_not_its_p) {
  run_on(1, [] {
    constexpr int calls = 8;
    std::atomic<int> inside{0};
    wait_group all;
    for (int i = 0; i < calls; ++i) {
      all.add(1);
      go([&] {
        foreign_call([&] {
          inside.fetch_add(1);
          EXPECT_TRUE(holding_on_until([&] { return inside.load() == calls; }));
        });
        all.done();
      });
    }
    all.wait();
  });
}

TEST(foreign_call, a_locked_goroutine_calls_on_its_own_thread) {
  run_on(2, [] {
    const os_thread_lock hold;
    const std::uint64_t thread = world::thread_id();
    std::uint64_t inside = 0;
    foreign_call([&] {
      inside = world::thread_id();
      nap_ns(20'000'000);
    });
    EXPECT_EQ(inside, thread);
    EXPECT_EQ(world::thread_id(), thread);
  });
}

TEST(foreign_call, is_counted_while_inside_and_for_ever) {
  run_on(2, [] {
    std::atomic<bool> inside{false}, leave{false};
    wait_group all;
    all.add(1);
    go([&] {
      foreign_call([&] {
        inside = true;
        EXPECT_TRUE(holding_on_until([&] { return leave.load(); }));
      });
      all.done();
    });
    EXPECT_TRUE(yielding_until([&] { return inside.load(); }));
    EXPECT_EQ(count_foreign_calls().inside, 1u);
    leave = true;
    all.wait();
    for (int i = 0; i < 99; ++i) foreign_call([] {});
    EXPECT_EQ(count_foreign_calls().made, 100u);
    EXPECT_EQ(count_foreign_calls().inside, 0u);
  });
}

// ---- callbacks ----

TEST(callback, blocks_and_finds_the_foreign_frames_as_they_were) {
  run_on(2, [] {
    channel<int> there, back;
    wait_group done;
    done.add(1);
    go([&] {
      while (auto const value = there.receive()) back.send(*value + 1);
      done.done();
    });
    const std::uint64_t thread = foreign_call([&] {
      unsigned char frame[4096];
      std::memset(frame, 0x5a, sizeof(frame));
      const std::uint64_t before = world::thread_id();
      for (int i = 0; i < 200; ++i) {
        callback([&] {
          there.send(i);
          EXPECT_EQ(back.receive(), i + 1);
          if (i % 20 == 0) sleep_for(50us);
          if (i % 20 == 1) retake::syscall([] { nap_ns(100'000); });
          EXPECT_EQ(world::thread_id(), before);
        });
      }
      for (unsigned char const byte : frame) EXPECT_EQ(byte, 0x5a);
      return before;
    });
    EXPECT_NE(thread, 0u);
    there.close();
    done.wait();  // the channels end with this function
  });
}

int nested(int depth) {
  return foreign_call([depth] {
    volatile int mine = depth;
    const int below = callback([depth] {
      yield();
      return depth == 0 ? 0 : nested(depth - 1);
    });
    EXPECT_EQ(mine, depth);
    return below + 1;
  });
}

TEST(callback, nests_to_any_depth) {
  run_on(2, [] {
    wait_group all;
    for (int i = 0; i < 4; ++i) {
      all.add(1);
      go([&] {
        EXPECT_EQ(nested(50), 51);
        all.done();
      });
    }
    all.wait();
    EXPECT_EQ(count_foreign_calls().made, 204u);
    EXPECT_EQ(this_goroutine().locked_m.get(), nullptr);
  });
}

TEST(callback, its_exception_passes_through_the_foreign_code) {
  run_on(2, [] {
    bool unwound = false;
    struct mark {
      bool& unwound;
      ~mark() { unwound = true; }
    };
    try {
      foreign_call([&] {
        const mark foreign_frame{unwound};
        callback([] {
          yield();
          throw std::runtime_error("from the callback");
        });
      });
      ADD_FAILURE();
    } catch (foreign_fault const& fault) {
      EXPECT_STREQ(fault.what(), "foreign code threw: from the callback");
      EXPECT_THROW(std::rethrow_if_nested(fault), std::runtime_error);
    }
    EXPECT_TRUE(unwound);
    yield();
  });
}

TEST(callback, a_lock_that_is_undone_in_it_leaves_the_runtime_s_own) {
  run_on(2, [] {
    lock_os_thread();
    foreign_call([] {
      callback([] {
        const std::uint64_t thread = world::thread_id();
        unlock_os_thread();
        for (int i = 0; i < 20; ++i) {
          sleep_for(10us);
          EXPECT_EQ(world::thread_id(), thread);
        }
      });
    });
    EXPECT_EQ(this_goroutine().locked_m.get(), nullptr);
  });
}

TEST(foreign_call_death, of_nothing) {
  using pointer = void (*)();
  EXPECT_EXIT(run_on(1, [] { foreign_call(pointer{}); }), testing::ExitedWithCode(2), "foreign_call nil");
  EXPECT_EXIT(run_on(1, [] { foreign_call(contain_faults, std::function<void()>()); }), testing::ExitedWithCode(2),
              "foreign_call nil");
}

TEST(callback_death, outside_of_foreign_code) {
  EXPECT_EXIT(run_on(1, [] { callback([] {}); }), testing::ExitedWithCode(2),
              "callback: the goroutine is in no foreign call");
  EXPECT_EXIT(callback([] {}), testing::ExitedWithCode(2), "callback: the thread is in no foreign call");
  EXPECT_EXIT(run_on(1, [] { foreign_call([] { callback([] { unlock_os_thread(); }); }); }), testing::ExitedWithCode(2),
              "unlock_os_thread: the goroutine is not locked");
}

// ---- threads of others ----

TEST(callback_gate, foreign_threads_run_goroutines_that_block_call_and_nest) {
  run_on(2, [] {
    constexpr int threads = 4, rounds = 100;
    channel<int> values;
    std::atomic<int> returned{0};
    {
      callback_gate gate;
      std::vector<std::thread> others;
      for (int t = 0; t < threads; ++t) {
        others.emplace_back([&] {
          for (int i = 0; i < rounds; ++i) {
            const std::uint64_t mine = world::thread_id();
            returned += gate.call([&] {
              EXPECT_EQ(world::thread_id(), mine);
              values.send(1);
              EXPECT_EQ(world::thread_id(), mine);
              return foreign_call([&] { return callback([&] { return gate.call([] { return 1; }) - 1; }) + 1; });
            });
          }
        });
      }
      for (int i = 0; i < threads * rounds; ++i) EXPECT_EQ(values.receive(), 1);
      foreign_call([&] {
        for (std::thread& other : others) other.join();
      });
    }
    EXPECT_EQ(returned.load(), threads * rounds);
    EXPECT_EQ(count_foreign_calls().made, static_cast<std::uint64_t>(threads * rounds + 1));
    EXPECT_EQ(goroutine_count(), 1u);
  });
}

TEST(callback_gate, passes_exceptions_to_the_foreign_thread) {
  run_on(1, [] {
    callback_gate gate;
    std::atomic<bool> caught{false};
    std::thread other([&] {
      try {
        gate.call([] { throw std::runtime_error("x"); });
      } catch (std::runtime_error const&) { caught = true; }
    });
    foreign_call([&] { other.join(); });
    EXPECT_TRUE(caught.load());
  });
}

std::uint32_t goroutine_records() {
  const locked hold(here().lock);
  std::uint32_t n = 0;
  for (goroutine const* g = here().goroutines.get(); g != nullptr; g = g->all_link.get()) ++n;
  return n;
}

TEST(callback_gate, a_thread_that_calls_again_and_again_leaves_nothing_behind) {
  run_on(2, [] {
    callback_gate gate;
    const auto call = [&](int times) {
      foreign_call([&] {
        std::thread([&] {
          for (int i = 0; i < times; ++i) gate.call([] { yield(); });
        }).join();
      });
    };
    call(3);
    const std::uint32_t before = goroutine_records();
    call(1000);
    EXPECT_EQ(goroutine_records(), before);
  });
}

TEST(callback_gate, while_one_is_open_nobody_reports_a_deadlock) {
  run_on(2, [] {
    callback_gate gate;
    channel<int> values;
    std::thread other([&] {
      nap_ns(50'000'000);
      gate.call([&] { values.send(3); });
    });
    EXPECT_EQ(values.receive(), 3);
    foreign_call([&] { other.join(); });
  });
}

TEST(callback_gate_death, after_it_is_closed_a_deadlock_is_reported_again) {
  EXPECT_EXIT(run_on(2,
                     [] {
                       { callback_gate gate; }
                       channel<int> never;
                       static_cast<void>(never.receive());
                     }),
              testing::ExitedWithCode(2), "all goroutines are asleep");
}

TEST(callback_gate, a_thread_whose_goroutine_the_end_of_the_program_abandons_is_told) {
  static callback_gate* never_closed;  // static: what the abandoned goroutine held is not lost
  static channel<int>* arrived;
  std::thread other;
  std::atomic<bool> told{false};
  run_on(2, [&] {
    never_closed = new callback_gate;
    arrived = new channel<int>;
    other = std::thread([&told] {
      try {
        never_closed->call([] {
          arrived->send(1);
          static_cast<void>(arrived->receive());
        });
      } catch (std::system_error const& ended) { told = ended.code() == std::errc::operation_canceled; }
    });
    EXPECT_EQ(arrived->receive(), 1);
  });
  other.join();
  EXPECT_TRUE(told.load());
}

}  // namespace
}  // namespace retake::test
