// canary_hammers.cpp: each guard of the hammers, with something that it must notice. A canary that
// stays silent means that the alarm is dead.
//
// `canary_hammers FAULT`: the exit code must be 1 and the finding's tag the one that `expect.sh` is
// told; FAULT `nothing` must hold, `idle` must be 4.
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <thread>

#include "hammer.hpp"
#include "load.hpp"
#include "quiescence.hpp"
#include "raw_polling.hpp"
#include "raw_processors.hpp"
#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/sync.hpp"
#include "thread_claim.hpp"
#include "world/require.hpp"
#include "world/thread.hpp"

namespace {

using namespace retake;
using namespace retake::stress;

constexpr std::uint32_t settle_rounds = 500;  // of 200 us: a canary's damage does not heal
constexpr raw_events raw{1, 2, 3, 4, 5, 6};
std::vector<event> const events = {{"rounds", 1},   {"exit_won", 0},  {"exit_aba", 0}, {"exit_lost", 0},
                                   {"take_won", 0}, {"take_lost", 0}, {"stopped", 0}};

void go_round(pass const& p) {
  p.out.round();
  p.out.count(0);
}

// ---- the protocol alone ----
// A thief that looks and then stores: between the two the M may have come back.
void raw_take(pass const& p) {
  go_round(p);
  hammer_raw_processors(p, raw, p.seconds, [](processor_side& at, processor_state to) {
    if (at.status.load_relaxed() != processor_state::syscall) return false;
    at.status.store_relaxed(to);
    return true;
  });
}

// Whoever found a parked goroutine forgets it, after a while.
void forgotten_wake(pass const& p) {
  std::atomic<std::uint32_t> found{0};
  raw_waiters(p, raw_waiter_events{1, 2, 3, 4, 5, 6}, 1, p.seconds, [&found] { return found.fetch_add(1) > 20; }).run();
}

void forgotten_break(pass const& p) {
  std::atomic<std::uint32_t> signalled{0};
  raw_breaks(p, raw_break_events{1, 2, 3}, p.seconds, [&signalled] { return signalled.fetch_add(1) > 20; }).run();
}

// ---- threads ----
// A goroutine that believes it is locked to its thread.
void unlocked(pass const& p) {
  load l(p, p.seconds);
  options chosen;
  chosen.processors = 2;
  run(chosen, [&] {
    wait_group all;
    for (std::uint64_t name = 1; name <= 4; ++name) {
      all.add(1);
      go([&, name] {
        {
          thread_claim mine(l, name);
          for (std::uint32_t i = 0; i < 1'000; ++i) {
            yield();
            mine.check();
          }
        }
        all.done();
      });
    }
    all.wait();
    go_round(p);
  });
}

// ---- quiescence ----
template <class Damage>
void at_rest(pass const& p, Damage damage, Damage repair) {
  options chosen;
  chosen.processors = 2;
  run(chosen, [&] {
    wait_group all;
    for (std::uint32_t i = 0; i < 16; ++i) {
      all.add(1);
      go([&all] {
        yield();
        all.done();
      });
    }
    all.wait();
    go_round(p);
    if (char const* const broken = broken_at_rest()) return p.out.found(broken);  // before the damage: nothing
    scheduler& s = this_machine()->home;
    damage(s);
    if (char const* const broken = broken_at_rest(settle_rounds)) p.out.found(broken);
    repair(s);  // so that the end of the program is not what fails
  });
}

using change = void (*)(scheduler&);

void lost_goroutine(pass const& p) {
  at_rest<change>(
      p, [](scheduler& s) { s.goroutines_created.fetch_add_relaxed(1); },
      [](scheduler& s) { s.goroutines_created.fetch_sub_relaxed(1); });
}
void live_goroutine(pass const& p) {
  run([&] {
    channel<int> never;
    go([&never] { static_cast<void>(never.receive()); });
    go_round(p);
    if (char const* const broken = broken_at_rest(settle_rounds)) p.out.found(broken);
    never.close();
  });
}
void wrong_mask(pass const& p) {
  const change flip = [](scheduler& s) {
    const locked hold(s.lock);
    inspector::flip_mask_bit(s.idle, 99);
  };
  at_rest<change>(p, flip, flip);
}
void lost_processor(pass const& p) {
  static processor* taken = nullptr;
  at_rest<change>(
      p,
      [](scheduler& s) {
        const locked hold(s.lock);
        taken = s.idle.take_processor();
      },
      [](scheduler& s) {
        const locked hold(s.lock);
        if (taken != nullptr) s.idle.put_processor(taken, true);
      });
}
void spinner(pass const& p) {
  at_rest<change>(
      p, [](scheduler& s) { s.gate.start_spinning(); }, [](scheduler& s) { s.gate.withdraw(); });
}
void count_thread(scheduler& s, std::uint32_t by) {
  const locked hold(s.lock);
  s.machine_count.set(s.machine_count.get() + by);
}
void thread_count(pass const& p) {
  at_rest<change>(
      p, [](scheduler& s) { count_thread(s, 1); }, [](scheduler& s) { count_thread(s, ~0u); });
}
void waiter_count(pass const& p) {
  at_rest<change>(
      p, [](scheduler& s) { inspector::waiting_word(s.network).fetch_add_relaxed(1); },
      [](scheduler& s) { inspector::waiting_word(s.network).fetch_sub_relaxed(1); });
}

// ---- data of a P ----
void shared_processor(pass const& p) {
  load l(p, p.seconds);
  go_round(p);
  options chosen;
  chosen.processors = 1;
  run(chosen, [&] {
    machine& here = *this_machine();
    // A thread that believes it owns the P, and says so by what it writes.
    std::thread other([&] {
      world::set_this_thread(&here);
      for (std::uint32_t i = 0; i < 2'000'000; ++i) l.touch();
      world::set_this_thread(nullptr);
    });
    for (std::uint32_t i = 0; i < 2'000'000; ++i) l.touch();
    other.join();
  });
  l.check_touches();
}

// ---- the parent ----
void broken_require(pass const& p) {
  go_round(p);
  world::require(p.seconds < 0, "M7: a canary sings");
}
void stall(pass const& p) {
  go_round(p);
  for (;;) nap_ns(1'000'000'000);
}
void deadlock(pass const& p) {
  go_round(p);
  run([] {
    channel<int> never;
    static_cast<void>(never.receive());
  });
}
void crash(pass const& p) {
  go_round(p);
  __builtin_trap();
}
void race(pass const& p) {
  go_round(p);
  int plain = 0;
  std::thread other([&plain] { ++plain; });
  ++plain;
  other.join();
}
void idle(pass const& p) { p.out.round(); }

struct fault {
  char const* name;
  void (*run_pass)(pass const&);
  double stalled_seconds = 1;
};
constexpr fault faults[] = {
    {"nothing", go_round},
    {"idle", idle},
    {"raw_take", raw_take},
    {"forgotten_wake", forgotten_wake},
    {"forgotten_break", forgotten_break, 60},
    {"unlocked", unlocked},
    {"lost_goroutine", lost_goroutine},
    {"live_goroutine", live_goroutine},
    {"wrong_mask", wrong_mask},
    {"lost_processor", lost_processor},
    {"spinner", spinner},
    {"thread_count", thread_count},
    {"waiter_count", waiter_count},
    {"shared_processor", shared_processor},
    {"broken_require", broken_require},
    {"stall", stall},
    {"deadlock", deadlock},
    {"crash", crash},
    {"race", race},
};

}  // namespace

int main(int argc, char** argv) {
  for (fault const& f : faults) {
    if (argc < 2 || std::strcmp(argv[1], f.name) != 0) continue;
    subject what{f.name, "a canary sings", events, f.run_pass};
    what.stalled_seconds = f.stalled_seconds;
    what.extra_seconds = 1;
    return run_hammer(what, argc - 1, argv + 1);
  }
  std::fprintf(stderr, "usage: canary_hammers FAULT [--seconds N] [--json]; faults:");
  for (fault const& f : faults) std::fprintf(stderr, " %s", f.name);
  std::fprintf(stderr, "\n");
  return 2;
}
