// memory.hpp: what an atomic's past looks like, and who may read which part of it. The memory model
// of `--memory=c11`.
//
// Problem.   Interleaving alone is sequential consistency: it shows no missing fence and no order
//            that is too weak, in any schedule.
// Rejected.  Store buffers (x86's weakness only). Axiomatic graphs built after the fact (GenMC):
//            right, and a rewrite of the engine from a runner into a solver. Views per message with
//            promises (load buffering): pays for one shape that no compiler of ours emits around
//            these protocols.
// Recipe.    RC11 (seq_cst.hpp says which paper), in an order of execution that agrees with program
//            order and reads-from. Each location keeps its last stores in modification order. A
//            load may read any kept entry from a floor to the newest. A store is the newest, or
//            takes an earlier place by choice: after any entry from the same floor on that no
//            read-modify-write has read. The floor is the largest entry that is forced by
//              coherence   some thread u made or read entry i in an epoch that happened before this
//                          access (first_seen[u] <= hb[u])
//              psc         reading or following an older entry would close a cycle of seq_cst
//                          operations (seq_cst.cpp)
//            A read-modify-write reads the entry that it follows. A failed compare_exchange may
//            read an older entry: a strong one one that differs from `expected`. A weak one may
//            fail although it would win (a choice). Acquire joins the clocks of the entry read;
//            read-modify-writes continue a release sequence (C++20: nobody else). Fences:
//            fences.cpp. Plain data is judged by happens-before alone. Bounds: the history, the
//            budgets `placements` and `weak_failures`; a healed world takes the newest.
//
// Fields.    location  engine only. `owner` is the address that must match at each touch;
//                        `first_epoch` is when its construction
//                      ended, and who touches it without that having happened before him races
//                      with the construction. `touched` is each thread's last touch: the end must
//                      come after all of them (lifetimes.cpp). When `dead`, first_epoch, creator
//                      and site say when, by which thread and after which site it ended.
//            store_entry  immutable after its creation but for first_seen, which falls once from
//                       "never", `modified` (a read-modify-write follows it) and has_record. Its
//                       number moves when a store takes a place before it.
//
// Checked by tests/sim/litmus_test.cpp, tests/sim/rc11_test.cpp, exhaustively; sabotage:
// models/mutants/harness.
// Not promised: load buffering (a load reads only stores that were executed). Entries older than
//            the history: the oldest kept one is a floor. memory_order_consume.
#pragma once

#include <cstdint>

#include "sim/calls.hpp"
#include "sim/clock.hpp"
#include "sim/operations.hpp"
#include "sim/seq_cst.hpp"

namespace retake::sim {

// What every operation looks at comes first, in one cache line for as long as few threads run.
struct alignas(64) store_entry {
  std::uint64_t value;
  std::uint32_t operation;  // seq_cst.hpp, of a seq_cst store
  std::uint16_t site;
  std::uint8_t writer;
  bool releases;    // hb is valid
  bool has_sc;      // and so is what its record publishes
  bool has_record;  // sc_record
  bool modified;
  epoch first_seen[threads_max];
  vector_clock hb;  // what a release publishes, and an acquire joins
};

// The same, of a fence.
struct release_clocks {
  bool valid;
  bool has_sc;
  vector_clock hb;
  sc_past sc;
};

struct alignas(64) location {
  void const* owner;
  store_entry* ring;
  std::uint32_t newest;  // sequence number of the newest store; 0 is the initial value
  epoch first_epoch;
  std::uint32_t watchers;  // thread slots that paused until this changes
  std::uint16_t id;
  std::uint16_t site;
  std::uint8_t creator;
  bool dead;
  value_traits traits;
  epoch touched[threads_max];
  std::uint32_t accesses[threads_max];  // the last seq_cst one of each slot (seq_cst.hpp)
  std::uint32_t next_there;             // engine::place
  wait_list waiters;
};

// A plain object: last write (its end is one) and, per thread, last read. FastTrack's adaptive read
// set is not worth it at sixteen threads.
struct alignas(64) plain_record {
  void const* owner;
  epoch write_epoch;
  std::uint16_t id;
  std::uint16_t site;
  std::uint16_t write_site;
  std::uint8_t writer;
  bool dead;
  std::uint32_t next_there;  // engine::place
  epoch read_epoch[threads_max];
  std::uint16_t read_site[threads_max];
};

}  // namespace retake::sim
