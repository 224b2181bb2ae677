// memory.hpp: what an atomic's past looks like, and who may read which part of it. The memory model of `--memory=c11`.
//
// Problem.   Interleaving alone is sequential consistency: it shows no missing fence and no order that is too weak, in any schedule.
// Rejected.  Store buffers (x86's weakness only). Axiomatic graphs built after the fact (GenMC): right, and a rewrite of the engine
//            from a runner into a solver. Views per message with promises (load buffering): pays for one shape that no compiler of
//            ours emits around these protocols.
// Recipe.    Each location keeps its last stores in modification order; a store appends. A load may read any kept entry from a floor
//            to the newest; the floor is the largest entry that coherence, happens-before or the order S of seq_cst forces:
//              coherence   some thread u read or wrote entry i in an epoch that happened before this load (first_seen[u] <= hb[u]),
//                          or that a seq_cst fence orders before it (first_seen[u] <= fence_view[u])
//              S, fence    entry i was made or read by a seq_cst access that precedes a fence before this load (sc_position)
//              S, access   for a seq_cst load: any seq_cst access made or read i, or a fence published it (the global fence clock)
//            A read-modify-write reads the newest. A failed compare_exchange may read an older entry that differs from `expected`.
//            Acquire joins the release clock of the entry read; read-modify-writes continue a release sequence (C++20: nobody else).
//            A seq_cst fence takes the global fence clock as its view and adds its happens-before to it. Views travel along
//            release/acquire edges as happens-before does, but plain data is judged by happens-before alone.
//
// Fields.    location   engine only. `owner` is the address that must match at each touch; `first_epoch` is when its construction
//                       ended, and who touches it without that having happened before him races with the construction. `touched` is each
//                       thread's last touch: the end must come after all of them (lifetimes.cpp). When `dead`, first_epoch, creator and
//                       site say when, by which thread and after which site it ended.
//            store_entry  immutable after its creation but for first_seen and sc_position, which fall once from "never".
//
// Checked by tests/sim/litmus_*.cpp, exhaustively; sabotage: one store of history, no join at acquire, stale reads off.
// Not promised: load buffering (a load reads only stores that were executed). Stores that choose an earlier place in modification
//            order (2+2W's fourth outcome). Entries older than the history: the oldest kept one is a floor. memory_order_consume.
#pragma once

#include <cstdint>

#include "sim/calls.hpp"
#include "sim/clock.hpp"
#include "sim/operations.hpp"

namespace retake::sim {

// What a release store publishes, and an acquire of it joins.
struct published {
  vector_clock hb;
  vector_clock fence_view;
  std::uint32_t fence_position;
};

// What every operation looks at comes first, in one cache line for as long as few threads run.
struct alignas(64) store_entry {
  std::uint64_t value;
  std::uint32_t sc_position;  // place in S of the first seq_cst access that made or read it, or never
  std::uint16_t site;
  std::uint8_t writer;
  bool releases;
  bool has_view;
  epoch first_seen[threads_max];
  published release;
};

struct alignas(64) location {
  void const* owner;
  store_entry* ring;
  std::uint32_t newest;   // sequence number of the newest store; 0 is the initial value
  epoch first_epoch;
  std::uint32_t watchers;  // thread slots that paused until this changes
  std::uint16_t id;
  std::uint16_t site;
  std::uint8_t creator;
  bool dead;
  value_traits traits;
  epoch touched[threads_max];
  std::uint32_t next_there;  // engine::place
  wait_list waiters;
};

// A plain object: last write (its end is one) and, per thread, last read. FastTrack's adaptive read set is not worth it at sixteen threads.
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
