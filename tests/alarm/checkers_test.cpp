// checkers_test.cpp: each row of the table of checkers is asked, at each of its moments.
//
// The hook that the watcher has set is wrapped. When a moment comes, the state is corrupted
// directly before the look, so that neither an assertion of the runtime nor another moment can see
// it first; a finding must come out of that look, from the checker, with the row's tag.
// `corruptions` and the table must name the same moments of the same tags: a row that is taken out,
// a moment that is forgotten and a check that no longer objects are each noticed.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <map>
#include <new>
#include <type_traits>
#include <vector>

#include "kernel/files.hpp"
#include "retake/go.hpp"
#include "retake/policy.hpp"
#include "retake/run.hpp"
#include "retake/syscall.hpp"
#include "retake/unix.hpp"
#include "sim/campaign.hpp"
#include "sim/checkers/inspector.hpp"
#include "sim/checkers/table.hpp"
#include "sim/checkers/watch.hpp"
#include "sim/choices/random_walk.hpp"
#include "sim/engine.hpp"
#include "sim/scenario.hpp"
#include "world/clock.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace {

using namespace std::chrono_literals;

// Writes what the checkers read: no step, no race check.
template <class T>
void poke(world::atomic<T> const& a, std::type_identity_t<T> v) {
  sim::location const& l = sim::the_engine->locations_.as<sim::location>()[a.number()];
  std::uint64_t bits = 0;
  std::memcpy(&bits, &v, sizeof v);
  sim::the_engine->entry_at(l, l.newest).value = bits;
}
template <class T>
void poke(world::plain<T> const& p, std::type_identity_t<T> v) {
  const_cast<T&>(p.peek()) = v;
}
template <class T>
void poke(world::ghost<T> const& g, std::type_identity_t<T> v) {
  const_cast<T&>(g.peek()) = v;
}

using checkers::at_commit;
using checkers::at_rest;
using checkers::at_step;
using checkers::at_stillness;
using checkers::moment;

constexpr std::int64_t long_ns = 50'000'000;

struct scene {
  scheduler& s;
  moment when;
  processor* changed;  // at a commit: the P whose owner changed
};
// False: this is not the moment yet.
using corruption = bool (*)(scene const&);

// The P that this look judges and that `holder` owns: at a commit the one that changed, else any.
processor* held_by(scene const& at, processor_holder holder) {
  if (at.when == at_commit) return at.changed != nullptr && at.changed->holder.peek() == holder ? at.changed : nullptr;
  for (processor& p : inspector::made(at.s.processors)) {
    if (p.holder.peek() == holder) return &p;
  }
  return nullptr;
}
// A P on the idle list while the list is judged.
processor* idle_p(scene const& at) {
  if (at.when == at_step && inspector::held(at.s.lock)) return nullptr;
  return held_by(at, processor_holder::idle_list);
}
machine* running_m(scene const& at) {
  for (machine* m = at.s.machines.peek(); m != nullptr; m = m->all_link.peek()) {
    if (m->current.peek() != nullptr && m->p.peek() != nullptr) return m;
  }
  return nullptr;
}
goroutine* any_g(scene const& at, goroutine_state state) {
  for (goroutine* g = at.s.goroutines.peek(); g != nullptr; g = g->all_link.peek()) {
    if (g->state.peek() == state) return g;
  }
  return nullptr;
}
poll_descriptor* parked_reader(scene const& at) {
  poll_descriptor const* found = nullptr;
  inspector::each_parked(at.s.network, [&found](goroutine const&, poll_descriptor const& d, bool reads) {
    if (reads) found = &d;
  });
  return const_cast<poll_descriptor*>(found);
}

using words = inspector::words;

