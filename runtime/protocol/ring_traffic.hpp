// ring_traffic.hpp: what is between the two queues of a ring, and why whoever takes a completion
// may touch the operation.
//
// Problem.   An operation is written by the thread that sends it to the kernel, and read by the
//            thread that takes its completion back: any M that polls. Between the two it is a
//            number in queues that the kernel reads and writes. The kernel does order them, but
//            nothing that the language (or a checker of races) knows does: the one thing that both
//            threads touch is the ring's memory, and that is the kernel's.
// Rejected.  One lock around both queues: who submits stays in the kernel for as long as the kernel
//            likes, and a poller with completions in reach would wait for it. A flag in each
//            operation: one more location per operation for what a count that is needed anyway can
//            carry.
// Recipe.    who sends (under the lock of the request    who takes back (under the lock of the
//              queue)                                      completion queue)
//            write the operation, then count it [RT1],   take completions, then count them off
//                                                          [RT2],
//            then let the kernel have it                 then read the operations
//
//            A completion is only there after its request was, and its request after the count: so
//            the count that is lowered has been raised for it, by a chain of read-modify-writes
//            that begins with [RT1].
//
// States.    in flight == 0: the kernel knows of no operation and touches no memory of theirs.
// Fields.    in_flight_: raised by who sends, lowered by who takes back.
// Invariants G6: nothing comes back that was not sent, and nothing twice.
// Orders     [RT1] [RT2], below.
// Checked by models/relacy/ring_traffic_model.cpp, scenarios of files.cpp,
// tests/runtime/io/file_test.cpp under TSan.
// Not promised: that what was counted has reached the kernel yet.
#pragma once

#include <cstdint>

#include "world/atomic.hpp"
#include "world/require.hpp"

namespace retake {

class ring_traffic {
 public:
  ring_traffic() noexcept : in_flight_(0) {}

  // Who sends an operation, when it is complete and before the kernel can have it.
  void sent() noexcept {
    // [RT1] release: the operation is complete before it can come back. Pairs with [RT2]. Killed
    // by: model ring_traffic.
    const std::uint32_t before = in_flight_.fetch_add_release(1);
    world::require(before != most, "G6: more operations are under way than can be counted");
  }

  // Who has taken `count` completions, before it touches their operations.
  void returned(std::uint32_t count) noexcept {
    // [RT2] acquire: what the senders wrote is read next. Pairs with [RT1]. Killed by: model
    // ring_traffic.
    const std::uint32_t before = in_flight_.fetch_sub_acquire(count);
    world::require(before >= count, "G6: more operations come back than were sent");
  }

  // A hint, but for who knows that nobody sends any more: 0 is final.
  [[nodiscard]] std::uint32_t in_flight() const noexcept { return in_flight_.load_relaxed(); }

 private:
  static constexpr std::uint32_t most = ~std::uint32_t{0};

  world::atomic<std::uint32_t> in_flight_;
};

}  // namespace retake
