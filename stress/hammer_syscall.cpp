// hammer_syscall.cpp: a returning system call and whoever takes its P never both win, and nobody is
// lost on either way out.
//
// Goal.      Both winners of the CAS on a P's status, millions of times, on real threads; every way
//            out of a system call; the legal ABA.
// Method.    First the protocol alone (raw_processors.hpp), then the runtime with a monitor that
//            never rests and takes whatever it sees, under goroutines whose calls last from nothing
//            to 150 us, locked and not, and a world that stops now and then. Each P has a plain
//            counter that its owner alone touches: whoever owns it wrongly is a race, and a sum
//            that does not come out even.
#include <chrono>
#include <cstddef>
#include <vector>

#include "hammer.hpp"
#include "load.hpp"
#include "quiescence.hpp"
#include "raw_processors.hpp"
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"
#include "sched/scheduler.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using namespace retake::stress;

enum event_index : std::size_t {
  raw_exit_won,
  raw_exit_aba,
  raw_exit_lost,
  raw_take_won,
  raw_take_lost,
  raw_stopped,
  exit_old,
  exit_old_aba,
  exit_idle,
  exit_slow,
  exit_slow_locked,
  retake_won,
  retake_lost,
  stop_took_call,
  enter_stopped,
};

std::vector<event> const events = {
    {"raw_exit_won", 10'000}, {"raw_exit_aba", 100},         {"raw_exit_lost", 10'000},
    {"raw_take_won", 10'000}, {"raw_take_lost_cas", 10'000}, {"raw_stopped", 1'000},
    {"exit_old", 10'000},     {"exit_old_aba", 100},         {"exit_idle", 100},
    {"exit_slow", 100},       {"exit_slow_locked", 100},     {"retake_won", 1'000},
    {"retake_lost_cas", 0},   {"stop_took_call", 0},         {"enter_stopped", 0},
};

constexpr std::uint32_t callers = 24;
constexpr double raw_share = 0.35;

// A call of some length. Most are short: the old P is to be there still.
void one_call(dice& d) {
  const std::uint32_t kind = d.below(16);
  retake::syscall([kind, &d] {
    if (kind < 8) return;
    if (kind < 12)
      busy_ns(d.below(4'000));
    else if (kind < 14)
      busy_ns(d.below(60'000));
    else
      nap_ns(d.below(150'000));
  });
}

void caller(load& l, std::uint64_t seed, bool locks) {
  dice d(seed);
  while (!l.over()) {
    if (locks) lock_os_thread();
    const std::uint64_t thread = locks ? kernel_thread() : 0;
    for (std::uint32_t i = 0; i < 32; ++i) {
      one_call(d);
      l.touch();
      if (locks && kernel_thread() != thread)
        l.out.found("L2: a locked goroutine is on another thread after a system call");
      if (d.below(64) == 0) yield();
    }
    l.out.round(32);
    if (locks) unlock_os_thread();
  }
}

void count_paths(scheduler& s, report& out) {
  path_counters& paths = s.paths;
  const auto value = [](counter& c) { return c.value.load_relaxed(); };
  out.count(exit_old, value(paths.exit_old));
  out.count(exit_old_aba, value(paths.exit_old_aba));
  out.count(exit_idle, value(paths.exit_idle));
  out.count(exit_slow, value(paths.exit_slow));
  out.count(exit_slow_locked, value(paths.exit_slow_locked));
  out.count(retake_won, value(paths.retake_queue) + value(paths.retake_nobody_idle) + value(paths.retake_grace) -
                            value(paths.retake_lost));
  out.count(retake_lost, value(paths.retake_lost));
  out.count(stop_took_call, value(paths.stop_took_call));
  out.count(enter_stopped, value(paths.enter_stopped));
}

void stop_now_and_then(load& l, std::uint64_t seed) {
  dice d(seed);
  while (!l.over()) {
    sleep_for(std::chrono::nanoseconds(1'000'000 + d.below(4'000'000)));
    stop_the_world();
    l.touch_all();
    start_the_world();
  }
}

void hammer_runtime(pass const& p, std::uint32_t processors, double seconds) {
  policy rules;
  rules.sysmon_period = 1us;
  rules.sysmon_idle_rounds = 1'000;
  rules.sysmon_period_max = 100us;
  rules.retake_grace = 0ns;
  options chosen;
  chosen.processors = processors;
  chosen.rules = &rules;
  load l(p, seconds);
  run(chosen, [&] {
    wait_group all;
    for (std::uint32_t i = 0; i < callers; ++i) {
      all.add(1);
      go([&, i] {
        caller(l, p.seed + i, i % 4 == 0);
        all.done();
      });
    }
    all.add(1);
    go([&] {
      stop_now_and_then(l, p.seed);
      all.done();
    });
    all.wait();
    if (char const* const broken = broken_at_rest()) p.out.found(broken);
    count_paths(this_machine()->home, p.out);
  });
  l.check_touches();
}

void run_pass(pass const& p) {
  const raw_events raw{raw_exit_won, raw_exit_aba, raw_exit_lost, raw_take_won, raw_take_lost, raw_stopped};
  const bool raw_wanted = !p.overtime || missing(events, p.out, raw_exit_won, exit_old);
  const bool runtime_wanted = !p.overtime || missing(events, p.out, exit_old, events.size());
  const double share = !runtime_wanted ? 1 : !raw_wanted ? 0 : raw_share;
  if (raw_wanted)
    hammer_raw_processors(p, raw, p.seconds * share,
                          [](processor_side& at, processor_state to) { return processor_status::take(at, to); });
  for (const std::uint32_t processors : {1u, 2u, 4u}) {
    if (runtime_wanted && !p.out.has_finding()) hammer_runtime(p, processors, p.seconds * (1 - share) / 3);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return run_hammer({"syscall",
                     "a returning system call and whoever takes its P never both win, and nobody is lost on either way "
                     "out",
                     events, run_pass},
                    argc, argv);
}