bool p3(scene const& at) {
  processor* const p = held_by(at, processor_holder::machine);
  if (p != nullptr) poke(p->status, processor_state::idle);
  return p != nullptr;
}
bool p4(scene const& at) {
  processor* const p = idle_p(at);
  goroutine* const g = at.s.goroutines.peek();
  if (p == nullptr || g == nullptr) return false;
  poke(words::next(p->queue), g);
  return true;
}
bool p5(scene const& at) {
  processor* const p = idle_p(at);
  if (p != nullptr) poke(words::idle_count(at.s.idle), inspector::idle_count(at.s.idle) + 1);
  return p != nullptr;
}
bool p8(scene const& at) {
  processor* const p = held_by(at, processor_holder::idle_list);
  if (p != nullptr) poke(p->holder, processor_holder::stopped);
  return p != nullptr;
}
bool p9(scene const& at) {
  processor* const p = held_by(at, processor_holder::idle_list);
  if (p != nullptr) poke(at.s.machines.peek()->next, static_cast<processor_side*>(p));
  return p != nullptr;
}
bool p11(scene const& at) {
  processor* const p = held_by(at, processor_holder::call);
  if (p != nullptr) poke(p->machine, static_cast<machine_side*>(at.s.machines.peek()));
  return p != nullptr;
}
bool p12(scene const& at) {
  processor* const p = held_by(at, processor_holder::idle_list);
  if (p != nullptr) poke(p->status, processor_state::dead);
  return p != nullptr;
}
bool m5_more_than_ms(scene const& at) {
  poke(words::spinning(at.s.gate), 100U);
  return true;
}
bool m5_a_unit_without_a_flag(scene const& at) {
  poke(words::spinning(at.s.gate), inspector::spinning(at.s.gate) + 1);
  return true;
}
bool m6(scene const& at) {
  machine* const m = running_m(at);
  if (m == nullptr || at.s.ending.peek() != 0) return false;
  poke(words::state(m->park), inspector::woken_word);
  return true;
}
bool m7(scene const& at) {
  machine* const m = running_m(at);
  if (m == nullptr) return false;
  poke(words::state(m->park), inspector::woken_word);
  poke(words::first_idle_machine(at.s.idle), m);
  return true;
}
bool m12(scene const& at) {
  if (at.s.machines_system.peek() == 0 || at.s.ending.peek() != 0 || (at.when == at_step && inspector::held(at.s.lock)))
    return false;
  poke(at.s.machine_count, 0U);
  return true;
}
bool m13(scene const& at) {
  if (held_by(at, processor_holder::machine) == nullptr || inspector::stopping(at.s.stop)) return false;
  poke(words::rest(at.s.monitor), monitor_rest::asleep);
  return true;
}
bool g2_queued_and_not_runnable(scene const& at) {
  for (processor& p : inspector::made(at.s.processors)) {
    if (p.holder.peek() == processor_holder::idle_list) continue;
    goroutine* const g = any_g(at, at.when == at_rest ? goroutine_state::dead : goroutine_state::running);
    if (g == nullptr) return false;
    poke(words::next(p.queue), g);
    return true;
  }
  return false;
}
bool g2_runnable_and_not_queued(scene const& at) {
  goroutine* const g = any_g(at, goroutine_state::running);
  if (g != nullptr) poke(g->state, goroutine_state::runnable);
  return g != nullptr;
}
bool g3(scene const& at) {
  if (at.when == at_rest) {
    poke(at.s.goroutines.peek()->state, goroutine_state::running);
    return true;
  }
  machine* const m = running_m(at);
  if (m != nullptr) poke(m->current.peek()->m, static_cast<machine*>(nullptr));
  return m != nullptr;
}
bool g6(scene const& at) {
  poll_descriptor const* const d = inspector::first_descriptor(at.s.network);
  goroutine* const g = any_g(at, at.when == at_rest ? goroutine_state::dead : goroutine_state::running);
  if (d == nullptr || g == nullptr) return false;
  poke(words::waiter(d->reader), reinterpret_cast<std::uintptr_t>(g));
  return true;
}
bool g9(scene const& at) {
  poke(at.s.goroutines_created, at.s.goroutines_created.peek() + 1);
  return true;
}
bool q2(scene const& at) {
  poke(words::size(at.s.global), inspector::global_size(at.s.global) + 1);
  return true;
}
bool l1(scene const& at) {
  machine* const m = running_m(at);
  if (m != nullptr) poke(m->lock_count, m->lock_count.peek() + 1);
  return m != nullptr;
}
bool l2(scene const& at) {
  machine* const m = running_m(at);
  if (m == nullptr) return false;
  machine* const other = m == at.s.machines.peek() ? m->all_link.peek() : at.s.machines.peek();
  if (other != nullptr) poke(m->current.peek()->locked_m, other);
  return other != nullptr;
}
bool n5_a_waiter_is_not_counted(scene const& at) {
  if (parked_reader(at) == nullptr) return false;
  poke(words::waiting(at.s.network), 0U);
  return true;
}
bool n5_one_is_counted_and_gone(scene const& at) {
  poke(words::waiting(at.s.network), 1U);
  return true;
}
bool n6(scene const& at) {
  poke(words::blocked(at.s.polling), 1U - inspector::blocked_in_poller(at.s.polling));
  return true;
}
bool n6_claimed(scene const& at) {
  poke(words::blocked(at.s.polling), 1U);
  poke(words::last_poll(at.s.polling), std::int64_t{0});
  return true;
}
bool n8(scene const& at) {
  poll_descriptor* const d = parked_reader(at);
  if (d == nullptr) return false;
  sim::kernel::file* const f = sim::kernel::lookup(d->fd);
  f->pipe->bytes.count = 1;
  return true;
}
bool v1(scene const& at) {
  if (held_by(at, processor_holder::idle_list) == nullptr || held_by(at, processor_holder::hand) != nullptr ||
      inspector::spinning(at.s.gate) != 0)
    return false;
  if (at.s.goroutines.peek() == nullptr) return false;
  poke(at.s.background, at.s.goroutines.peek());
  return true;
}
bool v3(scene const& at) {
  processor* const p = held_by(at, processor_holder::machine);
  if (p == nullptr || held_by(at, processor_holder::idle_list) == nullptr ||
      inspector::polls_until_ns(at.s.polling) != 0)
    return false;
  poke(words::first_due(p->timers), sim::now_ns());
  return true;
}
bool v6(scene const& at) {
  processor* const p = held_by(at, processor_holder::call);
  goroutine* const g = any_g(at, goroutine_state::dead);
  if (p == nullptr || g == nullptr) return false;
  poke(g->state, goroutine_state::runnable);
  poke(words::next(p->queue), g);
  return true;
}
bool v7(scene const& at) {
  if (inspector::blocked_in_poller(at.s.polling) != 0) return false;
  poke(words::waiting(at.s.network), 1U);
  poke(words::idle_count(at.s.idle), inspector::count(at.s.processors));
  return true;
}

