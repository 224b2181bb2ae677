// hammer_locked.cpp: a goroutine that is locked to its thread runs there and nowhere else, and no
// other goroutine runs on that thread.
//
// Goal.      Every way in which a locked goroutine stops and goes on: it blocks, yields, calls the
//            system and returns with or without its P, nests, ends.
// Method.    Pairs of locked goroutines hand a value to and fro, others nest locks, sit in system
//            calls, end locked; bystanders are locked to nothing. A locked goroutine writes its
//            name on its thread: whoever else finds it there runs where it must not. One that ends
//            locked leaves its name: nobody may ever read it.
#include <array>
#include <chrono>
#include <cstddef>
#include <vector>

#include "hammer.hpp"
#include "load.hpp"
#include "quiescence.hpp"
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"
#include "sched/scheduler.hpp"
#include "thread_claim.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using namespace retake::stress;

enum event_index : std::size_t {
  round_trips_both,
  round_trips_one,
  nests,
  ended_locked,
  checks_by_others,
  exit_old,
  exit_idle,
  exit_slow_locked,
  threads_started
};

std::vector<event> const events = {
    {"round_trips_both_locked", 1'000},
    {"round_trips_one_locked", 1'000},
    {"nests", 10'000},
    {"ended_locked", 100},
    {"checks_by_others", 1'000},
    {"locked_exit_old", 10'000},
    {"locked_exit_idle", 0},
    {"exit_slow_locked", 100},
    {"threads_started", 100},
};

constexpr std::uint32_t pairs = 2;
constexpr std::uint32_t nesters = 3;
constexpr std::uint32_t callers = 6;
constexpr std::uint32_t bystanders = 6;
constexpr std::uint32_t nests_per_lock = 64;

// One side of a pair; `there` closed: the end.
void echo(load& l, channel<std::uint64_t>& there, channel<std::uint64_t>& back, bool locks, std::uint64_t name) {
  if (!locks) {
    while (auto const value = there.receive()) {
      check_no_claim(l);
      back.send(*value + 1);
    }
    return;
  }
  const os_thread_lock hold;
  thread_claim mine(l, name);
  while (auto const value = there.receive()) {
    mine.check();
    back.send(*value + 1);
    mine.check();
  }
}

void ping(load& l, channel<std::uint64_t>& there, channel<std::uint64_t>& back, std::size_t which, std::uint64_t name) {
  const os_thread_lock hold;
  thread_claim mine(l, name);
  for (std::uint64_t n = 0; !l.over(); ++n) {
    there.send(n);
    mine.check();
    auto const answer = back.receive();
    mine.check();
    if (!answer || *answer != n + 1) l.out.found("G6: a channel between locked goroutines gives back another value");
    l.out.count(which);
    l.out.round();
  }
  there.close();
}

void nest(load& l, std::uint64_t name) {
  dice d(name);
  while (!l.over()) {
    check_no_claim(l);
    {
      const os_thread_lock outer;
      thread_claim mine(l, name);
      for (std::uint32_t i = 0; i < nests_per_lock; ++i) {
        const std::uint32_t depth = 1 + d.below(4);
        for (std::uint32_t k = 0; k < depth; ++k) lock_os_thread();
        if (d.below(16) == 0) yield();
        mine.check();
        for (std::uint32_t k = 0; k < depth; ++k) unlock_os_thread();
        if (d.below(64) == 0) yield();  // still locked: the outer one counts
        mine.check();
      }
    }
    l.out.count(nests, nests_per_lock);
    l.out.round(nests_per_lock);
    yield();
  }
}

void call(load& l, std::uint64_t name) {
  dice d(name);
  while (!l.over()) {
    const os_thread_lock hold;
    thread_claim mine(l, name);
    for (std::uint32_t i = 0; i < 32; ++i) {
      const std::uint32_t kind = d.below(8);
      retake::syscall([kind, &d] {
        if (kind >= 4 && kind < 7) busy_ns(d.below(30'000));
        if (kind == 7) nap_ns(d.below(120'000));
      });
      mine.check();
    }
    l.out.round(32);
  }
}

// Goroutines that end locked, one after the other.
void end_locked(load& l, std::uint64_t name) {
  dice d(name);
  channel<int> ended;
  while (!l.over()) {
    const std::uint32_t kind = d.below(4);
    go([&l, &ended, kind, name] {
      lock_os_thread();
      thread_claim mine(l, name);
      mine.leave();
      if (kind == 1) yield();
      if (kind == 2) retake::syscall([] { busy_ns(20'000); });
      if (kind == 3) lock_os_thread();
      mine.check();
      ended.send(1);
    });
    if (!ended.receive()) return;
    check_no_claim(l);
    l.out.count(ended_locked);
    l.out.round();
  }
}

void stand_by(load& l) {
  for (std::uint32_t n = 0; !l.over(); ++n) {
    check_no_claim(l);
    l.out.count(checks_by_others);
    yield();
  }
}

void hammer_runtime(pass const& p, std::uint32_t processors, double seconds) {
  policy rules;
  rules.sysmon_period = 2us;
  rules.sysmon_idle_rounds = 1'000;
  rules.sysmon_period_max = 100us;
  rules.retake_grace = 0ns;
  options chosen;
  chosen.processors = processors;
  chosen.rules = &rules;
  set_thread_word(0);  // a goroutine may have ended locked to the main thread, which does not end
  load l(p, seconds);
  run(chosen, [&] {
    wait_group all;
    std::uint64_t name = 0;
    const auto start = [&](auto body) {
      all.add(1);
      go([&all, body, n = ++name] {
        body(n);
        all.done();
      });
    };
    std::array<channel<std::uint64_t>, 2 * pairs> there, back;
    for (std::size_t i = 0; i < 2 * pairs; ++i) {
      const bool both = i < pairs;
      start([&, i, both](std::uint64_t n) { echo(l, there[i], back[i], both, n); });
      start(
          [&, i, both](std::uint64_t n) { ping(l, there[i], back[i], both ? round_trips_both : round_trips_one, n); });
    }
    for (std::uint32_t i = 0; i < nesters; ++i)
      start([&l, &p](std::uint64_t n) { nest(l, n + p.seed % 1'000'000 * 64); });
    for (std::uint32_t i = 0; i < callers; ++i)
      start([&l, &p](std::uint64_t n) { call(l, n + p.seed % 1'000'000 * 64); });
    for (std::uint32_t i = 0; i < bystanders; ++i) start([&l](std::uint64_t) { stand_by(l); });
    start([&l, &p](std::uint64_t n) { end_locked(l, n + p.seed % 1'000'000 * 64); });
    all.wait();
    if (char const* const broken = broken_at_rest()) p.out.found(broken);
    path_counters& paths = this_machine()->home.paths;
    const auto value = [](counter& c) { return c.value.load_relaxed(); };
    p.out.count(exit_old, value(paths.exit_old) + value(paths.exit_old_aba));
    p.out.count(exit_idle, value(paths.exit_idle));
    p.out.count(exit_slow_locked, value(paths.exit_slow_locked));
    p.out.count(threads_started, value(paths.threads_started));
  });
  l.check_touches();
}

void run_pass(pass const& p) {
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    if (!p.out.has_finding()) hammer_runtime(p, processors, p.seconds / 3);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return run_hammer({"locked",
                     "a goroutine that is locked to its thread runs there and nowhere else, and no other goroutine "
                     "runs on that thread",
                     events, run_pass},
                    argc, argv);
}
