// Permits, conditions, contexts and tickers: who waits is let go once, in turn, by whatever comes
// first.
#include "retake/context.hpp"
#include "retake/go.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "retake/timer.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

// Large and small wishes, some of which give up by the clock or a context; while one permit stays
// out, those who want one go on.
void semaphore_in_turn() {
  run_watched(2, [] {
    semaphore s(2);
    auto [ctx, stop] = with_cancel(background());
    world::plain<std::uint32_t> alone(0);
    wait_group done, small;
    done.add(2);
    small.add(1);
    s.acquire();
    go([&] {
      if (s.acquire_for(30us, 2)) {
        alone.set(alone.get() + 1);  // nobody else has any
        s.release(2);
      }
      done.done();
    });
    go([&, until = ctx] {
      if (!s.acquire(until, 2)) {
        alone.set(alone.get() + 1);
        s.release(2);
      }
      done.done();
    });
    go([&] {
      s.acquire();
      s.release();
      small.done();
    });
    compute(30 * us);
    stop.cancel();
    small.wait();
    s.release();
    done.wait();
    world::require(s.try_acquire(2), "G6: a permit is lost");
  });
}

// Two writers among readers.
void readers_and_writers() {
  run_watched(2, [] {
    rw_mutex m;
    world::plain<std::uint32_t> written(0);
    wait_group done;
    done.add(4);
    for (int i = 0; i < 4; ++i) {
      go([&, i] {
        if (i % 2 == 0) {
          m.lock();
          written.set(written.get() + 1);
          yield();
          m.unlock();
        } else {
          m.lock_shared();
          static_cast<void>(written.get());
          m.unlock_shared();
        }
        done.done();
      });
    }
    done.wait();
    world::require(written.get() == 2, "G6: what a writer wrote is lost");
  });
}

// Signals between a look and a wait.
void signal_and_wait() {
  run_watched(2, [] {
    mutex m;
    cond c;
    std::uint32_t tickets = 0;
    wait_group done;
    done.add(2);
    for (int i = 0; i < 2; ++i) {
      go([&] {
        m.lock();
        c.wait(m, [&] { return tickets > 0; });
        --tickets;
        m.unlock();
        done.done();
      });
    }
    for (int i = 0; i < 2; ++i) {
      m.lock();
      ++tickets;
      m.unlock();
      c.signal();
    }
    done.wait();
    world::require(tickets == 0, "G6: a signal is lost or counted twice");
  });
}

// A parent is cancelled while its child's deadline passes, another child is made and a third ends.
void cancel_and_deadline() {
  run_watched(2, [] {
    auto [root, stop] = with_cancel(background());
    world::atomic<std::uint32_t> calls(0);
    wait_group done;
    done.add(2);
    go([&, from = root] {
      auto [child, stop_child] = with_timeout(from, 30us);
      after_done(child, [&] { calls.fetch_add_release(1); });
      static_cast<void>(child.done()->receive());
      world::require(static_cast<bool>(child.error()), "G6: a context is done without a reason");
      done.done();
    });
    go([&, from = root] {
      auto [child, stop_child] = with_cancel(from);
      auto [below, stop_below] = with_timeout(child, 20us);
      select(on_receive(below.done(), [](auto) {}), after(10us, [] {}));
      done.done();
    });
    compute(30 * us);
    stop.cancel();
    done.wait();
    while (calls.load_acquire() == 0) sleep_for(20us);
    world::require(calls.load_acquire() == 1, "G6: a call after done happens twice");
  });
}

bool is_done(context const& c) {
  return select(on_receive(c.done(), [](auto) {}), otherwise([] {})) == 0;
}

// One goroutine cancels, another reads the context in both orders, a third cancels too and reads it
// then.
void error_and_done() {
  run_watched(2, [] {
    auto [root, stop] = with_cancel(background());
    auto [below, stop_below] = with_cancel(root);
    wait_group done;
    done.add(2);
    go([&, seen = root, seen_below = below] {
      for (context const* const c : {&seen_below, &seen}) {
        world::require(!c->error() || is_done(*c), "G6: a context has an error and its done() is open");
        world::require(!is_done(*c) || c->error(), "G6: a context's done() is closed and it has no error");
      }
      done.done();
    });
    go([&, seen = root, canceller = &stop] {
      canceller->cancel();
      world::require(is_done(seen), "G6: cancel() returns before the context's done() is closed");
      done.done();
    });
    yield();
    stop.cancel();
    world::require(is_done(root), "G6: cancel() returns before the context's done() is closed");
    done.wait();
  });
}

// A ticker is reset and stopped while it ticks.
void tick_and_reset() {
  run_watched(2, [] {
    ticker t(20us);
    static_cast<void>(t.due().receive());
    wait_group done;
    done.add(1);
    go([&] {
      t.reset(30us);
      done.done();
    });
    static_cast<void>(t.due().receive());
    static_cast<void>(t.due().receive());
    t.stop();
    done.wait();
  });
}

// Three ask for what is made once; each reads it at once.
void made_once() {
  run_watched(2, [] {
    once first;
    world::plain<int> made(0);
    wait_group done;
    done.add(3);
    for (int i = 0; i < 3; ++i) {
      go([&, i] {
        if (i == 1) yield();
        first.call([&] {
          made.set(made.get() + 1);
          call(10 * us);
        });
        world::require(made.get() == 1, "G6: what is done once is done twice, or not yet");
        done.done();
      });
    }
    done.wait();
  });
}

}  // namespace

RETAKE_SCENARIO(once_beside_once, "what many ask for is made once, and everybody sees it whole", made_once);
RETAKE_SCENARIO(semaphore_serves_in_turn,
                "permits are had by as many as there are, and none is lost when who waits gives up", semaphore_in_turn);
RETAKE_SCENARIO(writers_exclude_readers, "a writer is alone, and readers and writers all have their turn",
                readers_and_writers);
RETAKE_SCENARIO(signal_against_wait, "a signal between the look and the wait is not lost", signal_and_wait);
RETAKE_SCENARIO(
    cancel_against_deadline,
    "a context that is cancelled while its deadline passes is done once, and nothing of it is touched afterwards",
    cancel_and_deadline);
RETAKE_SCENARIO(error_against_done, "a context has an error exactly while its done() is closed, for every reader",
                error_and_done);
RETAKE_SCENARIO(tick_against_reset, "a ticker that is reset while it ticks goes on, and ends when it is stopped",
                tick_and_reset);

}  // namespace retake::scenarios
