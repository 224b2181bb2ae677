// Goroutines that wait for the first of several things: exactly one of them wins, and nothing is
// left behind in the others.
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "scenarios/runtime_scenario.hpp"
#include "sched/scheduler.hpp"
#include "world/atomic.hpp"
#include "world/random.hpp"
#include "world/require.hpp"

namespace retake::scenarios {

namespace {

// Two channels, a sender on each, and two goroutines that take from either.
void select_from_two() {
  run_watched(2, [] {
    channel<int> a, b;
    world::atomic<std::uint32_t> sum(0);
    wait_group done;
    done.add(4);
    for (int i = 0; i < 2; ++i) {
      go([&, i] {
        (i == 0 ? a : b).send(1);
        (i == 0 ? b : a).send(10);
        done.done();
      });
      go([&] {
        const auto take = [&](std::optional<int> v) { sum.fetch_add_relaxed(static_cast<std::uint32_t>(*v)); };
        for (int k = 0; k < 2; ++k) select(on_receive(a, take), on_receive(b, take));
        done.done();
      });
    }
    done.wait();
    world::require(sum.load_relaxed() == 22, "G6: a value is lost or given twice");
  });
}

// A time-out comes up while a sender comes.
void time_out_and_sender() {
  run_watched(2, [] {
    channel<int> c, never;
    wait_group done;
    done.add(2);
    world::atomic<std::uint32_t> sent(0);
    world::atomic<std::uint32_t> received(0);
    go([&] {
      for (int k = 0; k < 2; ++k) {
        compute(30 * us);
        select(on_send(c, 1, [&] { sent.fetch_add_relaxed(1); }), after(30us, [] {}));
      }
      done.done();
    });
    go([&] {
      for (int k = 0; k < 2; ++k) {
        select(on_receive(c, [&](auto) { received.fetch_add_relaxed(1); }), on_receive(never, [](auto) {}),
               after(30us, [] {}));
      }
      done.done();
    });
    done.wait();
    world::require(sent.load_relaxed() == received.load_relaxed(),
                   "G6: a value is sent that nobody received, or received that nobody sent");
  });
}

// Two selects offer each other what both want, in the opposite order of their cases: they meet once
// and block each other never.
void selects_meet() {
  run_watched(2, [] {
    channel<int> a, b;
    world::atomic<std::uint32_t> met(0);
    world::atomic<std::uint32_t> here(0);
    wait_group done;
    done.add(2);
    const auto meet = [&] { met.fetch_add_relaxed(1); };
    const auto begin_together = [&] {
      here.fetch_add_relaxed(1);
      for (int tries = 0; tries < 20 && here.load_relaxed() < 2; ++tries) compute(1 * us);  // both run, each on its P
    };
    go([&] {
      begin_together();
      select(on_send(a, 1, meet), on_receive(b, [&](auto) { meet(); }));
      done.done();
    });
    go([&] {
      begin_together();
      select(on_send(b, 2, meet), on_receive(a, [&](auto) { meet(); }));
      done.done();
    });
    done.wait();
    world::require(met.load_relaxed() == 2, "G6: two selects meet, and one of them does not know");
  });
}

// A goroutine waits in two channels. Whichever lets it go, the other goroutine destroys both at
// once: what was closed, and what was passed over.
void channels_that_end() {
  run_watched(2, [] {
    struct both_ends {
      channel<int> a, b;
    };
    world::atomic<std::uint32_t> let_go(0);
    world::atomic<goroutine*> selector(nullptr);
    auto* const ends = new both_ends;
    go([&, ends] {
      selector.store_release(&this_goroutine());
      select(on_receive(ends->a, [](auto) {}), on_receive(ends->b, [](auto) {}));
      let_go.store_release(1);
    });
    goroutine* waits = nullptr;
    while ((waits = selector.load_acquire()) == nullptr || waits->state.load_relaxed() != goroutine_state::waiting)
      sleep_for(5us);  // in both
    go([ends] {
      if (world::choose("ends", 2) == 0) {
        ends->a.close();
      } else {
        ends->b.send(1);
      }
      delete ends;
    });
    while (let_go.load_acquire() == 0) sleep_for(20us);
  });
}

}  // namespace

RETAKE_SCENARIO(select_of_many, "a select takes exactly one of what it is offered, and loses nothing of the rest",
                select_from_two);
RETAKE_SCENARIO(select_against_time_out, "a time-out and a sender that come at once do not both end a select",
                time_out_and_sender);
RETAKE_SCENARIO(two_selects_meet, "two selects that wait for each other meet", selects_meet);
RETAKE_SCENARIO(select_outlives_channels, "a select that is let go does not touch channels that end before it goes on",
                channels_that_end);

}  // namespace retake::scenarios
