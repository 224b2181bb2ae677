// poller.hpp: which goroutines wait for which descriptors, and the kernel's list of those.
//
// Problem.   A goroutine that waits for a descriptor must hold no thread; the kernel reports
//            readiness of many descriptors at once, edge- triggered, to whichever M asks, perhaps
//            after the descriptor was closed and its number used again.
// Rejected.  A thread that polls: one switch more on every event. Level-triggered: the same event
//            again for each batch that was not drained.
// Recipe.    Each open descriptor has an entry in a table; the kernel carries its number and a
//            sequence that changes with every use: an event whose sequence is old is dropped (N4).
//            A direction of a descriptor is a poll_waiter. poll() collects goroutines, its caller
//            makes them runnable and then says waiters_served(): counted as waiting until they are
//            runnable, so that no deadlock is reported in between (N5). A deadline is a timer of
//            its direction; entries are never freed while the program runs, so a timer that is late
//            finds its entry. The rings of the Ps are in the kernel's list too, level-triggered: an
//            event of one means that completions can be reaped.
// Fields.    table_: entries are never freed while the program runs; entries_lock_ guards the free
//            list. waiting_: anybody.
#pragma once

#include <cstdint>

#include "poll/operation_rings.hpp"
#include "protocol/batch.hpp"
#include "protocol/poll_deadline.hpp"
#include "protocol/poll_waiter.hpp"
#include "protocol/poll_wake.hpp"
#include "protocol/spin_lock.hpp"
#include "sched/goroutine.hpp"
#include "time/runtime_timer.hpp"
#include "world/atomic.hpp"
#include "world/limits.hpp"

namespace retake {

struct inspector;

// One direction of a descriptor: who waits, and until when; the timer is the deadline's.
struct poll_direction : runtime_timer {
  poll_direction() noexcept;
  poll_waiter<goroutine> waiter;
  poll_deadline deadline;
};

struct poll_descriptor {
  poll_descriptor() noexcept : fd(-1), sequence(0), next_free(nullptr) {}
  poll_direction reader;
  poll_direction writer;
  poll_closing closed;
  spin_lock setting;  // who sets deadlines takes turns
  int fd;
  std::uint32_t index = 0;
  world::atomic<std::uint32_t> sequence;
  poll_descriptor* next_free;  // under the table's lock
};

enum class poll_result : std::uint32_t { ready, closed, timed_out, busy };

class poller {
 public:
  poller() noexcept : waiting_(0), free_(nullptr), count_(0) {}

  struct harvest {
    batch<goroutine> ready;   // each Waiting, in the caller's hands
    std::uint32_t count = 0;  // what the caller owes to waiters_served()
    bool signalled = false;   // the wake-up descriptor was readable, and is drained
  };

  // Once, before and after all else. 0 or -errno.
  [[nodiscard]] int open() noexcept;
  void close() noexcept;

  // An M without a goroutine, with or without a P. `delay_ns`: 0 does not block, below 0 without
  // limit, else rounded up to whole milliseconds.
  [[nodiscard]] harvest poll(std::int64_t delay_ns) noexcept;
  void waiters_served(std::uint32_t count) noexcept;
  // A goroutine that is about to be found by whoever polls. Before it can be.
  void waiter_expected() noexcept { waiting_.fetch_add_relaxed(1); }
  [[nodiscard]] bool anybody_waits() const noexcept { return waiting_.load_relaxed() != 0; }

  // Makes a blocking poll return. Anybody.
  void interrupt(poll_wake& gate) noexcept;

  // By a goroutine. An entry for `fd`, which is non-blocking, or nullptr and -errno in `failed`.
  [[nodiscard]] poll_descriptor* add(int fd, int& failed) noexcept;
  // By a goroutine: parks until the direction may be ready. ready: try again, it may not be.
  [[nodiscard]] poll_result wait_readable(poll_descriptor& d) noexcept { return wait(d, d.reader); }
  [[nodiscard]] poll_result wait_writable(poll_descriptor& d) noexcept { return wait(d, d.writer); }
  // By a goroutine, also while others wait: `due_ns` of the monotonic clock, or
  // poll_deadline::none. One in the past ends the wait at once.
  void set_deadline(poll_descriptor& d, poll_direction& way, std::int64_t due_ns) noexcept;
  // By a goroutine, once (descriptor_use): waiters return `closed`. remove() follows, when nobody
  // uses the descriptor any more.
  void unblock(poll_descriptor& d) noexcept;
  void remove(poll_descriptor& d) noexcept;

  operation_rings rings;
  // For operation_rings: completions of the ring behind `fd` are looked for from now on. 0 or
  // -errno.
  [[nodiscard]] int watch_ring(int fd, std::uint32_t number) noexcept;

 private:
  friend struct inspector;  // reads for the checkers

  static constexpr std::uint32_t chunk_entries = world::limits::descriptors_per_chunk;
  static constexpr std::uint32_t chunks_max = (1u << 20) / 64;  // a million descriptors
  static constexpr std::uint64_t wake_data = ~std::uint64_t{0};
  static constexpr std::uint32_t ring_index =
      ~std::uint32_t{1};  // in place of an entry's; the ring's number is in the sequence's place

  struct chunk {
    poll_descriptor entries[chunk_entries];
  };

  [[nodiscard]] poll_result wait(poll_descriptor& d, poll_direction& way) noexcept;
  void collect(poll_direction& way, harvest& found) noexcept;
  [[nodiscard]] poll_descriptor* entry(std::uint32_t index) noexcept;
  [[nodiscard]] poll_descriptor* take_entry() noexcept;

  int epoll_ = -1;
  int wake_ = -1;
  world::atomic<std::uint32_t> waiting_;
  spin_lock lock_;
  poll_descriptor* free_;  // under lock_
  std::uint32_t count_;    // under lock_: entries made so far
  struct slot : world::atomic<chunk*> {
    slot() noexcept : world::atomic<chunk*>(nullptr) {}
  };
  slot* chunks_ = nullptr;
};

}  // namespace retake
