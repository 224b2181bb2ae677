// sysmon_gate.hpp: the monitor sleeps deeply while there is nothing to monitor, and a system call wakes it.
//
// Problem.   sysmon looks every 20 us to 10 ms whether a P is stuck in a system call. In an idle process that is power for nothing; but
//            once a P is in a system call, somebody must look.
// Rejected.  Waking it at every system call: a system call of our own per system call. A longer period: the first stuck call after a pause
//            would wait for it.
// Recipe.    sysmon                                            an M entering a system call, or taking an idle P
//            under the lock: all Ps idle (or stopped)?         asleep? (a load without the lock)
//            say asleep, clear the note; unlock; sleep         then under the lock: still asleep: say awake, wake the note
//            woken or late: under the lock say awake
//
//            The load without the lock cannot miss: sysmon says asleep under the lock while every P is idle or stopped, and a P leaves that
//            state only under the same lock, later.
//
// States.    awake: sysmon makes its rounds. asleep: it sleeps on the note, and whoever says awake owes the note a wake-up.
// Fields.    asleep_: under the lock, read as a hint by anybody. note_: its sleeper is sysmon.
// Invariants M7, V6.
// Orders     None of its own: the lock's and the note's.
// Checked by models/relacy/sysmon_gate_model.cpp, scenarios syscall_wakes_sysmon and call_against_retake, patch h33.
// Not promised: that sysmon is awake soon after; a P in a call is found within its period, counted from the wake-up.
#pragma once

#include <cstdint>

#include "protocol/note.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

class sysmon_gate {
 public:
  sysmon_gate() noexcept : asleep_(0) {}

  // sysmon, under the lock, when it saw under the same lock that there is nothing to monitor.
  void fall_asleep() noexcept {
    note_.clear();
    asleep_.store_relaxed(1);
  }

  // sysmon, without the lock. True: somebody woke it; false: it is late. Blocks the thread.
  [[nodiscard]] bool sleep_until(std::int64_t deadline_ns) noexcept { return note_.sleep_until(deadline_ns); }

  // sysmon, under the lock, after sleep_until().
  void awake() noexcept { asleep_.store_relaxed(0); }

  // Anybody, without the lock.
  [[nodiscard]] bool asleep_hint() const noexcept { return world::recheck(asleep_.load_relaxed() != 0); }

  // Anybody, under the lock.
  void wake() noexcept {
    const std::uint32_t asleep = asleep_.load_relaxed();
    if (asleep == 0) return;
    asleep_.store_relaxed(0);
    note_.wake();
  }

 private:
  world::atomic<std::uint32_t> asleep_;
  note note_;
};

}  // namespace retake
