// trace_ring.hpp: the last events of one thread, for the execution trace.
//
// Problem.   A trace that is cheap enough to leave on: no lock, no allocation, and a clock that
//            costs a seventh of a switch cannot be read at each event.
// Recipe.    One ring a thread, written by that thread alone, the oldest events overwritten; who
//            reads drops those that may be half written. The clock is read at every event but in a
//            burst of switches, where it is read at every eighth and when sysmon has moved the
//            coarse clock; what lies between two readings is spread evenly when the trace is
//            written out. Order does not rest on the clock: what changes hands carries a number
//            that its owner raises (moves), so that two owners at once show as one number that was
//            given out twice.
//
// Fields.    All written by the one thread, read by anybody: report_only.
// Not promised: times better than the coarse clock's (at most 10 ms) where a burst turns into a
// long slice without an event.
#pragma once

#include <cstddef>
#include <cstdint>

#include "world/report.hpp"

namespace retake {

enum class trace_kind : std::uint32_t {
  run,      // goroutine; argument: P
  leave,    // goroutine; argument: its state then, and why it parked
  ready,    // goroutine that this thread made runnable
  enter,    // goroutine into a call
  exit,     // goroutine out of it; argument: way
  wire,     // P that this thread has from now on
  unwire,   // P that it gives away; argument 1: leaves behind in its call
  retake,   // P that was taken out of a call; argument: why
  handoff,  // P that no M had; argument: handoff_case
  lock,     // goroutine that is locked to this thread from now on
  unlock    // and no longer
};

enum class trace_exit : std::uint32_t { old_p, old_p_aba, idle_p, slow, slow_locked };
enum class trace_retake : std::uint32_t { queue, nobody_idle, grace, lost };

class trace_ring {
 public:
  static constexpr std::uint32_t capacity = 1u << 13;

  struct event {
    std::uint64_t ticks;
    trace_kind kind;
    std::uint32_t argument;  // 16 bits
    std::uint32_t moves;     // the subject's number of this change, or 0
    std::uint64_t subject;   // a goroutine's id (48 bits), or a P's
  };

  explicit trace_ring(world::report_only<std::int64_t> const& coarse_ns) noexcept
      : coarse_ns_(coarse_ns), written_(0) {}

  // The thread.
  void add(trace_kind kind, std::uint64_t subject, std::uint32_t moves, std::uint32_t argument) noexcept {
    const std::uint64_t at = written_.get();
    slot& s = slots_[at % capacity];
    s.ticks.set(time(kind));
    s.what.set(std::uint64_t{moves} << 32 | std::uint64_t{argument & 0xffff} << 8 | static_cast<std::uint64_t>(kind));
    s.subject.set(subject);
    written_.set(at + 1);
  }

  // Anybody: how many there were, and one of the last `capacity`; it may be half overwritten by the
  // time it is read: look at written() again.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_.get(); }
  [[nodiscard]] event at(std::uint64_t number) const noexcept {
    slot const& s = slots_[number % capacity];
    const std::uint64_t what = s.what.get();
    return {s.ticks.get(), static_cast<trace_kind>(what & 0xff), static_cast<std::uint32_t>(what >> 8 & 0xffff),
            static_cast<std::uint32_t>(what >> 32), s.subject.get()};
  }

 private:
  static constexpr std::uint32_t burst = 8;
  static constexpr trace_kind last_of_bursts =
      trace_kind::ready;                               // calls, and Ps that come and go, always have their time
  static constexpr std::uint64_t pause_ticks = 2'000;  // about a microsecond

  struct slot {
    slot() noexcept : ticks(0), what(0), subject(0) {}
    world::report_only<std::uint64_t> ticks, what, subject;
  };

  std::uint64_t time(trace_kind kind) noexcept {
    const std::int64_t coarse = coarse_ns_.get();
    if (to_skip_ != 0 && coarse == seen_coarse_ns_ && kind <= last_of_bursts) {
      --to_skip_;
      return last_;
    }
    const std::uint64_t now = world::report_ticks();
    to_skip_ = kind <= last_of_bursts && now - last_ < burst * pause_ticks ? burst - 1 : 0;
    seen_coarse_ns_ = coarse;
    return last_ = now;
  }

  world::report_only<std::int64_t> const& coarse_ns_;
  world::report_only<std::uint64_t> written_;
  std::uint64_t last_ = 0;  // the thread's own, as below
  std::uint32_t to_skip_ = 0;
  std::int64_t seen_coarse_ns_ = 0;
  slot slots_[capacity];
};

}  // namespace retake
