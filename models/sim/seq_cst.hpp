// seq_cst.hpp: the order of seq_cst operations, as RC11 has it (psc of Lahav, Vafeiadis, Kang, Hur
// and Dreyer, PLDI 2017).
//
// Problem.   S is not the order of execution: a seq_cst load may read a value that an executed
//            seq_cst store replaced, as long as some order of all seq_cst operations explains it.
//            Only a cycle is forbidden.
// Rejected.  S = order of execution: outcomes of C++ are missing. The place in S as a choice: one
//            outcome in many executions. A graph that is built and searched at each read: a runtime
//            makes hundreds of seq_cst operations in an execution.
// Recipe.    Each seq_cst access and fence is an operation with a number; the numbers of one thread
//            rise. What precedes it is a clock: for each slot the last operation of that slot with
//            a path to it (program order makes it downward closed). An operation that reads the
//            newest store and is the newest in modification order has incoming edges only, so its
//            clock is the join of those of its predecessors. Two things make edges to operations
//            that were made before: a read of an older store (it precedes the newer ones) and a
//            store with an earlier place. `forced_by_sc` asks whether such an edge would close a
//            cycle; if none does, `reverse` draws the edges and joins clocks down the paths behind
//            them. The edges of psc, by the clock in which they are found:
//              sc_past.fences      F happens before an access. F precedes it, and what its read or
//                                  place is before
//              sc_past.elsewhere   sb|!=loc ; hb ; sb|!=loc to an access (begin_run)
//              location::accesses  hb|loc to an access
//              sc_record           mo and rb, to a store and to a fence after it
//              sc_past.into_fence  hb, hb ; eco ; hb and scb ; hb, to a fence
//            Edges to a fence that is made later are kept as reversals, with the epochs that the
//            fence has to come after.
// Fields.    Clocks hold numbers of operations (0: none), but for sc_operation::hb, view and
//            sc_reversal's epochs.
// Checked by tests/sim/rc11_test.cpp against an enumerator of the definitions;
// tests/sim/litmus_test.cpp.
// Not promised: anything in a healed world: its reads and places are the newest, and it makes no
// operations.
#pragma once

#include <cstdint>

#include "sim/clock.hpp"

namespace retake::sim {

inline constexpr std::uint32_t sc_operations_max = 1U << 20;
inline constexpr std::uint32_t sc_reversals_max = 1U << 16;

struct sc_operation {
  vector_clock before;           // what precedes it, itself among them
  vector_clock view;             // what happened before the fences among those
  vector_clock hb;               // of a fence
  std::uint32_t previous;        // of its thread
  std::uint32_t previous_there;  // access: of its thread, at its location
  std::uint32_t last_fence;      // of its thread, itself among them
  epoch at;
};

// What a thread knows of seq_cst operations. It travels with happens-before.
struct sc_past {
  vector_clock fences;
  vector_clock into_fence;
  vector_clock elsewhere;

  void clear() noexcept {
    fences.clear();
    into_fence.clear();
    elsewhere.clear();
  }
  void join(sc_past const& other, std::uint32_t width) noexcept {
    fences.join(other.fences, width);
    into_fence.join(other.into_fence, width);
    elsewhere.join(other.elsewhere, width);
  }
};

// The operations at one store: accesses, and fences before an access.
struct sc_record {
  vector_clock fences;  // of this store, of all older ones, and of reads of the older ones
  vector_clock accesses;
  vector_clock reading_fences;  // of reads of this one
  vector_clock reading_accesses;
  sc_past published;
};

// The fences `fences` and the access `access` precede each fence that comes after one of the
// epochs.
struct sc_reversal {
  vector_clock fences;
  vector_clock after_touch;  // of the newer stores, and of reads of them: for `fences`
  vector_clock after_store;  // of the newer stores: for `access`
  std::uint32_t access;
  std::uint32_t slot;
};

// What precedes an access that is about to be made, and what happened before the fences among it.
struct sc_precedents {
  vector_clock before;
  vector_clock view;
};

}  // namespace retake::sim
