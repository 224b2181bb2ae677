// rw_mutex, cond, semaphore and once, and what misuse of this room ends with. Method: plain data
// that only the lock makes safe; counters; death tests.
#include <array>
#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "../program.hpp"
#include "retake/channel.hpp"
#include "retake/context.hpp"
#include "retake/panic.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

TEST(rw_mutex, one_writer_or_any_number_of_readers) {
  for (const std::uint32_t processors : {1u, 4u}) {
    run_on(processors, [] {
      rw_mutex m;
      long first = 0, second = 0;
      wait_group all;
      for (int i = 0; i < 6; ++i) {
        all.add(1);
        go([&, i] {
          for (int k = 0; k < 500; ++k) {
            if (i < 2) {
              const std::unique_lock hold(m);
              ++first;
              if (k % 50 == 0) yield();
              ++second;
            } else {
              const std::shared_lock hold(m);
              EXPECT_EQ(first, second);
              if (k % 50 == 0) yield();
            }
          }
          all.done();
        });
      }
      all.wait();
      EXPECT_EQ(first, 1'000);
    });
  }
}

TEST(rw_mutex, readers_share_and_wait_behind_a_writer) {
  std::string order;
  run_on(1, [&] {
    rw_mutex m;
    m.lock_shared();
    m.lock_shared();
    EXPECT_FALSE(m.try_lock());
    EXPECT_TRUE(m.try_lock_shared());
    wait_group both;
    both.add(2);
    go([&] {
      m.lock();
      order += 'w';
      m.unlock();
      both.done();
    });
    yield();
    go([&] {
      m.lock_shared();
      order += 'r';
      m.unlock_shared();
      both.done();
    });
    yield();
    EXPECT_FALSE(m.try_lock_shared());
    for (int i = 0; i < 3; ++i) m.unlock_shared();
    both.wait();
  });
  EXPECT_EQ(order, "wr");
}

TEST(semaphore, gives_no_more_than_it_has) {
  run_on(4, [] {
    semaphore s(3);
    std::atomic<int> inside{0}, most{0};
    wait_group all;
    for (int i = 0; i < 12; ++i) {
      all.add(1);
      go([&] {
        for (int k = 0; k < 200; ++k) {
          s.acquire();
          const int now = ++inside;
          for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {}
          if (k % 20 == 0) yield();
          --inside;
          s.release();
        }
        all.done();
      });
    }
    all.wait();
    EXPECT_LE(most.load(), 3);
    EXPECT_TRUE(s.try_acquire(3));
    EXPECT_FALSE(s.try_acquire());
  });
}

TEST(semaphore, a_large_wish_is_not_overtaken) {
  std::string order;
  run_on(1, [&] {
    semaphore s(4);
    s.acquire(3);
    wait_group both;
    both.add(2);
    go([&] {
      s.acquire(4);
      order += 'l';
      s.release(4);
      both.done();
    });
    yield();
    go([&] {
      s.acquire(1);
      order += 's';
      s.release(1);
      both.done();
    });
    yield();
    EXPECT_EQ(order, "");
    s.release(3);
    both.wait();
  });
  EXPECT_EQ(order, "ls");
}

TEST(semaphore, who_gives_up_lets_those_behind_it_go) {
  run_on(2, [] {
    semaphore s(2);
    s.acquire();
    channel<int> went;
    go([&] {
      EXPECT_FALSE(s.acquire_for(3ms, 2));  // in vain: one of two is out
      went.send(1);
    });
    EXPECT_TRUE(yielding_until([&] { return !s.try_acquire() ? true : (s.release(), false); }));  // it waits
    go([&] {
      s.acquire();
      went.send(2);
    });
    const int first = *went.receive(), second = *went.receive();
    EXPECT_EQ(first + second, 3);
  });
}

TEST(semaphore, waits_until_a_context_is_done) {
  run_on(2, [] {
    semaphore s(1);
    EXPECT_FALSE(s.acquire(background()));
    auto [ctx, stop] = with_cancel(background());
    go([&stop = stop] { stop.cancel(); });
    EXPECT_EQ(s.acquire(ctx), std::errc::operation_canceled);
    EXPECT_EQ(s.acquire(ctx), std::errc::operation_canceled);
    s.release();
    EXPECT_EQ(s.acquire(ctx), std::errc::operation_canceled) << "a permit is free, and the context is done";
    EXPECT_TRUE(s.try_acquire());
    go([&] { s.release(); });
    auto [later, never] = with_timeout(background(), 1h);
    EXPECT_FALSE(s.acquire(later));
  });
}

TEST(semaphore, permits_time_outs_and_cancellation_at_once_lose_no_permit) {
  run_on(4, [] {
    constexpr int rounds = under_sanitizer ? 200 : 1'000;
    semaphore s(3);
    auto [ctx, stop] = with_cancel(background());
    wait_group all;
    for (int i = 0; i < 8; ++i) {
      all.add(1);
      go([&, i, until = ctx] {
        for (int k = 0; k < rounds; ++k) {
          const std::uint32_t n = 1 + static_cast<std::uint32_t>((i + k) % 3);
          bool got = true;
          if (k % 3 == 0) {
            s.acquire(n);
          } else if (k % 3 == 1) {
            got = s.acquire_for(k % 7 * 500ns, n);
          } else {
            auto [short_one, end] = with_timeout(until, k % 5 * 1us);
            got = !s.acquire(short_one, n);
          }
          if (k % 11 == 0) yield();
          if (got) s.release(n);
        }
        all.done();
      });
    }
    all.wait();
    EXPECT_TRUE(s.try_acquire(3));
  });
}

TEST(cond, a_signal_lets_one_go_and_a_broadcast_all) {
  run_on(2, [] {
    mutex m;
    cond c;
    int tickets = 0, through = 0, waiting = 0;
    wait_group all;
    for (int i = 0; i < 5; ++i) {
      all.add(1);
      go([&] {
        const std::lock_guard hold(m);
        ++waiting;
        c.wait(m, [&] { return tickets > 0; });
        --tickets;
        ++through;
        all.done();
      });
    }
    const auto locked_value = [&](int& v) {
      const std::lock_guard hold(m);
      return v;
    };
    EXPECT_TRUE(yielding_until([&] { return locked_value(waiting) == 5; }));
    {
      const std::lock_guard hold(m);
      tickets = 1;
      c.signal();
    }
    EXPECT_TRUE(yielding_until([&] { return locked_value(through) == 1; }));
    {
      const std::lock_guard hold(m);
      tickets = 4;
    }
    c.broadcast();
    all.wait();
    EXPECT_EQ(through, 5);
  });
}

TEST(cond, hands_every_item_over) {
  run_on(4, [] {
    constexpr int items = 2'000;
    mutex m;
    cond not_empty, not_full;
    int queued = 0, taken = 0;
    wait_group all;
    all.add(4);
    for (int i = 0; i < 2; ++i) {
      go([&] {
        for (int k = 0; k < items; ++k) {
          const std::lock_guard hold(m);
          not_full.wait(m, [&] { return queued < 3; });
          ++queued;
          not_empty.signal();
        }
        all.done();
      });
      go([&] {
        for (int k = 0; k < items; ++k) {
          const std::lock_guard hold(m);
          not_empty.wait(m, [&] { return queued > 0; });
          --queued;
          ++taken;
          not_full.signal();
        }
        all.done();
      });
    }
    all.wait();
    EXPECT_EQ(taken, 2 * items);
  });
}

TEST(once, the_first_does_it_and_the_others_wait) {
  run_on(4, [] {
    once o;
    int done = 0;
    wait_group all;
    for (int i = 0; i < 8; ++i) {
      all.add(1);
      go([&] {
        o.call([&] {
          yield();
          ++done;
        });
        EXPECT_EQ(done, 1);
        all.done();
      });
    }
    all.wait();
  });
}

TEST(once_value, is_computed_once_and_each_call_gets_it_or_its_exception) {
  run_on(4, [] {
    std::atomic<int> computed{0};
    once_value answer([&] {
      yield();
      return std::make_unique<int>(++computed);
    });
    once_value failing([&]() -> int { throw std::runtime_error("attempt " + std::to_string(++computed)); });
    wait_group all;
    for (int i = 0; i < 8; ++i) all.go([&] { EXPECT_EQ(*answer(), 1); });
    all.wait();
    for (int i = 0; i < 2; ++i) {
      try {
        static_cast<void>(failing());
        ADD_FAILURE() << "the exception is lost";
      } catch (std::runtime_error const& e) { EXPECT_STREQ(e.what(), "attempt 2"); }
    }
  });
}

TEST(wait_group, what_it_starts_is_done_however_it_ends_and_behind_the_function_s_own_objects) {
  run_on(2, [] {
    wait_group all;
    std::atomic<int> ended{0};
    struct counts_end {
      std::atomic<int>* at;
      explicit counts_end(std::atomic<int>& n) : at(&n) {}
      counts_end(counts_end&& other) noexcept : at(std::exchange(other.at, nullptr)) {}
      ~counts_end() {
        if (at == nullptr) return;
        for (int i = 0; i < 3; ++i) yield();
        ++*at;
      }
    };
    for (int i = 0; i < 4; ++i) {
      all.go([i, last = counts_end(ended)] {
        if (i % 2 == 0) exit_goroutine();
      });
    }
    std::array<char, 4'000> large{1};
    all.go([large, &ended] { ended += large[0]; });
    all.wait();
    EXPECT_EQ(ended.load(), 5);
    struct throws_when_moved {
      throws_when_moved() = default;
      throws_when_moved(throws_when_moved const&) { throw std::runtime_error("no copy"); }
      void operator()() const {}
    } const whole;
    EXPECT_THROW(all.go(whole), std::runtime_error);
    all.wait();  // announces nothing that was not started
  });
}

TEST(once, it_counts_as_done_when_it_throws) {
  run_on(1, [] {
    once o;
    EXPECT_THROW(o.call([] { throw 1; }), int);
    o.call([] { ADD_FAILURE() << "done again"; });
  });
}

struct misuse {
  char const* text;
  void (*what)();
};

TEST(sync_death, misuse_is_fatal_with_its_text) {
  const misuse all[] = {
      {"unlock of unlocked mutex",
       [] {
         mutex m;
         m.lock();
         m.unlock();
         m.unlock();
       }},
      {"unlock of unlocked rw_mutex",
       [] {
         rw_mutex m;
         m.unlock();
       }},
      {"unlock of unlocked rw_mutex",
       [] {
         rw_mutex m;
         m.lock_shared();
         m.unlock();
       }},
      {"unlock_shared of unlocked rw_mutex",
       [] {
         rw_mutex m;
         m.unlock_shared();
       }},
      {"unlock_shared of unlocked rw_mutex",
       [] {
         rw_mutex m;
         m.lock();  // a writer is no reader
         m.unlock_shared();
       }},
      {"unlock_shared of unlocked rw_mutex",
       [] {
         rw_mutex m;
         m.lock();
         go([&] { m.lock(); });
         yield();
         m.unlock_shared();  // and a waiter changes nothing
       }},
      {"unlock of unlocked rw_mutex",
       [] {
         rw_mutex m;
         m.lock_shared();
         go([&] { m.lock(); });
         yield();
         m.unlock();
       }},
      {"a semaphore of no permits, or of too many", [] { semaphore s(0); }},
      {"a semaphore of no permits, or of too many", [] { semaphore s(1u << 30); }},
      {"a semaphore is asked for more permits than it has",
       [] {
         semaphore s(2);
         s.acquire(3);
       }},
      {"a semaphore gets back more permits than it gave",
       [] {
         semaphore s(2);
         s.acquire(1);
         s.release(2);
       }},
      {"negative wait_group counter",
       [] {
         wait_group w;
         w.add(1);
         w.done();
         w.done();
       }},
      {"wait_group counter overflow",
       [] {
         wait_group w;
         w.add(std::numeric_limits<std::int32_t>::max());
         w.add(1);
       }},
      {"the function of a once_value did not return",
       [] {
         once_value answer([]() -> int { exit_goroutine(); });
         wait_group first;
         first.go([&] { static_cast<void>(answer()); });
         first.wait();
         static_cast<void>(answer());
       }},
      {"an exception left a goroutine",
       [] {
         channel<int> c;
         c.close();
         c.send(1);
       }},
      {"close of closed channel",
       [] {
         channel<int> c;
         c.close();
         c.close();
       }},
  };
  for (misuse const& one : all) EXPECT_EXIT(run_on(1, one.what), testing::ExitedWithCode(2), one.text);
}

// A goroutine waits in `wait` when the object ends.
template <class Object, class Wait>
void ends_while_waited_for(Object* object, Wait wait) {
  go([=] { wait(*object); });
  yield();
  delete object;
}

TEST(sync_death, the_end_of_an_object_that_goroutines_wait_for_is_fatal) {
  constexpr misuse all[] = {
      {"G6: a mutex is destroyed while goroutines wait for it",
       [] {
         auto* const m = new mutex;
         m->lock();
         ends_while_waited_for(m, [](mutex& x) { x.lock(); });
       }},
      {"G6: a rw_mutex is destroyed while goroutines wait for it",
       [] {
         auto* const m = new rw_mutex;
         m->lock_shared();
         ends_while_waited_for(m, [](rw_mutex& x) { x.lock(); });
       }},
      {"G6: a semaphore is destroyed while goroutines wait for it",
       [] {
         auto* const s = new semaphore(2);
         s->acquire(1);
         ends_while_waited_for(s, [](semaphore& x) { x.acquire(2); });
       }},
      {"G6: a cond is destroyed while goroutines wait for it",
       [] {
         static mutex guard;
         ends_while_waited_for(new cond, [](cond& x) {
           guard.lock();
           x.wait(guard);
         });
       }},
      {"G6: a once is destroyed while goroutines wait for it",
       [] {
         auto* const o = new once;
         go([=] { o->call([] { sleep_for(1h); }); });
         yield();
         ends_while_waited_for(o, [](once& x) { x.call([] {}); });
       }},
      {"G6: a wait_group is destroyed while goroutines wait for it",
       [] {
         auto* const w = new wait_group;
         w->add(1);
         ends_while_waited_for(w, [](wait_group& x) { x.wait(); });
       }},
  };
  for (misuse const& one : all)
    EXPECT_EXIT(run_on(1, one.what), testing::ExitedWithCode(2), std::string(one.text) + "(.|\n)*goroutine 1 \\[");
}

}  // namespace
}  // namespace retake::test
