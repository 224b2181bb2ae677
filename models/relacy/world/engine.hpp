// engine.hpp: the one place that includes Relacy, and what the operations of this world share.
//
// Problem.   Relacy redefines `new`, `malloc`, `errno`, `assert` and `$` as macros, so that user
//            code marks its operations. A protocol header that real threads compile too cannot say
//            `x($)`, and any header that comes behind the macros breaks.
// Recipe.    Every standard header that a model needs, then relacy.hpp, then the macros are taken
//            back. Nothing else includes Relacy. An operation's site becomes Relacy's debug_info,
//            so that a history names the line in the protocol.
//
// Fields.    Relacy runs all threads of an execution in turn on one thread of the process, and
//            switches at the start of atomic operations only: what stands here is host memory, and
//            what an operation does to it is one step with the operation. fences_in_futex,
//            spurious, timeouts, give_ups: set before a search. The rest of `run` belongs to one
//            execution.
//
// Not promised: a world object outside of an execution (it has no engine to register with, and
// crashes).
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <memory>
#include <ostream>
#include <sstream>
#include <streambuf>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// Relacy saves and restores all registers also where a thread goes on by itself, which is half of
// all scheduling points.
#include <relacy/pch.hpp>
#include <relacy/platform.hpp>
inline void retake_switch_to_fiber(fiber_t& to, fiber_t& from) {
  if (&to != &from) switch_to_fiber(to, from);
}
#define switch_to_fiber retake_switch_to_fiber
#include <relacy/relacy.hpp>
#undef switch_to_fiber

#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdollar-in-identifier-extension"
#endif
#undef $
#if defined(__clang__)
#pragma clang diagnostic pop
#endif
#undef errno
#define errno (*__errno_location())

#include "../../fired.hpp"
#include "world/site.hpp"
#include "world/sites.hpp"
#include "world/spinning.hpp"

namespace retake::world::relacy {

struct sleeper {
  void const* word;
  rl::thread_id_t thread;
};
inline constexpr unsigned threads_max = spinning::threads_max;

struct run_state {
  bool fences_in_futex = true;  // --park futex; plain: false
  unsigned spurious = 0;        // sleeps of one execution that may end for no reason
  unsigned timeouts = 0;  // deadlines of one execution that may pass; behind them a timed sleep is one without end
  unsigned give_ups = 0;  // spin loops of one execution that may give up
  bool recording = false;

  unsigned spurious_left = 0;
  unsigned timeouts_left = 0;
  unsigned sleepers = 0;
  sleeper asleep[threads_max] = {};
  char const* claim = nullptr;  // of the require that failed
  spinning spins;
};
inline run_state run;

inline void begin_execution() noexcept {
  run.spurious_left = run.spurious;
  run.timeouts_left = run.timeouts;
  run.sleepers = 0;
  run.claim = nullptr;
  run.spins.begin_execution(run.give_ups);
}

[[nodiscard]] inline unsigned running_thread() noexcept { return static_cast<unsigned>(rl::ctx().current_thread()); }

// What ends a spin loop: see spinning.hpp.
inline void note_effect() noexcept { run.spins.effect(running_thread()); }

[[nodiscard, gnu::always_inline]] inline rl::debug_info info_of(site const& where) noexcept {
  return {where.function, run.recording ? base_name(where.file) : where.file, where.line};
}

// A line of the failing history.
inline void note_event(char const* text, site const& where) {
  if (rl::context& c = rl::ctx(); c.collecting_history()) c.exec_log(info_of(where), rl::user_event{text});
}

// The execution ends here: nothing unwinds, the stacks are left as they stand. `from`: the line of
// the harness that objects.
[[gnu::cold, gnu::noinline]] inline void fail(char const* claim, site const& where,
                                              rl::test_result_e how = rl::test_result_user_assert_failed,
                                              site const& from = site::current()) {
  note_fired(from.file, from.line);
  run.claim = claim;
  rl::ctx().fail_test(claim, how, info_of(where));
}

// How long an atomic lives, for Relacy's judgement of plain data: each operation reads it, the end
// writes it. An operation leaves its read in front of its choice point, so that its own release
// publishes it. In no history.
class lifetime {
 public:
  lifetime() : data_(rl::ctx().var_ctor()) { data_->init(*rl::ctx().threadx_); }
  ~lifetime() { rl::ctx().var_dtor(data_); }
  lifetime(lifetime const&) = delete;
  lifetime& operator=(lifetime const&) = delete;