// What each check can object to besides.
machine* machine_without_p(scene const& at) {
  for (machine* m = at.s.machines.peek(); m != nullptr; m = m->all_link.peek()) {
    if (m->p.peek() == nullptr) return m;
  }
  return nullptr;
}
bool link(machine* m, processor* p) {
  if (m == nullptr || p == nullptr) return false;
  poke(m->p, static_cast<processor_side*>(p));
  return true;
}
bool p3_no_m(scene const& at) {
  processor* const p = held_by(at, processor_holder::machine);
  if (p == nullptr) return false;
  for (machine* m = at.s.machines.peek(); m != nullptr; m = m->all_link.peek()) {
    if (m->p.peek() == p) poke(m->p, nullptr);
  }
  return true;
}
bool p3_two_ms(scene const& at) { return link(machine_without_p(at), held_by(at, processor_holder::machine)); }
bool p5_cycle(scene const& at) {
  processor* const p = idle_p(at);
  if (p != nullptr) poke(p->idle_link, p);
  return p != nullptr;
}
bool p5_mask(scene const& at) {
  if (idle_p(at) == nullptr) return false;
  poke(words::idle_mask(at.s.idle), 0U);
  return true;
}
bool p8_stopped_in_a_call(scene const& at) {
  processor* const p = held_by(at, processor_holder::call);
  if (p != nullptr) poke(p->status, processor_state::gc_stop);
  return p != nullptr;
}
bool p8_runs_in_a_stopped_world(scene const& at) {
  if (inspector::held(at.s.lock) || inspector::stopping(at.s.stop)) return false;
  poke(words::stop_requested(at.s.stop), 1U);
  return true;
}
bool p9_handed_twice(scene const& at) {
  processor* const p = held_by(at, processor_holder::idle_list);
  machine* const m = at.s.machines.peek();
  if (p == nullptr || m->all_link.peek() == nullptr) return false;
  poke(m->next, static_cast<processor_side*>(p));
  poke(m->all_link.peek()->next, static_cast<processor_side*>(p));
  return true;
}
bool p9_idle_and_linked(scene const& at) {
  return link(machine_without_p(at), held_by(at, processor_holder::idle_list));
}
bool p9_stopped_and_linked(scene const& at) {
  processor* const p = held_by(at, processor_holder::idle_list);
  if (!link(machine_without_p(at), p)) return false;
  poke(p->holder, processor_holder::stopped);
  poke(p->status, processor_state::gc_stop);
  return true;
}
bool p9_in_a_hand_and_linked(scene const& at) {
  return link(machine_without_p(at), held_by(at, processor_holder::hand));
}
bool p9_listed_and_not_owned(scene const& at) {
  processor* const p = idle_p(at);
  if (p != nullptr) poke(p->holder, processor_holder::hand);
  return p != nullptr;
}
bool p9_owned_and_not_listed(scene const& at) {
  if (idle_p(at) == nullptr) return false;
  poke(words::first_idle(at.s.idle), nullptr);
  poke(words::idle_count(at.s.idle), 0U);
  poke(words::idle_mask(at.s.idle), 0U);
  return true;
}
bool p11_not_syscall(scene const& at) {
  processor* const p = held_by(at, processor_holder::call);
  if (p != nullptr) poke(p->status, processor_state::idle);
  return p != nullptr;
}
bool g2_queued_twice(scene const& at) {
  goroutine* const g = any_g(at, goroutine_state::running);
  if (g == nullptr) return false;
  for (processor& p : inspector::made(at.s.processors)) poke(words::next(p.queue), g);
  return true;
}
bool g9_lost(scene const& at) {
  poke(at.s.goroutines.peek()->state, goroutine_state::waiting);
  poke(at.s.goroutines_ended, at.s.goroutines_ended.peek() - 1);
  return true;
}
bool v9_a_record_too_many(scene const& at) {
  const_cast<policy&>(at.s.rules).free_goroutines_per_processor = 0;
  void* const memory = sim::allocate(sizeof(goroutine), alignof(goroutine), sim::site::current());
  goroutine* const extra = new (memory) goroutine(world::stack{});
  poke(extra->all_link, at.s.goroutines.peek());
  poke(at.s.goroutines, extra);
  return true;
}
bool v9_an_m_too_many(scene const& at) {
  poke(at.s.machine_count, at.s.machine_count.peek() + 1);
  return true;
}
bool v9_a_timer(scene const& at) {
  words::count((*inspector::made(at.s.processors).begin()).timers) = 1;
  return true;
}
bool v9_a_descriptor(scene const& at) {
  ++words::entries(at.s.network);
  return true;
}
bool v9_a_gate(scene const& at) {
  poke(at.s.gates, 1U);
  return true;
}
bool q2_longer(scene const& at) {
  poke(words::first_global(at.s.global), at.s.goroutines.peek());
  poke(words::size(at.s.global), 0U);
  return at.s.goroutines.peek() != nullptr;
}
bool l1_not_named(scene const& at) {
  machine* const m = running_m(at);
  if (m == nullptr) return false;
  poke(m->lock_count, 1U);
  poke(m->locked_g, m->current.peek());
  return true;
}
bool l2_another_goroutine(scene const& at) {
  machine* const m = running_m(at);
  goroutine* const other = any_g(at, goroutine_state::waiting);
  if (m == nullptr || other == nullptr || other == m->current.peek()) return false;
  poke(m->lock_count, 1U);
  poke(m->locked_g, other);
  poke(other->locked_m, m);
  return true;
}

