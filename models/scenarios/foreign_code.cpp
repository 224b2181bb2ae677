// Foreign code, callbacks out of it, and threads that the runtime did not create.
#include <array>
#include <new>
#include <optional>
#include <system_error>

#include "retake/channel.hpp"
#include "retake/foreign_call.hpp"
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sched/scheduler.hpp"
#include "sim/kernel/kernel.hpp"
#include "world/random.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace retake::scenarios {

namespace {

// What a foreign call carries in its foreign_fault; 0: nothing.
template <class Fn>
int thrown_by(Fn fn) {
  try {
    foreign_call(fn);
  } catch (foreign_fault const& fault) {
    try {
      fault.rethrow_nested();
    } catch (int thrown) { return thrown; }
  }
  return 0;
}

void calls() {
  run_watched(1, [] {
    wait_group done;
    done.add(1);
    go([&] {
      const int thrown = thrown_by([] { throw 7; });
      world::require(thrown == 7, "G7: an exception of a foreign call is another, or lost");
      done.done();
    });
    const int result = foreign_call([] {
      sim::kernel::sleep_syscall(60 * us);
      return 3;
    });
    world::require(result == 3, "G7: the result of a foreign call is lost");
    done.wait();
    world::require(count_foreign_calls().made == 2 && count_foreign_calls().inside == 0,
                   "G7: foreign calls are miscounted");
  });
}

// The foreign frames lie on the thread's stack: the callback may block and must find them as they
// were, on that thread.
void callbacks() {
  run_watched(2, [] {
    channel<int> answers;
    wait_group done;
    done.add(2);
    go([&] {
      machine const* home = nullptr;
      const int thrown = thrown_by([&] {
        home = this_machine();
        volatile int mine = 5;
        callback([&] {
          const auto got = answers.receive();
          world::require(got.has_value() && this_machine() == home,
                         "L2: a callback goes on on another thread than its foreign code");
          foreign_call([&] {
            callback([] { yield(); });
            world::require(this_machine() == home, "L2: a foreign call out of a callback is made on another thread");
          });
        });
        world::require(mine == 5, "G7: a callback wrote into the foreign code's frame");
        callback([] { throw 8; });
      });
      world::require(thrown == 8, "G7: an exception of a callback did not pass through the foreign code");
      done.done();
    });
    go([&] {
      foreign_call([&] { callback([&] { answers.send(1); }); });
      done.done();
    });
    done.wait();
    const os_thread_lock hold;
    foreign_call([] {
      callback([] {
        lock_os_thread();
        unlock_os_thread();
      });
    });
  });
}

// A thread of somebody else, as a library has them.
struct visitor {
  callback_gate* gate;
  channel<int>* values;
  int value;

