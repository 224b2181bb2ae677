// The nine cases of a hand-off: what becomes of a P that was taken out of a system call. Each
// scenario makes its case likely; the suite checks that all of them were reached.
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/net.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sched/scheduler.hpp"
#include "world/clock.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

// Cases 1 and 9: work in the queue, or nothing at all.
void with_and_without_work() {
  run_watched(2, [] {
    wait_group done;
    done.add(2);
    go([&] {
      call(60 * us);
      done.done();
    });
    go([&] { done.done(); });
    call(25 * ms);
    done.wait();
  });
}

// Parks the goroutine and leaves it in `where`, for the producer to offer.
bool stay(goroutine& g, void* where) noexcept {
  static_cast<world::atomic<goroutine*>*>(where)->store_release(&g);
  return true;
}

// A parked reader of the trace, or background work, is offered to any P; what the offering
// goroutine does then decides who takes it.
template <class Then>
void with_offer(world::atomic<goroutine*> scheduler::*slot, std::uint32_t processors, Then then) {
  run_watched(processors, [=] {
    world::atomic<goroutine*> parked(nullptr);
    wait_group done;
    done.add(1);
    go([&] {
      for (int i = 0; i < 2; ++i) sched::park(stay, &parked, wait_reason::background);
      done.done();
    });
    for (int i = 0; i < 2; ++i) {
      goroutine* g = nullptr;
      while ((g = parked.exchange_acquire(nullptr)) == nullptr) sleep_for(1us);
      (this_machine()->home.*slot).store_release(g);
      sched::wake(this_machine()->home);
      then();
    }
    done.wait();
  });
}

// Cases 2 and 3: it goes into a call at once.
void with_trace_reader() {
  with_offer(&scheduler::trace_reader, 1, [] { call(50 * us); });
}
void with_background() {
  with_offer(&scheduler::background, 1, [] { call(50 * us); });
}
// It computes on: the other P has to notice, perhaps while its M gives it up.
void with_trace_reader_beside_idle() {
  with_offer(&scheduler::trace_reader, 2, [] { compute(50 * us); });
}
void with_background_beside_idle() {
  with_offer(&scheduler::background, 2, [] { compute(50 * us); });
}

// Case 4: nobody spins and no P is idle: both Ps are in calls when one is taken.
void last_spinner() {
  run_watched(2, [] {
    wait_group done;
    done.add(1);
    go([&] {
      call(60 * us);
      done.done();
    });
    call(60 * us);
    done.wait();
  });
}

// Case 5: the world stops while a P is being handed off by an M whose locked goroutine sleeps. A
// third P is idle until the stop takes it.
void while_stopping() {
  run_watched(3, [] {
    wait_group done;
    done.add(1);
    go([&] {
      const os_thread_lock hold;
      for (int i = 0; i < 3; ++i) sleep_for(5us);
      done.done();
    });
    yield();
    for (int i = 0; i < 3; ++i) {
      stop_the_world();
      start_the_world();
      yield();
    }
    done.wait();
  });
}

// Case 6: the P that is taken owes a run of the safe-point function; nobody waits for the call.
void with_safe_point() {
  const steady_clock steady(2 * ms);
  run_watched(2, [] {
    wait_group done;
    done.add(1);
    go([&] {
      call(100 * ms);
      done.done();
    });
    sleep_for(10us);
    const std::int64_t before_ns = world::nanotime();
    sched::for_each_processor([](processor& p) noexcept {
      world::require(p.status.peek() != processor_state::dead, "P10: a dead P runs the function");
    });
    world::require(world::nanotime() - before_ns < 80 * ms, "V4: a function for every P waits for a system call");
    done.wait();
  });
}

// Case 7: a goroutine comes into the global queue between the two looks.
void global_queue_again() {
  run_watched(2, [] {
    wait_group done;
    done.add(2);
    go([&] {
      for (int i = 0; i < 4; ++i) yield();  // through the global queue
      done.done();
    });
    go([&] {
      call(40 * us);
      done.done();
    });
    for (int i = 0; i < 2; ++i) call(40 * us);
    done.wait();
  });
}

// Case 8: the last running P, and goroutines wait for descriptors that nobody polls. Among two Ps
// the other M may poll already.
void last_poller(std::uint32_t processors) {
  run_watched(processors, [] {
    auto ends = make_pipe();
    wait_group done;
    done.add(1);
    go([&] {
      std::byte one{};
      const auto got = ends->reader.read(std::span(&one, 1));
      world::require(static_cast<bool>(got), "N8: a byte in a pipe is not read");
      done.done();
    });
    yield();
    call(60 * ms);  // longer than any bound of the checkers
    const std::byte one{1};
    static_cast<void>(ends->writer.write(std::span(&one, 1)));
    done.wait();
  });
}

void only_processor_handed_off() { last_poller(1); }
void last_of_two_handed_off() { last_poller(2); }

// Case 9: an idle P with a timer: the poller must learn of it.
void idle_with_timer() {
  run_watched(1, [] {
    wait_group done;
    done.add(1);
    go([&] {
      sleep_for(1ms);
      done.done();
    });
    yield();
    call(40 * ms);
    done.wait();
  });
}

}  // namespace

RETAKE_SCENARIO(handoff_queue,
                "a P taken from a call goes to an M when it has work, and to the idle list when it has not",
                with_and_without_work);
RETAKE_SCENARIO(handoff_trace_reader, "a P taken from a call serves a waiting trace reader", with_trace_reader);
RETAKE_SCENARIO(handoff_background, "a P taken from a call serves waiting background work", with_background);
RETAKE_SCENARIO(offer_against_idle, "background work that is offered while an M gives its P up is run",
                with_background_beside_idle);
RETAKE_SCENARIO(trace_against_idle, "a trace reader that is offered while an M gives its P up is run",
                with_trace_reader_beside_idle);
RETAKE_SCENARIO(handoff_last_spinner, "the last P taken from a call makes a spinner, so that new work is found",
                last_spinner);
RETAKE_SCENARIO(handoff_stop, "a P handed off while the world stops is stopped and counted once", while_stopping);
RETAKE_SCENARIO(handoff_safe_point, "a P handed off runs the pending safe-point function exactly once",
                with_safe_point);
RETAKE_SCENARIO(handoff_global_queue, "a goroutine that comes into the global queue during a hand-off is run",
                global_queue_again);
RETAKE_SCENARIO(handoff_only_processor, "the only P handed off keeps the poller served", only_processor_handed_off);
RETAKE_SCENARIO(handoff_last_poller, "the last running P handed off keeps the poller served", last_of_two_handed_off);
RETAKE_SCENARIO(handoff_timer, "a P handed off to the idle list has its timer kept by the poller", idle_with_timer);

}  // namespace retake::scenarios