struct corrupted {
  std::string_view tag;
  std::uint8_t moments;
  corruption spoil;
  std::int64_t jump_ns = 1'000;  // stillness: the clock jumps so far, so often, and no jump alone is beyond a bound
  int jumps = 1;
};
corrupted const corruptions[] = {
    {"P3", at_commit | at_step | at_stillness, p3},
    {"P4", at_commit | at_step | at_rest, p4},
    {"P5", at_commit | at_step | at_rest, p5},
    {"P8", at_commit | at_step, p8},
    {"P9", at_commit | at_step | at_stillness, p9},
    {"P11", at_commit | at_step, p11},
    {"P12", at_commit | at_step, p12},
    {"M5", at_commit | at_step, m5_more_than_ms},
    {"M5", at_stillness | at_rest, m5_a_unit_without_a_flag},
    {"M6", at_commit | at_step, m6},
    {"M7", at_commit | at_step, m7},
    {"M12", at_commit | at_step, m12},
    {"M13", at_commit | at_step, m13},
    {"G2", at_stillness | at_rest, g2_queued_and_not_runnable},
    {"G2", at_stillness, g2_runnable_and_not_queued},
    {"G3", at_commit | at_step | at_rest, g3},
    {"G6", at_step | at_stillness | at_rest, g6},
    {"G9", at_rest, g9},
    {"Q2", at_stillness | at_rest, q2},
    {"L1", at_commit | at_step, l1},
    {"L2", at_commit | at_step, l2},
    {"N5", at_step | at_stillness, n5_a_waiter_is_not_counted},
    {"N5", at_rest, n5_one_is_counted_and_gone},
    {"N6", at_commit | at_step, n6},
    {"N6", at_rest, n6_claimed},
    {"N8", at_stillness, n8, 10'000'000, 5},
    {"V1", at_stillness, v1, 1'500, 2},
    {"V3", at_stillness, v3, 50'000'000, 1},
    {"V6", at_stillness, v6, 9'000'000, 4},
    {"V7", at_stillness, v7, 9'000'000, 4},
    {"V9", at_rest, v9_a_record_too_many},
    {"V9", at_rest, v9_an_m_too_many},
    {"V9", at_rest, v9_a_timer},
    {"V9", at_rest, v9_a_descriptor},
    {"V9", at_rest, v9_a_gate},
    {"P3", at_commit | at_stillness, p3_no_m},
    {"P3", at_commit | at_step | at_stillness, p3_two_ms},
    {"P5", at_commit | at_step, p5_cycle},
    {"P5", at_commit | at_step, p5_mask},
    {"P8", at_commit | at_step, p8_stopped_in_a_call},
    {"P8", at_step, p8_runs_in_a_stopped_world},
    {"P9", at_commit | at_step | at_stillness, p9_handed_twice},
    {"P9", at_commit | at_step | at_stillness, p9_idle_and_linked},
    {"P9", at_commit | at_step, p9_stopped_and_linked},
    {"P9", at_commit, p9_in_a_hand_and_linked},
    {"P9", at_step | at_stillness, p9_listed_and_not_owned},
    {"P9", at_step | at_stillness, p9_owned_and_not_listed},
    {"P11", at_commit | at_step, p11_not_syscall},
    {"G2", at_stillness, g2_queued_twice},
    {"G9", at_rest, g9_lost},
    {"Q2", at_stillness, q2_longer},
    {"L1", at_commit | at_step, l1_not_named},
    {"L2", at_commit | at_step, l2_another_goroutine},
};

// The hooks that watch_runtime() has set, and what is done before they are called.
struct wrapped {
  corrupted const* what;
  moment when;
  bool done = false;
  sim::commit_hook commit = nullptr;
  void* commit_context = nullptr;
  sim::still_hook still = nullptr;
  void* still_context = nullptr;
  scheduler* s = nullptr;
};

constexpr char unseen[] = "unseen: the checkers object to nothing";

void committed(void* context, void const* ghost, char const* tag) noexcept {
  wrapped& w = *static_cast<wrapped*>(context);
  if (w.s == nullptr) w.s = inspector::home();
  bool spoiled = false;
  const bool edge = tag != nullptr && tag[0] == 'G';  // a goroutine's: the watcher leaves it to the assertion
  if (w.what != nullptr && !w.done && w.s != nullptr && w.s->phase.peek() != 0 && !edge) {
    const bool rest = ghost == &w.s->phase && w.s->phase.peek() == 2;
    const moment now = ghost == nullptr ? at_step : rest ? at_rest : at_commit;
    processor* changed = nullptr;
    for (processor& p : inspector::made(w.s->processors)) {
      if (&p.holder == ghost) changed = &p;
    }
    spoiled = now == w.when && w.s->phase.peek() == (rest ? 2U : 1U) && w.what->spoil({*w.s, now, changed});
  }
  w.done = w.done || spoiled;
  if (w.s != nullptr && ghost == &w.s->phase && w.s->phase.peek() == 2) w.s = nullptr;
  w.commit(w.commit_context, ghost, tag);
  if (spoiled) sim::fail(unseen);
}

void stands_still(void* context, std::int64_t until_ns) noexcept {
  wrapped& w = *static_cast<wrapped*>(context);
  const bool quiet = w.s != nullptr && w.s->phase.peek() == 1 && w.s->ending.peek() == 0;
  if (w.what != nullptr && !w.done && quiet && w.when == at_stillness && w.what->spoil({*w.s, at_stillness, nullptr})) {
    w.done = true;
    for (int i = 0; i < w.what->jumps; ++i) w.still(w.still_context, sim::now_ns() + w.what->jump_ns);
    sim::fail(unseen);
  }
  w.still(w.still_context, until_ns);
}

// Two Ps, of which one is idle for most of the time. A goroutine is parked beside an empty pipe
// while main sleeps, alone or in a system call.
void body(corrupted const* what, moment when) {
  checkers::watch_runtime();
  sim::engine& e = *sim::the_engine;
  void* const memory =
      sim::allocate(sizeof(wrapped), alignof(wrapped), sim::site::current());  // the hooks outlive this function
  auto* const w =
      new (memory) wrapped{what, when, false, e.commit_, e.commit_context_, e.still_, e.still_context_, nullptr};
  sim::on_commit(committed, w);
  sim::on_stillness(stands_still, w);
  options chosen;
  chosen.processors = 2;
  run(chosen, [] {
    auto ends = make_pipe();
    go([&ends] {
      std::byte room[1];
      static_cast<void>(ends->reader.read(room));
    });
    go([] {});
    yield();
    retake::syscall([] {});
    world::sleep_until(world::nanotime() + long_ns);
    retake::syscall([] { sim::kernel::sleep_syscall(long_ns); });
    const std::byte one[1] = {};
    static_cast<void>(ends->writer.write(one));
    sleep_for(std::chrono::nanoseconds(long_ns));
  });
}

struct found {
  std::string tag, file, claim;
};

corrupted const* chosen_row = nullptr;
moment chosen_moment = at_commit;

found find(corrupted const* what, moment when) {
  chosen_row = what;
  chosen_moment = when;
  sim::scenario s{};
  s.name = "corrupted";
  s.claim = "a checker objects";
  s.body = [] { body(chosen_row, chosen_moment); };
  sim::options o;
  o.check = when == at_step ? sim::check_mode::step : sim::check_mode::commit;
  sim::engine e(o);
  sim::random_walk walk(1);
  sim::campaign const c = sim::explore(e, s, walk, {.executions_max = 50});
  if (!c.failed) return {};
  return {c.last.what.tag, e.sites()[c.last.what.site].file, c.last.what.claim};
}

char const* name_of(moment when) {
  switch (when) {
    case at_commit: return "commit";
    case at_step: return "step";
    case at_stillness: return "stillness";
    case at_rest: return "rest";
  }
  return "?";
}

TEST(checkers, object_to_nothing_when_all_is_well) {
  for (moment const when : {at_commit, at_step}) EXPECT_EQ(find(nullptr, when).claim, "") << name_of(when);
}

struct asked {
  corrupted const* row;
  moment when;
};
std::vector<asked> all_asked() {
  std::vector<asked> all;
  for (corrupted const& row : corruptions) {
    for (moment const when : {at_commit, at_step, at_stillness, at_rest}) {
      if ((row.moments & when) != 0) all.push_back({&row, when});
    }
  }
  return all;
}

class each_checker : public testing::TestWithParam<asked> {};

TEST_P(each_checker, objects_when_it_is_asked) {
  found const f = find(GetParam().row, GetParam().when);
  EXPECT_EQ(f.tag, GetParam().row->tag) << (f.claim.empty() ? "the moment never came" : f.claim);
  EXPECT_TRUE(f.file.starts_with("models/sim/checkers/")) << "the finding comes from " << f.file;
}
INSTANTIATE_TEST_SUITE_P(checkers, each_checker, testing::ValuesIn(all_asked()),
                         [](testing::TestParamInfo<asked> const& of) {
                           return std::to_string(of.index) + "_" + std::string(of.param.row->tag) + "_at_" +
                                  name_of(of.param.when);
                         });

TEST(checkers, are_the_table_and_nothing_of_it_is_untested) {
  std::map<std::string_view, unsigned> tested, asked;
  for (corrupted const& row : corruptions) tested[row.tag] |= row.moments;
  for (checkers::row const& row : checkers::table) asked[row.tag] |= row.moments;
  EXPECT_EQ(tested, asked);
}

}  // namespace
}  // namespace retake
