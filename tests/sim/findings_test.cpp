// Goal: each way an execution can go wrong is reported under its own tag, and only where it is
// wrong. Method: the smallest program for each, searched exhaustively.
#include "exhaust.hpp"
#include "world/clock.hpp"
#include "world/ghost.hpp"
#include "world/memory.hpp"
#include "world/random.hpp"

#include <cstdlib>
#include <exception>

namespace retake::test {
namespace {

struct shared {
  world::plain<int> data{0};
  word flag{0}, lock{0};
};

void two_locks() {
  struct locks {
    word a{0}, b{0};
    static void take(word& w) {
      while (w.exchange_acquire(1) != 0) world::futex_wait(w, 1);
    }
    static void give(word& w) {
      w.store_release(0);
      world::futex_wake(w, 1);
    }
  };
  locks l;
  with<locks>(l, [](locks& o) {
    locks::take(o.b);
    locks::take(o.a);
    locks::give(o.a);
    locks::give(o.b);
  });
  locks::take(l.a);
  locks::take(l.b);
  locks::give(l.b);
  locks::give(l.a);
  sim::join_others();
}
TEST(deadlock, of_two_locks_in_opposite_order_is_found) { EXPECT_EQ(first_tag(&two_locks, sc), "deadlock"); }

void sleeper_with_deadline() {
  word w{0};
  auto const how = world::futex_wait_until(w, 0, world::nanotime() + 1'000'000);
  world::require(how == world::waited::timed_out, "clock: woken by nobody");
  world::require(world::nanotime() >= 1'000'000, "clock: the deadline came early");
}
TEST(deadlock, is_not_reported_while_a_deadline_is_pending) { EXPECT_EQ(first_tag(&sleeper_with_deadline, sc), ""); }

void polite_forever() {
  shared s;
  // Writes while it spins: never quiet, never done.
  while (s.flag.exchange_acquire(0) == 0) world::pause();
}
TEST(livelock, a_healed_world_must_end) {
  sim::scenario shape = of(nullptr);
  shape.chaos_steps = 50;
  shape.heal_steps = 500;
  EXPECT_EQ(tag_of(search(&polite_forever, in(sc), sim::depth_first::unbounded, shape)), "livelock");
}
TEST(steps, a_named_bound_has_its_own_tag) {
  sim::scenario shape = of(nullptr);
  shape.steps_max = 60;
  EXPECT_EQ(tag_of(search(&polite_forever, in(sc), sim::depth_first::unbounded, shape)), "steps");
}
void two_spinners() {
  shared s;
  with<shared>(s, [](shared& o) {
    while (o.flag.load_acquire() == 0) world::pause();
  });
  while (s.lock.load_acquire() == 0) world::pause();
}
TEST(livelock, spinning_on_what_nobody_changes_is_seen_without_running_into_a_bound) {
  sim::campaign const c = search(&two_spinners, in(sc));
  EXPECT_EQ(tag_of(c), "livelock");
  EXPECT_LT(c.last.steps, 2000U);
}
void bounded_spin_gives_up() {
  shared s;
  with<shared>(s, [](shared& o) {
    for (int round = 0; round < 4; ++round) {
      if (o.flag.load_acquire() != 0) return;
      world::pause();
    }
    world::futex_wait(o.flag, 0);
  });
  s.data.set(1);
  s.flag.store_release(1);
  world::futex_wake(s.flag, 1);
  sim::join_others();
}
TEST(livelock, a_bounded_spin_is_none) { EXPECT_EQ(first_tag(&bounded_spin_gives_up, c11), ""); }
void gives_up_while_the_other_holds() {
  seen[0] = 0;
  shared s;
  with<shared>(s, [](shared& o) {
    for (int round = 0; round < 2; ++round) {
      if (o.flag.load_acquire() != 0) return;
      world::pause();
    }
    // Never reached if a spinner had to wait for the store.
    world::require(o.flag.load_acquire() != 0, "spin: gave up before the flag came");
  });
  s.flag.store_release(1);
  sim::join_others();
}
TEST(livelock, a_bounded_spin_can_give_up_before_the_change_comes) {
  EXPECT_EQ(first_tag(&gives_up_while_the_other_holds, sc), "spin");
}

void polls_the_clock() {
  while (world::nanotime() < 5'000'000) world::pause();
}
TEST(clock, who_polls_it_gets_there) { EXPECT_EQ(first_tag(&polls_the_clock, sc), ""); }

void tick_before_wake() {
  word w{0};
  with<word>(w, [](word& o) {
    o.store_release(1);
    world::futex_wake(o, 1);
  });
  auto const how = world::futex_wait_until(w, 0, 1'000'000);
  sim::join_others();
  world::require(how != world::waited::timed_out, "tick: timed out although the waker was on its way");
}
TEST(clock, a_tick_can_come_before_a_wake_that_is_on_its_way) {
  EXPECT_EQ(first_tag(&tick_before_wake, sc), "tick");
  sim::options o = in(sc);
  o.ticks_max = 0;
  EXPECT_EQ(tag_of(search(&tick_before_wake, o)), "");
}

void fails_a_claim() { world::require(false, "M7: note woken twice"); }
void fails_untagged() { world::require(false, "no tag here"); }
void fatal_text() { world::fatal("all goroutines are asleep - deadlock!"); }
TEST(require, its_tag_stands_before_the_colon) {
  EXPECT_EQ(first_tag(&fails_a_claim, sc), "M7");
  EXPECT_EQ(first_tag(&fails_untagged, sc), "require");
}
TEST(fatal, is_a_finding_unless_the_scenario_expects_this_text) {
  EXPECT_EQ(first_tag(&fatal_text, sc), "fatal");
  sim::scenario shape = of(nullptr);
  shape.expected_fatal = "all goroutines are asleep - deadlock!";
  EXPECT_EQ(tag_of(search(&fatal_text, in(sc), 0, shape)), "");
  shape.expected_fatal = "something else";
  EXPECT_EQ(tag_of(search(&fatal_text, in(sc), 0, shape)), "fatal");
}
void moves_wrongly() {
  world::ghost<int> owner(1);
  owner.move(1, 2, "P9: moved");
  owner.move(1, 3, "P9: not mine to move");
}
TEST(ghost, a_move_from_what_it_is_not_fails) { EXPECT_EQ(first_tag(&moves_wrongly, sc), "P9"); }
void commits() {
  struct counter {
    int n = 0;
    static void see(void* self, void const* ghost, char const*) {
      static_cast<counter*>(self)->n += ghost != nullptr ? 1 : 0;
    }
    static void quiet(void* self) { seen[1] = static_cast<counter*>(self)->n; }
  } c;
  sim::on_commit(&counter::see, &c);
  sim::at_quiescence(&counter::quiet, &c);
  world::ghost<int> owner(1);
  owner.set(2, "P9: set");
  owner.move(2, 3, "P9: moved");
  sim::quiescence();
  seen[0] = c.n;
}
TEST(ghost, checkers_are_called_at_commits_and_at_quiescence) { EXPECT_EQ(outcomes(&commits, sc, 2), "22"); }

void uses_up_the_arena() {
  for (;;) world::allocate(1 << 20);
}
TEST(memory, the_arena_has_a_bound) { EXPECT_EQ(first_tag(&uses_up_the_arena, sc), "memory"); }
void too_many_threads() {
  word w{0};
  for (int i = 0; i < 16; ++i) with<word>(w, [](word& o) { world::futex_wait(o, 0); });
}
TEST(bound, more_threads_than_clocks_have_room_for) {
  EXPECT_EQ(tag_of(search(&too_many_threads, in(sc), 0)), "bound");
}
void many_threads_in_turn() {
  for (int i = 0; i < 40; ++i) {
    word w{0};
    with<word>(w, [](word& o) { o.store_release(1); });
    while (w.load_acquire() == 0) world::pause();
    sim::join_others();
  }
}
TEST(bound, slots_of_ended_threads_are_used_again) {
  sim::engine e(in(c11));
  sim::random_walk r(1);
  sim::campaign const c = sim::explore(e, of(&many_threads_in_turn), r, {.executions_max = 500});
  EXPECT_FALSE(c.failed) << c.last.what.claim;
}

std::uintptr_t volatile nowhere = 8;
void segfaults() { *reinterpret_cast<int volatile*>(nowhere) = 1; }
int overflow(int n) {
  int volatile room[64] = {n};
  return n == 0 ? 0 : overflow(n + 1) + room[n & 63];
}
void overflows() { seen[0] = overflow(1); }
void aborts() { std::abort(); }
TEST(crash, is_a_finding_and_the_next_execution_runs) {
  EXPECT_EQ(first_tag(&segfaults, sc), "crash");
  EXPECT_EQ(first_tag(&overflows, sc), "crash");
  EXPECT_EQ(first_tag(&aborts, sc), "crash");
  EXPECT_EQ(first_tag(&sleeper_with_deadline, sc), "");
}

void exceptions_cross_switches() {
  word w{0};
  auto const body = [](word& o) {
    for (int i = 0; i < 2; ++i) {
      try {
        throw i;
      } catch (int caught) {
        o.fetch_add_relaxed(1);  // others run here, and throw
        world::require(std::uncaught_exceptions() == 0, "exceptions: a stranger's in flight");
        try {
          throw;
        } catch (int again) {
          world::require(again == caught && again == i, "exceptions: rethrew a stranger's");
        } catch (...) { world::require(false, "exceptions: another type"); }
      }
    }
  };
  with<word>(w, body);
  body(w);
  sim::join_others();
}
TEST(exceptions, belong_to_the_thread_that_threw) { EXPECT_EQ(first_tag(&exceptions_cross_switches, sc), ""); }

void bank_of_arena() {
  static void* first = nullptr;
  void* const p = world::allocate(1000);
  if (first == nullptr) first = p;
  world::require(p == first, "arena: not recycled");
  world::require(reinterpret_cast<std::uintptr_t>(world::allocate(8, 256)) % 256 == 0, "arena: alignment");
  with<word>(*new (world::allocate(sizeof(word))) word(0), [](word& o) { o.store_relaxed(1); });
}
TEST(memory, the_arena_is_recycled_between_executions) { EXPECT_EQ(first_tag(&bank_of_arena, sc), ""); }

}  // namespace
}  // namespace retake::test
