// quiescence.hpp: what must be even once nothing runs but the main goroutine: goroutines, idle
// lists, spinners, threads, waiters.
//
// Problem.   A lost goroutine, a P that is on no list, a spinner that nobody counts down: none of
//            them stops a hammer, each of them adds up for days.
// Recipe.    The main goroutine, when all others have ended, yields and looks, again and again: the
//            last Ms are still on their way to sleep. What is not even after a bound never will be.
//            Lists and plain counts are read under the scheduler's lock; what an M keeps for itself
//            is read only of Ms on the idle list, which that lock has published.
// Invariants G9 created == ended + live; P5 list, count and mask of idle Ps agree; M5 nobody spins;
//            M12 one thread runs (and one more while it blocks in the poller); N5 nobody waits for
//            a descriptor. Beside them M1, M3 of the Ms on the list, Q2 of the global queue.
// Checked by canary_quiescence.cpp: each of them fails when it is broken.
#pragma once

#include <cstdint>

#include "hammer.hpp"
#include "observe/inspector.hpp"
#include "retake/go.hpp"
#include "sched/scheduler.hpp"

namespace retake::stress {

inline constexpr std::uint32_t settle_rounds_max = 25'000;
inline constexpr std::int64_t settle_pause_ns = 200'000;
inline constexpr std::uint32_t last_looks = 10;
inline constexpr std::int64_t last_pause_ns = 5'000'000;

// Under the lock.
inline char const* broken_idle_lists(scheduler& s) noexcept {
  std::uint32_t listed = 0;
  for (processor* p = inspector::first_processor(s.idle); p != nullptr; p = p->idle_link.get()) {
    if (++listed > s.processors.count()) return "P5: the list of idle Ps has a circle";
    if (!s.idle.idle_hint(p->id)) return "P5: a P on the idle list has no bit in the mask";
    if (!p->queue.looks_empty()) return "P4: a P on the idle list has work";
    if (p->machine.load_relaxed() != nullptr) return "P9: a P on the idle list has an M";
  }
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < inspector::mask_words; ++i)
    bits += static_cast<std::uint32_t>(__builtin_popcountll(inspector::mask_word(s.idle, i)));
  if (listed != s.idle.processors_hint()) return "P5: the idle list is not as long as its count";
  if (bits != listed) return "P5: the mask has other bits than the idle list has Ps";
  if (listed != s.processors.count() - 1) return "P5: a P is neither the caller's nor on the idle list";
  std::uint32_t sleeping = 0;
  for (machine* m = inspector::first_machine(s.idle); m != nullptr; m = m->idle_link.get()) {
    if (++sleeping > s.machine_count.get()) return "M12: the list of idle Ms has a circle";
    if (m->spinning.get() != 0) return "M3: an M on the idle list spins";
    if (m->p.get() != nullptr || m->next.get() != nullptr) return "M1: an M on the idle list has a P";
  }
  return sleeping == s.idle.machines() ? nullptr : "M12: the list of idle Ms is not as long as its count";
}

// Under the lock.
inline char const* broken_goroutines(scheduler& s) noexcept {
  std::uint64_t live = 0;
  for (goroutine* g = s.goroutines.get(); g != nullptr; g = g->all_link.get())
    live += g->state.load_relaxed() != goroutine_state::dead ? 1 : 0;
  const std::uint64_t ended = s.goroutines_ended.load_relaxed();
  const std::uint64_t created = s.goroutines_created.load_relaxed();
  if (created != ended + live) return "G9: goroutines created are not goroutines ended and goroutines that live";
  if (live != 1) return "G9: a goroutine has not ended";
  const bool none = inspector::first_global(s.global) == nullptr;
  return none && s.global.size_hint() == 0 ? nullptr : "Q2: the global queue holds something and nobody is left";
}

// Under the lock.
inline char const* broken_threads(scheduler& s) noexcept {
  std::uint32_t listed = 0;
  for (machine* m = s.machines.get(); m != nullptr; m = m->all_link.get()) ++listed;
  if (listed != s.machine_count.get()) return "M12: the list of threads is not as long as their count";
  const std::int64_t asleep = std::int64_t{s.idle.machines()} + s.machines_idle_locked.get() + s.machines_system.get();
  const std::int64_t running = std::int64_t{s.machine_count.get()} - asleep;
  const std::int64_t polling = s.polling.somebody_blocks() ? 1 : 0;
  return running == 1 + polling ? nullptr : "M12: other threads run than the caller's and the poller's";
}

// By the main goroutine when it is the last: nullptr, or what is not even.
[[nodiscard]] inline char const* broken_now(scheduler& s) noexcept {
  if (s.gate.spinning_hint() != 0) return "M5: Ms are counted as spinning and nobody has anything to look for";
  if (inspector::waiting(s.network) != 0)
    return "N5: goroutines are counted as waiting for descriptors and nobody is left";
  for (processor& p : s.processors.all()) {
    if (p.timers.first_due_ns() != 0) return "G6: a timer is left and nobody sleeps";
  }
  const locked hold(s.lock);
  if (char const* const broken = broken_goroutines(s)) return broken;
  if (char const* const broken = broken_idle_lists(s)) return broken;
  return broken_threads(s);
}

// The same, within a bound.
[[nodiscard]] inline char const* broken_at_rest(std::uint32_t rounds_max = settle_rounds_max) noexcept {
  char const* broken = nullptr;
  for (std::uint32_t round = 0; round < rounds_max; ++round) {
    yield();                  // what is queued on this P; it wakes whoever is idle
    nap_ns(settle_pause_ns);  // not a call of the runtime: this P stays where it is, and the others find nothing
    broken = broken_now(this_machine()->home);
    if (broken == nullptr) return nullptr;
  }
  for (std::uint32_t look = 0; broken != nullptr && look < last_looks;
       ++look) {  // what the last yield stirred up is not what is broken
    nap_ns(last_pause_ns);
    broken = broken_now(this_machine()->home);
  }
  return broken;
}

}  // namespace retake::stress
