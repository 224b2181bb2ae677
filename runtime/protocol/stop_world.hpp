// stop_world.hpp: one goroutine brings every P to a halt, wherever it is, and lets them go again.
//
// Problem.   Some changes need every P at rest. Running Ps stop by themselves at their next call of
//            the runtime, idle ones are taken under the lock, but a P in a system call has nobody
//            to stop it: either the stopper takes it, or the M that is entering the call notices
//            the stop. If each looks before the other has spoken, the world waits for a call that
//            may last an hour.
// Rejected.  Signals to every thread: a stop would interrupt foreign code. Waiting for the calls:
//            unbounded. A lock in enter: see processor_status.
// Recipe.    stopper, under the lock                     M entering a system call
//            missing = number of Ps; request [SW1]       publish Syscall [PS1]
//            own P and idle Ps: stopped; each P whose    then look for a request [SW2]: there is
//              status [SW3] is Syscall: take it            one: under the lock take the P (unless
//            missing > 0: sleep until the last one         it is taken), stopped, missing - 1
//              says so
//
//            [PS1] before [SW3] in the one order of all seq_cst operations: the stopper sees
//            Syscall and takes the P. Else [SW1] before [SW2]: the M sees the request. Taking is a
//            CAS: only one of them counts the P.
//
// States.    open (no request) / stopping (missing > 0) / stopped (missing == 0): every P is
//            GcStop, only the stopper runs. Frozen: stopping, and missing never falls to 0, for the
//            process is about to end and somebody reports why.
// Fields.    requested_: set and cleared by the stopper under the lock, read by anybody. missing_:
//            under the lock. done_: its sleeper is the stopper's M, its waker whoever brings
//            missing_ to 0.
// Invariants P8, V4.
// Orders     [SW1] [SW2] [SW3], below, and [PS1].
// Checked by models/relacy/stop_world_model.cpp, scenario stop_against_returns, patches h17, h25.
// Not promised: that a goroutine which never calls the runtime stops. Two stoppers at once: the
// caller serialises them.
#pragma once

#include <cstdint>

#include "protocol/note.hpp"
#include "protocol/processor_status.hpp"
#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

struct inspector;

class stop_world {
 public:
  stop_world() noexcept : requested_(0), missing_(0), frozen_(0) {}

  // The stopper, under the lock.
  void request(std::uint32_t processors) noexcept {
    done_.clear();
    missing_.set(processors);
    // [SW1] seq_cst: the request is visible before any P's status is read. Pairs with [SW2]. Killed
    // by: model stop_world.
    requested_.store_seq_cst(1);
  }

  // Who ends the process, under the lock: a request that nobody can fulfil, so that the world stays
  // stopped, or stopping, for good.
  void freeze(std::uint32_t processors) noexcept {
    frozen_.set(1);
    if (requested()) {
      const std::uint32_t missing = missing_.get();
      missing_.set(missing + 1);
    } else {
      request(processors + 1);
    }
  }

  // Under the lock.
  [[nodiscard]] bool frozen() const noexcept { return frozen_.get() != 0; }

  // The stopper, under the lock: takes `p` if it is in a system call.
  [[nodiscard]] bool take_from_call(processor_side& p) noexcept {
    // [SW3] seq_cst: read after [SW1]; a status from before it would miss an M that entered without
    // seeing the request. Pairs with [PS1] of processor_status. Killed by: model stop_world.
    const processor_state status = p.status.load_seq_cst();
    if (status != processor_state::syscall) return false;
    return take_now(p);
  }

  // An M that has published Syscall. True: it owes stop_own_call() under the lock.
  [[nodiscard]] bool requested_after_enter() const noexcept {
    // [SW2] seq_cst: read after the status was published. Pairs with [SW1]. Killed by: model
    // stop_world.
    const std::uint32_t requested = requested_.load_seq_cst();
    return requested != 0;
  }

  // That M, under the lock: stops its P if nobody took it.
  void stop_own_call(processor_side& p) noexcept {
    const std::uint32_t missing = missing_.get();
    if (world::recheck(missing > 0) && take_now(p)) one_stopped();
  }

  // Whoever stopped a P, under the lock.
  void one_stopped() noexcept {
    const std::uint32_t missing = missing_.get();
    world::require(missing > 0, "P8: more Ps stopped than there are");
    missing_.set(missing - 1);
    if (missing == 1) done_.wake();
  }

  // Under the lock: whether Ps have to be given up.
  [[nodiscard]] std::uint32_t missing() const noexcept { return missing_.get(); }

  // Anybody: a hint at every scheduling point; under the lock it is exact.
  [[nodiscard]] bool requested() const noexcept { return requested_.load_relaxed() != 0; }

  // The stopper, without the lock. Blocks its thread until all have stopped; every `period_ns` it
  // calls `again`, which asks the laggards once more, or says false: give up. False: given up.
  template <class Now, class Again>
  [[nodiscard]] bool wait(Now now_ns, Again again, std::int64_t period_ns) noexcept {
    for (;;) {
      const std::int64_t deadline_ns = now_ns() + period_ns;
      if (done_.sleep_until(deadline_ns)) return true;
      if (!again()) return false;
    }
  }

  // The stopper, under the lock, before it hands the Ps out again.
  void finish() noexcept {
    const std::uint32_t missing = missing_.get();
    world::require(missing == 0, "P8: the world restarts before it stopped");
    requested_.store_relaxed(0);
  }

 private:
  friend struct inspector;  // reads for the checkers

  [[nodiscard]] bool take_now(processor_side& p) noexcept {
    if (!processor_status::take(p, processor_state::gc_stop)) return false;
    processor_status::stop_in_hand(p);
    return true;
  }

  world::atomic<std::uint32_t> requested_;
  world::plain<std::uint32_t> missing_;
  world::plain<std::uint32_t> frozen_;
  note done_;
};

}  // namespace retake
