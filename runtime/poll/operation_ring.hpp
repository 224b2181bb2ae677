// operation_ring.hpp: a ring of the kernel (io_uring) for the operations of one P: who may touch
// which end of it.
//
// Problem.   A P sends operations; their completions come when nobody knows: while the P runs other
//            goroutines, sits in a system call, is idle, or is another M's. A close has to cancel
//            what another P sent, and the end of the program what nobody's P sent any more.
// Rejected.  The request queue is its P's alone, without a lock: then a cancel would have to be
//            carried to whoever has the P, which may be nobody, or an M that is away in a system
//            call. One ring for all: every submission would wait for every other. Requests that
//            wait for company, to be submitted together: behind a goroutine that computes they
//            would wait for a whole slice; and measured on uncached reads, a batch of 8 is not
//            faster than 1, because the disk starts later. A thread of the kernel that polls the
//            queue (SQPOLL): loses on two cores.
// Recipe.    Two locks, one for each end, never contended but by cancels and by pollers that come
//            together. Requests: send() puts an operation into the queue, submit() gives the kernel
//            the queue. Completions: reap(), by the P's own M directly behind its submit, or by any
//            M that polls: the ring's descriptor is in the poller's set, level-triggered, so that
//            what one overlooks the next look finds. Between the two ends: ring_traffic.
//            An operation is sent behind its parked goroutine (park's commit), so that whoever
//            finds the completion finds a goroutine that waits. A cancel stands behind the
//            operation that it cancels, in the same queue: the kernel takes them in this order, and
//            no cancel comes too early. What the kernel will not take (-EBUSY, -EAGAIN, twice) is
//            withdrawn: the operation comes back with `not_taken`, and its goroutine makes a
//            blocking call instead.
//
// States.    an operation is its goroutine's; then, from send() to the goroutine's waking, the
//            ring's: the kernel may write to its memory at any time.
// Fields.    requests_ guards the request end and prepared_; completions_ the other.
// Invariants N5: each goroutine in a ring counts among the poller's waiters until it is runnable.
// G6: one completion for each operation. Checked by scenarios of models/scenarios/files.cpp,
// models/relacy/ring_traffic_model.cpp, tests/runtime/io/file_test.cpp, patches u01 to u06.
// Not promised: that a cancelled operation has not been done, or that it ends soon: a disk takes
// its time.
#pragma once

#include <cstdint>

#include "poll/poller.hpp"
#include "protocol/ring_traffic.hpp"
#include "protocol/spin_lock.hpp"
#include "sched/goroutine.hpp"
#include "world/atomic.hpp"
#include "world/ring.hpp"

namespace retake {

class operation_ring;

// On the stack of the goroutine that waits for it.
struct operation {
  operation() noexcept : g(nullptr), result(0) {}
  world::ring_request request;
  world::plain<goroutine*> g;         // set before it is sent
  world::plain<std::int64_t> result;  // set by who reaps it: a value >= 0 or -errno
  operation_ring* ring = nullptr;     // where it was sent
  operation* next = nullptr;          // whoever keeps a list of them
  operation* before = nullptr;
};

inline constexpr std::int64_t not_taken = INT64_MIN;  // as a result: the kernel has not seen it

class operation_ring {
 public:
  explicit operation_ring(poller& network) noexcept : network_(network) {}

  // 0 or -errno: as world::ring::open.
  [[nodiscard]] int open(std::uint32_t entries) noexcept { return ring_.open(entries); }
  [[nodiscard]] int descriptor() const noexcept { return ring_.descriptor(); }

  // Behind the parked goroutine `o.g`. False: there is no room, nothing has happened. After true,
  // `o` is out of reach once anybody has submitted.
  [[nodiscard]] bool send(operation& o) noexcept;
  // An operation that was sent here and whose goroutine cannot go on meanwhile (the caller keeps it
  // from that). Without room nothing happens, and what is withdrawn does not happen either: whoever
  // wants it cancelled asks until it has come back.
  void cancel(operation const& o) noexcept;
  // Gives the kernel what was sent, and takes back what is there. The caller makes it runnable, as
  // a harvest of the poller.
  void submit(poller::harvest& found) noexcept;
  // Any M.
  void reap(poller::harvest& found) noexcept;

  // Nobody else is left: cancels everything and waits until the kernel touches nothing any more.
  // The goroutines are forgotten.
  void drain() noexcept;

  // Forgets the buffer of this number; it is set again when it is used next. Any thread.
  void forget_buffer(std::uint32_t number) noexcept;

 private:
  static constexpr std::uint32_t reaped_at_once = 32;
  static constexpr std::uint32_t submit_tries = 2;

  [[nodiscard]] bool prepare(world::ring_request const& request) noexcept;
  [[nodiscard]] bool buffer_is_set(operation const& o) noexcept;
  [[nodiscard]] bool take_all() noexcept;
  void withdraw(poller::harvest& found) noexcept;

  poller& network_;
  world::ring ring_;
  ring_traffic traffic_;
  spin_lock requests_;
  spin_lock completions_;
  std::uint32_t prepared_ = 0;  // under requests_
  std::uint32_t buffers_[world::ring::buffers_max] =
      {};  // under requests_: which use of each place is set here; 0: none
};

}  // namespace retake
