// processor_status.hpp: who owns a P while its M is in a system call: the returning M or the first
// other who takes it.
//
// Problem.   A system call may last a microsecond or an hour. The M keeps its P in hope of the
//            first; somebody must be able to take it in fear of the second, without asking an M
//            that sleeps in the kernel, and the common short call must cost no lock.
// Rejected.  A lock per P: two more locked operations on the path that nobody contends. Handing the
//            P over at every call: the common call would pay for the scheduler twice. A time-out
//            inside the call: the kernel does not know about Ps.
// Recipe.    M that calls                                others (sysmon, the stop of the world)
//            enter: take the links apart, swap Syscall   take: status Syscall -> Idle or GcStop by
//              in [PS1]                                    CAS [PS3]: won: the P is mine; lost: it
//            exit: old P's status Syscall -> Idle by       went back, or somebody else has it
//              CAS [PS2]: won: wire it again; lost:
//              the P is gone
//
// States.    status   owned by                               may become
//            idle     the idle list, or one hand that is     running (wire), gc_stop
//                       moving it
//            running  the M with m.p == p                    idle (unwire), syscall (enter),
//                                                              gc_stop
//            syscall  whoever wins the next CAS              idle (the returning M, or a thief),
//                                                              gc_stop (the stop)
//            gc_stop  the stopped world                      idle, when it restarts; dead, when it
//                                                              is one too many
//            dead     nobody; only the stopped world         gc_stop
//                       changes that
//
//            ABA is legal. A returning M may win back a P that was meanwhile taken, run by another
//            M, and is now in that M's system call: `old` is a hint, the CAS is the transfer. The
//            P's system-call tick tells that it happened.
//
// Fields.    status: by the operations below. machine: written by the owner, read by sysmon as a
//            hint. syscall_tick: written by whoever wins, read by sysmon as a hint. M's p, old,
//            tick: the M alone. next: written by the starter, read by the woken M (note).
// Invariants P1 P2 P3 P7 P9 P11 P12.
// Orders     [PS1] [PS2] [PS3], below; stop_world.hpp has the other half of [PS1]'s store-load
//            order.
// Checked by models/relacy/processor_status_model.cpp, properties/processor_status_properties.cpp,
//            scenarios syscall_against_retake and three_calls_two_processors,
//            stress/hammer_syscall.cpp, patches h19, h25.
// Not promised: that the old P comes back, or that the same P is the same after it did.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/ghost.hpp"
#include "world/require.hpp"

namespace retake {

enum class processor_state : std::uint32_t { idle, running, syscall, gc_stop, dead };

// For the checkers: who owns the P, in finer grain than the status shows.
enum class processor_holder : std::uint32_t { hand, machine, call, idle_list, stopped };

struct machine_side;

// The P's part of the ownership protocol.
struct processor_side {
  explicit processor_side(std::uint32_t processor_id) noexcept
      : id(processor_id),
        status(processor_state::idle),
        machine(nullptr),
        syscall_tick(0),
        holder(processor_holder::hand) {}

  std::uint32_t const id;
  world::atomic<processor_state> status;
  world::atomic<machine_side*> machine;
  world::atomic<std::uint32_t> syscall_tick;
  [[no_unique_address]] world::ghost<processor_holder> holder;
};

// The M's part.
struct machine_side {
  explicit machine_side(std::uint32_t machine_id) noexcept
      : id(machine_id), p(nullptr), old(nullptr), next(nullptr), tick(0) {}

