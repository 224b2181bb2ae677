// Goroutines that belong to their thread, in system calls and at their end.
#include <array>

#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sched/scheduler.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

// A locked goroutine finds its thread again after each call, whether it keeps its P (fast) or loses
// it (slow: another goroutine wants it).
void locked_calls(std::uint32_t processors, std::int64_t duration_ns, int others) {
  run_watched(processors, [=] {
    wait_group done;
    done.add(1 + others);
    for (int i = 0; i < others; ++i) {
      go([&] {
        for (int k = 0; k < 2; ++k) call(30 * us);
        done.done();
      });
    }
    go([&, duration_ns] {
      const os_thread_lock hold;
      machine const* const home = this_machine();
      for (int i = 0; i < 2; ++i) {
        call(duration_ns);
        world::require(this_machine() == home, "L2: a locked goroutine returns from a call on another thread");
      }
      done.done();
    });
    done.wait();
  });
}

void fast() { locked_calls(2, 5 * us, 0); }
void slow() { locked_calls(1, 60 * us, 2); }

// Locks nest; a goroutine that ends locked takes its thread with it, one that does not leaves the
// thread for others.
void nest_and_exit() {
  run_watched(2, [] {
    wait_group done;
    done.add(2);
    go([&] {
      lock_os_thread();
      lock_os_thread();
      unlock_os_thread();
      machine const* const home = this_machine();
      yield();
      world::require(this_machine() == home, "L2: a goroutine that unlocked once of two left its thread");
      done.done();
    });
    go([&] {
      lock_os_thread();
      yield();
      unlock_os_thread();
      yield();
      done.done();
    });
    done.wait();
  });
}

// Two locked goroutines hand a value back and forth: each round starts the other's thread and parks
// the own.
void locked_ping_pong() {
  run_watched(2, [] {
    channel<int> there;
    channel<int> back;
    wait_group done;
    done.add(1);
    go([&] {
      const os_thread_lock hold;
      for (int i = 0; i < 2; ++i) {
        const auto got = there.receive();
        world::require(got.has_value() && *got == i, "G6: a locked goroutine receives what was not sent");
        back.send(*got);
      }
      done.done();
    });
    const os_thread_lock hold;
    for (int i = 0; i < 2; ++i) {
      there.send(i);
      static_cast<void>(back.receive());
    }
    done.wait();
  });
}

// Goroutines end locked, perhaps on the main thread, which is wedged then and must still come home;
// nobody runs on their threads any more.
void main_thread_wedged() {
  run_watched(2, [] {
    std::array<std::uint32_t, 4> ended_on{};
    wait_group done;
    done.add(static_cast<int>(ended_on.size()));
    for (std::uint32_t& where : ended_on) {
      go([&] {
        lock_os_thread();
        yield();
        where = this_machine()->id;
        done.done();
      });
    }
    done.wait();
    for (int turns = 0; turns < 3; ++turns) {
      yield();
      for (const std::uint32_t where : ended_on)
        world::require(this_machine()->id != where,
                       "L3: a goroutine runs on a thread whose goroutine has ended locked");
    }
  });
}

// No thread idles, but main's, which never ends; work that comes later finds new ones.
void idle_threads_trimmed() {
  policy rules;
  rules.idle_machines_max = 0;
  run_watched(
      2,
      [] {
        for (int round = 0; round < 2; ++round) {
          wait_group done;
          done.add(2);
          for (int i = 0; i < 2; ++i) {
            go([&] {
              syscall_blocking([] { sim::kernel::sleep_syscall(20 * us); });
              done.done();
            });
          }
          done.wait();
          scheduler& s = this_machine()->home;
          const locked hold(s.lock);
          world::require(s.idle.machines() <= 1, "M8: more threads idle than the policy keeps");
        }
      },
      rules);
}

constexpr int family_max = 24;

// A P whose own queue never runs empty: each member of the family starts its successor, and one
// more that pushes it into the ring. In every third schedule the P looks at the global queue, in
// which the locked goroutine stands behind those that were there before it.
void locked_beside_family() {
  policy rules;
  rules.global_queue_every = 3;
  run_watched(
      1,
      [&rules] {
        struct family {
          int members = 0;
          void next() {
            if (++members == family_max) return;
            go([this] { next(); });
            go([] {});
          }
        } f;
        processor const& only = this_machine()->processor_here();
        const os_thread_lock hold;
        f.next();
        for (int i = 0; i < 3; ++i) {
          const std::uint32_t before = only.schedule_tick.load_relaxed(),
                              ahead = this_machine()->home.global.size_hint();
          yield();
          world::require(only.schedule_tick.load_relaxed() - before <= (ahead + 1) * rules.global_queue_every + 1,
                         "V2: a locked goroutine starves beside others");
        }
        while (f.members < family_max) yield();
      },
      rules);
}

}  // namespace

RETAKE_SCENARIO(locked_beside_load,
                "a locked goroutine has its turn beside goroutines that never let their queue run empty",
                locked_beside_family);
RETAKE_SCENARIO(locked_call_fast, "a locked goroutine returns from a short call on its thread, with a P", fast);
RETAKE_SCENARIO(locked_call_slow, "a locked goroutine whose P was taken waits for one and goes on on its own thread",
                slow);
RETAKE_SCENARIO(lock_nest_exit_locked, "locks nest, and a goroutine that ends locked ends its thread", nest_and_exit);
RETAKE_SCENARIO(locked_threads_talk, "two locked goroutines wake each other's threads and lose no message",
                locked_ping_pong);
RETAKE_SCENARIO(idle_threads_end, "threads that the policy does not keep idle end, and nobody misses them",
                idle_threads_trimmed);
RETAKE_SCENARIO(locked_ends_everywhere,
                "threads that end with their goroutines, the main thread's among them, leave nobody behind",
                main_thread_wedged);

}  // namespace retake::scenarios