  void touch(site const& where) const {
    rl::context& c = rl::ctx();
    if (c.invariant_executing) return;
    run.spins.touch(running_thread(), {where.file, where.line, this});
    if (data_->load(*c.threadx_)) return;
    fail("an atomic is touched before its construction", where, rl::test_result_data_race);
  }
  void end() {
    if (data_->store(*rl::ctx().threadx_)) return;
    fail("an atomic ends before the last touch of it", {"", 0, "the end of an atomic"}, rl::test_result_data_race);
  }

 private:
  rl::var_data* data_;
};

// One of n alternatives, by the search.
[[nodiscard]] inline unsigned choose(unsigned n) { return rl::ctx().rand(n, rl::sched_type_user); }

// What the fences of this world do: one order of all of them, and who is later in it sees what was
// before the earlier. Relacy's own is also an acquire and a release fence, which the contract does
// not promise: a release or acquire beside it could be left out unnoticed.
inline void full_fence(site const& where) {
  note_effect();
  rl::context& c = rl::ctx();
  c.sched();
  for (rl::thread_id_t i = 0; i != c.get_thread_count(); ++i) {
    rl::timestamp_t const both = std::max(c.threadx_->acq_rel_order_[i], c.seq_cst_fence_order_[i]);
    c.threadx_->acq_rel_order_[i] = c.seq_cst_fence_order_[i] = both;
  }
  if (c.collecting_history()) c.exec_log(info_of(where), rl::atomic_fence_event{rl::mo_seq_cst, true});
}

// An integer of T's size: Relacy's cells hold nothing else.
template <class T>
using bits_of = std::conditional_t<
    sizeof(T) == 8, std::uint64_t,
    std::conditional_t<sizeof(T) == 4, std::uint32_t, std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint8_t>>>;

enum class operation : std::uint8_t { load, store, modify };

// What an order does, as bits, so that "weaker" is "fewer": 1 acquire, 2 release, 4 the single
// order of all seq_cst.
[[nodiscard]] constexpr unsigned strength(rl::memory_order order) noexcept {
  switch (order) {
    case rl::mo_acquire:
    case rl::mo_consume: return 1;
    case rl::mo_release: return 2;
    case rl::mo_acq_rel: return 3;
    case rl::mo_seq_cst: return 7;
    case rl::mo_relaxed: break;
  }
  return 0;
}

// The order in force at a line that carries the mutant's number.
[[nodiscard, gnu::cold, gnu::noinline]] inline rl::memory_order weakened(rl::memory_order asked, operation what,
                                                                         site const& where) noexcept {
  if (!is_mutant(where)) return asked;
  rl::memory_order to = asked;
  switch (mutant.kind) {
    case mutation::relaxed: to = rl::mo_relaxed; break;
    case mutation::acquire: to = rl::mo_acquire; break;
    case mutation::release: to = rl::mo_release; break;
    case mutation::acq_rel: to = rl::mo_acq_rel; break;
    case mutation::split:
      if (what == operation::modify) return asked;
      break;
    case mutation::drop:
    case mutation::none: break;
  }
  unsigned const was = what == operation::load    ? strength(asked) & ~2u
                       : what == operation::store ? strength(asked) & ~1u
                                                  : strength(asked);
  bool const fits = (strength(to) & ~was) == 0 && strength(to) < was;
  if (fits) return to;
  mutant.misfit = what == operation::load ? "load" : what == operation::store ? "store" : "read-modify-write";
  return asked;
}

[[nodiscard]] inline bool is_split(site const& where) noexcept {
  return where.line == mutant.line && mutant.kind == mutation::split && is_mutant(where);
}

// For the operations that can only be left out. True: leave it out.
[[nodiscard]] inline bool is_dropped(char const* what, site const& where) noexcept {
  if (where.line != mutant.line || !is_mutant(where)) return false;
  if (mutant.kind != mutation::drop) mutant.misfit = what;
  return mutant.kind == mutation::drop;
}

}  // namespace retake::world::relacy