  std::uint32_t const id;
  world::plain<processor_side*> p;
  world::plain<processor_side*> old;
  world::plain<processor_side*> next;
  world::plain<std::uint32_t> tick;
};

enum class exit_outcome : std::uint32_t {
  reacquired,      // the old P is wired again; nobody had it in between
  reacquired_aba,  // the old P is wired again, but it has been others' in between
  lost             // the caller has no P
};

namespace processor_status {

// The M, with a P that is in its hands. Afterwards the P is the M's, Running.
inline void wire(machine_side& m, processor_side& p) noexcept {
  world::require(m.p.get() == nullptr, "P1: wiring an M that has a P");
  world::require(p.machine.load_relaxed() == nullptr, "P1: wiring a P that has an M");
  world::require(p.status.load_relaxed() == processor_state::idle, "P1: wiring a P that is not idle");
  m.p.set(&p);
  p.machine.store_relaxed(&m);
  p.status.store_relaxed(processor_state::running);
  p.holder.move(processor_holder::hand, processor_holder::machine, "P9: a P is wired that somebody else owns");
}

// The M. Afterwards the P is in the caller's hands: it must go to another M, to the idle list or to
// the stopped world.
[[nodiscard]] inline processor_side& unwire(machine_side& m) noexcept {
  processor_side* const p = m.p.get();
  world::require(p != nullptr, "P2: releasing without a P");
  world::require(p->machine.load_relaxed() == &m, "P2: releasing a P of another M");
  world::require(p->status.load_relaxed() == processor_state::running, "P2: releasing a P that does not run");
  m.p.set(nullptr);
  p->machine.store_relaxed(nullptr);
  p->status.store_relaxed(processor_state::idle);
  p->holder.move(processor_holder::machine, processor_holder::hand, "P9: a P is released that the M does not own");
  return *p;
}

// The M, on its way into a system call. Afterwards the P is anybody's; the caller owes a look at
// the stop of the world.
inline void enter(machine_side& m) noexcept {
  processor_side* const p = m.p.get();
  world::require(p != nullptr && p->machine.load_relaxed() == &m, "P11: entering a system call without a P");
  m.tick.set(p->syscall_tick.load_relaxed());
  p->machine.store_relaxed(nullptr);
  m.old.set(p);
  m.p.set(nullptr);
  // [PS1] seq_cst swap: all that was done with the P comes before whoever takes it, and the status
  // is visible before the caller reads whether the world stops. Pairs with [PS2], [PS3], and [SW3]
  // of stop_world. Killed by: model stop_world.
  const processor_state before = p->status.exchange_seq_cst(processor_state::syscall);
  p->holder.move(processor_holder::machine, processor_holder::call,
                 "P9: a system call is entered with a P of somebody else");
  world::require(before == processor_state::running, "P11: entering a system call with a P that does not run");
}

// The M, back from its system call. Without a P when lost.
[[nodiscard]] inline exit_outcome exit_fast(machine_side& m) noexcept {
  processor_side* const p = m.old.get();
  world::require(m.p.get() == nullptr, "P11: an M in a system call has a P");
  m.old.set(nullptr);
  if (p == nullptr || p->status.load_relaxed() != processor_state::syscall) return exit_outcome::lost;
  // [PS2] acquire: what others did with the P since (ABA). Pairs with [PS1]. Killed by: model
  // processor_status.
  const world::exchanged<processor_state> back =
      p->status.compare_exchange_acquire(processor_state::syscall, processor_state::idle);
  if (!back.won) return exit_outcome::lost;
  p->holder.move(processor_holder::call, processor_holder::hand,
                 "P9: a returning system call wins a P that somebody took");
  wire(m, *p);
  const std::uint32_t tick = p->syscall_tick.load_relaxed();
  const bool stayed = tick == m.tick.get();
  p->syscall_tick.store_relaxed(tick + 1);
  return stayed ? exit_outcome::reacquired : exit_outcome::reacquired_aba;
}

// Anybody: takes a P out of a system call. True: it is in the caller's hands, `to` is idle or
// gc_stop.
[[nodiscard]] inline bool take(processor_side& p, processor_state to) noexcept {
  // [PS3] acquire: what the calling M did with the P before. Pairs with [PS1]. Killed by: model
  // processor_status.
  const world::exchanged<processor_state> taken = p.status.compare_exchange_acquire(processor_state::syscall, to);
  if (!taken.won) return false;
  p.holder.move(processor_holder::call, processor_holder::hand,
                "P9: a P is taken out of a system call that somebody else took");
  const std::uint32_t tick = p.syscall_tick.load_relaxed();
  p.syscall_tick.store_relaxed(tick + 1);
  return true;
}

// Whoever has the P in hand, while the world stops (under the scheduler's lock).
inline void stop_in_hand(processor_side& p) noexcept {
  p.status.store_relaxed(processor_state::gc_stop);
  p.holder.move(processor_holder::hand, processor_holder::stopped, "P9: a P is stopped that is not in hand");
}

// Who changes the number of Ps, in a stopped world, under the lock: this one is too many, and comes
// back.
inline void retire_stopped(processor_side& p) noexcept {
  world::require(p.status.load_relaxed() == processor_state::gc_stop, "P8: a P is retired that is not stopped");
  p.status.store_relaxed(processor_state::dead);
}
inline void revive_stopped(processor_side& p) noexcept {
  world::require(p.status.load_relaxed() == processor_state::dead, "P8: a P is revived that is not dead");
  p.status.store_relaxed(processor_state::gc_stop);
}

// Who restarts the world, under the lock. Afterwards the P is in the caller's hands.
inline void restart_in_hand(processor_side& p) noexcept {
  world::require(p.status.load_relaxed() == processor_state::gc_stop, "P8: a P runs while the world is stopped");
  p.status.store_relaxed(processor_state::idle);
  p.holder.move(processor_holder::stopped, processor_holder::hand, "P8: a P is restarted that was not stopped");
}

// Whoever has the P in hand and starts an M with it: the M reads it when its note wakes it.
inline void hand_over(machine_side& m, processor_side& p) noexcept {
  world::require(m.next.get() == nullptr, "P7: an M is handed a second P");
  m.next.set(&p);
}

// The woken M. nullptr: woken for another reason.
[[nodiscard]] inline processor_side* take_handed(machine_side& m) noexcept {
  processor_side* const p = m.next.get();
  m.next.set(nullptr);
  return p;
}

}  // namespace processor_status

}  // namespace retake