  static void thread(void* self) {
    const visitor me =
        *static_cast<visitor*>(self);  // main may have closed the gate and gone before this thread has ended
    const int doubled = me.gate->call([&me] {
      me.values->send(me.value);
      foreign_call([&me] { callback([&me] { me.values->send(me.value); }); });
      return 2 * me.value;
    });
    world::require(doubled == 2 * me.value, "G9: what a foreign thread's goroutine returned is lost");
  }
};

void start_visitor(visitor& who) {
  while (world::thread_start(visitor::thread, &who) != 0)
    world::sleep_until(world::nanotime() + 1 * us);  // the fault eagain_thread
}

// Main waits for threads that nobody counts yet: no deadlock.
void foreign_threads() {
  run_watched(2, [] {
    channel<int> values;
    int sum = 0;
    {
      callback_gate gate;
      visitor first{&gate, &values, 1};
      visitor second{&gate, &values, 2};
      start_visitor(first);
      start_visitor(second);
      for (int i = 0; i < 4; ++i) sum += *values.receive();
    }
    world::require(sum == 6, "G9: a foreign thread's value is lost");
  });
}

// A thread that comes again and again, while its P keeps few dead goroutines.
void foreign_thread_comes_again() {
  policy rules;
  rules.free_goroutines_per_processor = 2;
  run_watched(
      1,
      [] {
        struct shared {
          callback_gate gate;
          channel<int> over;
        } both;
        const auto calls = [](void* self) {
          auto& all = *static_cast<shared*>(self);
          for (int i = 0; i < 6; ++i) all.gate.call([] {});
          all.gate.call([&all] { all.over.close(); });
        };
        while (world::thread_start(calls, &both) != 0) world::sleep_until(world::nanotime() + 1 * us);
        static_cast<void>(both.over.receive());
      },
      rules);
}

// The program ends while a foreign thread's goroutine waits: its thread comes home and is told, as
// is one that comes later.
void end_beside_visitor() {
  struct shared {
    std::optional<callback_gate> gate;
    std::optional<channel<int>> arrived;
    world::atomic<std::uint32_t> told{0};
    static void thread(void* self) {
      auto& me = *static_cast<shared*>(self);
      try {
        me.gate->call([&me] {
          me.arrived->send(1);
          static_cast<void>(me.arrived->receive());
        });
      } catch (std::system_error const&) {
        me.told.store_release(1);
        world::futex_wake(me.told, 1);
      }
    }
  };
  shared us_both;
  run_watched(1,
              [&] {
                us_both.gate.emplace();
                us_both.arrived.emplace();
                while (world::thread_start(shared::thread, &us_both) != 0)
                  world::sleep_until(world::nanotime() + 1 * us);
                static_cast<void>(us_both.arrived->receive());
              },
              {}, {.everything_ends = false});
  while (us_both.told.load_acquire() == 0) world::futex_wait(us_both.told, 0);
  try {
    us_both.gate->call([] { world::require(false, "G9: a goroutine runs whose program has ended"); });
  } catch (std::system_error const&) { return; }
  world::require(false, "G9: a gate of an ended program lets a thread in");
}

// Foreign code that faults now and then. Answers whether it did.
bool faulting_call() {
  try {
    foreign_call(contain_faults, [] {
      if (world::choose("fault", 2) == 0) sim::raise_fault({11, 8});
    });
  } catch (foreign_fault const& fault) {
    world::require(fault.signal() == 11 && fault.address() == 8, "G7: a fault of foreign code arrives as another");
    return true;
  }
  return false;
}

// A damaged thread stays with a goroutine that is locked to it, and is nobody's afterwards.
void contained_faults() {
  run_watched(2, [] {
    std::array<std::uint32_t, 2> damaged{~0u, ~0u};
    wait_group done;
    done.add(2);
    go([&] {
      const std::uint32_t before = this_machine()->id;
      if (faulting_call()) damaged[0] = before;
      yield();
      done.done();
    });
    go([&] {
      bool faulted = false;
      {
        const os_thread_lock hold;
        machine const* const home = this_machine();
        for (int i = 0; i < 2; ++i) {
          faulted = faulting_call() || faulted;
          yield();
        }
        world::require(this_machine() == home, "L2: a locked goroutine left its damaged thread");
        if (faulted) damaged[1] = home->id;
      }
      done.done();
    });
    done.wait();
    for (int turns = 0; turns < 2; ++turns) {
      for (const std::uint32_t id : damaged) {
        const bool on_damaged = this_machine()->id == id && this_machine()->tainted;
        world::require(!on_damaged, "L5: a goroutine runs on a damaged thread that is not its own");
      }
      yield();
    }
  });
}

}  // namespace

RETAKE_SCENARIO(foreign_calls,
                "foreign calls return their value, or their exception in a foreign_fault, to the goroutine that made "
                "them, and are counted",
                calls);
RETAKE_SCENARIO(
    foreign_callbacks,
    "callbacks block, nest and throw on their goroutine, on the foreign code's thread, and leave its frames alone",
    callbacks);
RETAKE_SCENARIO(
    foreign_faults,
    "a fault that is contained ends no goroutine, and its thread runs no goroutine but one that is locked to it",
    contained_faults);
RETAKE_SCENARIO(foreign_threads_call,
                "threads that the runtime did not create run goroutines through a gate, and no deadlock is reported "
                "while one may come",
                foreign_threads);
RETAKE_SCENARIO(foreign_thread_returns,
                "a foreign thread that calls again and again uses the goroutine that its last call has left",
                foreign_thread_comes_again);
RETAKE_SCENARIO(foreign_thread_beside_end,
                "a foreign thread whose goroutine is abandoned at the end of the program comes home and is told",
                end_beside_visitor);

}  // namespace retake::scenarios
