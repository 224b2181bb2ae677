// sysmon_gate.hpp: the monitor rests while there is little to monitor, and whoever gives it
// something to do wakes it.
//
// Problem.   sysmon looks every 20 us to 10 ms whether a P is stuck in a system call. In an idle
//            process that is power for nothing; but once a P is in a system call, somebody must
//            look, and when work waits beside it, soon: a monitor that has backed off to 10 ms
//            needs two visits, and the work waits for 20 (so it does in Go).
// Rejected.  Waking it at every system call: a system call of our own per system call. A longer
//            period: the first stuck call after a pause would wait for it. A shorter one: power for
//            nothing in every program that only computes.
// Recipe.    sysmon                                      an M entering a system call, or taking an
//                                                          idle P
//            under the lock: all Ps idle (or stopped)?   at rest? (a load without the lock)
//            say asleep, clear the note; unlock; sleep   asleep: under the lock: still at rest: say
//                                                          awake, wake the note
//            its period has grown long: say dozing,      dozing: leave word that there is a call;
//              likewise                                    the same if work waits
//            woken or late: under the lock say awake
//                                                              who submits work while no P is idle
//                                                              dozing, and there is a call: wake it
//                                                              as above
//
//            A P that leaves the idle list computes, perhaps for long, and must be asked for a
//            yield: taking it wakes a sleeping sysmon too, but without haste. Such a sysmon goes on
//            with dozes, so that a program that is idle between short computations wakes it at most
//            once for each doze.
//
//            The load without the lock cannot miss sleep: sysmon says asleep under the lock while
//            every P is idle or stopped, and a P leaves that state only under the same lock, later.
//            It can miss a doze: then the work waits for the end of the doze, at most 10 ms.
//
// States.    awake: sysmon makes its rounds. dozing: it sleeps on the note until its next round.
//            asleep: it sleeps on the note, without rounds. Whoever says awake owes the note a
//            wake-up.
// Fields.    rest_: under the lock, read as a hint by anybody. calls_: a hint, meaningful while
//            dozing. hurried_: under the lock.
//            note_: its sleeper is sysmon.
// Invariants M7, V6. M13: sysmon is asleep only while every P is idle or stopped.
// Orders     None of its own: the lock's and the note's.
// Checked by models/relacy/sysmon_gate_model.cpp, scenarios syscall_wakes_sysmon,
//            call_wakes_dozing_sysmon, work_wakes_dozing_sysmon, computation_after_timer, patches
//            h33, d61, d62, d63 to d67.
// Not promised: that sysmon is awake soon after; a P in a call is found within its period, counted
// from the wake-up.
#pragma once

#include <cstdint>

#include "protocol/note.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

struct inspector;

enum class monitor_rest : std::uint32_t { awake, dozing, asleep };

// What ended a deep sleep.
enum class monitor_wake : std::uint32_t {
  none,       // its deadline
  processor,  // a P has left the idle list: its time slices want to be watched
  call,       // a P is in a system call, or the runtime wants a look: at once, and soon again
};

class sysmon_gate {
 public:
  sysmon_gate() noexcept : rest_(monitor_rest::awake), calls_(0), hurried_(0) {}

  // sysmon, under the lock. `unused`: it saw under the same lock that every P is idle or stopped.
  void fall_asleep(bool unused) noexcept {
    world::require(unused, "M13: sysmon falls asleep beside a P that is used");
    rest(monitor_rest::asleep);
  }

  // sysmon, under the lock, before a long pause between two rounds. Afterwards it owes a look at
  // the Ps, and word of the calls it sees.
  void doze() noexcept {
    calls_.store_relaxed(0);
    rest(monitor_rest::dozing);
  }

  // sysmon, without the lock. True: somebody woke it; false: it is late. Blocks the thread.
  [[nodiscard]] bool sleep_until(std::int64_t deadline_ns) noexcept { return note_.sleep_until(deadline_ns); }

  // sysmon, under the lock, after sleep_until() has returned `woken`.
  monitor_wake awake(bool woken) noexcept {
    rest_.store_relaxed(monitor_rest::awake);
    if (!woken) return monitor_wake::none;
    return hurried_.get() != 0 ? monitor_wake::call : monitor_wake::processor;
  }

  // Anybody, without the lock.
  [[nodiscard]] monitor_rest hint() const noexcept { return rest_.load_relaxed(); }

  // Who knows of a system call beside a dozing sysmon: the M that has entered it, or sysmon. True:
  // the first one of this doze.
  [[nodiscard]] bool leave_word() noexcept {
    if (calls_.load_relaxed() != 0) return false;
    calls_.store_relaxed(1);
    return true;
  }

  // Who has submitted work that no idle P can take, without the lock: whether waking sysmon may
  // help.
  [[nodiscard]] bool dozes_beside_calls() const noexcept {
    if (hint() != monitor_rest::dozing) return false;
    return world::recheck(calls_.load_relaxed() != 0);
  }

  // Under the lock: ends its rest, however deep.
  void wake() noexcept {
    hurried_.set(1);
    end_rest();
  }

  // Under the same lock under which a P left the idle list: ends a sleep, without haste. A doze
  // goes on.
  void wake_from_sleep() noexcept {
    if (hint() == monitor_rest::asleep) end_rest();
  }

 private:
  friend struct inspector;  // reads for the checkers

  void rest(monitor_rest how) noexcept {
    note_.clear();
    hurried_.set(0);
    rest_.store_relaxed(how);
  }

  void end_rest() noexcept {
    const monitor_rest now = rest_.load_relaxed();
    if (now == monitor_rest::awake) return;
    rest_.store_relaxed(monitor_rest::awake);
    note_.wake();
  }

  world::atomic<monitor_rest> rest_;
  world::atomic<std::uint32_t> calls_;
  world::plain<std::uint32_t> hurried_;
  note note_;
};

}  // namespace retake
