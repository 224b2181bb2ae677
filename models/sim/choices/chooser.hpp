// chooser.hpp: who decides. The one interface between the engine and every strategy of exploration.
//
// A choice has n >= 2 alternatives. Alternative 0 is always the tame one: keep running the same
// thread, read the newest value, store the newest, no fault, wait in a spin loop instead of giving
// up. A strategy that only ever answers 0 runs the world without preemption and sequentially
// consistent. A thread choice shows what each enabled thread is about to do, so that partial-order
// strategies need nothing else.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "sim/operations.hpp"

namespace retake::sim {

// place: which store a store follows in modification order. weak_failure: a weak compare_exchange
// fails although it would win.
enum class choice_kind : std::uint8_t { thread, read_from, random, fault, named, give_up, place, weak_failure };

struct pending_operation {
  op_kind kind;
  std::uint16_t site;
  std::uint32_t object;
};

inline constexpr std::uint32_t clock_slot = 31;  // "the thread" that is the clock

struct choice_point {
  choice_kind kind;
  bool running_enabled;
  bool clock_may_tick;  // thread: the last alternative is the clock
  op_kind op;           // of the running thread: what it is about to do, or blocked in
  std::uint32_t n;
  std::uint32_t running;  // slot of the thread that asks
  std::uint32_t enabled;  // mask of slots
  std::uint32_t step;
  std::uint32_t local;  // visible operations of the running thread before this one
  std::uint32_t object;
  std::uint16_t site;
  char const* name;                  // fault and named: which
  pending_operation const* pending;  // by slot
  std::uint32_t budget =
      0;  // left of it. thread: ticks by choice; give_up, place, weak_failure: of these; others: strikes of faults

  // Thread: which slot alternative i stands for. The answer is random, so nothing here branches on
  // it.
  std::uint32_t slot_of(std::uint32_t alternative) const noexcept {
    std::uint32_t const first = running_enabled ? 1 : 0;
    std::uint32_t rest = enabled & ~(first << running);
    for (std::uint32_t i = first; i + 1 < n; ++i) rest = i < alternative ? rest & (rest - 1) : rest;
    static_assert(clock_slot == 31);
    return alternative < first ? running : static_cast<std::uint32_t>(std::countr_zero(rest | 1U << clock_slot));
  }
  // The reverse; n when the slot is no alternative.
  std::uint32_t alternative_of(std::uint32_t slot) const noexcept {
    if (slot == clock_slot) return clock_may_tick ? n - 1 : n;
    if ((enabled >> slot & 1U) == 0) return n;
    if (running_enabled && slot == running) return 0;
    std::uint32_t rest = enabled;
    if (running_enabled) rest &= ~(1U << running);
    return static_cast<std::uint32_t>(std::popcount(rest & ((1U << slot) - 1))) + (running_enabled ? 1 : 0);
  }
};

using by_slot = std::array<std::uint32_t, threads_max>;

// The length of an execution, as strategies need it that spread a budget over it; 0 is not known.
struct lengths {
  std::uint32_t steps = 0;
  std::uint32_t ticks = 0;          // thread choices in which the clock may tick
  std::uint32_t faults = 0;         // choices of a fault
  std::uint32_t give_ups = 0;       // choices whether a spin loop gives up
  by_slot operations{};             // choice points of each thread
  std::vector<by_slot> accesses{};  // of those, what touches each location; by its number
};

struct execution_summary {
  std::uint64_t hash;
  std::uint32_t steps;
  std::uint32_t choices;
  std::uint32_t threads;
  bool truncated;
  bool failed;
};

struct chooser {
  virtual ~chooser() = default;
  virtual char const* name() const = 0;
  // Before each execution; numbers count up from the shard's first.
  virtual void begin(std::uint64_t execution) = 0;
  // A strategy that spreads what it does over an execution learns its length before the first one;
  // until then it guesses.
  virtual bool learns() const { return false; }
  virtual void learn(lengths const&) {}
  // Less than n.
  virtual std::uint32_t choose(choice_point const& point) = 0;
  // The loop that was to give up by the last choice goes on for ever on what it reads: what follows
  // is what follows alternative 0.
  virtual void in_vain() {}
  // After each execution: is there another one?
  virtual bool end(execution_summary const& summary) = 0;
  // The space was searched to its end (by what this strategy knows; the driver adds truncation).
  virtual bool exhausted() const { return false; }
  // The strategy itself cut executions short.
  virtual bool truncated() const { return false; }
};

}  // namespace retake::sim
